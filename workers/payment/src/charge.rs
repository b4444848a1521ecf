//! One hold and what it is for: which units have left, which are missing, what is to be taken. Sums only; it says
//! nothing and asks nobody.

use messages::Timestamp;
use messages::money::{Amount, Currency};
use messages::payment::DeclineClass;
use messages::sealed::Sealed;
use messages::stock::{LineUnits, Release, ReleaseReady};
use serde::{Deserialize, Serialize};

/// A release that is held on a card, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The gateway's name of the hold; none if there is nothing to pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    pub capture_before: Timestamp,
    /// The release's amount.
    pub amount: Amount,
    pub authorized: Amount,
    pub captured: Amount,
    pub refunded: Amount,
    pub currency: Currency,
    pub shipping: Amount,
    pub lines: Vec<ChargeLine>,
    /// Sealed `payment` section, there as long as a unit is left that may yet be reported missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Renewal::is_idle")]
    pub renewal: Renewal,
    /// How often it was told that the hold lapses.
    #[serde(default)]
    pub delays: u32,
}

/// What is done about the end of a hold, while units are left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "renewal", rename_all = "snake_case")]
pub enum Renewal {
    /// Nothing is held.
    #[default]
    Idle,
    At {
        at: Timestamp,
        /// Declines of this renewal, so far.
        declines: usize,
    },
    /// The card was declined once too often; only a dispatch asks again, and not if the class is `never`.
    GivenUp { class: DeclineClass, code: String },
}

impl Renewal {
    fn is_idle(&self) -> bool {
        *self == Self::Idle
    }
}

/// Units of one line by where they are; together the line's quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeLine {
    pub line: u16,
    pub unit_price: Amount,
    pub left: u32,
    pub shipped: u32,
    /// Reported missing, or cancelled.
    pub missing: u32,
    /// Of those that were shipped.
    #[serde(default)]
    pub refunded: u32,
}

/// What a charge calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Wait,
    /// 0 only where there was nothing to pay.
    Capture(Amount),
    Void,
}

impl Charge {
    /// The charge of a release that has just been authorized.
    #[must_use]
    pub fn of(folder: &ReleaseReady, intent: Option<String>, capture_before: Timestamp) -> Self {
        let Release { lines, shipping, amount, currency, .. } = &folder.release;
        let lines = lines
            .iter()
            .map(|line| ChargeLine {
                line: line.line,
                unit_price: line.unit_price,
                left: line.quantity,
                shipped: 0,
                missing: 0,
                refunded: 0,
            })
            .collect();
        Self {
            intent,
            capture_before,
            amount: *amount,
            authorized: *amount,
            captured: Amount::ZERO,
            refunded: Amount::ZERO,
            currency: *currency,
            shipping: *shipping,
            lines,
            payment: Some(folder.payment.clone()),
            renewal: Renewal::Idle,
            delays: 0,
        }
    }

    /// Units have left. Says whether some of them were not there to leave: reported missing before, or never part
    /// of the release. (Units that leave a second time are a reship, and already paid for.)
    pub fn ship(&mut self, units: &[LineUnits]) -> bool {
        let mut strays = false;
        for wanted in units {
            let line = self.lines.iter_mut().find(|line| line.line == wanted.line);
            strays |= line.is_none_or(|line| {
                let taken = wanted.quantity.min(line.left);
                line.left -= taken;
                line.shipped += taken;
                line.shipped < wanted.quantity
            });
        }
        strays
    }

    /// Units cannot be found. Gives those that were still left, with the section that a new release needs.
    pub fn lose(&mut self, units: &[LineUnits]) -> Option<(Vec<LineUnits>, Sealed)> {
        let mut lost = Vec::new();
        for wanted in units {
            let Some(line) = self.lines.iter_mut().find(|line| line.line == wanted.line) else { continue };
            let quantity = wanted.quantity.min(line.left);
            line.left -= quantity;
            line.missing += quantity;
            if quantity > 0 {
                lost.push(LineUnits { quantity, ..wanted.clone() });
            }
        }
        let payment = self.payment.clone().filter(|_| !lost.is_empty());
        payment.map(|payment| (lost, payment))
    }

    /// The units that are still here will not leave: the order is cancelled.
    pub fn give_up(&mut self) {
        for line in &mut self.lines {
            line.missing += std::mem::take(&mut line.left);
        }
    }

    /// Drops the payment section once no unit is left that may be reported missing.
    pub fn forget_card(&mut self) {
        if !self.has_left() {
            self.payment = None;
        }
    }

    /// What has left or may yet leave and is not paid for: what a new hold is to be for.
    #[must_use]
    pub fn outstanding(&self) -> Amount {
        let wanted = self.lines.iter().map(|line| (line.unit_price, line.left + line.shipped));
        let units = wanted.clone().any(|(_, units)| units > 0);
        let value = wanted
            .map(|(price, units)| price.checked_mul(units))
            .try_fold(Amount::ZERO, |sum, amount| sum.checked_add(amount?));
        let shipping = if units { self.shipping } else { Amount::ZERO };
        let value = value.and_then(|value| value.checked_add(shipping)).unwrap_or(self.authorized);
        value.min(self.authorized).checked_sub(self.captured).unwrap_or(Amount::ZERO)
    }

    /// Marks units as given back, each at most once, and says what that comes to: their price, and the shipping charge
    /// with the last of all units that were shipped. `kept` has been taken and is no longer to be had.
    pub fn give_back(&mut self, units: &[LineUnits], kept: Amount) -> Amount {
        let mut value = Some(Amount::ZERO);
        let mut is_any = false;
        for wanted in units {
            let Some(line) = self.lines.iter_mut().find(|line| line.line == wanted.line) else { continue };
            let quantity = wanted.quantity.min(line.shipped.saturating_sub(line.refunded));
            line.refunded += quantity;
            is_any |= quantity > 0;
            value = value.and_then(|sum| sum.checked_add(line.unit_price.checked_mul(quantity)?));
        }
        if is_any && self.lines.iter().all(|line| line.refunded >= line.shipped) {
            value = value.and_then(|sum| sum.checked_add(self.shipping));
        }
        let gone = self.refunded.checked_add(kept);
        let room = gone.and_then(|gone| self.captured.checked_sub(gone)).unwrap_or(Amount::ZERO);
        value.unwrap_or(room).min(room)
    }

    /// Adds a refund, never above what was taken. Gives what was added.
    pub fn refund(&mut self, amount: Amount) -> Amount {
        let room = self.captured.checked_sub(self.refunded).unwrap_or(Amount::ZERO);
        let given = amount.min(room);
        self.refunded = self.refunded.checked_add(given).unwrap_or(self.captured);
        given
    }

    /// What has left and is not paid for yet. The shipping charge goes with the first unit.
    #[must_use]
    pub fn due(&self) -> Amount {
        let shipped = self.lines.iter().filter(|line| line.shipped > 0);
        let value = shipped
            .map(|line| line.unit_price.checked_mul(line.shipped))
            .try_fold(Amount::ZERO, |sum, amount| sum.checked_add(amount?));
        let shipping = if self.has_shipped() { self.shipping } else { Amount::ZERO };
        let value = value.and_then(|value| value.checked_add(shipping)).unwrap_or(self.authorized);
        value.min(self.authorized).checked_sub(self.captured).unwrap_or(Amount::ZERO)
    }

    #[must_use]
    pub fn next(&self) -> Next {
        let due = self.due();
        if due > Amount::ZERO {
            Next::Capture(due)
        } else if self.has_left() || self.captured > Amount::ZERO {
            Next::Wait
        } else if self.has_shipped() && self.intent.is_none() {
            Next::Capture(Amount::ZERO)
        } else {
            Next::Void
        }
    }

    /// Adds a capture, never above what is held. Gives what was added.
    pub fn capture(&mut self, amount: Amount) -> Amount {
        let room = self.authorized.checked_sub(self.captured).unwrap_or(Amount::ZERO);
        let taken = amount.min(room);
        self.captured = self.captured.checked_add(taken).unwrap_or(self.authorized);
        taken
    }

    fn has_left(&self) -> bool {
        self.lines.iter().any(|line| line.left > 0)
    }

    fn has_shipped(&self) -> bool {
        self.lines.iter().any(|line| line.shipped > 0)
    }
}

#[cfg(test)]
mod tests {
    use messages::Body as _;
    use messages::item::ItemNumber;

    use super::*;

    /// Unit price, units left, shipped, missing.
    type Units = (i64, u32, u32, u32);

    #[test]
    fn what_a_charge_calls_for() {
        let pay = Some("pi_1");
        #[rustfmt::skip]
        let table: &[(Option<&str>, &[Units], i64, Next)] = &[
            (pay, &[(100, 2, 0, 0)], 0, Next::Wait),
            (pay, &[(100, 1, 1, 0)], 0, Next::Capture(amount(107))),
            (pay, &[(100, 0, 1, 1)], 0, Next::Capture(amount(107))),
            (pay, &[(100, 0, 2, 0)], 107, Next::Capture(amount(100))),
            (pay, &[(100, 0, 2, 0)], 207, Next::Wait),
            (pay, &[(100, 1, 1, 0)], 107, Next::Wait),
            (pay, &[(100, 0, 0, 2)], 0, Next::Void),
            (pay, &[(100, 1, 0, 1)], 0, Next::Wait),
            (None, &[(0, 0, 1, 0)], 0, Next::Capture(amount(0))),
            (None, &[(0, 1, 1, 0)], 0, Next::Wait),
            (None, &[(0, 0, 0, 1)], 0, Next::Void),
        ];
        for (intent, lines, captured, next) in table {
            let mut charge = charge(*intent, lines);
            charge.captured = amount(*captured);
            assert_eq!(charge.next(), *next, "{lines:?} {captured}");
        }
    }

    #[test]
    fn a_free_line_that_has_left_holds_no_money_back() {
        let mut charge = charge(Some("pi_1"), &[(0, 0, 1, 0), (100, 0, 0, 1)]);
        charge.shipping = Amount::ZERO;
        assert_eq!(charge.next(), Next::Void);
    }

    #[test]
    fn no_more_is_due_than_is_held_whatever_the_lines_come_to() {
        let mut charge = charge(Some("pi_1"), &[(100, 0, 2, 0)]);
        charge.authorized = amount(150);
        assert_eq!(charge.next(), Next::Capture(amount(150)));
        assert_eq!(charge.capture(amount(200)), amount(150));
        charge.lines[0].unit_price = Amount::MAX;
        assert_eq!(charge.due(), Amount::ZERO);
    }

    #[test]
    fn units_leave_or_get_lost_once() {
        let mut charge = charge(None, &[(100, 3, 0, 0)]);
        assert!(!charge.ship(&[units(1)]));
        let lost = charge.lose(&[units(5), LineUnits { line: 7, ..units(1) }]).map(|(lost, _)| lost);
        assert_eq!(lost, Some(vec![units(2)]), "only what was left");
        assert_eq!(charge.lose(&[units(1)]), None);
        charge.forget_card();
        assert_eq!(charge.payment, None);
        assert!(!charge.ship(&[units(1)]), "a reship is paid for");
        assert!(charge.ship(&[units(2)]), "one of them had been reported missing");
        assert!(charge.ship(&[LineUnits { line: 7, ..units(1) }]), "never part of it");
    }

    #[test]
    fn a_new_hold_is_for_what_may_still_be_charged() {
        let table: &[(&[Units], i64)] = &[
            (&[(100, 2, 0, 0)], 207),
            (&[(100, 1, 0, 1)], 107),
            (&[(100, 0, 1, 1)], 107),
            (&[(100, 0, 0, 2)], 0),
            (&[(0, 1, 0, 0), (100, 0, 0, 1)], 7),
        ];
        for (lines, expected) in table {
            let mut charge = charge(Some("pi_1"), lines);
            charge.authorized = amount(1_000);
            assert_eq!(charge.outstanding(), amount(*expected), "{lines:?}");
            charge.give_up();
            assert!(!charge.has_left());
        }
    }

    #[test]
    fn units_are_given_back_once_and_shipping_with_the_last() {
        let mut charge = charge(Some("pi_1"), &[(100, 0, 2, 1)]);
        charge.authorized = amount(1_000);
        charge.captured = amount(207);
        assert_eq!(charge.give_back(&[units(1)], Amount::ZERO), amount(100));
        assert_eq!(charge.refund(amount(100)), amount(100));
        assert_eq!(charge.give_back(&[units(3)], Amount::ZERO), amount(107), "only what was shipped");
        assert_eq!(charge.refund(amount(999)), amount(107), "never more than was taken");
        assert_eq!(charge.give_back(&[units(1)], Amount::ZERO), Amount::ZERO);
    }

    #[test]
    fn what_a_person_gives_back_is_not_given_back_again() {
        let mut charge = charge(Some("pi_1"), &[(100, 0, 2, 0)]);
        charge.authorized = amount(1_000);
        charge.captured = amount(207);
        charge.give_back(&[units(1)], Amount::ZERO);
        assert_eq!(charge.give_back(&[units(1)], amount(150)), amount(57));
    }

    /// With 7 for shipping, unless there is nothing to pay.
    fn charge(intent: Option<&str>, lines: &[Units]) -> Charge {
        let folder = ReleaseReady::sample();
        let mut charge =
            Charge::of(&folder, intent.map(str::to_owned), Timestamp(time::OffsetDateTime::UNIX_EPOCH));
        charge.shipping = if intent.is_some() { amount(7) } else { Amount::ZERO };
        charge.lines = (1..)
            .zip(lines)
            .map(|(line, &(price, left, shipped, missing))| ChargeLine {
                line,
                unit_price: amount(price),
                left,
                shipped,
                missing,
                refunded: 0,
            })
            .collect();
        charge
    }

    fn units(quantity: u32) -> LineUnits {
        LineUnits { line: 1, item: ItemNumber::parse("26EA").unwrap(), quantity }
    }

    fn amount(minor: i64) -> Amount {
        Amount::new(minor).unwrap()
    }
}
