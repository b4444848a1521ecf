//! What an SMTP client may say next and what it is answered. It must never touch the socket.

use super::Sink;
use super::wire::MAIL_BYTES_MAX;

/// Recipients of one mail: ten times the least that RFC 5321 §4.5.3.1.8 asks for.
const RECIPIENTS_MAX: usize = 1000;

pub(super) struct Session {
    sink: Sink,
    is_greeted: bool,
    login: Login,
    envelope: Option<Envelope>,
}

#[derive(Default)]
pub(super) struct Envelope {
    pub(super) to: Vec<String>,
}

pub(super) enum Step {
    Say(String),
    Leave(String),
    /// The mail itself comes next.
    Read(Envelope),
}

/// How many more lines belong to an AUTH; whatever they hold is accepted and forgotten.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Login {
    None,
    LastLine,
    UserThenLastLine,
    Done,
}

impl Envelope {
    pub(super) fn is_dropped(&self) -> bool {
        self.is_for(Manner::Drop)
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.is_for(Manner::Stall)
    }

    fn is_for(&self, manner: Manner) -> bool {
        self.to.iter().any(|address| Manner::of(address) == manner)
    }
}

impl Session {
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, is_greeted: false, login: Login::None, envelope: None }
    }

    pub(super) fn hear(&mut self, line: &str) -> Step {
        match self.login {
            Login::LastLine | Login::UserThenLastLine => return self.hear_login(line),
            Login::None | Login::Done => {}
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if !rest.is_empty() => self.greet(&format!(
                "250-world greets you\n250-PIPELINING\n250-8BITMIME\n\
                 250-SIZE {MAIL_BYTES_MAX}\n250 AUTH PLAIN LOGIN"
            )),
            "HELO" if !rest.is_empty() => self.greet("250 world greets you"),
            "EHLO" | "HELO" => say("501 the greeting needs a name"),
            "AUTH" => self.authenticate(rest),
            "MAIL" => self.mail(rest),
            "RCPT" => self.recipient(rest),
            "DATA" => self.data(rest),
            "RSET" => {
                self.envelope = None;
                say("250 forgotten")
            }
            "NOOP" => say("250 nothing done"),
            "VRFY" => say("252 try it"),
            "HELP" => say("214 EHLO HELO AUTH MAIL RCPT DATA RSET NOOP VRFY QUIT"),
            "QUIT" => Step::Leave("221 goodbye".to_owned()),
            "EXPN" | "STARTTLS" | "TURN" | "BDAT" => say("502 not offered here"),
            _ => say("500 the command is not known"),
        }
    }

    fn greet(&mut self, reply: &str) -> Step {
        self.is_greeted = true;
        self.envelope = None;
        say(reply)
    }

    fn authenticate(&mut self, rest: &str) -> Step {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        if !self.is_greeted || self.login == Login::Done || self.envelope.is_some() {
            return say("503 not now");
        }
        let (login, reply) = match (mechanism.to_ascii_uppercase().as_str(), initial) {
            ("PLAIN", "") => (Login::LastLine, "334 "),
            ("LOGIN", "") => (Login::UserThenLastLine, "334 VXNlcm5hbWU6"),
            ("LOGIN", _) => (Login::LastLine, "334 UGFzc3dvcmQ6"),
            ("PLAIN", _) => (Login::Done, "235 welcome"),
            _ => (Login::None, "504 only PLAIN and LOGIN"),
        };
        self.login = login;
        say(reply)
    }

    fn hear_login(&mut self, line: &str) -> Step {
        let (login, reply) = match self.login {
            _ if line == "*" => (Login::None, "501 the login is given up"),
            Login::UserThenLastLine => (Login::LastLine, "334 UGFzc3dvcmQ6"),
            Login::LastLine | Login::None | Login::Done => (Login::Done, "235 welcome"),
        };
        self.login = login;
        say(reply)
    }

    fn mail(&mut self, rest: &str) -> Step {
        if !self.is_greeted || self.envelope.is_some() {
            return say("503 not now");
        }
        let Some((_, parameters)) = path(rest, "FROM:") else {
            return say("501 MAIL FROM:<address>");
        };
        for parameter in parameters.split_ascii_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.to_ascii_uppercase().as_str() {
                "SIZE" => match value.parse::<u64>() {
                    Ok(size) if size > MAIL_BYTES_MAX => return say("552 the mail is too big"),
                    Ok(_) => {}
                    Err(_) => return say("501 SIZE is a number"),
                },
                "BODY" | "AUTH" => {}
                _ => return say("555 the parameter is not known"),
            }
        }
        self.envelope = Some(Envelope::default());
        say("250 the sender is fine")
    }

    fn recipient(&mut self, rest: &str) -> Step {
        let Some(envelope) = &mut self.envelope else {
            return say("503 MAIL comes first");
        };
        let address = match path(rest, "TO:") {
            Some((address, "")) if !address.is_empty() => address,
            Some((_, parameters)) if !parameters.is_empty() => return say("555 the parameter is not known"),
            Some(_) | None => return say("501 RCPT TO:<address>"),
        };
        if envelope.to.len() == RECIPIENTS_MAX {
            return say("452 too many recipients");
        }
        match Manner::of(address) {
            Manner::Reject => return say("550 no such mailbox"),
            Manner::Greylist if self.sink.is_first_attempt(address) => return say("451 come again later"),
            Manner::Accept | Manner::Greylist | Manner::Drop | Manner::Stall => {}
        }
        envelope.to.push(address.to_owned());
        say("250 the recipient is fine")
    }

    fn data(&mut self, rest: &str) -> Step {
        if !rest.is_empty() {
            return say("501 DATA takes no parameter");
        }
        match self.envelope.take() {
            None => say("503 MAIL comes first"),
            Some(envelope) if envelope.to.is_empty() => {
                self.envelope = Some(envelope);
                say("503 RCPT comes first")
            }
            Some(envelope) => Step::Read(envelope),
        }
    }
}

/// How a recipient behaves, by its local part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Accept,
    Greylist,
    Reject,
    Drop,
    Stall,
}

impl Manner {
    fn of(address: &str) -> Self {
        let local = address.to_ascii_lowercase();
        if local.starts_with("greylist") {
            Self::Greylist
        } else if local.starts_with("reject") {
            Self::Reject
        } else if local.starts_with("drop") {
            Self::Drop
        } else if local.starts_with("stall") {
            Self::Stall
        } else {
            Self::Accept
        }
    }
}

fn say(reply: &str) -> Step {
    Step::Say(reply.to_owned())
}

/// The address and the parameters after `FROM:` or `TO:`; a source route is left out (RFC 5321 §4.1.1.3).
fn path<'a>(rest: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let (head, tail) = rest.split_at_checked(word.len())?;
    let (address, parameters) = tail.trim_start().strip_prefix('<')?.rsplit_once('>')?;
    let address = match address.strip_prefix('@') {
        Some(route) => route.split_once(':')?.1,
        None => address,
    };
    let is_sound = head.eq_ignore_ascii_case(word) && !address.contains(|letter: char| letter.is_control());
    is_sound.then(|| (address, parameters.trim()))
}
