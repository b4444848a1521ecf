//! What holds for every history: books that balance, no cap exceeded, duplicates without effect, facts in any order.

use std::collections::BTreeMap;

use inventory::decide::books::{Promised, Stock};
use inventory::store::{HouseholdKey, Key, State};
use messages::id::ReleaseId;
use messages::item::ItemNumber;
use messages::product::Product;
use messages::stock::{LineUnits, ReleaseReady, StockLimited, StockUnavailable};
use messages::{Event, Kind};
use proptest::prelude::*;
use proptest::sample::Index;
use shell::stage::Said;

use crate::support::*;

const ITEMS: [&str; 3] = ["AA", "BB", "CC"];
const PEOPLE: [&str; 4] = ["ann", "bob", "cyd", "dee"];
const HOUSEHOLD_LIMIT: u64 = 4;
const MINTAGE: u64 = 30;

/// What happens next. Indexes choose among the releases that the partners hold.
#[derive(Debug, Clone)]
enum Move {
    Order { who: usize, lines: Vec<(usize, u32, u16)> },
    Receive { item: usize, quantity: u32 },
    Adjust { item: usize, change: i64 },
    Cap { item: usize, limit: u64 },
    Decline(Index),
    Dispatch(Index, u32),
    Short(Index, u32),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let lines = prop::collection::vec((0..ITEMS.len(), 1_u32..4, 1_u16..3), 1..4);
    let one = prop_oneof![
        5 => (0..PEOPLE.len(), lines).prop_map(|(who, lines)| Move::Order { who, lines }),
        2 => (0..ITEMS.len(), 1_u32..6).prop_map(|(item, quantity)| Move::Receive { item, quantity }),
        1 => (0..ITEMS.len(), -4_i64..4).prop_map(|(item, change)| Move::Adjust { item, change }),
        1 => (0..ITEMS.len(), 0_u64..16).prop_map(|(item, limit)| Move::Cap { item, limit }),
        2 => any::<Index>().prop_map(Move::Decline),
        3 => (any::<Index>(), 1_u32..4).prop_map(|(at, quantity)| Move::Dispatch(at, quantity)),
        2 => (any::<Index>(), 1_u32..3).prop_map(|(at, quantity)| Move::Short(at, quantity)),
    ];
    prop::collection::vec(one, 1..40)
}

fn catalog(item: usize, limit: u64) -> Product {
    let product = match item {
        0 => limited(product(ITEMS[0]), u32::try_from(HOUSEHOLD_LIMIT).unwrap(), None),
        1 => limited(pooled(ITEMS[1], "POOL", MINTAGE, 2), u32::try_from(HOUSEHOLD_LIMIT).unwrap(), Some(24)),
        _ => pooled(ITEMS[2], "POOL", MINTAGE, 3),
    };
    Product { product_limit: Some(limit), ..product }
}

/// A release as payment and warehouse see it.
#[derive(Debug, Clone)]
struct Parcel {
    release: ReleaseId,
    lines: Vec<LineUnits>,
    shipments: u16,
    is_touched: bool,
}

/// The shop, its partners, and what they know: enough to say what the books must hold.
struct Play {
    shop: Shop,
    orders: u64,
    parcels: Vec<Parcel>,
    counted_in: BTreeMap<ItemNumber, i64>,
    missing: BTreeMap<ItemNumber, u64>,
    shipped: BTreeMap<ItemNumber, u64>,
}

impl Play {
    fn new() -> Self {
        let mut shop = Shop::new();
        for item in 0..ITEMS.len() {
            shop.stock(catalog(item, 12), 0);
        }
        let (parcels, counted_in) = (Vec::new(), BTreeMap::new());
        Self { shop, orders: 0, parcels, counted_in, missing: BTreeMap::new(), shipped: BTreeMap::new() }
    }

    fn play(&mut self, next: &Move) {
        match next {
            Move::Order { who, lines } => self.order(*who, lines),
            Move::Receive { item, quantity } => {
                assert_eq!(self.shop.receive(ITEMS[*item], *quantity), "done");
                *self.counted_in.entry(number(ITEMS[*item])).or_default() += i64::from(*quantity);
            }
            Move::Adjust { item, change } => {
                if self.shop.adjust(ITEMS[*item], *change) == "done" {
                    *self.counted_in.entry(number(ITEMS[*item])).or_default() += change;
                }
            }
            Move::Cap { item, limit } => {
                let promised = self.stock(*item).promised.total();
                let expected = if *limit < promised { "cap_below_promised" } else { "done" };
                assert_eq!(self.shop.define(catalog(*item, *limit)), expected);
            }
            Move::Decline(at) => {
                if let Some(parcel) = self.pick(at, |parcel| !parcel.is_touched) {
                    assert_eq!(self.shop.tell(&declined(&self.parcels[parcel].release)), "");
                    self.parcels[parcel].lines.clear();
                }
            }
            Move::Dispatch(at, quantity) => self.dispatch(at, *quantity),
            Move::Short(at, quantity) => self.short(at, *quantity),
        }
    }

    fn order(&mut self, who: usize, lines: &[(usize, u32, u16)]) {
        self.orders += 1;
        let lines: Vec<_> = lines.iter().map(|(item, quantity, to)| (ITEMS[*item], *quantity, *to)).collect();
        let order = wish(self.orders, PEOPLE[who], &lines).accepted();
        let said = self.shop.say(&order);
        let ready: Vec<ReleaseReady> = told(&said);
        let refused = told::<StockLimited>(&said).into_iter().flat_map(|body| body.lines);
        let without = told::<StockUnavailable>(&said).into_iter().flat_map(|body| body.lines);
        let price = |units: LineUnits| i64::from(units.quantity) * PRICE;
        let rest: i64 = refused.map(price).chain(without.map(|line| price(line.units))).sum();
        let released: i64 = ready.iter().map(|ready| ready.release.amount.minor()).sum();
        let shipping = if ready.is_empty() { SHIPPING } else { 0 };
        assert_eq!(released + rest + shipping, order.total.minor(), "the parts sum to the total");
        self.hear(&said);
    }

    fn dispatch(&mut self, at: &Index, quantity: u32) {
        let Some(parcel) = self.pick(at, |_| true) else { return };
        let lines = self.take(parcel, quantity);
        self.parcels[parcel].shipments += 1;
        for units in &lines {
            *self.shipped.entry(units.item.clone()).or_default() += u64::from(units.quantity);
        }
        let Parcel { release, shipments, .. } = &self.parcels[parcel];
        assert_eq!(self.shop.tell(&dispatched(release, *shipments, lines)), "");
    }

    fn short(&mut self, at: &Index, quantity: u32) {
        let Some(parcel) = self.pick(at, |_| true) else { return };
        let lines = self.take(parcel, quantity);
        for units in &lines {
            *self.missing.entry(units.item.clone()).or_default() += u64::from(units.quantity);
        }
        let said = self.shop.say(&adjusted(&self.parcels[parcel].release, lines.clone()));
        let again = told::<ReleaseReady>(&said).into_iter().flat_map(|ready| ready.release.lines);
        let without = told::<StockUnavailable>(&said).into_iter().flat_map(|body| body.lines);
        let told: u32 = again.map(|line| line.quantity).chain(without.map(|it| it.units.quantity)).sum();
        assert_eq!(
            told,
            lines.iter().map(|units| units.quantity).sum::<u32>(),
            "each missing unit is told of"
        );
        self.hear(&said);
    }

    fn hear(&mut self, said: &[Said]) {
        for ready in told::<ReleaseReady>(said) {
            let lines = ready.release.lines.into_iter();
            let lines = lines.map(|it| LineUnits { line: it.line, item: it.item, quantity: it.quantity });
            let release = ready.release.release;
            self.parcels.push(Parcel { release, lines: lines.collect(), shipments: 0, is_touched: false });
        }
    }

    fn pick(&self, at: &Index, fits: impl Fn(&Parcel) -> bool) -> Option<usize> {
        let open = |parcel: &Parcel| !parcel.lines.is_empty() && fits(parcel);
        let fitting: Vec<usize> = (0..self.parcels.len()).filter(|at| open(&self.parcels[*at])).collect();
        (!fitting.is_empty()).then(|| *at.get(&fitting))
    }

    /// Up to so many units of each line leave the parcel's list.
    fn take(&mut self, parcel: usize, quantity: u32) -> Vec<LineUnits> {
        let parcel = &mut self.parcels[parcel];
        parcel.is_touched = true;
        let mut taken = Vec::new();
        for units in &mut parcel.lines {
            let part = units.quantity.min(quantity);
            units.quantity -= part;
            taken.push(LineUnits { quantity: part, ..units.clone() });
        }
        parcel.lines.retain(|units| units.quantity > 0);
        taken
    }

    fn stock(&self, item: usize) -> Stock {
        self.shop.item(ITEMS[item]).expect("it is defined")
    }

    fn check(&self) {
        let mut coins = Promised::default();
        for (item, coins_per_unit) in (0..ITEMS.len()).zip([0, 2, 3]) {
            let stock = self.stock(item);
            let number = number(ITEMS[item]);
            let Promised { reserved, shipped } = stock.promised;
            let held = self.parcels.iter().flat_map(|parcel| &parcel.lines).filter(|it| it.item == number);
            assert_eq!(reserved, held.map(|it| u64::from(it.quantity)).sum::<u64>(), "held by releases");
            assert_eq!(shipped, self.shipped.get(&number).copied().unwrap_or(0));
            assert!(reserved <= stock.on_hand);
            assert!(stock.promised.total() <= stock.product.product_limit.expect("each has one"));
            let missing = self.missing.get(&number).copied().unwrap_or(0);
            let counted_in = self.counted_in.get(&number).copied().unwrap_or(0);
            assert_eq!(counted_in, i64::try_from(stock.free() + reserved + shipped + missing).unwrap());
            coins.reserved += reserved * coins_per_unit;
            coins.shipped += shipped * coins_per_unit;
        }
        assert_eq!(self.shop.pool("POOL").promised, coins);
        assert!(coins.total() <= MINTAGE);
        self.check_households();
    }

    /// Each household has at most the limit, and all of them together what is promised.
    fn check_households(&self) {
        let mut sums: BTreeMap<ItemNumber, u64> = BTreeMap::new();
        for (key, state) in self.shop.stage.rows() {
            if let (Key::Household(HouseholdKey { item, .. }), State::Household(household)) = (key, state) {
                assert!(household.units <= HOUSEHOLD_LIMIT);
                *sums.entry(item).or_default() += household.units;
            }
        }
        for (item, sum) in [(0, 3), (1, 3), (2, 0)]
            .map(|(item, counters)| (number(ITEMS[item]), self.stock(item).promised.total() * counters))
        {
            assert_eq!(sums.get(&item).copied().unwrap_or(0), sum, "{item}: three counters have each unit");
        }
    }
}

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
        for next in &moves {
            play.play(next);
            play.check();
        }
    }

    #[test]
    fn duplicates_change_nothing(moves in moves()) {
        let mut play = Play::new();
        moves.iter().for_each(|next| play.play(next));
        let mut twice = Shop::new();
        for told in &play.shop.history {
            twice.replay(told);
            prop_assert!(twice.replay(told).is_empty());
        }
        for told in play.shop.history.iter().rev() {
            prop_assert!(twice.replay(told).is_empty());
        }
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
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![Just(Fate::Declined), Just(Fate::Shipped), (1_u32..3).prop_map(Fate::Short)]
}

type History = [(Option<&'static str>, Event)];

fn replay(facts: &History, commands: &History) -> (Shop, Vec<Said>) {
    let mut shop = Shop::new();
    commands.iter().for_each(|told| drop(shop.replay(told)));
    let said = facts.iter().flat_map(|told| shop.replay(told)).collect();
    (shop, said)
}
