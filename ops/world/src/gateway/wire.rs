//! The JSON of intents, charges, refunds and lists as Stripe writes it. It must never decide anything.

use super::asks::CaptureMethod;
use super::book::{Intent, Refund, Standing};
use super::fault::decline_body;
use serde_json::{Value, json};

/// `is_expanded` writes the charge out instead of its id (`expand[]=latest_charge`).
pub(super) fn intent(intent: &Intent, is_expanded: bool) -> Value {
    let (error, canceled_at, reason) = match intent.standing {
        Standing::Declined(decline) => (decline_body(decline), None, None),
        Standing::Canceled { at, reason, .. } => (Value::Null, Some(at), reason),
        Standing::Held { .. } | Standing::Succeeded => (Value::Null, None, None),
    };
    let capture_method = match intent.capture_method {
        CaptureMethod::Manual => "manual",
        CaptureMethod::Automatic => "automatic",
    };
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.capturable(),
        "amount_received": intent.received(),
        "canceled_at": canceled_at,
        "cancellation_reason": reason,
        "capture_method": capture_method,
        "created": intent.created,
        "currency": intent.currency,
        "last_payment_error": error,
        "latest_charge": if is_expanded { charge(intent) } else { json!(intent.charge) },
        "livemode": false,
        "metadata": intent.metadata,
        // Stripe takes a method off an intent that it has failed.
        "payment_method": error.is_null().then_some(&intent.token),
        "payment_method_types": ["card"],
        "status": status(intent),
    })
}

pub(super) fn status(intent: &Intent) -> &'static str {
    match intent.standing {
        Standing::Declined(_) => "requires_payment_method",
        Standing::Held { .. } => "requires_capture",
        Standing::Succeeded => "succeeded",
        Standing::Canceled { .. } => "canceled",
    }
}

pub(super) fn refund(intent: &Intent, refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "charge": intent.charge,
        "created": refund.created,
        "currency": intent.currency,
        "metadata": refund.metadata,
        "payment_intent": intent.id,
        "status": "succeeded",
    })
}

/// At most `limit` of `all`, with the truth about whether there are more.
pub(super) fn list(object: &str, url: &str, all: Vec<Value>, limit: usize) -> Value {
    let has_more = all.len() > limit;
    let data: Vec<Value> = all.into_iter().take(limit).collect();
    json!({ "object": object, "url": url, "has_more": has_more, "data": data })
}

fn charge(intent: &Intent) -> Value {
    let failure = match intent.standing {
        Standing::Declined(decline) => Some(decline.code()),
        Standing::Held { .. } | Standing::Succeeded | Standing::Canceled { .. } => None,
    };
    let capture_before = match intent.capture_method {
        CaptureMethod::Manual if failure.is_none() => Some(intent.capture_before()),
        CaptureMethod::Manual | CaptureMethod::Automatic => None,
    };
    json!({
        "id": intent.charge,
        "object": "charge",
        "amount": intent.amount,
        "amount_captured": intent.received(),
        "amount_refunded": intent.refunded(),
        "captured": intent.received() > 0,
        "created": intent.created,
        "currency": intent.currency,
        "failure_code": failure,
        "paid": failure.is_none(),
        "payment_intent": intent.id,
        "payment_method_details": {
            "type": "card",
            "card": { "brand": "visa", "last4": "4242", "capture_before": capture_before },
        },
        "refunded": intent.received() > 0 && intent.received() == intent.refunded(),
        "status": if failure.is_none() { "succeeded" } else { "failed" },
    })
}
