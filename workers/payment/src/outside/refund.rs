//! Refunds at the gateway. What it says of a refund is read here; whether one is owed is decided elsewhere.

use messages::money::Amount;

use super::http::{Heard, understood};
use super::wire::{Page, Refund, RefundStatus};
use super::{Found, Gateway, open};
use crate::call::{Answer, RefundCall};

impl Gateway {
    pub(super) async fn refund(&self, call: &RefundCall, look: bool) -> Found {
        if look {
            return match self.find_refund(call).await {
                Ok(found) => Found::clear(found.unwrap_or(Answer::NotFound)),
                Err(heard) => Found::of(heard),
            };
        }
        let amount = call.amount.minor().to_string();
        let fields = [
            ("payment_intent", call.intent.as_str()),
            ("amount", amount.as_str()),
            ("metadata[reference]", call.reference.as_str()),
            ("metadata[order]", call.order.as_str()),
            ("metadata[case]", call.case.as_str()),
        ];
        match self.http.post::<Refund>("/v1/refunds", &call.errand.idempotency_key, &fields).await {
            Ok(refund) => Found::clear(given_back(&refund)),
            Err(Heard::Refused { refusal, .. }) if refusal.is_final_for_refund() => {
                let declined = Answer::RefundDeclined { code: refusal.card_code() };
                // It may be refused since it has been done.
                match self.find_refund(call).await {
                    Ok(found) => Found::clear(found.unwrap_or(declined)),
                    Err(heard) => Found::of(heard),
                }
            }
            Err(heard) => Found::of(heard),
        }
    }

    async fn find_refund(&self, call: &RefundCall) -> Result<Option<Answer>, Heard> {
        let refunds = self.http.refunds(&call.intent).await?;
        Ok(refunds.iter().find(|refund| refund.has_reference(&call.reference)).map(given_back))
    }
}

/// As [`super::taken_for`], of a refund and of a list of them.
pub(super) fn taken_for(status: u16, is_replayed: bool, body: &[u8]) -> Vec<Answer> {
    let one = match understood::<Refund>(status, is_replayed, body) {
        Ok(refund) => given_back(&refund),
        Err(heard) => Found::of(heard).answer,
    };
    let page = understood::<Page<Refund>>(status, is_replayed, body);
    let found =
        page.ok().and_then(|page| page.data.iter().find(|one| one.has_reference("r")).map(given_back));
    std::iter::once(one).chain(found).collect()
}

fn given_back(refund: &Refund) -> Answer {
    match refund.status {
        Some(RefundStatus::Succeeded) | None => match Amount::new(refund.amount) {
            Ok(amount) => Answer::Refunded { amount },
            Err(_) => open("the refunded amount is out of range", true),
        },
        Some(RefundStatus::Failed) => Answer::RefundDeclined { code: "refund_failed".to_owned() },
        Some(RefundStatus::Canceled) => Answer::RefundDeclined { code: "refund_canceled".to_owned() },
        Some(RefundStatus::Pending | RefundStatus::Other) => open("the refund is still under way", true),
    }
}
