//! Postal addresses, parsed: the country exists, and a US address has a state and a ZIP code of the right
//! shape. It must never claim that a house stands there, and never show an address in `Debug` output or in an
//! error.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::text::{LineProblem, Text, hidden_debug, one_line, read};

mod normalized;
mod places;

pub use places::is_country;

/// Where mail goes. Every line has 1 to 50 characters without line breaks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "AddressParts")]
pub struct PostalAddress {
    line1: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line2: Option<String>,
    city: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    postal_code: String,
    country: String,
}

hidden_debug!(PostalAddress);

impl PostalAddress {
    /// Trims and collapses whitespace; codes may be in lower case. An empty second line or state counts as
    /// none.
    pub fn parse(parts: AddressParts) -> Result<PostalAddress, AddressError> {
        let country = line(AddressField::Country, &parts.country.0)?.to_ascii_uppercase();
        if !is_country(&country) {
            return Err(AddressError::UnknownCountry);
        }
        let line1 = line(AddressField::Line1, &parts.line1.0)?;
        let line2 = optional_line(AddressField::Line2, parts.line2)?;
        let city = line(AddressField::City, &parts.city.0)?;
        let state = optional_line(AddressField::State, parts.state)?;
        let postal_code = line(AddressField::PostalCode, &parts.postal_code.0)?.to_uppercase();
        let state = if country == "US" {
            if !is_zip_code(&postal_code) {
                return Err(AddressError::ZipCode);
            }
            let state = state.ok_or(AddressError::StateMissing)?.to_ascii_uppercase();
            if !places::is_us_state(&state) {
                return Err(AddressError::UnknownState);
            }
            Some(state)
        } else {
            if !is_foreign_postal_code(&postal_code) {
                return Err(AddressError::PostalCode);
            }
            state
        };
        Ok(PostalAddress { line1, line2, city, state, postal_code, country })
    }

    pub fn line1(&self) -> &str {
        &self.line1
    }

    pub fn line2(&self) -> Option<&str> {
        self.line2.as_deref()
    }

    pub fn city(&self) -> &str {
        &self.city
    }

    /// In the US a two-letter code; elsewhere a region in free text.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// In the US `12345` or `12345-6789`.
    pub fn postal_code(&self) -> &str {
        &self.postal_code
    }

    /// ISO 3166-1 alpha-2.
    pub fn country(&self) -> &str {
        &self.country
    }

    /// The address in the shape of USPS Publication 28, so that one household written in two ways is one key
    /// (R52): `12 Main St Apt 4` and `12 MAIN STREET #4` give the same text. For comparing only, not for a
    /// label.
    pub fn normalized(&self) -> String {
        normalized::normalized(self)
    }
}

/// The parts of an address as somebody wrote them, not yet parsed.
#[derive(Clone, Default, Deserialize)]
pub struct AddressParts {
    pub line1: Unparsed,
    #[serde(default)]
    pub line2: Option<Unparsed>,
    pub city: Unparsed,
    #[serde(default)]
    pub state: Option<Unparsed>,
    pub postal_code: Unparsed,
    pub country: Unparsed,
}

hidden_debug!(AddressParts);

/// Any text; it hides itself in `Debug` output, and in the error of a JSON value that is no text.
#[derive(Clone, Default)]
pub struct Unparsed(pub String);

hidden_debug!(Unparsed);

impl From<&str> for Unparsed {
    fn from(text: &str) -> Unparsed {
        Unparsed(text.to_owned())
    }
}

impl Text for Unparsed {
    type Error = std::convert::Infallible;

    fn from_text(text: &str) -> Result<Unparsed, Self::Error> {
        Ok(text.into())
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

impl<'de> Deserialize<'de> for Unparsed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Unparsed, D::Error> {
        read(deserializer)
    }
}

impl TryFrom<AddressParts> for PostalAddress {
    type Error = AddressError;

    fn try_from(parts: AddressParts) -> Result<PostalAddress, AddressError> {
        PostalAddress::parse(parts)
    }
}

/// Why the parts are not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the {field} of the address {problem}")]
    Line { field: AddressField, problem: LineProblem },
    #[error("the country of the address is not a two-letter code of ISO 3166")]
    UnknownCountry,
    #[error("the state of the address is missing, and the United States need one")]
    StateMissing,
    #[error("the state of the address is not the code of a US state, territory or military region")]
    UnknownState,
    #[error("the postal code of the address is not a ZIP code, as in 20220 or 20220-0001")]
    ZipCode,
    #[error("the postal code of the address is not 1 to 16 letters, digits, spaces and hyphens")]
    PostalCode,
}

/// The part of an address that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressField {
    Line1,
    Line2,
    City,
    State,
    PostalCode,
    Country,
}

impl fmt::Display for AddressField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressField::Line1 => "first line",
            AddressField::Line2 => "second line",
            AddressField::City => "city",
            AddressField::State => "state",
            AddressField::PostalCode => "postal code",
            AddressField::Country => "country",
        })
    }
}

impl JsonSchema for PostalAddress {
    fn schema_name() -> Cow<'static, str> {
        "PostalAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let line = json_schema!({ "type": "string", "minLength": 1, "maxLength": LINE_MAX });
        let optional = json_schema!({ "type": ["string", "null"], "maxLength": LINE_MAX });
        json_schema!({
            "type": "object",
            "description": "A US address needs the code of its state and a ZIP code",
            "properties": {
                "line1": line,
                "line2": optional,
                "city": line,
                "state": optional,
                "postal_code": { "type": "string", "minLength": 1, "maxLength": 16 },
                "country": {
                    "type": "string",
                    "pattern": "^[A-Za-z]{2}$",
                    "description": "ISO 3166-1 alpha-2",
                },
            },
            "required": ["line1", "city", "postal_code", "country"],
        })
    }
}

/// Characters on a line of a label.
const LINE_MAX: usize = 50;

fn line(field: AddressField, text: &str) -> Result<String, AddressError> {
    one_line(text, LINE_MAX).map_err(|problem| AddressError::Line { field, problem })
}

fn optional_line(field: AddressField, text: Option<Unparsed>) -> Result<Option<String>, AddressError> {
    match text {
        Some(text) if !text.0.trim().is_empty() => line(field, &text.0).map(Some),
        Some(_) | None => Ok(None),
    }
}

fn is_zip_code(text: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('-') {
        Some((zip, plus_four)) => digits(zip, 5) && digits(plus_four, 4),
        None => digits(text, 5),
    }
}

fn is_foreign_postal_code(text: &str) -> bool {
    text.len() <= 16 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_address_is_cleaned_as_it_is_read() {
        let read: PostalAddress = serde_json::from_value(json!({
            "line1": "  801  9th St NW ", "line2": " ", "city": "Washington", "state": "dc",
            "postal_code": "20220-0001", "country": "us", "unknown": 1,
        }))
        .unwrap();
        assert_eq!(
            serde_json::to_value(&read).unwrap(),
            json!({
                "line1": "801 9th St NW", "city": "Washington", "state": "DC",
                "postal_code": "20220-0001", "country": "US",
            })
        );
        assert_eq!(format!("{read:?}"), "PostalAddress(…)");
    }

    #[test]
    fn an_address_abroad_needs_no_state() {
        let read =
            parse(&[("country", "DE"), ("state", ""), ("postal_code", "10117"), ("city", "Berlin")]).unwrap();
        assert_eq!((read.state(), read.country()), (None, "DE"));
        let read = parse(&[("country", "CA"), ("state", "Québec"), ("postal_code", "h2y 1c6")]).unwrap();
        assert_eq!((read.state(), read.postal_code()), (Some("Québec"), "H2Y 1C6"));
    }

    #[test]
    fn military_mail_and_territories_are_in_the_us() {
        for state in ["AA", "AE", "AP", "PR", "GU", "VI", "AS", "MP", "DC"] {
            assert!(parse(&[("state", state)]).is_ok(), "{state}");
        }
    }

    #[test]
    fn an_error_names_the_field_and_the_rule_and_not_the_value() {
        let long = "x".repeat(51);
        for (field, value, message) in [
            ("line1", "", "the first line of the address is empty"),
            ("line1", &*long, "the first line of the address is longer than 50 characters"),
            (
                "line2",
                "a\nb",
                "the second line of the address has a control or invisible formatting character",
            ),
            ("city", " ", "the city of the address is empty"),
            ("country", "UK", "the country of the address is not a two-letter code of ISO 3166"),
            ("country", "USA", "the country of the address is not a two-letter code of ISO 3166"),
            ("state", "", "the state of the address is missing, and the United States need one"),
            (
                "state",
                "XX",
                "the state of the address is not the code of a US state, territory or military region",
            ),
            (
                "postal_code",
                "2022",
                "the postal code of the address is not a ZIP code, as in 20220 or 20220-0001",
            ),
            (
                "postal_code",
                "20220-01",
                "the postal code of the address is not a ZIP code, as in 20220 or 20220-0001",
            ),
            (
                "postal_code",
                "２0220",
                "the postal code of the address is not a ZIP code, as in 20220 or 20220-0001",
            ),
        ] {
            assert_eq!(parse(&[(field, value)]).err().unwrap(), message);
        }
        let abroad = parse(&[("country", "FR"), ("postal_code", "75001;")]).err().unwrap();
        assert_eq!(
            abroad,
            "the postal code of the address is not 1 to 16 letters, digits, spaces and hyphens"
        );
    }

    #[test]
    fn a_part_that_is_no_text_is_refused_without_quoting_it() {
        let mut address = home();
        address["postal_code"] = json!(20220);
        let error = serde_json::from_value::<PostalAddress>(address).err().unwrap().to_string();
        assert_eq!(error, "the value is not a text");
    }

    #[test]
    fn what_is_written_fits_the_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(PostalAddress)).unwrap();
        let written = serde_json::to_value(parse(&[]).unwrap()).unwrap();
        assert!(jsonschema::is_valid(&schema, &written), "{schema}");
    }

    fn parse(changes: &[(&str, &str)]) -> Result<PostalAddress, String> {
        let mut address = home();
        for (field, value) in changes {
            address[*field] = json!(value);
        }
        serde_json::from_value(address).map_err(|error| error.to_string())
    }

    fn home() -> Value {
        json!({ "line1": "12 Main St", "line2": "Apt 4", "city": "Springfield", "state": "IL",
                "postal_code": "62701", "country": "US" })
    }
}
