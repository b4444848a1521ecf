//! What the text of a payment token makes the gateway do. Text in, behaviour out; it must never count calls
//! or keep state.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Plain,
    DeclineNever,
    DeclineLater {
        times: u32,
    },
    DeclineData,
    /// The first hold stands; so many renewals are declined.
    DeclineRenewal {
        times: u32,
    },
    ServerError {
        times: u32,
    },
    Timeout,
    Slow {
        delay: Duration,
    },
    CaptureFails,
    CaptureTimeout,
    Expired,
}

impl Script {
    pub(super) fn read(token: &str) -> Self {
        let after = |prefix: &str| token.strip_prefix(prefix);
        if after("tok_decline_never").is_some() {
            Self::DeclineNever
        } else if let Some(rest) = after("tok_decline_later") {
            Self::DeclineLater { times: number(rest).unwrap_or(1) }
        } else if after("tok_decline_data").is_some() {
            Self::DeclineData
        } else if let Some(rest) = after("tok_decline_renewal") {
            Self::DeclineRenewal { times: number(rest).unwrap_or(1) }
        } else if let Some(rest) = after("tok_500") {
            Self::ServerError { times: number(rest).unwrap_or(1) }
        } else if after("tok_timeout").is_some() {
            Self::Timeout
        } else if let Some(rest) = after("tok_slow") {
            Self::Slow { delay: Duration::from_millis(number(rest).unwrap_or(1000).into()) }
        } else if after("tok_capture_fails").is_some() {
            Self::CaptureFails
        } else if after("tok_capture_timeout").is_some() {
            Self::CaptureTimeout
        } else if after("tok_expire").is_some() {
            Self::Expired
        } else {
            Self::Plain
        }
    }

    /// How long an authorization or capture of this token waits before it takes place.
    pub(super) fn delay(self) -> Duration {
        match self {
            Self::Slow { delay } => delay,
            Self::Plain
            | Self::DeclineNever
            | Self::DeclineLater { .. }
            | Self::DeclineData
            | Self::DeclineRenewal { .. }
            | Self::ServerError { .. }
            | Self::Timeout
            | Self::CaptureFails
            | Self::CaptureTimeout
            | Self::Expired => Duration::ZERO,
        }
    }
}

/// Why the issuer said no, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decline {
    Stolen,
    Funds,
    CardExpired,
    Generic,
}

impl Decline {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Stolen | Self::Funds | Self::Generic => "card_declined",
            Self::CardExpired => "expired_card",
        }
    }

    pub(super) fn decline_code(self) -> &'static str {
        match self {
            Self::Stolen => "stolen_card",
            Self::Funds => "insufficient_funds",
            Self::CardExpired => "expired_card",
            Self::Generic => "generic_decline",
        }
    }

    /// A generic decline carries no advice: the card rules then forbid a retry.
    pub(super) fn advice_code(self) -> Option<&'static str> {
        match self {
            Self::Stolen => Some("do_not_try_again"),
            Self::Funds => Some("try_again_later"),
            Self::CardExpired => Some("confirm_card_data"),
            Self::Generic => None,
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Stolen | Self::Generic => "Your card was declined.",
            Self::Funds => "Your card has insufficient funds.",
            Self::CardExpired => "Your card has expired.",
        }
    }
}

/// `_12_rest` and `_12` are 12; `_12a`, `` and a number beyond 32 bits are none.
fn number(rest: &str) -> Option<u32> {
    let word = rest.strip_prefix('_')?.split('_').next()?;
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_as_scripts() {
        let slow = |ms| Script::Slow { delay: Duration::from_millis(ms) };
        let table = [
            ("tok_ok", Script::Plain),
            ("tok_visa", Script::Plain),
            ("", Script::Plain),
            ("pm_tok_500_2", Script::Plain),
            ("tok_decline_never", Script::DeclineNever),
            ("tok_decline_never_77", Script::DeclineNever),
            ("tok_decline_later", Script::DeclineLater { times: 1 }),
            ("tok_decline_later_a1", Script::DeclineLater { times: 1 }),
            ("tok_decline_later_3", Script::DeclineLater { times: 3 }),
            ("tok_decline_later_3_a1", Script::DeclineLater { times: 3 }),
            ("tok_decline_later_99999999999", Script::DeclineLater { times: 1 }),
            ("tok_decline_data_x", Script::DeclineData),
            ("tok_decline_renewal_2_x", Script::DeclineRenewal { times: 2 }),
            ("tok_500", Script::ServerError { times: 1 }),
            ("tok_500_2_x", Script::ServerError { times: 2 }),
            ("tok_timeout_x", Script::Timeout),
            ("tok_slow_250_x", slow(250)),
            ("tok_slow", slow(1000)),
            ("tok_capture_fails_x", Script::CaptureFails),
            ("tok_capture_timeout_x", Script::CaptureTimeout),
            ("tok_expired", Script::Expired),
        ];
        for (token, script) in table {
            assert_eq!(Script::read(token), script, "{token}");
        }
    }
}
