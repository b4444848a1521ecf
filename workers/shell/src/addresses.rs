//! Where the broker is: one address, or one for each node of a cluster. Which of them is tried is `wire`'s business; no
//! text of this module may hold a password.

use lapin::uri::AMQPUri;
use messages::topology;

use crate::wire::WireError;

/// The addresses of one broker, in the order in which they are tried: one user, one virtual host.
#[derive(Clone, PartialEq, Eq)]
pub struct Addresses {
    first: AMQPUri,
    others: Vec<AMQPUri>,
}

impl Addresses {
    /// Reads what `OMS_AMQP_URL` holds: an address, or several with commas between them.
    ///
    /// # Errors
    /// One of them has another form, or they name different users or virtual hosts.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        let each = topology::addresses(text).into_iter().map(str::parse::<AMQPUri>);
        let mut uris = each.collect::<Result<Vec<_>, _>>().map_err(|_| WireError::Address)?.into_iter();
        let first = uris.next().ok_or(WireError::Address)?;
        let others: Vec<AMQPUri> = uris.collect();
        let is_same = |other: &AMQPUri| {
            other.vhost == first.vhost
                && other.authority.userinfo.username == first.authority.userinfo.username
        };
        if others.iter().all(is_same) { Ok(Self { first, others }) } else { Err(WireError::Mixed) }
    }

    /// The same nodes with another login.
    #[must_use]
    pub fn with_login(mut self, user: &str, password: &str) -> Self {
        for uri in std::iter::once(&mut self.first).chain(&mut self.others) {
            user.clone_into(&mut uri.authority.userinfo.username);
            password.clone_into(&mut uri.authority.userinfo.password);
        }
        self
    }

    #[must_use]
    pub fn user(&self) -> &str {
        &self.first.authority.userinfo.username
    }

    #[must_use]
    pub fn vhost(&self) -> &str {
        &self.first.vhost
    }

    pub fn iter(&self) -> impl Iterator<Item = &AMQPUri> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The address whose turn it is; after the last comes the first again.
    pub(crate) fn at(&self, turn: usize) -> &AMQPUri {
        let place = turn % self.len();
        place.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(&self.first)
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.others.len()
    }
}

/// Host and port: all of an address that may be shown.
pub(crate) fn place(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<String> {
        Addresses::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).iter().map(place).collect()
    }

    #[test]
    fn addresses_are_one_or_several_with_commas_between() {
        for (text, want) in [
            ("amqp://u:p@a/v", vec!["a:5672"]),
            ("amqps://u:p@a/v", vec!["a:5671"]),
            ("amqp://u:p@a:1/v,amqp://u:p@b:2/v", vec!["a:1", "b:2"]),
            ("amqp://u:p@a:1/v, amqps://u:q@b/v ,\n amqp://u:p@c:3/v", vec!["a:1", "b:5671", "c:3"]),
            // A password may hold a comma, as it could when there was one address only.
            ("amqp://u:p,q@a:1/v", vec!["a:1"]),
            ("amqp://u:p,q@a:1/v,amqp://u:p,q@b:2/v", vec!["a:1", "b:2"]),
        ] {
            assert_eq!(places(text), want, "{text}");
        }
        assert_eq!(
            Addresses::parse("amqp://u:p,q@a/v").unwrap().iter().next().unwrap().authority.userinfo.password,
            "p,q"
        );
    }

    #[test]
    fn what_is_no_list_of_addresses_of_one_broker_is_refused_in_one_sentence() {
        for (text, said) in [
            ("", "not readable"),
            ("a:5672", "not readable"),
            ("http://u:secret@a", "not readable"),
            ("amqp://u:secret@a/v,amqp://u:secret@b:x/v", "not readable"),
            ("amqp://u:secret@a/v,amqp://", "different users or virtual hosts"),
            ("amqp://u:secret@a/v,amqp://u:secret@b/w", "different users or virtual hosts"),
            ("amqp://u:secret@a/v,amqp://w:secret@b/v", "different users or virtual hosts"),
        ] {
            let error = Addresses::parse(text).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn turns_go_round() {
        for (text, want) in [
            ("amqp://u:p@a:1/v", ["a:1", "a:1", "a:1", "a:1"]),
            ("amqp://u:p@a:1/v,amqp://u:p@b:2/v,amqp://u:p@c:3/v", ["a:1", "b:2", "c:3", "a:1"]),
        ] {
            let addresses = Addresses::parse(text).unwrap();
            let turns: Vec<String> = (0..4).map(|turn| place(addresses.at(turn))).collect();
            assert_eq!(turns, want);
        }
    }

    #[test]
    fn another_login_is_that_of_every_node() {
        let addresses = Addresses::parse("amqp://u:p@a/v,amqp://u:q@b/v").unwrap().with_login("store", "s");
        for uri in addresses.iter() {
            let login = &uri.authority.userinfo;
            assert_eq!((login.username.as_str(), login.password.as_str()), ("store", "s"));
        }
        assert_eq!((addresses.user(), addresses.vhost()), ("store", "v"));
    }
}
