//! The three properties over histories as the other rooms make them: duplicates change nothing, facts commute but
//! for the hold and its end, and nothing is stuck or said twice.

use std::collections::BTreeSet;

use messages::case::{CaseAsked, CaseClass, CaseEnd, CaseOpened, CaseResolved};
use messages::envelope::Event;
use messages::id::{ReleaseId, ShipmentId};
use messages::notice::NoticeKind;
use messages::order::{OrderAccepted, OrderCancelled, OrderHeld, OrderRefused};
use messages::payment::{PaymentDeclined, PaymentDelayed, PaymentRefunded};
use messages::shipment::{ShipmentDelivered, ShipmentDispatched, ShipmentReturned, ShipmentUndeliverable};
use messages::stock::{StockBackordered, StockLimited, StockReserved, StockUnavailable, StockWaitlisted};
use messages::{Body, KindOf};
use proptest::prelude::*;
use shell::stage::Stage;

use super::tests::{notices, order_row, stage};
use super::tries::UNCLEAR_MAX;
use super::*;
use crate::read::Answer;

/// One fact about the order; the number tells facts of one kind apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fact {
    Held,
    Accepted,
    Refused,
    Reserved(u16),
    Limited(u16),
    Unavailable(u16),
    Backordered(u16),
    Waitlisted(u16),
    Delayed(u16, u16),
    Declined(u16),
    Dispatched(u16),
    Delivered(u16),
    Undeliverable(u16, u16),
    Returned(u16),
    Cancelled,
    Asked(u16, u8),
    Ended(u16, CaseEnd),
    Refunded(u16),
    Died(u16),
}

impl Fact {
    /// Whether its place among its like is the decision: holds and their ends, and what a cancellation overtakes.
    fn is_in_a_race(self, all: &[Self]) -> bool {
        match self {
            Self::Held | Self::Accepted | Self::Refused | Self::Asked(..) | Self::Ended(..) => true,
            Self::Cancelled
            | Self::Reserved(_)
            | Self::Limited(_)
            | Self::Unavailable(_)
            | Self::Backordered(_)
            | Self::Waitlisted(_)
            | Self::Delayed(..)
            | Self::Declined(_) => all.contains(&Self::Cancelled),
            // What waits for its parcel is overtaken: a question by the end of its case, a failure by the return.
            Self::Dispatched(number) => {
                all.contains(&Self::Asked(number, 1)) || all.contains(&Self::Returned(number))
            }
            Self::Undeliverable(number, _) => all.contains(&Self::Returned(number)),
            Self::Returned(number) => {
                all.iter().any(|fact| matches!(fact, Self::Undeliverable(of, _) if *of == number))
            }
            Self::Delivered(_) | Self::Refunded(_) | Self::Died(_) => false,
        }
    }
}

/// An order's life: how it begins, what stock says, and what becomes of its releases.
fn history() -> impl Strategy<Value = Vec<Fact>> {
    let opening = prop_oneof![
        3 => Just(vec![Fact::Accepted]),
        2 => Just(vec![Fact::Held, Fact::Accepted]),
        1 => Just(vec![Fact::Held, Fact::Refused]),
        1 => Just(vec![Fact::Refused]),
    ];
    let stock = prop::sample::subsequence(
        vec![
            Fact::Reserved(1),
            Fact::Reserved(2),
            Fact::Limited(1),
            Fact::Unavailable(1),
            Fact::Backordered(1),
            Fact::Waitlisted(1),
        ],
        0..=6,
    );
    let release = prop::sample::select(vec![
        &[][..],
        &["declined"],
        &["delayed", "delayed", "declined"],
        &["dispatched"],
        &["delayed", "dispatched", "delivered"],
        &["dispatched", "undeliverable", "undeliverable", "delivered"],
        &["dispatched", "undeliverable", "returned"],
        &["dispatched", "undeliverable", "asked", "returned", "asked again", "reship"],
        &["dispatched", "returned", "asked", "refund", "refunded"],
        &["dispatched", "undeliverable", "died", "returned"],
    ]);
    let cancelled = prop::bool::weighted(0.3);
    (opening, stock, prop::collection::vec(release, 0..3), cancelled).prop_map(
        |(mut facts, stock, releases, cancelled)| {
            if facts.contains(&Fact::Accepted) {
                facts.extend(stock);
                for (number, words) in (1..).zip(releases) {
                    facts.extend((0..).zip(words).map(|(place, word)| of_release(number, place, word)));
                }
                if cancelled {
                    facts.push(Fact::Cancelled);
                }
            }
            facts
        },
    )
}

fn of_release(number: u16, place: u16, word: &str) -> Fact {
    match word {
        "declined" => Fact::Declined(number),
        "delayed" => Fact::Delayed(number, place),
        "dispatched" => Fact::Dispatched(number),
        "delivered" => Fact::Delivered(number),
        "undeliverable" => Fact::Undeliverable(number, place),
        "asked" => Fact::Asked(number, 1),
        "asked again" => Fact::Asked(number, 2),
        "reship" => Fact::Ended(number, CaseEnd::Reship),
        "refund" => Fact::Ended(number, CaseEnd::Refund),
        "refunded" => Fact::Refunded(number),
        "died" => Fact::Died(number),
        other => {
            assert_eq!(other, "returned");
            Fact::Returned(number)
        }
    }
}

/// A history and a permutation of it that keeps the races' order.
fn permuted() -> impl Strategy<Value = (Vec<Fact>, Vec<Fact>)> {
    history().prop_flat_map(|facts| {
        (Just(facts.clone()), Just(facts).prop_shuffle()).prop_map(|(facts, mut shuffled)| {
            let races = |fact: &Fact| fact.is_in_a_race(&facts);
            let places: Vec<usize> = (0..shuffled.len()).filter(|&place| races(&shuffled[place])).collect();
            for (&place, &fact) in places.iter().zip(facts.iter().filter(|fact| races(fact))) {
                shuffled[place] = fact;
            }
            (facts, shuffled)
        })
    })
}

fn event(stage: &mut Stage<Notifications>, fact: Fact) -> Event {
    let order = OrderAccepted::sample().order;
    let release = |number| ReleaseId::of(&order, number);
    let shipment = |number| ShipmentId::of(&release(number), 1);
    let mut event = match fact {
        Fact::Held => stage.event(&OrderHeld::sample()),
        Fact::Accepted => stage.event(&OrderAccepted::sample()),
        Fact::Refused => stage.event(&OrderRefused::sample()),
        Fact::Reserved(_) => stage.event(&StockReserved::sample()),
        Fact::Limited(_) => stage.event(&StockLimited::sample()),
        Fact::Unavailable(_) => stage.event(&StockUnavailable::sample()),
        Fact::Backordered(_) => stage.event(&StockBackordered::sample()),
        Fact::Waitlisted(_) => stage.event(&StockWaitlisted::sample()),
        Fact::Delayed(number, _) => {
            stage.event(&PaymentDelayed { release: release(number), ..PaymentDelayed::sample() })
        }
        Fact::Declined(number) => {
            stage.event(&PaymentDeclined { release: release(number), ..PaymentDeclined::sample() })
        }
        Fact::Dispatched(number) => {
            stage.event(&ShipmentDispatched { shipment: shipment(number), ..ShipmentDispatched::sample() })
        }
        Fact::Delivered(number) => {
            stage.event(&ShipmentDelivered { shipment: shipment(number), ..ShipmentDelivered::sample() })
        }
        Fact::Undeliverable(number, _) => stage
            .event(&ShipmentUndeliverable { shipment: shipment(number), ..ShipmentUndeliverable::sample() }),
        Fact::Returned(number) => {
            stage.event(&ShipmentReturned { shipment: shipment(number), ..ShipmentReturned::sample() })
        }
        Fact::Cancelled => stage.event(&OrderCancelled::sample()),
        Fact::Asked(number, contact) => {
            stage.event(&CaseAsked { case: shipment(number), contact, ..CaseAsked::sample() })
        }
        Fact::Ended(number, resolution) => {
            stage.event(&CaseResolved { case: shipment(number), resolution, ..CaseResolved::sample() })
        }
        Fact::Refunded(number) => {
            stage.event(&PaymentRefunded { release: release(number), ..PaymentRefunded::sample() })
        }
        Fact::Died(number) => {
            let class = CaseClass::Deceased;
            stage.event(&CaseOpened { case: shipment(number), class, ..CaseOpened::sample() })
        }
    };
    event.id = format!("{fact:?}");
    event
}

fn told(facts: &[Fact]) -> Stage<Notifications> {
    let mut stage = stage();
    for &fact in facts {
        let event = event(&mut stage, fact);
        stage.tell_event(&event);
    }
    stage
}

/// Everything that a later message could see.
fn everything(stage: &Stage<Notifications>) -> (Vec<(Key, State)>, Vec<String>) {
    let due = stage
        .due()
        .into_iter()
        .map(|row| format!("{} {} {} {} {}", row.key, row.kind, row.attempt, row.due_at, row.body))
        .collect();
    let blank = |(key, state): &(Key, State)| State::blank(key) == *state;
    (stage.rows().into_iter().filter(|row| !blank(row)).collect(), due)
}

fn answer() -> impl Strategy<Value = Answer> {
    prop::sample::select(vec![
        Answer::Sent,
        Answer::NoEmail,
        Answer::Refused { code: 550 },
        Answer::Unsendable,
        Answer::TryLater,
        Answer::PutOff,
        Answer::Unclear,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn duplicates_change_nothing((facts, again) in permuted()) {
        let once = told(&facts);
        let mut twice = told(&facts);
        for &fact in &again {
            let event = event(&mut twice, fact);
            prop_assert!(twice.tell_event(&event).is_empty());
        }
        prop_assert_eq!(everything(&once), everything(&twice));
    }

    #[test]
    fn the_order_of_facts_does_not_matter((facts, shuffled) in permuted()) {
        prop_assert_eq!(everything(&told(&facts)), everything(&told(&shuffled)));
    }

    #[test]
    fn nothing_is_stuck_untold_or_told_twice(
        (facts, shuffled) in permuted(),
        answers in prop::collection::vec(answer(), 0..40),
    ) {
        let mut stage = told(&shuffled);
        prop_assert_eq!(order_row(&stage).waiting, []);
        let made = notices(&stage);
        let reserved = facts.iter().filter(|fact| matches!(fact, Fact::Reserved(_))).count();
        let confirmed = made.iter().filter(|(id, _)| id.kind == NoticeKind::Confirmed).count();
        if facts.contains(&Fact::Cancelled) {
            prop_assert!(confirmed <= reserved, "what a cancellation overtook is not told");
        } else {
            prop_assert_eq!(confirmed, reserved, "confirmed is told for reserved units and for nothing else");
        }
        let ids: BTreeSet<String> = made.iter().map(|(_, notice)| notice.message_id.clone()).collect();
        prop_assert_eq!(ids.len(), made.len(), "no two notices share a Message-ID");

        let mut told = 0;
        for answer in answers.into_iter().chain(std::iter::repeat(Answer::Sent)) {
            let Some(row) = stage.due().into_iter().next() else { break };
            let said = stage.answer(MAIL, &row.key, &answer);
            told += said.iter().filter(|said| said.kind == NoticeSent::KIND).count();
            for (id, notice) in notices(&stage) {
                let is_due = stage.due().iter().any(|row| row.key == id.to_string());
                prop_assert_eq!(is_due, notice.status == Status::Pending);
                prop_assert!(notice.unclear <= UNCLEAR_MAX);
            }
        }
        let ended = notices(&stage);
        let of = |status| ended.iter().filter(|(_, notice)| notice.status == status).count();
        prop_assert_eq!(told, of(Status::Sent) + of(Status::Letter));
        prop_assert_eq!(stage.open_tasks().len(), of(Status::Letter) + of(Status::Unclear) + of(Status::Failed));
        prop_assert_eq!(of(Status::Pending), 0);
        let is_silent = facts.iter().any(|fact| matches!(fact, Fact::Died(_)));
        prop_assert_eq!(of(Status::Withheld), if is_silent { ended.len() } else { 0 });
    }
}
