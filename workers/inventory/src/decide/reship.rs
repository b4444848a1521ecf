//! Parcels that are sent again: their units are set aside before anybody asks the warehouse for them, so that no parcel
//! goes out with units that are somebody else's. It charges nothing and counts nothing for a household. Units that come
//! back are waited for; in place of lost ones others are sent, or their money goes back: nobody waits for what never comes.

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
use crate::store::{Key, WaitingKey};

/// A parcel that is sent again, as long as it holds or waits for units, and its stub afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reship {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Resent>,
    /// Lost units for which no others can be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<LineUnits>,
    /// Whether it was told what can be sent and what cannot.
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

/// Whether the units of the parcel that did not arrive are still to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    Back,
    /// They are lost, or what came back of them was opened already.
    Never,
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
        (shipment, awaited): (&ShipmentId, Awaited),
        lines: &[LineUnits],
    ) {
        if release.reships.contains_key(shipment) {
            return;
        }
        let mut reship = Reship::default();
        for units in lines {
            if release.sent.iter().any(|sent| sent.line == units.line && sent.item == units.item) {
                let standing = self.claim(books, decision, (shipment, awaited), units);
                reship.enter(units.clone(), standing);
            }
        }
        release.reships.insert(shipment.clone(), reship);
        release.tell_reships(self.order, decision);
    }

    /// The units that were waited for are lost after all.
    pub(super) fn give_up(
        &self,
        books: &mut Books<'_>,
        decision: &mut Decision<Inventory>,
        release: &mut Release,
        shipment: &ShipmentId,
    ) {
        let Some(reship) = release.reships.get_mut(shipment) else { return };
        for line in std::mem::take(&mut reship.lines) {
            let Some(list) = line.standing.list() else {
                reship.lines.push(line);
                continue;
            };
            books.leave(&line.units.item, list, line.units.quantity);
            let standing = self.claim(books, decision, (shipment, Awaited::Never), &line.units);
            // A place taken in this very batch is not locked; it is cleared away when the line is looked at.
            if standing != Some(line.standing)
                && let Some(place) = line.place(self.place, shipment).map(Key::Waiting)
                && self.world.find(&place).is_some()
            {
                decision.remove(place);
            }
            reship.enter(line.units, standing);
        }
        release.tell_reships(self.order, decision);
    }

    /// Units for a line or a place in line; none if they cannot be had.
    fn claim(
        &self,
        books: &mut Books<'_>,
        decision: &mut Decision<Inventory>,
        (shipment, awaited): (&ShipmentId, Awaited),
        LineUnits { item, quantity, line }: &LineUnits,
    ) -> Option<Standing> {
        let list = match awaited {
            Awaited::Back => books.claim_to_resend(item, *quantity),
            Awaited::Never => books.claim_again(item, *quantity).ok()?,
        };
        let Some(list) = list else { return Some(Standing::Reserved { ready_at: None }) };
        let key = WaitingKey::to_resend(item, list, self.place, shipment, *line);
        books.join(item, list, *quantity, &key);
        take_place(self.world, decision, key);
        Some(Standing::waits(list))
    }
}

impl Release {
    /// The places of parcels that wait for units to be sent again.
    pub(super) fn places_to_resend(&self, place: &Place) -> Vec<WaitingKey> {
        let lines = self
            .reships
            .iter()
            .flat_map(|(shipment, reship)| reship.lines.iter().map(move |line| (shipment, line)));
        lines.filter_map(|(shipment, line)| line.place(place, shipment)).collect()
    }

    /// Says what of which parcels may be asked for and what cannot be sent, each once.
    pub(super) fn tell_reships(&mut self, order: &OrderNumber, decision: &mut Decision<Inventory>) {
        for (shipment, reship) in self.reships.iter_mut().filter(|(_, reship)| reship.is_news()) {
            reship.told = true;
            let ready = ReshipReady {
                shipment: shipment.clone(),
                order: order.clone(),
                lines: reship.lines.iter().map(|line| line.units.clone()).collect(),
                unavailable: reship.unavailable.clone(),
            };
            decision.emit(order, &ready);
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
    fn enter(&mut self, units: LineUnits, standing: Option<Standing>) {
        match standing {
            Some(standing) => self.lines.push(Resent { units, standing }),
            None => self.unavailable.push(units),
        }
    }

    fn is_news(&self) -> bool {
        let is_set_aside = |line: &Resent| line.standing.list().is_none();
        let is_something = !self.lines.is_empty() || !self.unavailable.is_empty();
        !self.told && is_something && self.lines.iter().all(is_set_aside)
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
    fn place(&self, of: &Place, shipment: &ShipmentId) -> Option<WaitingKey> {
        let LineUnits { item, line, .. } = &self.units;
        self.standing.list().map(|list| WaitingKey::to_resend(item, list, of, shipment, *line))
    }

    fn stands_at(&self, place: &WaitingKey, of: &Place, shipment: &ShipmentId) -> bool {
        self.place(of, shipment).as_ref() == Some(place)
    }
}
