//! From a campaign's words, or a question for confirmation, to a mail: text and HTML, and the headers of a list
//! (RFC 2369, RFC 2919, RFC 8058). No picture, no tracking, no link but those of the text and of the list.

use askama::Template;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use messages::Timestamp;
use messages::id::sha256_hex;
use messages::subscriber::Topic;

use crate::read::Contact;
use crate::token::Token;

/// Hexadecimal digits of a Message-ID.
const MESSAGE_ID_DIGITS: usize = 32;

/// What every mail of the lists says of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where [`crate::web`] is reached from outside, without a slash at the end; https in earnest.
    pub base_url: String,
    /// The store's page that confirms a subscription; `?t=` and the token are added.
    pub confirm_url: String,
    /// The end of every List-Id (RFC 2919); the topic stands before it.
    pub list_id: String,
    /// 16 CFR 316.5: a valid physical postal address in every commercial mail.
    pub postal_address: String,
    /// The right side of every Message-ID.
    pub mail_domain: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: "https://lists.mint.example".to_owned(),
            confirm_url: "https://store.mint.example/subscriptions/confirm".to_owned(),
            list_id: "lists.mint.example".to_owned(),
            postal_address: "The Mint, 801 9th Street NW, Washington, DC 20220".to_owned(),
            mail_domain: "mint.example".to_owned(),
        }
    }
}

/// What a topic is called.
#[must_use]
pub const fn title(topic: Topic) -> &'static str {
    match topic {
        Topic::NumismaticProducts => "Numismatic products",
        Topic::CirculatingCoins => "Circulating coins",
        Topic::Activities => "Activities of the Mint",
    }
}

/// A mail of a campaign, but the person.
#[derive(Debug, Clone, Copy)]
pub struct Promotion<'a> {
    pub topic: Topic,
    pub subject: &'a str,
    pub text: &'a str,
    /// What identifies the mail: campaign and subscriber.
    pub id: &'a str,
    pub unsubscribe: &'a Token,
}

#[derive(Template)]
#[template(path = "promotion.txt")]
struct PromotionText<'a> {
    text: &'a str,
    topic: &'a str,
    link: &'a str,
    postal_address: &'a str,
}

#[derive(Template)]
#[template(path = "promotion.html")]
struct PromotionHtml<'a> {
    subject: &'a str,
    paragraphs: Vec<Vec<Vec<Piece<'a>>>>,
    topic: &'a str,
    link: &'a str,
    postal_address: &'a str,
}

#[derive(Template)]
#[template(path = "confirm.txt")]
struct ConfirmText<'a> {
    topics: &'a [&'a str],
    link: &'a str,
    postal_address: &'a str,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmHtml<'a> {
    topics: &'a [&'a str],
    link: &'a str,
    postal_address: &'a str,
}

/// A stretch of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Link(&'a str),
}

macro_rules! header {
    ($name:ident, $text:literal) => {
        #[derive(Debug, Clone)]
        struct $name(String);

        impl Header for $name {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($text)
            }

            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(text.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), self.0.clone())
            }
        }
    };
}
header!(ListUnsubscribe, "List-Unsubscribe");
header!(ListUnsubscribePost, "List-Unsubscribe-Post");
header!(ListId, "List-Id");
header!(AutoSubmitted, "Auto-Submitted");

/// The mail of a campaign, the same bytes for the same input. `at` becomes its date.
///
/// # Errors
/// One sentence without personal data: no mail can be made of it.
pub fn promotion(
    settings: &Settings,
    promotion: &Promotion<'_>,
    from: &Mailbox,
    contact: &Contact,
    at: Timestamp,
) -> Result<Message, String> {
    let link = format!("{}/unsubscribe?t={}", settings.base_url, promotion.unsubscribe);
    let (topic, postal_address) = (title(promotion.topic), settings.postal_address.as_str());
    let text = PromotionText { text: promotion.text, topic, link: &link, postal_address };
    let (subject, paragraphs) = (promotion.subject, paragraphs(promotion.text));
    let html = PromotionHtml { subject, paragraphs, topic, link: &link, postal_address };
    let list = promotion.topic.name().replace('_', "-");
    let digits = digits(promotion.id);
    let name = contact.name.as_ref().map(|name| name.as_str().to_owned());
    Message::builder()
        .message_id(Some(format!("<{digits}.campaign@{}>", settings.mail_domain)))
        .date(at.0.into())
        .from(from.clone())
        .to(mailbox(name, contact)?)
        .subject(promotion.subject)
        .header(ListId(format!("\"{topic}\" <{list}.{}>", settings.list_id)))
        .header(ListUnsubscribe(format!("<{link}>")))
        .header(ListUnsubscribePost("List-Unsubscribe=One-Click".to_owned()))
        .multipart(both(&digits, text.render(), html.render())?)
        .map_err(cannot_be_made)
}

/// The mail that asks for confirmation. It greets nobody: whoever filled in the form chose the name.
///
/// # Errors
/// As [`promotion`].
pub fn confirmation(
    settings: &Settings,
    topics: &[Topic],
    token: &Token,
    from: &Mailbox,
    contact: &Contact,
    at: Timestamp,
) -> Result<Message, String> {
    let link = format!("{}?t={token}", settings.confirm_url);
    let topics: Vec<&str> = topics.iter().copied().map(title).collect();
    let postal_address = settings.postal_address.as_str();
    let text = ConfirmText { topics: &topics, link: &link, postal_address };
    let html = ConfirmHtml { topics: &topics, link: &link, postal_address };
    let digits = digits(&format!("confirm {} {}", token.subscriber.as_str(), token.number));
    Message::builder()
        .message_id(Some(format!("<{digits}.confirm@{}>", settings.mail_domain)))
        .date(at.0.into())
        .from(from.clone())
        .to(mailbox(None, contact)?)
        .subject(CONFIRM_SUBJECT)
        // Nobody answers for an absence with an automatic reply (RFC 3834 §5).
        .header(AutoSubmitted("auto-generated".to_owned()))
        .multipart(both(&digits, text.render(), html.render())?)
        .map_err(cannot_be_made)
}

/// Also the heading of the mail.
const CONFIRM_SUBJECT: &str = "Please confirm your subscription";

fn mailbox(name: Option<String>, contact: &Contact) -> Result<Mailbox, String> {
    let address = contact.email.as_str().parse();
    Ok(Mailbox::new(
        name,
        address.map_err(|_| "the subscriber's e-mail address does not fit into a mail".to_owned())?,
    ))
}

fn both(
    digits: &str,
    text: Result<String, askama::Error>,
    html: Result<String, askama::Error>,
) -> Result<MultiPart, String> {
    let failed = |error| format!("the mail cannot be written: {error}");
    Ok(MultiPart::alternative()
        .boundary(format!("list-{digits}"))
        .singlepart(SinglePart::plain(text.map_err(failed)?))
        .singlepart(SinglePart::html(html.map_err(failed)?)))
}

fn cannot_be_made(error: lettre::error::Error) -> String {
    format!("the mail cannot be made: {error}")
}

pub(crate) fn digits(id: &str) -> String {
    sha256_hex(id.as_bytes()).chars().take(MESSAGE_ID_DIGITS).collect()
}

/// Paragraphs of lines of pieces.
fn paragraphs(text: &str) -> Vec<Vec<Vec<Piece<'_>>>> {
    text.split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n').lines().map(pieces).collect::<Vec<_>>())
        .filter(|lines| !lines.is_empty())
        .collect()
}

/// What begins with https:// and ends at a space is a link; full stops and the like behind it are not part of it.
fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find("https://") {
        let end = rest[start..].find(char::is_whitespace).map_or(rest.len(), |length| start + length);
        let link = rest[start..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '>', '"', '\'']);
        pieces.push(Piece::Text(&rest[..start]));
        pieces.push(Piece::Link(link));
        rest = &rest[start + link.len()..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[cfg(test)]
mod tests;
