//! The address of a mail relay as an operator writes it. No error repeats any of it, since it may hold a password.

/// A relay's address.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RelayUrl {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    /// User and password.
    pub(crate) login: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// In clear: a relay on the same machine, or in tests.
    None,
    /// Upgraded by STARTTLS, or nothing is sent (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

impl Security {
    /// 25, 587 and 465 (RFC 5321, RFC 6409, RFC 8314).
    const fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

impl RelayUrl {
    /// Reads `smtp://host:port`, `smtp://user:password@host?tls=required` or `smtps://user:password@host`; user and
    /// password are percent-encoded.
    ///
    /// # Errors
    /// It has another form, or would send a password in clear over a network.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("it does not begin with smtp:// or smtps://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let security = match (scheme, query) {
            ("smtp", "") => Security::None,
            ("smtp", "tls=required") => Security::StartTls,
            ("smtps", "" | "tls=required") => Security::Tls,
            ("smtp" | "smtps", _) => return Err("the only thing that may follow a ? is tls=required"),
            (_, _) => return Err("it does not begin with smtp:// or smtps://"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((login, place)) => (Some(login), place),
        };
        let (host, port) = host_and_port(place)?;
        let login = login.map(user_and_password).transpose()?;
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1");
        if login.is_some() && security == Security::None && !is_local {
            return Err("it would send the password in clear: add ?tls=required, or use smtps://");
        }
        Ok(Self { host: host.to_owned(), port: port.unwrap_or(security.port()), security, login })
    }
}

fn host_and_port(place: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(is_name) {
        return Err("it names no host");
    }
    let port =
        port.map(|port| port.parse::<u16>().map_err(|_| "the port is no number up to 65535")).transpose()?;
    Ok((host, port))
}

fn user_and_password(login: &str) -> Result<(String, String), &'static str> {
    let (user, password) = login.split_once(':').ok_or("a user needs a password: user:password@host")?;
    Ok((decoded(user)?, decoded(password)?))
}

/// Percent-decoding (RFC 3986 §2.1).
fn decoded(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "a % in user or password is not followed by two hexadecimal digits of UTF-8";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)).ok_or(WRONG)?;
        let digits = std::str::from_utf8(digits).map_err(|_| WRONG)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| WRONG)?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_named_by_scheme_login_host_and_port() {
        for (text, host, port, security, login) in [
            ("smtp://relay", "relay", 25, Security::None, None),
            ("smtp://127.0.0.1:2525/", "127.0.0.1", 2525, Security::None, None),
            ("smtp://[::1]:2525", "::1", 2525, Security::None, None),
            ("smtp://a:b@localhost", "localhost", 25, Security::None, Some(("a", "b"))),
            (
                "smtp://a:b@relay.example?tls=required",
                "relay.example",
                587,
                Security::StartTls,
                Some(("a", "b")),
            ),
            ("smtps://relay.example", "relay.example", 465, Security::Tls, None),
            ("smtps://me%40x:p%3Aq%25@relay:1465", "relay", 1465, Security::Tls, Some(("me@x", "p:q%"))),
            ("smtps://a:p@ss@relay", "relay", 465, Security::Tls, Some(("a", "p@ss"))),
        ] {
            let url = RelayUrl::parse(text).map_err(|why| format!("{text}: {why}")).unwrap();
            let found = url.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
            assert_eq!((url.host.as_str(), url.port, url.security, found), (host, port, security, login));
        }
    }

    #[test]
    fn what_is_no_relay_or_unsafe_is_refused() {
        for (text, why) in [
            ("relay:25", "it does not begin with smtp:// or smtps://"),
            ("http://relay", "it does not begin with smtp:// or smtps://"),
            ("smtp://", "it names no host"),
            ("smtp://rel ay", "it names no host"),
            ("smtp://relay:x", "the port is no number up to 65535"),
            ("smtp://relay?tls=opportunistic", "the only thing that may follow a ? is tls=required"),
            ("smtps://a@relay", "a user needs a password: user:password@host"),
            (
                "smtps://a:%zz@relay",
                "a % in user or password is not followed by two hexadecimal digits of UTF-8",
            ),
            ("smtp://a:b@relay", "it would send the password in clear: add ?tls=required, or use smtps://"),
        ] {
            assert_eq!(RelayUrl::parse(text).err(), Some(why), "{text}");
        }
    }
}
