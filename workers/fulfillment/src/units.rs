//! Units of lines as a quantity that can be compared and subtracted. It never holds a line without units, a
//! line twice, or two items under one line.

use std::collections::BTreeMap;

use messages::item::ItemNumber;
use messages::stock::LineUnits;
use serde::{Deserialize, Serialize};

/// Units by line; in JSON a list of lines in order. May be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<LineUnits>", into = "Vec<LineUnits>")]
pub struct Units(BTreeMap<u16, (ItemNumber, u32)>);

impl Units {
    /// The sum of these lines; `None` if there are none, one is of no units, or a line names two items.
    #[must_use]
    pub fn of(lines: &[LineUnits]) -> Option<Self> {
        if lines.is_empty() || lines.iter().any(|line| line.quantity == 0) {
            return None;
        }
        lines.iter().try_fold(Self::default(), |sum, line| {
            sum.plus(&Self(BTreeMap::from([(line.line, (line.item.clone(), line.quantity))])))
        })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many pieces.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.values().map(|(_, quantity)| u64::from(*quantity)).sum()
    }

    /// What is left without `other`; `None` if `other` is not within these units.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Option<Self> {
        let mut left = self.0.clone();
        for (line, (item, quantity)) in &other.0 {
            let (_, units) = left.get_mut(line).filter(|(have, _)| have == item)?;
            *units = units.checked_sub(*quantity)?;
            if *units == 0 {
                left.remove(line);
            }
        }
        Some(Self(left))
    }

    /// Both together; `None` if a line names two items or the sum is no quantity.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        let mut sum = self.0.clone();
        for (line, (item, quantity)) in &other.0 {
            let (have, units) = sum.entry(*line).or_insert_with(|| (item.clone(), 0));
            if have != item {
                return None;
            }
            *units = units.checked_add(*quantity)?;
        }
        Some(Self(sum))
    }

    #[must_use]
    pub fn lines(&self) -> Vec<LineUnits> {
        self.0
            .iter()
            .map(|(&line, (item, quantity))| LineUnits { line, item: item.clone(), quantity: *quantity })
            .collect()
    }
}

impl From<Vec<LineUnits>> for Units {
    /// For rows that the room wrote itself; what else is in them is dropped.
    fn from(lines: Vec<LineUnits>) -> Self {
        Self::of(&lines).unwrap_or_default()
    }
}

impl From<Units> for Vec<LineUnits> {
    fn from(units: Units) -> Self {
        units.lines()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up_by_line_and_come_off_only_where_they_are() {
        let some = |lines: &[(u16, &str, u32)]| Units::of(&list(lines)).expect("units");
        let three = some(&[(2, "19XE", 1), (1, "19XE", 1), (1, "19XE", 1)]);
        assert_eq!(three.lines(), list(&[(1, "19XE", 2), (2, "19XE", 1)]));
        assert_eq!(three.count(), 3);
        assert_eq!(three.minus(&some(&[(1, "19XE", 2)])), Some(some(&[(2, "19XE", 1)])));
        assert_eq!(three.minus(&three), Some(Units::default()));
        for other in [some(&[(1, "19XE", 3)]), some(&[(3, "19XE", 1)]), some(&[(1, "21RCS", 1)])] {
            assert_eq!(three.minus(&other), None, "{other:?}");
        }
    }

    #[test]
    fn no_units_are_no_units() {
        let nothing: [&[(u16, &str, u32)]; 4] = [
            &[],
            &[(1, "19XE", 0)],
            &[(1, "19XE", 1), (1, "21RCS", 1)],
            &[(1, "19XE", u32::MAX), (1, "19XE", 1)],
        ];
        for lines in nothing {
            assert_eq!(Units::of(&list(lines)), None, "{lines:?}");
        }
    }

    fn list(lines: &[(u16, &str, u32)]) -> Vec<LineUnits> {
        lines
            .iter()
            .map(|&(line, item, quantity)| LineUnits {
                line,
                item: ItemNumber::parse(item).expect("an item"),
                quantity,
            })
            .collect()
    }
}
