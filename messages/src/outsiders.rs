//! Outsiders as data: who may publish what, and what each reads. Whoever is not in the list is an unknown sender.

use serde::{Deserialize, Serialize};

use crate::catalogue::{From, Kind};

/// One system outside: a web store, a warehouse, the operator's program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outsider {
    /// Its broker user, and the name of its queue `oms.out.<name>`.
    pub name: String,
    /// The types that it may publish on `oms.in`.
    pub may_publish: Vec<String>,
    /// The types that it reads besides answers to itself.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Whether it opens sealed sections, and so has keys of its own.
    #[serde(default)]
    pub opens_sections: bool,
}

/// Everybody outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outsiders(Vec<Outsider>);

/// The operator's program.
pub const OPERATOR: &str = "operator";
/// The page behind the links to unsubscribe, which promotions' processes serve.
pub const UNSUBSCRIBE_PAGE: &str = "unsubscribe-page";
/// The outsider that packs parcels.
pub const WAREHOUSE: &str = "warehouse";

/// The list that is used where no other is configured.
pub const DEFAULT: &str = include_str!("../outsiders.json");

impl Outsiders {
    /// Reads a list.
    ///
    /// # Errors
    /// One sentence: not JSON of this form, an unknown type, a bad or doubled name.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let list: Vec<Outsider> = serde_json::from_str(text)
            .map_err(|error| format!("the list of outsiders is not readable: {error}"))?;
        for (at, outsider) in list.iter().enumerate() {
            let name = &outsider.name;
            let plain = (1..=40).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if !plain || list[..at].iter().any(|other| other.name == *name) {
                return Err(format!(
                    "outsider `{name}`: a name is 1 to 40 of a-z, 0-9 and -, and stands once"
                ));
            }
            if let Some(bad) =
                outsider.may_publish.iter().find(|kind| !Kind::parse(kind).is_some_and(Kind::is_from_outside))
            {
                return Err(format!("outsider `{name}` may publish `{bad}`, which is no type from outside"));
            }
            if let Some(bad) = outsider
                .reads
                .iter()
                .find(|kind| !Kind::parse(kind).is_some_and(|kind| matches!(kind.sent_by(), From::Rooms(_))))
            {
                return Err(format!("outsider `{name}` reads `{bad}`, which no room sends"));
            }
        }
        Ok(Self(list))
    }

    #[must_use]
    pub fn all(&self) -> &[Outsider] {
        &self.0
    }

    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Outsider> {
        self.0.iter().find(|outsider| outsider.name == name)
    }

    /// The names of those who open sealed sections.
    #[must_use]
    pub fn audiences(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter(|outsider| outsider.opens_sections)
            .map(|outsider| outsider.name.as_str())
            .collect()
    }
}

impl Default for Outsiders {
    fn default() -> Self {
        Self::from_json(DEFAULT).expect("the built-in list is tested")
    }
}

impl Outsider {
    #[must_use]
    pub fn may_send(&self, kind: Kind) -> bool {
        self.may_publish.iter().any(|name| name == kind.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_is_good_and_somebody_sends_each_outside_type() {
        let outsiders = Outsiders::default();
        for &kind in Kind::ALL.iter().filter(|kind| kind.is_from_outside()) {
            assert!(outsiders.all().iter().any(|outsider| outsider.may_send(kind)), "{}", kind.name());
        }
        assert!(outsiders.named(OPERATOR).is_some());
        assert!(
            outsiders.named(UNSUBSCRIBE_PAGE).is_some_and(|page| page.may_send(Kind::SubscriberWithdraw))
        );
        assert_eq!(outsiders.audiences(), [WAREHOUSE]);
    }

    #[test]
    fn a_bad_list_is_refused_in_a_sentence() {
        for (text, said) in [
            ("{", "not readable"),
            (r#"[{"name":"A","may_publish":[]}]"#, "a name is"),
            (r#"[{"name":"a","may_publish":[]},{"name":"a","may_publish":[]}]"#, "stands once"),
            (r#"[{"name":"a","may_publish":["order.accepted.v1"]}]"#, "no type from outside"),
            (r#"[{"name":"a","may_publish":[],"reads":["order.submit.v1"]}]"#, "no room sends"),
        ] {
            assert!(Outsiders::from_json(text).expect_err(text).contains(said), "{text}");
        }
    }
}
