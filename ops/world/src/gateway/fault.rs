//! Everything that can be answered instead of what was asked, in Stripe's status codes and error bodies. It
//! must never carry a payment token in a message.

use super::script::Decline;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

#[derive(Debug)]
pub(super) enum Fault {
    BadKey,
    Outage,
    /// A scripted 500: nothing has happened.
    Broken,
    KeyBusy,
    KeyReused,
    Invalid {
        code: &'static str,
        param: String,
        message: String,
    },
    Missing {
        what: &'static str,
        id: String,
    },
    UnknownRoute {
        route: String,
    },
    /// The request was well formed, the state forbids it.
    Illegal {
        code: &'static str,
        message: String,
        intent: Box<Value>,
    },
    Declined {
        decline: Decline,
        charge: String,
        intent: Box<Value>,
    },
    HoldExpired {
        charge: String,
        intent: Box<Value>,
    },
}

impl Fault {
    pub(super) fn invalid(code: &'static str, param: &str, message: impl Into<String>) -> Self {
        Self::Invalid { code, param: param.to_owned(), message: message.into() }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::BadKey => StatusCode::UNAUTHORIZED,
            Self::Outage => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::KeyBusy => StatusCode::CONFLICT,
            Self::KeyReused | Self::Invalid { .. } | Self::Illegal { .. } => StatusCode::BAD_REQUEST,
            Self::Missing { .. } | Self::UnknownRoute { .. } => StatusCode::NOT_FOUND,
            Self::Declined { .. } | Self::HoldExpired { .. } => StatusCode::PAYMENT_REQUIRED,
        }
    }

    /// Whether an idempotency key keeps this answer: only once the work itself had begun (Stripe API v1,
    /// "Idempotent requests").
    pub(super) fn is_kept(&self) -> bool {
        match self {
            Self::Broken | Self::Illegal { .. } | Self::Declined { .. } | Self::HoldExpired { .. } => true,
            Self::BadKey
            | Self::Outage
            | Self::KeyBusy
            | Self::KeyReused
            | Self::Invalid { .. }
            | Self::Missing { .. }
            | Self::UnknownRoute { .. } => false,
        }
    }

    pub(super) fn body(&self) -> Value {
        let error = match self {
            Self::BadKey => json!({ "type": "invalid_request_error", "message": "Invalid API Key provided" }),
            Self::Outage => json!({ "type": "api_error", "message": "The gateway is out of service." }),
            Self::Broken => json!({ "type": "api_error", "message": "An unknown error occurred." }),
            Self::KeyBusy => json!({
                "type": "idempotency_error",
                "code": "idempotency_key_in_use",
                "message": "There is currently another in-progress request using this Idempotency-Key.",
            }),
            Self::KeyReused => json!({
                "type": "idempotency_error",
                "message": "Keys for idempotent requests can only be used with the same endpoint and \
                            parameters that they were first used with.",
            }),
            Self::Invalid { code, param, message } => json!({
                "type": "invalid_request_error", "code": code, "param": param, "message": message,
            }),
            Self::Missing { what, id } => json!({
                "type": "invalid_request_error",
                "code": "resource_missing",
                "param": "intent",
                "message": format!("No such {what}: '{id}'"),
            }),
            Self::UnknownRoute { route } => json!({
                "type": "invalid_request_error",
                "message": format!("Unrecognized request URL ({route})."),
            }),
            Self::Illegal { code, message, intent } => json!({
                "type": "invalid_request_error", "code": code, "message": message, "payment_intent": intent,
            }),
            Self::Declined { decline, charge, intent } => {
                let mut error = decline_body(*decline);
                error["charge"] = json!(charge);
                error["payment_intent"] = json!(intent);
                error
            }
            Self::HoldExpired { charge, intent } => json!({
                "type": "card_error",
                "code": "charge_expired_for_capture",
                "message": "The charge cannot be captured as the authorization has expired.",
                "charge": charge,
                "payment_intent": intent,
            }),
        };
        json!({ "error": error })
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (self.status(), axum::Json(self.body())).into_response()
    }
}

/// The part of a decline that an intent also shows as its `last_payment_error`.
pub(super) fn decline_body(decline: Decline) -> Value {
    let mut body = json!({
        "type": "card_error",
        "code": decline.code(),
        "decline_code": decline.decline_code(),
        "message": decline.message(),
    });
    if let Some(advice) = decline.advice_code() {
        body["advice_code"] = json!(advice);
    }
    body
}
