//! One hold and what it is for: which units have left, which are missing, what is to be taken. Sums only; it says
//! nothing and asks nobody.

use messages::Timestamp;
use messages::money::{Amount, Currency};
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
    pub currency: Currency,
    pub shipping: Amount,
    pub lines: Vec<ChargeLine>,
    /// Sealed `payment` section, there as long as a unit is left that may yet be reported missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Sealed>,
}

/// Units of one line by where they are; together the line's quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeLine {
    pub line: u16,
    pub unit_price: Amount,
    pub left: u32,
    pub shipped: u32,
    pub missing: u32,
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
            })
            .collect();
        Self {
            intent,
            capture_before,
            amount: *amount,
            authorized: *amount,
            captured: Amount::ZERO,
            currency: *currency,
            shipping: *shipping,
            lines,
            payment: Some(folder.payment.clone()),
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
        self.forget_card();
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
        self.forget_card();
        payment.map(|payment| (lost, payment))
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

    fn forget_card(&mut self) {
        if !self.has_left() {
            self.payment = None;
        }
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
        assert_eq!((charge.lose(&[units(1)]), &charge.payment), (None, &None));
        assert!(!charge.ship(&[units(1)]), "a reship is paid for");
        assert!(charge.ship(&[units(2)]), "one of them had been reported missing");
        assert!(charge.ship(&[LineUnits { line: 7, ..units(1) }]), "never part of it");
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
