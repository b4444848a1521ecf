//! What an issuer's refusal means: never, later, or with other data. Advice goes before codes, and what is unknown
//! is never tried again, since the networks fine that (domain §5).

use messages::payment::DeclineClass;

/// The class of a decline, from the gateway's `decline_code` and `advice_code`.
#[must_use]
pub fn class_of(code: &str, advice: Option<&str>) -> DeclineClass {
    match advice {
        Some("do_not_try_again") => DeclineClass::Never,
        Some("try_again_later") => DeclineClass::Later,
        Some("confirm_card_data") => DeclineClass::FixData,
        Some(_) | None => class_of_code(code),
    }
}

/// The codes are Stripe's ("Decline codes"), the classes Visa's three categories.
fn class_of_code(code: &str) -> DeclineClass {
    match code {
        "approve_with_id"
        | "card_velocity_exceeded"
        | "insufficient_funds"
        | "issuer_not_available"
        | "processing_error"
        | "reenter_transaction"
        | "try_again_later"
        | "withdrawal_count_limit_exceeded" => DeclineClass::Later,
        "expired_card"
        | "incorrect_address"
        | "incorrect_cvc"
        | "incorrect_number"
        | "incorrect_zip"
        | "invalid_account"
        | "invalid_cvc"
        | "invalid_expiry_month"
        | "invalid_expiry_year"
        | "invalid_number" => DeclineClass::FixData,
        // Among them stolen_card, lost_card, pickup_card, fraudulent, do_not_honor and generic_decline.
        _ => DeclineClass::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_goes_before_codes_and_the_unknown_is_never_tried_again() {
        let table = [
            ("insufficient_funds", Some("do_not_try_again"), DeclineClass::Never),
            ("stolen_card", Some("try_again_later"), DeclineClass::Later),
            ("generic_decline", Some("confirm_card_data"), DeclineClass::FixData),
            ("insufficient_funds", Some("some_new_advice"), DeclineClass::Later),
            ("insufficient_funds", None, DeclineClass::Later),
            ("processing_error", None, DeclineClass::Later),
            ("issuer_not_available", None, DeclineClass::Later),
            ("try_again_later", None, DeclineClass::Later),
            ("expired_card", None, DeclineClass::FixData),
            ("incorrect_cvc", None, DeclineClass::FixData),
            ("incorrect_zip", None, DeclineClass::FixData),
            ("invalid_account", None, DeclineClass::FixData),
            ("incorrect_number", None, DeclineClass::FixData),
            ("stolen_card", None, DeclineClass::Never),
            ("lost_card", None, DeclineClass::Never),
            ("pickup_card", None, DeclineClass::Never),
            ("fraudulent", None, DeclineClass::Never),
            ("do_not_honor", None, DeclineClass::Never),
            ("generic_decline", None, DeclineClass::Never),
            ("", None, DeclineClass::Never),
            ("some_new_code", None, DeclineClass::Never),
        ];
        for (code, advice, class) in table {
            assert_eq!(class_of(code, advice), class, "{code} {advice:?}");
        }
    }
}
