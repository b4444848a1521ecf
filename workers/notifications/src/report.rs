//! A mail that came back: the raw report of a mail server (RFC 3464), down to the address, the status and the
//! Message-ID of what was sent. It trusts nothing in a report, and it keeps nothing of it but these three.

use std::panic::catch_unwind;

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};
use messages::email::Email;

/// Most bytes of a report.
pub const REPORT_BYTES_MAX: usize = 49_152;
/// Most bytes of one field, folded lines included.
const FIELD_BYTES_MAX: usize = 1_000;
/// Most fields of one report, and most recipients.
const FIELDS_MAX: usize = 200;
const RECIPIENTS_MAX: usize = 20;
/// Most bytes of a Message-ID.
const MESSAGE_ID_BYTES_MAX: usize = 250;
/// Most digits of each of the last two numbers of a status (RFC 3463 §2).
const STATUS_DIGITS_MAX: usize = 3;

/// What a report says.
#[derive(Clone, PartialEq, Eq)]
pub enum Report {
    /// The mail did not reach its recipient, and nobody tries again.
    Failed(Failure),
    /// It is still being tried, or has arrived.
    NoFailure,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// The address that the mail was sent to.
    pub email: Email,
    pub status: Status,
    /// Of the mail that came back, without angle brackets.
    pub message_id: Option<String>,
}

/// An enhanced status code (RFC 3463) of class 4 or 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    text: String,
    is_permanent: bool,
}

/// Why a text is no report that can be acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("the report has more than {REPORT_BYTES_MAX} bytes")]
    TooLong,
    #[error("the text is no delivery status notification (RFC 3464)")]
    NoReport,
    #[error("the report names no recipient with an e-mail address")]
    NoRecipient,
    #[error("the report gives no status of class 4 or 5 (RFC 3463) for the recipient")]
    NoStatus,
}

impl ReportError {
    /// The stable name of the refusal.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "report_too_long",
            Self::NoReport => "not_a_report",
            Self::NoRecipient => "no_recipient",
            Self::NoStatus => "no_status",
        }
    }
}

impl Status {
    /// Reads `5.1.1` and what may follow it after a space.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split_ascii_whitespace().next()?;
        let (class, rest) = text.split_once('.')?;
        let (subject, detail) = rest.split_once('.')?;
        let is_number = |text: &str| {
            (1..=STATUS_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        let is_good = matches!(class, "4" | "5") && is_number(subject) && is_number(detail);
        is_good.then(|| Self { text: text.to_owned(), is_permanent: class == "5" })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Class 5: trying again does not help.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.is_permanent
    }
}

impl Report {
    /// Reads a whole report.
    ///
    /// # Errors
    /// See [`ReportError`]; no error repeats anything of the text.
    pub fn parse(text: &str) -> Result<Self, ReportError> {
        if text.len() > REPORT_BYTES_MAX {
            return Err(ReportError::TooLong);
        }
        // mail-parser 0.11.9 panics over some nestings of parts; whatever they were, they are no report.
        let parsed = catch_unwind(|| MessageParser::default().parse(text.as_bytes()));
        let mail = parsed.ok().flatten().ok_or(ReportError::NoReport)?;
        let status =
            mail.parts.iter().find_map(|part| text_of(part, is_status)).ok_or(ReportError::NoReport)?;
        let groups = groups(&status);
        // The first group is about the mail, each further one about a recipient.
        let recipients = groups.get(1..).unwrap_or_default();
        if recipients.is_empty() {
            return Err(ReportError::NoRecipient);
        }
        let Some(failed) = recipients.iter().find(|group| is_failed(group)) else {
            return Ok(Self::NoFailure);
        };
        let email = recipient(failed).ok_or(ReportError::NoRecipient)?;
        let status = value(failed, "status").and_then(Status::parse).ok_or(ReportError::NoStatus)?;
        Ok(Self::Failed(Failure { email, status, message_id: message_id(&mail) }))
    }
}

/// The recipient as we named it; where it was forwarded to is no address of ours.
fn recipient(group: &[Field]) -> Option<Email> {
    let address = |name| {
        let (kind, address) = value(group, name)?.split_once(';')?;
        let is_mail = ["rfc822", "utf-8"].iter().any(|known| kind.trim().eq_ignore_ascii_case(known));
        let address = address.trim().trim_start_matches('<').trim_end_matches('>');
        Email::parse(address).ok().filter(|_| is_mail)
    };
    address("original-recipient").or_else(|| address("final-recipient"))
}

fn is_failed(group: &[Field]) -> bool {
    let action = value(group, "action").and_then(|text| text.split_ascii_whitespace().next());
    action.is_some_and(|action| action.eq_ignore_ascii_case("failed"))
}

fn message_id(report: &Message<'_>) -> Option<String> {
    let returned = |part: &MessagePart<'_>| match &part.body {
        PartType::Message(mail) => mail.message_id().map(str::to_owned),
        PartType::Text(_) | PartType::Html(_) | PartType::Binary(_) | PartType::InlineBinary(_) => {
            let headers = text_of(part, |kind, subkind| kind == "text" && subkind == "rfc822-headers")?;
            let head = groups(&headers).into_iter().next()?;
            value(&head, "message-id").map(str::to_owned)
        }
        PartType::Multipart(_) => None,
    };
    let found = report.parts.iter().find_map(returned)?;
    let id = found.trim().trim_start_matches('<').trim_end_matches('>');
    let is_plain = id.len() <= MESSAGE_ID_BYTES_MAX && id.bytes().all(|b| b.is_ascii_graphic());
    (is_plain && !id.is_empty()).then(|| id.to_owned())
}

fn is_status(kind: &str, subkind: &str) -> bool {
    kind == "message" && matches!(subkind, "delivery-status" | "global-delivery-status")
}

/// The decoded text of a part of the wanted type.
fn text_of(part: &MessagePart<'_>, is_wanted: impl Fn(&str, &str) -> bool) -> Option<String> {
    let kind = part.content_type()?;
    let subkind = kind.subtype()?.to_ascii_lowercase();
    if !is_wanted(&kind.ctype().to_ascii_lowercase(), &subkind) {
        return None;
    }
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => Some(text.to_string()),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        PartType::Message(_) | PartType::Multipart(_) => None,
    }
}

/// A field: its name in lower case, its value unfolded.
type Field = (String, String);

/// The fields of a text, in groups between empty lines. What is beyond a limit or no field is passed over.
fn groups(text: &str) -> Vec<Vec<Field>> {
    let mut groups: Vec<Vec<Field>> = Vec::new();
    let (mut group, mut count): (Vec<Field>, usize) = (Vec::new(), 0);
    for line in text.lines() {
        if line.trim().is_empty() {
            if !group.is_empty() {
                groups.push(std::mem::take(&mut group));
            }
            if groups.len() > RECIPIENTS_MAX {
                return groups;
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.last_mut()
                && value.len() + line.len() < FIELD_BYTES_MAX
            {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':')
            && line.len() <= FIELD_BYTES_MAX
            && count < FIELDS_MAX
        {
            count += 1;
            group.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

fn value<'a>(group: &'a [Field], name: &str) -> Option<&'a str> {
    group.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
pub(crate) mod tests;
