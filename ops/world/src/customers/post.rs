//! The post: mails as the sink has kept them, read as a person reads them. It knows of a mail what anybody sees who opens
//! it, and must never take it for another one's.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// One mail that somebody has to do something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The word in its Message-ID that says what it is: `question`, `confirm`, …
    pub kind: String,
    /// The address that it went to.
    pub to: String,
    text: String,
    /// The link of its List-Unsubscribe header (RFC 2369).
    pub unsubscribe: Option<String>,
}

/// A directory of mails, of which each is read once.
#[derive(Debug)]
pub struct Postbox {
    dir: PathBuf,
    kinds: &'static [&'static str],
    read: HashSet<String>,
}

impl Postbox {
    /// A box from which only mails of these kinds are taken.
    #[must_use]
    pub fn new(dir: &Path, kinds: &'static [&'static str]) -> Self {
        Self { dir: dir.to_owned(), kinds, read: HashSet::new() }
    }

    /// What has come since it was asked last, in no particular order.
    ///
    /// # Errors
    /// The directory or a mail in it cannot be read.
    pub fn fetch(&mut self) -> anyhow::Result<Vec<Mail>> {
        let failed = || format!("cannot read the mails in {}", self.dir.display());
        let mut mails = Vec::new();
        for entry in std::fs::read_dir(&self.dir).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let Some(kind) = kind_of_file(&name).filter(|kind| self.kinds.contains(kind)) else { continue };
            if self.read.contains(&name) {
                continue;
            }
            let raw = std::fs::read(entry.path()).with_context(failed)?;
            mails.extend(Mail::parse(kind, &String::from_utf8_lossy(&raw)));
            self.read.insert(name);
        }
        Ok(mails)
    }
}

impl Mail {
    /// `None` if it goes to nobody.
    fn parse(kind: &str, raw: &str) -> Option<Self> {
        let raw = raw.replace("\r\n", "\n");
        let (head, body) = raw.split_once("\n\n")?;
        // RFC 5322 §2.2.3: a line that begins with a space belongs to the one before.
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let header = |name: &str| {
            let of = |line: &str| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            };
            head.lines().find_map(of)
        };
        let to = header("to")?;
        let to = to.rsplit_once('<').map_or(to.as_str(), |(_, address)| address.trim_end_matches('>'));
        Some(Self {
            kind: kind.to_owned(),
            to: to.to_owned(),
            text: plain_text(body),
            unsubscribe: header("list-unsubscribe")
                .map(|link| link.trim_matches(['<', '>']).to_owned())
                .filter(|link| link.starts_with("http")),
        })
    }

    /// What stands between `before` and the next space or `&`, where the text has it.
    #[must_use]
    pub fn after(&self, before: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(before)?;
        rest.split(|letter: char| letter.is_whitespace() || letter == '&').next()
    }
}

/// The kind of `<number>-<digits>.<kind>….eml`.
fn kind_of_file(name: &str) -> Option<&str> {
    let (_, id) = name.strip_suffix(".eml")?.split_once('-')?;
    kind_of_id(id)
}

/// The second part of one of our Message-IDs, `<digits>.<kind>.<order>@…` or `<digits>.<kind>@…`.
#[must_use]
pub fn kind_of_id(id: &str) -> Option<&str> {
    let (_, rest) = id.split_once('.')?;
    rest.split(['.', '@']).next()
}

/// The first part of the body, which is the plain one (RFC 2046 §5.1.4), as it was written (RFC 2045 §6.7).
fn plain_text(body: &str) -> String {
    let Some((head, text)) = body.split_once("\n\n") else { return String::new() };
    let text = text.split("\n--").next().unwrap_or_default();
    if !head.to_ascii_lowercase().contains("quoted-printable") {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |at: usize| char::from(*after.get(at)?).to_digit(16);
        match (byte, after.first(), hex(0).zip(hex(1))) {
            (b'=', Some(b'\n'), _) => rest = &after[1..],
            (b'=', _, Some((high, low))) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = &after[2..];
            }
            (byte, _, _) => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A mail of one paragraph.
#[cfg(test)]
pub(super) fn tests_mail(kind: &str, to: &str, text: &str) -> Mail {
    Mail { kind: kind.to_owned(), to: to.to_owned(), text: text.to_owned(), unsubscribe: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &str = "Message-ID: <0123.question.YYS9-CWA6-M1NZ-N@mint.example>\r\n\
        To: \"Pat\r\n Example\" <pat@example.com>\r\n\
        Content-Type: multipart/alternative; boundary=\"notice-0123\"\r\n\r\n\
        --notice-0123\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        Answer here: https://store.mint.example/answer?case=3DYYS9-CWA6-M1NZ-N.1.1&t=3DabC-_9=\r\n8 or write to us.\r\n\
        --notice-0123\r\nContent-Type: text/html\r\n\r\n<a href=\"?case=other\">\r\n--notice-0123--\r\n";

    #[test]
    fn a_question_is_read_as_a_person_reads_it() {
        let mail = Mail::parse("question", QUESTION).unwrap();
        assert_eq!((mail.kind.as_str(), mail.to.as_str()), ("question", "pat@example.com"));
        assert_eq!(mail.after("/answer?case="), Some("YYS9-CWA6-M1NZ-N.1.1"));
        assert_eq!(mail.after("&t="), Some("abC-_98"));
        assert_eq!((mail.after("nowhere"), mail.unsubscribe.as_deref()), (None, None));
    }

    #[test]
    fn a_list_says_how_to_leave_it_and_text_in_seven_bits_is_left_as_it_is() {
        let raw = "To: pat@example.com\r\nList-Unsubscribe:\r\n <http://127.0.0.1:9/unsubscribe?t=3Dx>\r\n\r\n\
            --list-1\r\nContent-Transfer-Encoding: 7bit\r\n\r\nhttps://store.mint.example/subscriptions/confirm?t=3Dabc\r\n--list-1--\r\n";
        let mail = Mail::parse("campaign", raw).unwrap();
        assert_eq!(mail.unsubscribe.as_deref(), Some("http://127.0.0.1:9/unsubscribe?t=3Dx"));
        assert_eq!(mail.after("?t="), Some("3Dabc"));
    }

    #[test]
    fn the_kind_stands_in_the_message_id() {
        for (name, kind) in [
            ("12-0123.question.YYS9-CWA6-M1NZ-N@mint.example.eml", Some("question")),
            ("7-0123.confirm@mint.example.eml", Some("confirm")),
            ("7-0123.confirm@mint.example.part", None),
            ("without-message-id.eml", None),
        ] {
            assert_eq!(kind_of_file(name), kind, "{name}");
        }
    }

    #[test]
    fn each_mail_is_fetched_once_and_others_are_left_alone() {
        let dir = std::env::temp_dir().join(format!("world-post-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("1-0123.question.A@mint.example.eml"), QUESTION).unwrap();
        std::fs::write(dir.join("2-0123.received.A@mint.example.eml"), QUESTION).unwrap();
        let mut post = Postbox::new(&dir, &["question"]);
        assert_eq!((post.fetch().unwrap().len(), post.fetch().unwrap().len()), (1, 0));
        std::fs::write(dir.join("3-4567.question.B@mint.example.eml"), QUESTION).unwrap();
        assert_eq!(post.fetch().unwrap().len(), 1);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
