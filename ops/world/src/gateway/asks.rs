//! What callers may ask, read from form parameters into types that hold only what is allowed. It must never
//! touch the book.

use super::fault::Fault;
use super::params::Params;
use super::script::Script;
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) enum Ask {
    Authorize(NewIntent),
    Capture { id: String, capture: Capture },
    Cancel { id: String, reason: Option<&'static str> },
    Refund(NewRefund),
}

#[derive(Debug)]
pub(super) struct NewIntent {
    pub(super) amount: u64,
    pub(super) currency: String,
    pub(super) token: String,
    pub(super) script: Script,
    pub(super) capture_method: CaptureMethod,
    pub(super) metadata: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaptureMethod {
    Manual,
    Automatic,
}

/// `amount` none = all that is left; `is_final` releases the rest of the hold.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) amount: Option<u64>,
    pub(super) is_final: bool,
}

#[derive(Debug)]
pub(super) struct NewRefund {
    pub(super) intent: String,
    pub(super) amount: Option<u64>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Ask {
    /// # Errors
    /// An intent that is not to be confirmed at once is refused: this gateway has no second step for it.
    pub(super) fn authorize(params: &mut Params) -> Result<Self, Fault> {
        let amount = params.amount("amount")?;
        let amount = amount.ok_or_else(|| {
            Fault::invalid("parameter_missing", "amount", "Missing required param: amount.")
        })?;
        let currency = params.required("currency")?;
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(Fault::invalid(
                "parameter_invalid",
                "currency",
                "Invalid currency: three small letters.",
            ));
        }
        let token = params.required("payment_method")?;
        let method = params.one_of("capture_method", &["manual", "automatic", "automatic_async"])?;
        let capture_method =
            if method == Some("manual") { CaptureMethod::Manual } else { CaptureMethod::Automatic };
        if params.flag("confirm")? != Some(true) {
            return Err(Fault::invalid("parameter_missing", "confirm", "This gateway needs confirm=true."));
        }
        let script = Script::read(&token);
        let metadata = params.metadata();
        Ok(Self::Authorize(NewIntent { amount, currency, token, script, capture_method, metadata }))
    }

    pub(super) fn capture(id: String, params: &mut Params) -> Result<Self, Fault> {
        let amount = params.integer("amount_to_capture")?;
        let is_final = params.flag("final_capture")?.unwrap_or(true);
        if amount == Some(0) && !is_final {
            let message = "Nothing would be captured and nothing released.";
            return Err(Fault::invalid("parameter_invalid_integer", "amount_to_capture", message));
        }
        Ok(Self::Capture { id, capture: Capture { amount, is_final } })
    }

    pub(super) fn cancel(id: String, params: &mut Params) -> Result<Self, Fault> {
        let reasons = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
        Ok(Self::Cancel { id, reason: params.one_of("cancellation_reason", &reasons)? })
    }

    pub(super) fn refund(params: &mut Params) -> Result<Self, Fault> {
        let intent = params.required("payment_intent")?;
        let amount = params.amount("amount")?;
        params.one_of("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
        Ok(Self::Refund(NewRefund { intent, amount, metadata: params.metadata() }))
    }
}
