//! What holds for every history: books that balance, no cap exceeded, nobody overtaken, duplicates without effect, facts
//! in any order, cancelled orders without anything.

use inventory::store::State;
use messages::case::Condition;
use messages::id::ReleaseId;
use messages::stock::{LineUnits, ReleaseReady, StockUnavailable};
use messages::{Event, Kind};
use proptest::prelude::*;
use shell::stage::Said;

use crate::play::{Play, moves};
use crate::support::*;

/// What was said, as a bag.
fn bag<'a>(said: impl IntoIterator<Item = &'a Said>) -> Vec<(Kind, String)> {
    let mut bag: Vec<_> =
        said.into_iter().map(|said| (said.kind, said.event.data.get().to_owned())).collect();
    bag.sort();
    bag
}

/// How a release ends whose units are plentiful.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Declined,
    Shipped,
    /// So many units of the first line are missing, made again and shipped.
    Short(u32),
    /// Shipped and returned, fit to be sold or not.
    Back(bool),
}

/// Orders with all their facts, in the order in which they come about.
fn settled_history(fates: &[(u32, Fate, Fate)]) -> Shop {
    let mut shop = Shop::with(limited(pooled("AA", "POOL", 10_000, 2), 1_000, None), 1_000);
    for (order, (quantity, first, second)) in (1..).zip(fates) {
        // Only one release of an order is made again, since the numbers of two would be a race.
        let second = if let Fate::Short(_) = second { &Fate::Shipped } else { second };
        let order = wish(order, "ann", &[("AA", *quantity, 1), ("AA", 1, 1), ("AA", 2, 2)]).accepted();
        for (ready, fate) in told::<ReleaseReady>(&shop.say(&order)).into_iter().zip([first, second]) {
            let release = ready.release.release;
            let of = |line: &messages::order::Line| units(line.line, line.item.as_str(), line.quantity);
            let mut lines: Vec<LineUnits> = ready.release.lines.iter().map(of).collect();
            match fate {
                Fate::Declined => drop(shop.say(&declined(&release))),
                Fate::Shipped => drop(shop.say(&dispatched(&release, 1, lines))),
                Fate::Back(is_fit) => {
                    shop.say(&dispatched(&release, 1, lines.clone()));
                    let condition = if *is_fit { Condition::Restock } else { Condition::WrongItem };
                    shop.say(&back(&release, 1, condition, lines));
                }
                Fate::Short(missing) => {
                    let lost = LineUnits { quantity: lines[0].quantity.min(*missing), ..lines[0].clone() };
                    lines[0].quantity -= lost.quantity;
                    let again = told::<ReleaseReady>(&shop.say(&adjusted(&release, vec![lost.clone()])));
                    shop.say(&dispatched(&release, 1, lines));
                    shop.say(&dispatched(&again[0].release.release, 1, vec![lost]));
                }
            }
        }
    }
    shop
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_books_balance_after_every_message(moves in moves()) {
        let mut play = Play::new();
        moves.iter().for_each(|next| play.step(next));
    }

    #[test]
    fn duplicates_change_nothing(moves in moves()) {
        let mut play = Play::new();
        moves.iter().for_each(|next| play.step(next));
        let mut twice = Shop::new();
        for told in &play.shop.history {
            twice.replay(told);
            twice.settle();
            prop_assert!(twice.replay(told).is_empty());
        }
        for told in play.shop.history.iter().rev() {
            prop_assert!(twice.replay(told).is_empty());
        }
        prop_assert!(twice.settle().is_empty());
        prop_assert_eq!(twice.stage.rows(), play.shop.stage.rows());
    }

    #[test]
    fn facts_commute(
        fates in prop::collection::vec((1_u32..4, fate(), fate()), 1..5),
        order in prop::collection::vec(any::<u32>(), 64),
    ) {
        let causal = settled_history(&fates);
        let (commands, mut facts): (Vec<_>, Vec<_>) =
            causal.history.iter().cloned().partition(|(sender, _)| sender.is_some());
        let expected: Vec<Said> = replay(&facts, &commands).1;
        let mut places = order.into_iter();
        facts.sort_by_cached_key(|_| places.next());
        let (shuffled, said) = replay(&facts, &commands);
        prop_assert_eq!(shuffled.stage.rows(), causal.stage.rows());
        prop_assert_eq!(bag(&said), bag(&expected));
        let is_early = |state: &State| matches!(state, State::Order(order) if !order.early.is_empty());
        prop_assert!(!shuffled.stage.rows().values().any(is_early), "nothing waits once its partner has come");
    }

    #[test]
    fn of_three_times_the_demand_exactly_the_first_get_units(
        supply in 1_u32..12,
        scarce in 0_usize..3,
        cuts in prop::collection::vec(1_usize..9, 36),
    ) {
        let mut shop = match scarce {
            0 => Shop::with(product("AA"), supply),
            1 => Shop::with(capped("AA", u64::from(supply)), 99),
            _ => Shop::with(pooled("AA", "POOL", u64::from(supply) * 2 + 1, 2), 99),
        };
        let orders: Vec<Event> = (1..=u64::from(supply) * 3)
            .map(|order| shop.stage.event(&wish(order, "ann", &[("AA", 1, 1)]).accepted()))
            .collect();
        let (mut said, mut rest) = (Vec::new(), orders.as_slice());
        for cut in cuts {
            let (batch, later) = rest.split_at(cut.min(rest.len()));
            if !batch.is_empty() {
                said.extend(shop.tell_batch(batch));
            }
            rest = later;
        }
        let got: Vec<ReleaseId> = told::<ReleaseReady>(&said).into_iter().map(|it| it.release.release).collect();
        let first: Vec<ReleaseId> = (1..=u64::from(supply)).map(|order| release(order, 1)).collect();
        prop_assert_eq!(got, first);
        prop_assert_eq!(told::<StockUnavailable>(&said).len(), supply as usize * 2);
    }

    #[test]
    fn a_cancelled_order_holds_nothing_in_whatever_order_the_rest_comes(
        is_handed_over in any::<bool>(),
        places in prop::collection::vec(any::<u32>(), 12),
        looks in prop::collection::vec(any::<bool>(), 12),
    ) {
        // One line each: on the shelf, for its day, ordered back, on the waitlist.
        let mut shop = Shop::with(product("AA"), 5);
        shop.stock(ships(product("BB"), noon().plus_seconds(DAY)), 5);
        shop.stock(backorderable(limited(pooled("CC", "POOL", 9, 1), 3, None)), 0);
        shop.stock(listed(pooled("DD", "POOL", 9, 1), 9), 20);
        shop.tell(&wish(2, "bob", &[("DD", 8, 1)]).accepted());
        let others = shop.units("DD");
        let order = wish(1, "ann", &[("AA", 1, 1), ("BB", 1, 1), ("CC", 1, 1), ("DD", 1, 1)]).accepted();
        let handed_over: &[ReleaseId] = if is_handed_over { &[release(1, 1)] } else { &[] };
        let mut events = vec![
            shop.stage.event(&order),
            shop.stage.event(&cancelled(1, handed_over)),
            shop.stage.event(&adjusted(&release(1, 1), vec![units(1, "AA", 1)])),
            shop.stage.event(&cancelled(1, handed_over)),
        ];
        events.extend(events.clone());
        let mut places = places.into_iter();
        events.sort_by_cached_key(|_| places.next());
        if is_handed_over {
            // Only a release that was made is handed over.
            events.insert(0, events.iter().find(|event| event.kind == Kind::OrderAccepted.name()).unwrap().clone());
        }
        for (event, looks) in events.iter().zip(looks) {
            shop.replay(&(None, event.clone()));
            if looks {
                shop.receive("CC", 1);
                shop.settle();
            }
        }
        shop.stage.set_now(noon().plus_seconds(DAY));
        shop.receive("CC", 1);
        shop.settle();
        let shelf = shop.item("AA").unwrap();
        prop_assert!(shelf.promised.total() == 0 && shelf.free() >= 4, "one unit may have been missing");
        prop_assert_eq!(shop.units("BB"), "5/0/0");
        prop_assert_eq!(shop.item("CC").unwrap().promised.total(), 0);
        prop_assert_eq!((shop.units("DD"), shop.lists("DD")), (others, "0/0".to_owned()));
        prop_assert_eq!(shop.pool("POOL").promised.total(), 8);
        prop_assert_eq!(shop.household("CC", inventory::store::By::Card, "ann"), 0);
        prop_assert!(shop.places().is_empty());
        prop_assert!(shop.stage.due().is_empty());
        prop_assert!(!serde_json::to_string(&shop.order(1)).unwrap().contains("oms1."));
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Declined),
        Just(Fate::Shipped),
        (1_u32..3).prop_map(Fate::Short),
        any::<bool>().prop_map(Fate::Back)
    ]
}

type History = [(Option<&'static str>, Event)];

fn replay(facts: &History, commands: &History) -> (Shop, Vec<Said>) {
    let mut shop = Shop::new();
    commands.iter().for_each(|told| drop(shop.replay(told)));
    let said = facts.iter().flat_map(|told| shop.replay(told)).collect();
    (shop, said)
}
