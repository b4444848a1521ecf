//! Form parameters as Stripe writes them (`metadata[order]=…`), taken out one by one so that what is left
//! over is refused by name. It must never put a parameter's value into an error.

use super::fault::Fault;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Parameters of the real interface that change nothing here.
const WITHOUT_EFFECT: [&str; 9] = [
    "automatic_payment_methods",
    "customer",
    "description",
    "error_on_requires_action",
    "off_session",
    "payment_method_options",
    "payment_method_types",
    "statement_descriptor",
    "statement_descriptor_suffix",
];

/// Largest amount that Stripe takes, in minor units.
const AMOUNT_MAX: u64 = 99_999_999;

#[derive(Debug)]
pub(super) struct Params {
    fields: BTreeMap<String, String>,
    expand: Vec<String>,
}

impl Params {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        let (expand, fields): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|(name, _)| base(name) == "expand");
        Self {
            fields: fields.into_iter().collect(),
            expand: expand.into_iter().map(|(_, value)| value).collect(),
        }
    }

    /// The same for the same parameters in any order.
    pub(super) fn print(&self, endpoint: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (endpoint, &self.fields, &self.expand).hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn expands(&self, field: &str) -> bool {
        self.expand.iter().any(|name| name == field)
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.fields.remove(name).filter(|value| !value.is_empty())
    }

    pub(super) fn required(&mut self, name: &str) -> Result<String, Fault> {
        self.text(name).ok_or_else(|| {
            Fault::invalid("parameter_missing", name, format!("Missing required param: {name}."))
        })
    }

    pub(super) fn integer(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match value.parse() {
            Ok(number) if number <= AMOUNT_MAX => Ok(Some(number)),
            Ok(_) => Err(Fault::invalid(
                "amount_too_large",
                name,
                format!("{name} must be no more than $999,999.99."),
            )),
            Err(_) => {
                Err(Fault::invalid("parameter_invalid_integer", name, format!("Invalid integer: {name}.")))
            }
        }
    }

    /// An amount of at least one minor unit.
    pub(super) fn amount(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        let amount = self.integer(name)?;
        if amount == Some(0) {
            let message = "This value must be greater than or equal to 1.";
            return Err(Fault::invalid("parameter_invalid_integer", name, message));
        }
        Ok(amount)
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        match self.text(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Fault::invalid("parameter_invalid", name, format!("Invalid boolean: {name}."))),
        }
    }

    pub(super) fn one_of(
        &mut self,
        name: &str,
        values: &[&'static str],
    ) -> Result<Option<&'static str>, Fault> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let known = values.iter().find(|known| **known == value);
        known.map(|known| Some(*known)).ok_or_else(|| {
            Fault::invalid(
                "parameter_invalid",
                name,
                format!("Invalid {name}: must be one of {}.", values.join(", ")),
            )
        })
    }

    /// `metadata[a]=1&metadata[b]=2` as a map of a and b.
    pub(super) fn metadata(&mut self) -> BTreeMap<String, String> {
        let within = |name: &str| {
            name.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned)
        };
        let found =
            self.fields.iter().filter_map(|(name, value)| Some((within(name)?, value.clone()))).collect();
        self.fields.retain(|name, _| within(name).is_none());
        found
    }

    /// # Errors
    /// Names the first parameter that nobody took.
    pub(super) fn finish(self) -> Result<(), Fault> {
        match self.fields.keys().find(|name| !WITHOUT_EFFECT.contains(&base(name))) {
            None => Ok(()),
            Some(name) => {
                Err(Fault::invalid("parameter_unknown", name, format!("Received unknown parameter: {name}")))
            }
        }
    }
}

/// The part of a parameter's name before its first bracket.
fn base(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn metadata_and_expansions_are_taken_apart() {
        let mut read = params(&[("metadata[a]", "1"), ("expand[]", "latest_charge"), ("metadata[b]", "2")]);
        assert!(read.expands("latest_charge"));
        assert_eq!(read.metadata(), BTreeMap::from([("a".into(), "1".into()), ("b".into(), "2".into())]));
        assert!(read.finish().is_ok());
    }

    #[test]
    fn a_print_knows_no_order_but_every_difference() {
        let first = params(&[("amount", "5"), ("currency", "usd")]).print("/a");
        assert_eq!(first, params(&[("currency", "usd"), ("amount", "5")]).print("/a"));
        assert_ne!(first, params(&[("currency", "usd"), ("amount", "6")]).print("/a"));
        assert_ne!(first, params(&[("currency", "usd"), ("amount", "5")]).print("/b"));
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let code = |fault: Result<Option<u64>, Fault>| match fault {
            Err(Fault::Invalid { code, param, message }) => {
                assert_eq!(param, "amount");
                assert!(!message.contains("4242"));
                code
            }
            other => panic!("{other:?}"),
        };
        for (value, expected) in [
            ("4242x", "parameter_invalid_integer"),
            ("-4242", "parameter_invalid_integer"),
            ("0", "parameter_invalid_integer"),
            ("424242424242", "amount_too_large"),
        ] {
            assert_eq!(code(params(&[("amount", value)]).amount("amount")), expected, "{value}");
        }
        assert!(params(&[("payment_method_options[card][x]", "1")]).finish().is_ok());
        assert!(params(&[("amuont", "1")]).finish().is_err());
    }
}
