//! The gateway's JSON, as far as this room reads it. No field here holds card data or a token.

use serde::Deserialize;

/// A payment intent.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    pub(super) id: IntentId,
    pub(super) status: Status,
    /// Minor units captured so far.
    #[serde(default)]
    pub(super) amount_received: i64,
    /// Unix seconds.
    pub(super) created: i64,
    #[serde(default)]
    pub(super) last_payment_error: Option<Refusal>,
    #[serde(default)]
    latest_charge: Option<LatestCharge>,
}

/// The gateway's name of an intent: it becomes a part of addresses, so it is letters, digits, `_` and `-`, 255 at most.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct IntentId(String);

impl TryFrom<String> for IntentId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_name = (1..=255).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if is_name { Ok(Self(text)) } else { Err("not the name of an intent") }
    }
}

impl std::fmt::Display for IntentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// The amount is held.
    RequiresCapture,
    Succeeded,
    Canceled,
    /// Declined.
    RequiresPaymentMethod,
    Processing,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum LatestCharge {
    Expanded(Box<Charge>),
    Id(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
struct Charge {
    #[serde(default)]
    payment_method_details: Option<Details>,
}

#[derive(Debug, Deserialize)]
struct Details {
    #[serde(default)]
    card: Option<Card>,
}

#[derive(Debug, Deserialize)]
struct Card {
    #[serde(default)]
    capture_before: Option<i64>,
}

impl Intent {
    /// Unix seconds at which the hold lapses, where the charge was expanded and says so.
    pub(super) fn capture_before(&self) -> Option<i64> {
        match self.latest_charge.as_ref()? {
            LatestCharge::Expanded(charge) => {
                charge.payment_method_details.as_ref()?.card.as_ref()?.capture_before
            }
            LatestCharge::Id(_) => None,
        }
    }
}

/// What a search or a list found, newest first.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    /// Minor units.
    pub(super) amount: i64,
    /// Absent at gateways whose refunds cannot fail once they are accepted.
    #[serde(default)]
    pub(super) status: Option<RefundStatus>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefundStatus {
    Succeeded,
    Failed,
    Canceled,
    Pending,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(default)]
    reference: Option<String>,
}

impl Refund {
    pub(super) fn has_reference(&self, reference: &str) -> bool {
        self.metadata.as_ref().and_then(|metadata| metadata.reference.as_deref()) == Some(reference)
    }
}

/// The body of a refusal. Its message is not read, since it may repeat what we sent.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: Refusal,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Refusal {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    advice_code: Option<String>,
}

impl Refusal {
    pub(super) fn is_card_error(&self) -> bool {
        self.kind == "card_error"
    }

    /// The request was well formed, but the intent has gone on meanwhile.
    pub(super) fn is_about_state(&self) -> bool {
        let code = self.code.as_deref();
        matches!(
            code,
            Some("payment_intent_unexpected_state" | "charge_already_captured" | "amount_too_large")
        )
    }

    /// No repetition will make this refund possible.
    pub(super) fn is_final_for_refund(&self) -> bool {
        self.is_card_error()
            || self.is_about_state()
            || matches!(self.code.as_deref(), Some("charge_already_refunded" | "charge_disputed"))
    }

    /// The decline code, else the error code, else the error's type.
    pub(super) fn card_code(&self) -> String {
        let code = self.decline_code.as_deref().or(self.code.as_deref()).unwrap_or(&self.kind);
        // It goes into messages and logs, so it must be a word of the gateway's and nothing else.
        if is_word(code) { code.to_owned() } else { "unknown".to_owned() }
    }

    /// What the card network advises; it is stored, so it is a word too.
    pub(super) fn advice(&self) -> Option<String> {
        self.advice_code.clone().filter(|code| is_word(code))
    }
}

fn is_word(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_hold_is_read_where_it_is_told() {
        let table = [
            (r#""ch_1""#, None),
            (
                r#"{"payment_method_details":{"type":"card","card":{"capture_before":1800000000}}}"#,
                Some(1_800_000_000),
            ),
            (r#"{"payment_method_details":{"type":"card","card":{"capture_before":null}}}"#, None),
            (r#"{"payment_method_details":null}"#, None),
            ("null", None),
        ];
        for (charge, expected) in table {
            let json = format!(
                r#"{{"id":"pi_1","status":"requires_capture","created":1,"latest_charge":{charge}}}"#
            );
            let intent: Intent = serde_json::from_str(&json).unwrap();
            assert_eq!(intent.capture_before(), expected, "{charge}");
        }
    }

    #[test]
    fn a_code_is_a_word_of_the_gateways() {
        let table = [
            (r#"{"type":"card_error","code":"card_declined","decline_code":"stolen_card"}"#, "stolen_card"),
            (r#"{"type":"card_error","code":"expired_card"}"#, "expired_card"),
            (r#"{"type":"api_error"}"#, "api_error"),
            (r#"{"type":"card_error","code":"No such token: tok_1"}"#, "unknown"),
            ("{}", "unknown"),
        ];
        for (json, expected) in table {
            assert_eq!(serde_json::from_str::<Refusal>(json).unwrap().card_code(), expected, "{json}");
        }
    }

    #[test]
    fn an_unknown_status_is_read() {
        let intent: Intent =
            serde_json::from_str(r#"{"id":"pi_1","status":"requires_action","created":1}"#).unwrap();
        assert_eq!(intent.status, Status::Other);
    }
}
