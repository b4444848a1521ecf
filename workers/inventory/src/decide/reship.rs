//! Parcels that are sent again: their units are set aside before anybody asks the warehouse for them, so that no parcel
//! goes out with units that are somebody else's. It charges nothing and counts nothing for a household.

use messages::id::{OrderNumber, ShipmentId};
use messages::order::Place;
use messages::stock::{LineUnits, ReshipReady, Tally};
use serde::{Deserialize, Serialize};
use shell::worker::{Decision, World};

use crate::Inventory;
use crate::decide::books::Books;
use crate::decide::order::{Allotted, Release, Standing};
use crate::decide::stock::List;
use crate::decide::waiting::take_place;
use crate::store::WaitingKey;

/// A parcel that is sent again, as long as it holds or waits for units, and its stub afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reship {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Resent>,
    /// Whether it was told that all its units are set aside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub told: bool,
    /// What the warehouse could not find of it.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub missed: Tally,
}

/// Units of one line to be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resent {
    pub units: LineUnits,
    pub standing: Standing,
}

/// A release and the place of its order, where a parcel is to be sent again.
pub(super) struct Resender<'a> {
    pub(super) world: &'a World<Inventory>,
    pub(super) order: &'a OrderNumber,
    pub(super) place: &'a Place,
}

impl Resender<'_> {
    /// Sets units aside for the parcel, or stands in line for them. Only what the release once sent is sent again.
    pub(super) fn resend(
        &self,
        books: &mut Books<'_>,
        decision: &mut Decision<Inventory>,
        release: &mut Release,
        shipment: &ShipmentId,
        lines: &[LineUnits],
    ) {
        if release.reships.contains_key(shipment) {
            return;
        }
        let mut reship = Reship::default();
        for units in lines {
            if !release.sent.iter().any(|sent| sent.line == units.line && sent.item == units.item) {
                continue;
            }
            let standing = match books.claim_to_resend(&units.item, units.quantity) {
                None => Standing::Reserved { ready_at: None },
                Some(list) => {
                    let key = WaitingKey::to_resend(&units.item, list, self.place, shipment, units.line);
                    books.join(&units.item, list, units.quantity, &key);
                    take_place(self.world, decision, key);
                    Standing::waits(list)
                }
            };
            reship.lines.push(Resent { units: units.clone(), standing });
        }
        release.reships.insert(shipment.clone(), reship);
        release.tell_reships(self.order, decision);
    }
}

impl Release {
    /// Says which parcels may be asked for, each once.
    pub(super) fn tell_reships(&mut self, order: &OrderNumber, decision: &mut Decision<Inventory>) {
        for (shipment, reship) in self.reships.iter_mut().filter(|(_, reship)| reship.is_news()) {
            reship.told = true;
            let lines = reship.lines.iter().map(|line| line.units.clone()).collect();
            decision.emit(order, &ReshipReady { shipment: shipment.clone(), order: order.clone(), lines });
        }
    }

    /// The parcel left with these units; gives those that had been set aside for it.
    pub(super) fn resent(
        &mut self,
        books: &mut Books<'_>,
        shipment: &ShipmentId,
        lines: &[LineUnits],
    ) -> Vec<LineUnits> {
        let taken = self.reships.get_mut(shipment).map(|reship| reship.take(lines)).unwrap_or_default();
        for units in &taken {
            books.ship(&units.item, units.quantity);
        }
        taken
    }

    /// Units that had been set aside for the parcel do not exist.
    pub(super) fn missed(&mut self, books: &mut Books<'_>, shipment: &ShipmentId, missing: &[LineUnits]) {
        let taken = self.reships.get_mut(shipment).map(|reship| reship.miss(missing)).unwrap_or_default();
        for units in &taken {
            books.lose(&units.item, units.quantity);
        }
    }
}

impl Reship {
    fn is_news(&self) -> bool {
        let is_set_aside = |line: &Resent| line.standing.list().is_none();
        !self.told && !self.lines.is_empty() && self.lines.iter().all(is_set_aside)
    }

    /// Takes out what of these units was not reported before.
    fn miss(&mut self, missing: &[LineUnits]) -> Vec<LineUnits> {
        let more = self.missed.learn(missing);
        self.take(&more)
    }

    /// Takes out up to so many units of each of these lines.
    fn take(&mut self, lines: &[LineUnits]) -> Vec<LineUnits> {
        let mut taken = Vec::new();
        for wanted in lines {
            let Some(line) = self.lines.iter_mut().find(|line| line.units.line == wanted.line) else {
                continue;
            };
            let quantity = line.units.quantity.min(wanted.quantity);
            line.units.quantity -= quantity;
            taken.push(LineUnits { quantity, ..line.units.clone() });
        }
        self.lines.retain(|line| line.units.quantity > 0);
        taken
    }
}

impl Allotted {
    /// The list and the units of the line of a parcel sent again that stands at this place, if one does.
    pub(super) fn resent_at(&self, place: &WaitingKey) -> Option<(List, u32)> {
        self.releases.values().flat_map(|release| &release.reships).find_map(|(shipment, reship)| {
            let line = reship.lines.iter().find(|line| line.stands_at(place, &self.place, shipment))?;
            Some((line.standing.list()?, line.units.quantity))
        })
    }

    /// The line at this place has its units now.
    pub(super) fn give_to_resend(&mut self, place: &WaitingKey) {
        let of = &self.place;
        for (shipment, reship) in self.releases.values_mut().flat_map(|release| &mut release.reships) {
            for line in reship.lines.iter_mut().filter(|line| line.stands_at(place, of, shipment)) {
                line.standing = Standing::Reserved { ready_at: None };
            }
        }
    }

    pub(super) fn tell_reships(&mut self, order: &OrderNumber, decision: &mut Decision<Inventory>) {
        for release in self.releases.values_mut() {
            release.tell_reships(order, decision);
        }
    }
}

impl Resent {
    fn stands_at(&self, place: &WaitingKey, of: &Place, shipment: &ShipmentId) -> bool {
        let LineUnits { item, line, .. } = &self.units;
        self.standing
            .list()
            .is_some_and(|list| WaitingKey::to_resend(item, list, of, shipment, *line) == *place)
    }
}
