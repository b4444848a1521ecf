//! What the warehouse does with one request: open the label, pick, pack, say so. It is a function of the request
//! alone, so that a repeated request is answered with the same words; it must never show what a label says.

use messages::case::CaseReceive;
use messages::id::{Reference, ShipmentId, derived_id};
use messages::order::DeliverySection;
use messages::sealed::{Keyring, SealError, Section};
use messages::shipment::{ShipmentPacked, ShipmentRequested, ShipmentShort};
use messages::stock::LineUnits;
use messages::{Event, Timestamp};

use super::label::label;
use crate::carriers::{Parcel, Returned};
use crate::chance::of_text;
use crate::line::event;

/// How a warehouse works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    /// Shipments of a thousand of which a unit cannot be found.
    pub short_permille: u32,
    /// Answers of a thousand that are sent twice.
    pub double_permille: u32,
}

impl Default for Habits {
    fn default() -> Self {
        Self { short_permille: 10, double_permille: 30 }
    }
}

/// One request, done.
#[derive(Debug, Default)]
pub(super) struct Picked {
    /// What is said of it, repeats included.
    pub(super) events: Vec<Event>,
    pub(super) parcel: Option<Parcel>,
    pub(super) is_short: bool,
    pub(super) is_doubled: bool,
}

impl Picked {
    /// What is answered belongs to the trace of what was asked.
    pub(super) fn in_trace(mut self, traceparent: Option<&str>) -> Self {
        for said in self.events.iter_mut().map(|event| &mut event.traceparent) {
            *said = traceparent.map(str::to_owned);
        }
        if let Some(parcel) = &mut self.parcel {
            parcel.traceparent = traceparent.map(str::to_owned);
        }
        self
    }
}

/// Opens the label's section, which proves that it is for this warehouse and this order.
///
/// # Errors
/// There is no section, its key is not held, or it belongs to another order.
pub(super) fn open_label(ring: &Keyring, request: &ShipmentRequested) -> Result<DeliverySection, SealError> {
    let address = request.address.as_ref().ok_or(SealError::Form)?;
    ring.open(Section::Delivery, request.order.as_str(), request.delivery, address)
}

/// Picks and packs. `asked_at` is the time of the request's event, from which everything else follows.
pub(super) fn pick(
    outsider: &str,
    request: &ShipmentRequested,
    asked_at: Timestamp,
    habits: Habits,
) -> Picked {
    let shipment = &request.shipment;
    let mut chance = of_text(&format!("pick {shipment}"));
    // What is sent again lies in the hands of whoever opened it.
    let is_first = *shipment == ShipmentId::of(&request.release, 1);
    let is_short = chance.permille(habits.short_permille) && is_first;
    let (found, missing) =
        if is_short { without_one(&request.lines) } else { (request.lines.clone(), Vec::new()) };
    let mut picked = Picked { is_short, ..Picked::default() };
    let id = |verb: &str, time: u8| {
        derived_id(asked_at.0, &[outsider.as_bytes(), shipment.as_str().as_bytes(), verb.as_bytes(), &[time]])
            .to_string()
    };
    let say = |verb: &str, events: &mut Vec<Event>, is_doubled: bool, write: &dyn Fn(String) -> Event| {
        events.push(write(id(verb, 0)));
        if is_doubled {
            events.push(write(id(verb, 1)));
        }
    };
    // Half of the repeats are the same event, half the same words under a new id.
    let (resent, repeated) =
        (chance.permille(habits.double_permille / 2), chance.permille(habits.double_permille / 2));
    picked.is_doubled = resent || repeated;
    if !missing.is_empty() {
        let body = ShipmentShort { shipment: shipment.clone(), missing };
        say("short", &mut picked.events, repeated, &|id| {
            event(outsider, id, asked_at, shipment.as_str(), &body)
        });
    }
    if !found.is_empty() {
        let (carrier, tracking) = label(shipment, request.method);
        let body = ShipmentPacked {
            shipment: shipment.clone(),
            carrier,
            tracking: tracking.clone(),
            packed_at: asked_at,
            lines: found,
        };
        say("packed", &mut picked.events, repeated, &|id| {
            event(outsider, id, asked_at, shipment.as_str(), &body)
        });
        picked.parcel = Some(Parcel {
            shipment: shipment.clone(),
            carrier,
            tracking,
            packed_at: asked_at,
            traceparent: None,
        });
    }
    if resent {
        picked.events.extend(picked.events.first().cloned());
    }
    picked
}

/// What is said of a parcel that came back and was opened.
pub(super) fn unpacked(outsider: &str, returned: &Returned, at: Timestamp) -> Event {
    let shipment = &returned.shipment;
    let body = CaseReceive {
        reference: Reference::parse(&format!("back.{shipment}")).expect("an id fits into a reference"),
        shipment: shipment.clone(),
        condition: returned.condition,
        received_at: at,
        user: None,
    };
    let id = derived_id(returned.packed_at.0, &[outsider.as_bytes(), shipment.as_str().as_bytes(), b"back"]);
    let said = event(outsider, id.to_string(), at, shipment.as_str(), &body);
    Event { traceparent: returned.traceparent.clone(), ..said }
}

/// The lines less one unit, and that unit.
fn without_one(lines: &[LineUnits]) -> (Vec<LineUnits>, Vec<LineUnits>) {
    let mut found = lines.to_vec();
    let Some(first) = found.first_mut() else { return (Vec::new(), Vec::new()) };
    let missing = LineUnits { quantity: 1, ..first.clone() };
    first.quantity = first.quantity.saturating_sub(1);
    found.retain(|line| line.quantity > 0);
    (found, vec![missing])
}

#[cfg(test)]
mod tests {
    use messages::Body;
    use messages::case::Condition;
    use messages::envelope::read_body;
    use messages::id::{OrderNumber, ReleaseId};
    use messages::person::PersonName;
    use messages::samples::postal_address;
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_repeated_request_is_answered_with_the_same_words() {
        let habits = Habits { short_permille: 300, double_permille: 500 };
        for bits in 0..200 {
            let request = request(bits, 1);
            let say = || {
                let picked = pick("warehouse", &request, at(), habits);
                (serde_json::to_string(&picked.events).unwrap(), picked.parcel)
            };
            assert_eq!(say(), say());
        }
    }

    #[test]
    fn what_is_packed_and_what_is_missing_is_what_was_asked_for() {
        let habits = Habits { short_permille: 500, double_permille: 0 };
        let (mut short, mut empty) = (0, 0);
        for bits in 0..400 {
            let request = request(bits, 1 + u32::try_from(bits % 3).unwrap());
            let picked = pick("warehouse", &request, at(), habits);
            let mut units = 0;
            for event in &picked.events {
                if event.kind == "shipment.packed.v1" {
                    let packed: ShipmentPacked = read_body(&event.data).unwrap();
                    units += packed.lines.iter().map(|line| line.quantity).sum::<u32>();
                } else {
                    let missing: ShipmentShort = read_body(&event.data).unwrap();
                    units += missing.missing.iter().map(|line| line.quantity).sum::<u32>();
                    short += 1;
                }
            }
            assert_eq!(units, request.lines[0].quantity);
            empty += u32::from(picked.parcel.is_none());
        }
        assert!(short > 100 && empty > 30 && empty < short, "{short} {empty}");
    }

    #[test]
    fn an_answer_is_sent_twice_under_its_own_or_a_new_id() {
        let habits = Habits { short_permille: 0, double_permille: 1000 };
        let mut kinds = [0, 0];
        for bits in 0..100 {
            let picked = pick("warehouse", &request(bits, 1), at(), habits);
            if let [first, second] = &*picked.events {
                assert_eq!(first.data.get(), second.data.get());
                kinds[usize::from(first.id == second.id)] += 1;
            }
        }
        assert!(kinds[0] > 10 && kinds[1] > 10, "{kinds:?}");
    }

    #[test]
    fn what_came_back_is_told_once_and_as_it_looks() {
        let shipment = request(3, 1).shipment;
        let returned = Returned {
            shipment: shipment.clone(),
            condition: Condition::Damaged,
            packed_at: at(),
            traceparent: None,
        };
        let event = unpacked("warehouse", &returned, at().plus_seconds(9));
        let body: CaseReceive = read_body(&event.data).unwrap();
        assert_eq!((body.shipment, body.condition), (shipment, Condition::Damaged));
        assert_eq!(unpacked("warehouse", &returned, at().plus_seconds(12)).id, event.id);
    }

    #[test]
    fn a_label_opens_only_for_its_own_order() {
        let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
        let mut ring = Keyring::default();
        ring.init(&["warehouse"], now).unwrap();
        let section = DeliverySection {
            recipient: PersonName::parse("Pat Example").unwrap(),
            address: postal_address(),
            phone: None,
            gift_message: None,
        };
        let mut request = request(1, 1);
        let sealed =
            ring.seal_for("warehouse", Section::Delivery, request.order.as_str(), 1, &section, now).unwrap();
        request.address = Some(sealed);
        let own = Keyring::from_json(&ring.for_outsider("warehouse").to_json()).unwrap();
        assert!(open_label(&own, &request).is_ok_and(|label| label == section));
        let other = ShipmentRequested { order: OrderNumber::from_bits(2), ..request.clone() };
        assert!(matches!(open_label(&own, &other), Err(SealError::DoesNotOpen(_))));
        assert!(matches!(open_label(&Keyring::default(), &request), Err(SealError::MissingKey(_))));
        request.address = None;
        assert!(open_label(&own, &request).is_err());
    }

    fn request(bits: u64, quantity: u32) -> ShipmentRequested {
        let order = OrderNumber::from_bits(bits);
        let release = ReleaseId::of(&order, 1);
        let mut request = ShipmentRequested::sample();
        request.lines[0].quantity = quantity;
        ShipmentRequested { shipment: ShipmentId::of(&release, 1), release, order, ..request }
    }

    fn at() -> Timestamp {
        Timestamp::parse("2026-11-24T08:00:00Z").unwrap()
    }
}
