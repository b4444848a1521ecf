//! From words to a mail: text and HTML from one page, and the headers. A name is only ever text in it: escaped in
//! the HTML, encoded in the headers, so that it can add neither markup nor a header.

use askama::Template;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use messages::Timestamp;
use messages::email::Email;
use messages::id::{OrderNumber, Reference};
use messages::person::PersonName;
use messages::sealed::{Keyring, SealError};

use crate::facts::Facts;
use crate::read::Mail;
use crate::words::{Words, words};

/// What both forms of a notice show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Absent where nobody may know it: in the list of letters.
    pub name: Option<String>,
    pub words: Words,
    pub answer: Option<AnswerCode>,
}

/// What an answer code is for, as undelivered knows it.
const CASE: &str = "case";

/// By what the customer answers the question of a case. It opens nothing but that one answer, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerCode {
    /// The shipment's id, which is the case's.
    pub case: String,
    /// Short enough to be typed, or said on the telephone.
    pub code: String,
    /// Where the answer is given. In a letter it is typed, so it holds nothing but the page.
    pub page: String,
}

impl AnswerCode {
    /// For a mail, whose link holds all that the page needs.
    ///
    /// # Errors
    /// This process holds no token key.
    pub fn linked(ring: &Keyring, base_url: &str, case: &str, contact: u8) -> Result<Self, SealError> {
        let token = ring.token(CASE, case, contact.into())?;
        let code = Self::typed(ring, base_url, case, contact)?;
        Ok(Self { page: format!("{}?case={case}&t={token}", code.page), ..code })
    }

    /// For a letter.
    ///
    /// # Errors
    /// This process holds no token key.
    pub fn typed(ring: &Keyring, base_url: &str, case: &str, contact: u8) -> Result<Self, SealError> {
        let code = ring.typed_code(CASE, case, contact.into())?;
        let page = format!("{}/answer", base_url.trim_end_matches('/'));
        Ok(Self { case: case.to_owned(), code, page })
    }
}

impl Page {
    #[must_use]
    pub fn of(
        order: &OrderNumber,
        reference: Option<&Reference>,
        facts: &Facts,
        name: Option<&PersonName>,
        answer: Option<AnswerCode>,
    ) -> Self {
        let words = words(order, reference, facts, answer.is_some());
        Self { name: name.map(|name| name.as_str().to_owned()), words, answer }
    }

    /// The notice as plain text.
    ///
    /// # Errors
    /// None that the templates can cause.
    pub fn text(&self) -> Result<String, askama::Error> {
        Text { page: self, words: &self.words }.render()
    }

    /// The notice as HTML.
    ///
    /// # Errors
    /// None that the templates can cause.
    pub fn html(&self) -> Result<String, askama::Error> {
        Html { page: self, words: &self.words }.render()
    }
}

#[derive(Template)]
#[template(path = "notice.txt")]
struct Text<'a> {
    page: &'a Page,
    words: &'a Words,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Html<'a> {
    page: &'a Page,
    words: &'a Words,
}

/// Nobody answers for an absence with an automatic reply (RFC 3834 §5).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The mail, the same bytes for the same input. `at` becomes its date.
///
/// # Errors
/// One sentence without personal data: the address does not fit into a mail.
pub fn message(
    mail: &Mail,
    from: &Mailbox,
    name: &PersonName,
    email: &Email,
    answer: Option<AnswerCode>,
    at: Timestamp,
) -> Result<Message, String> {
    let page = Page::of(&mail.order, mail.reference.as_ref(), &mail.facts, Some(name), answer);
    let (text, html) = page
        .text()
        .and_then(|text| Ok((text, page.html()?)))
        .map_err(|error| format!("the notice cannot be written: {error}"))?;
    let address = email
        .as_str()
        .parse()
        .map_err(|_| "the order's e-mail address does not fit into a mail".to_owned())?;
    let boundary = format!("notice-{}", mail.message_id.split('.').next().unwrap_or_default());
    let body = MultiPart::alternative()
        .boundary(boundary)
        .singlepart(SinglePart::plain(text))
        .singlepart(SinglePart::html(html));
    Message::builder()
        .message_id(Some(format!("<{}>", mail.message_id)))
        .date(at.0.into())
        .from(from.clone())
        .to(Mailbox::new(Some(name.as_str().to_owned()), address))
        .subject(page.words.subject)
        .header(AutoSubmitted)
        .multipart(body)
        .map_err(|error| format!("the notice cannot be made into a mail: {error}"))
}

#[cfg(test)]
mod tests;
