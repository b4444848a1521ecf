//! E-mail addresses that are safe to put into a header. It must never take a quoted local part, a control
//! character or anything beyond ASCII, and never show an address in `Debug` output or in an error.

use crate::text::text_value;

/// An e-mail address (RFC 5321 dot-string at a domain name); the domain is kept in lower case, the local part
/// as given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// Takes up to 254 ASCII characters, spaces around them dropped.
    pub fn parse(text: &str) -> Result<Email, EmailError> {
        let text = text.trim_matches(' ');
        if text.len() > 254 {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(EmailError::At)?;
        if domain.contains('@') {
            return Err(EmailError::At);
        }
        if local.is_empty() || local.len() > 64 {
            return Err(EmailError::LocalLength);
        }
        if !local.split('.').all(is_atom) {
            return Err(EmailError::Local);
        }
        if !is_domain(domain) {
            return Err(EmailError::Domain);
        }
        Ok(Email(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole address in lower case: for matching only, since a mail server may tell `Jane` from `jane`.
    pub fn normalized(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Why a text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    #[error("an e-mail address has at most 254 characters")]
    TooLong,
    #[error("an e-mail address has exactly one @")]
    At,
    #[error("the part of an e-mail address before the @ has 1 to 64 characters")]
    LocalLength,
    #[error("the part of an e-mail address before the @ has a character or a dot where none may be")]
    Local,
    #[error("the part of an e-mail address after the @ is not a domain name with a dot")]
    Domain,
}

text_value!(personal Email, EmailError, |email| email.as_str().into(), {
    "type": "string",
    "format": "email",
    "minLength": 6,
    "maxLength": 254,
});

/// RFC 5322 `atom`: what stands between two dots of an unquoted local part.
fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
}

fn is_domain(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && domain.split('.').all(is_label)
        && last.len() >= 2
        && last.bytes().any(|b| b.is_ascii_alphabetic())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_use_are_taken() {
        for (text, expected) in [
            ("jane@example.com", "jane@example.com"),
            (" Jane.Roe+coins@Example.COM ", "Jane.Roe+coins@example.com"),
            ("o'neil@mail.example.co.uk", "o'neil@mail.example.co.uk"),
            ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
            ("a@1.io", "a@1.io"),
        ] {
            assert_eq!(Email::parse(text).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn matching_ignores_the_case_of_the_whole_address() {
        let [a, b] = ["Jane@Example.com", "jANE@example.COM"].map(|text| Email::parse(text).unwrap());
        assert_ne!(a, b);
        assert_eq!(a.normalized(), b.normalized());
    }

    #[test]
    fn what_is_no_address_or_could_forge_a_header_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long_label = format!("a@{}.com", "b".repeat(64));
        let long = format!("a@{}com", "b.".repeat(126));
        for (text, error) in [
            ("", EmailError::At),
            ("jane.example.com", EmailError::At),
            ("jane@roe@example.com", EmailError::At),
            ("@example.com", EmailError::LocalLength),
            (&long_local, EmailError::LocalLength),
            ("jane roe@example.com", EmailError::Local),
            (".jane@example.com", EmailError::Local),
            ("jane..roe@example.com", EmailError::Local),
            ("\"jane\"@example.com", EmailError::Local),
            ("Jane <jane@example.com", EmailError::Local),
            ("jané@example.com", EmailError::Local),
            ("a\r\nBcc: b@example.com", EmailError::Local),
            ("jane@example", EmailError::Domain),
            ("jane@example.com\n", EmailError::Domain),
            ("jane@example.com\r\nBcc: x", EmailError::Domain),
            ("jane@-example.com", EmailError::Domain),
            ("jane@example..com", EmailError::Domain),
            ("jane@[127.0.0.1]", EmailError::Domain),
            ("jane@127.0.0.1", EmailError::Domain),
            ("jane@example.com,b", EmailError::Domain),
            (&long_label, EmailError::Domain),
            (&long, EmailError::TooLong),
        ] {
            assert_eq!(Email::parse(text).err(), Some(error), "{text:?}");
        }
    }
}
