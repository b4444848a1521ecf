//! A model of the partners: what they know of every unit, and what must therefore stand in the books and in the line.

use std::collections::{BTreeMap, BTreeSet};

use inventory::decide::order::{Allotted, Held};
use inventory::decide::reship::Resent;
use inventory::decide::stock::{List, Promised, Stock};
use inventory::store::{HouseholdKey, Key, State, WaitingKey};
use messages::case::{CaseClass, CaseReceived, Condition};
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::item::ItemNumber;
use messages::product::Product;
use messages::stock::{
    LineUnits, ReleaseReady, ReshipReady, StockBackordered, StockLimited, StockUnavailable, StockWaitlisted,
};
use proptest::prelude::*;
use proptest::sample::Index;
use shell::stage::Said;

use crate::support::*;

const ITEMS: [&str; 3] = ["AA", "BB", "CC"];
const PEOPLE: [&str; 4] = ["ann", "bob", "cyd", "dee"];
const HOUSEHOLD_LIMIT: u32 = 6;
const WAITLIST: u64 = 8;
const MINTAGE: u64 = 30;

/// What happens next. Indexes choose among the releases that the partners hold.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    /// `late` seconds after noon.
    Order {
        who: usize,
        late: i64,
        lines: Vec<(usize, u32, u16)>,
    },
    Receive {
        item: usize,
        quantity: u32,
    },
    Adjust {
        item: usize,
        change: i64,
    },
    Cap {
        item: usize,
        limit: u64,
    },
    Decline(Index),
    Dispatch(Index, u32),
    Short(Index, u32),
    Cancel(Index),
    Return(Index, bool),
    /// A whole parcel that is away, lost or not, is to be sent again; or one whose units are set aside leaves.
    Resend(Index, bool),
}

pub(crate) fn moves() -> impl Strategy<Value = Vec<Move>> {
    let lines = prop::collection::vec((0..ITEMS.len(), 1_u32..4, 1_u16..3), 1..4);
    let one = prop_oneof![
        5 => (0..PEOPLE.len(), 0_i64..9, lines).prop_map(|(who, late, lines)| Move::Order { who, late, lines }),
        2 => (0..ITEMS.len(), 1_u32..6).prop_map(|(item, quantity)| Move::Receive { item, quantity }),
        1 => (0..ITEMS.len(), -4_i64..4).prop_map(|(item, change)| Move::Adjust { item, change }),
        1 => (0..ITEMS.len(), 0_u64..16).prop_map(|(item, limit)| Move::Cap { item, limit }),
        2 => any::<Index>().prop_map(Move::Decline),
        3 => (any::<Index>(), 1_u32..4).prop_map(|(at, quantity)| Move::Dispatch(at, quantity)),
        2 => (any::<Index>(), 1_u32..3).prop_map(|(at, quantity)| Move::Short(at, quantity)),
        2 => any::<Index>().prop_map(Move::Cancel),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(at, is_fit)| Move::Return(at, is_fit)),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(at, is_lost)| Move::Resend(at, is_lost)),
    ];
    prop::collection::vec(one, 1..50)
}

/// The first may be ordered back, the second has a waitlist, the third both.
fn catalog(item: usize, limit: u64) -> Product {
    let product = match item {
        0 => backorderable(limited(product(ITEMS[0]), HOUSEHOLD_LIMIT, None)),
        1 => listed(limited(pooled(ITEMS[1], "POOL", MINTAGE, 2), HOUSEHOLD_LIMIT, Some(24)), WAITLIST),
        _ => backorderable(listed(pooled(ITEMS[2], "POOL", MINTAGE, 3), WAITLIST)),
    };
    Product { product_limit: Some(limit), ..product }
}

/// A release as payment and warehouse see it.
#[derive(Debug, Clone)]
struct Parcel {
    release: ReleaseId,
    lines: Vec<LineUnits>,
    shipments: u16,
    /// Handed over: something was shipped, or found missing.
    is_touched: bool,
    /// Parcels that are not back.
    away: Vec<(u16, Vec<LineUnits>)>,
}

/// The shop, its partners, and what they know: enough to say what the books must hold.
pub(crate) struct Play {
    pub(crate) shop: Shop,
    orders: u64,
    parcels: Vec<Parcel>,
    counted_in: BTreeMap<ItemNumber, i64>,
    missing: BTreeMap<ItemNumber, u64>,
    shipped: BTreeMap<ItemNumber, u64>,
    back: BTreeMap<ItemNumber, u64>,
    /// Units that are sent again or wait for that, for which no household is counted.
    resent: BTreeMap<ItemNumber, u64>,
    /// Parcels whose units are set aside to be sent again.
    set_aside: Vec<ReshipReady>,
    over: BTreeSet<u64>,
}

impl Play {
    pub(crate) fn new() -> Self {
        let mut shop = Shop::new();
        for item in 0..ITEMS.len() {
            shop.stock(catalog(item, 12), 0);
        }
        Self {
            shop,
            orders: 0,
            parcels: Vec::new(),
            counted_in: BTreeMap::new(),
            missing: BTreeMap::new(),
            shipped: BTreeMap::new(),
            back: BTreeMap::new(),
            resent: BTreeMap::new(),
            set_aside: Vec::new(),
            over: BTreeSet::new(),
        }
    }

    /// One message, then the timers: those who wait are served in place order, and nobody waits for what is there.
    pub(crate) fn step(&mut self, next: &Move) {
        self.play(next);
        let before = self.shop.places();
        let said = self.shop.settle();
        self.hear(&said);
        let after = self.shop.places();
        for item in ITEMS {
            let of = |place: &&String| place.starts_with(&format!("{item}/"));
            let left: Vec<&String> = after.iter().filter(of).collect();
            let stood: Vec<&String> = before.iter().filter(of).collect();
            assert!(stood.ends_with(&left), "only the first of the line move on");
        }
        self.check();
    }

    fn play(&mut self, next: &Move) {
        match next {
            Move::Order { who, late, lines } => self.order(*who, *late, lines),
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
                let stock = self.stock(*item);
                let expected = if *limit < stock.promised.total() {
                    "cap_below_promised"
                } else if stock.waitlisted > 0 && Some(*limit) < stock.product.product_limit {
                    "units_wait"
                } else {
                    "done"
                };
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
            Move::Cancel(at) => self.cancel(at),
            Move::Return(at, is_fit) => self.take_back(at, *is_fit),
            Move::Resend(at, is_lost) => self.resend(at, *is_lost),
        }
    }

    fn cancel(&mut self, at: &Index) {
        if self.orders == 0 {
            return;
        }
        let order = u64::try_from(at.index(usize::try_from(self.orders).unwrap())).unwrap() + 1;
        let number = order_number(order);
        let (mut handed_over, mut freed) = (Vec::new(), Vec::new());
        for parcel in self.parcels.iter_mut().filter(|parcel| parcel.release.order() == number) {
            if parcel.is_touched { handed_over.push(parcel.release.clone()) } else { freed.push(parcel) }
        }
        let is_new = self.over.insert(order);
        if is_new {
            freed.into_iter().for_each(|parcel| parcel.lines.clear());
        }
        assert_eq!(self.shop.tell(&cancelled(order, &handed_over)), "");
        let row = self.shop.order(order);
        let allotted = row.allotted.unwrap();
        assert_eq!(allotted.later, None);
        let holds = allotted.releases.into_iter().filter(|(_, release)| !release.lines.is_empty());
        assert!(holds.into_iter().all(|(id, _)| handed_over.contains(&id)), "the rest has nothing");
    }

    fn take_back(&mut self, at: &Index, is_fit: bool) {
        let fitting: Vec<usize> =
            (0..self.parcels.len()).filter(|at| !self.parcels[*at].away.is_empty()).collect();
        if fitting.is_empty() {
            return;
        }
        let parcel = &mut self.parcels[*at.get(&fitting)];
        let (shipment, lines) = parcel.away.remove(0);
        let condition = if is_fit { Condition::Restock } else { Condition::Damaged };
        let body = back(&parcel.release, shipment, condition, lines.clone());
        for units in lines.iter().filter(|_| is_fit) {
            *self.shipped.entry(units.item.clone()).or_default() -= u64::from(units.quantity);
            *self.back.entry(units.item.clone()).or_default() += u64::from(units.quantity);
        }
        let said = self.shop.say(&body);
        assert!(said.is_empty() || !is_fit, "only what is unfit is no longer waited for");
        self.hear(&said);
        assert_eq!(self.shop.tell(&CaseReceived { condition: Condition::Restock, ..body }), "", "once");
    }

    fn resend(&mut self, at: &Index, is_lost: bool) {
        if let Some(ready) = self.set_aside.pop() {
            let release = ready.shipment.release();
            let parcel = self.parcels.iter_mut().find(|parcel| parcel.release == release).unwrap();
            parcel.shipments += 1;
            assert_eq!(ready.shipment, ShipmentId::of(&release, parcel.shipments));
            parcel.away.push((parcel.shipments, ready.lines.clone()));
            for units in &ready.lines {
                *self.shipped.entry(units.item.clone()).or_default() += u64::from(units.quantity);
            }
            assert_eq!(self.shop.tell(&dispatched(&release, parcel.shipments, ready.lines)), "");
            return;
        }
        let is_last = |parcel: &&Parcel| {
            parcel.lines.is_empty() && parcel.away.last().is_some_and(|(last, _)| *last == parcel.shipments)
        };
        let fitting: Vec<&Parcel> = self.parcels.iter().filter(is_last).collect();
        if fitting.is_empty() {
            return;
        }
        let parcel = at.get(&fitting);
        let (shipment, lines) = parcel.away.last().unwrap().clone();
        let next = ShipmentId::of(&parcel.release, shipment + 1);
        let row = self.shop.order_of(&parcel.release.order());
        let is_new = !row.allotted.unwrap().releases[&parcel.release].reships.contains_key(&next);
        let mut body = resend(&parcel.release, shipment, lines.clone());
        if is_lost {
            (body.class, body.returned) = (CaseClass::Lost, false);
        }
        for units in lines.iter().filter(|_| is_new) {
            *self.resent.entry(units.item.clone()).or_default() += u64::from(units.quantity);
        }
        let said = self.shop.say(&body);
        self.hear(&said);
    }

    fn order(&mut self, who: usize, late: i64, lines: &[(usize, u32, u16)]) {
        self.orders += 1;
        let lines: Vec<_> = lines.iter().map(|(item, quantity, to)| (ITEMS[*item], *quantity, *to)).collect();
        let received_at = noon().plus_seconds(late);
        let order = Wish { received_at, ..wish(self.orders, PEOPLE[who], &lines) }.accepted();
        let said = self.shop.say(&order);
        let ready: Vec<ReleaseReady> = told(&said);
        let refused = told::<StockLimited>(&said).into_iter().flat_map(|body| body.lines);
        let without = told::<StockUnavailable>(&said).into_iter().flat_map(|body| body.lines);
        let price = |units: LineUnits| i64::from(units.quantity) * PRICE;
        let waits = told::<StockBackordered>(&said).into_iter().flat_map(|body| body.lines);
        let waits = waits.chain(told::<StockWaitlisted>(&said).into_iter().flat_map(|body| body.lines));
        let rest: i64 = refused.chain(waits).map(price).chain(without.map(|line| price(line.units))).sum();
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
        let Parcel { release, shipments, away, .. } = &mut self.parcels[parcel];
        away.push((*shipments, lines.clone()));
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
        let waits = told::<StockBackordered>(&said).into_iter().flat_map(|body| body.lines);
        let told: u32 = again
            .map(|line| line.quantity)
            .chain(without.map(|it| it.units.quantity))
            .chain(waits.map(|units| units.quantity))
            .sum();
        let number = self.parcels[parcel].release.order();
        let is_over = self.over.iter().any(|order| order_number(*order) == number);
        let missing = lines.iter().map(|units| units.quantity).sum::<u32>();
        assert_eq!(told, if is_over { 0 } else { missing }, "each missing unit is told of");
        self.hear(&said);
    }

    fn hear(&mut self, said: &[Said]) {
        for ready in told::<ReshipReady>(said) {
            for units in &ready.unavailable {
                *self.resent.get_mut(&units.item).expect("it was to be sent again") -=
                    u64::from(units.quantity);
            }
            if !ready.lines.is_empty() {
                self.set_aside.push(ready);
            }
        }
        for ready in told::<ReleaseReady>(said) {
            let lines = ready.release.lines.into_iter();
            let lines = lines.map(|it| LineUnits { line: it.line, item: it.item, quantity: it.quantity });
            let release = ready.release.release;
            self.parcels.push(Parcel {
                release,
                lines: lines.collect(),
                shipments: 0,
                is_touched: false,
                away: Vec::new(),
            });
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
        let rows = self.shop.stage.rows();
        for (item, coins_per_unit) in (0..ITEMS.len()).zip([0, 2, 3]) {
            let stock = self.stock(item);
            let number = number(ITEMS[item]);
            let Promised { reserved, backordered, shipped } = stock.promised;
            let held = self.parcels.iter().flat_map(|parcel| &parcel.lines).filter(|it| it.item == number);
            let held: u64 = held.map(|it| u64::from(it.quantity)).sum();
            let aside = resents(&rows).filter(|(_, list, units)| list.is_none() && units.item == number);
            let aside: u64 = aside.map(|(_, _, units)| u64::from(units.quantity)).sum();
            assert_eq!(reserved, held + aside, "held by releases, and set aside to be sent again");
            assert_eq!(shipped, self.shipped.get(&number).copied().unwrap_or(0));
            assert_eq!((backordered, stock.waitlisted), waiting(&rows, &number), "stand in line");
            assert!(reserved <= stock.on_hand);
            assert!(stock.promised.total() <= stock.product.product_limit.expect("each has one"));
            let missing = self.missing.get(&number).copied().unwrap_or(0);
            let counted_in = self.counted_in.get(&number).copied().unwrap_or(0);
            assert_eq!(counted_in, i64::try_from(stock.free() + reserved + shipped + missing).unwrap());
            coins.reserved += reserved * coins_per_unit;
            coins.backordered += backordered * coins_per_unit;
            coins.shipped += shipped * coins_per_unit;
        }
        assert_eq!(self.shop.pool("POOL").promised, coins);
        assert!(coins.total() <= MINTAGE);
        self.check_households();
        self.check_line(&rows);
    }

    /// Each household has at most the limit, and all of them together what is promised, waited for or came back.
    fn check_households(&self) {
        let mut sums: BTreeMap<ItemNumber, u64> = BTreeMap::new();
        for (key, state) in self.shop.stage.rows() {
            if let (Key::Household(HouseholdKey { item, .. }), State::Household(household)) = (key, state) {
                assert!(household.units <= u64::from(HOUSEHOLD_LIMIT));
                *sums.entry(item).or_default() += household.units;
            }
        }
        for (item, counters) in [(0, 3), (1, 3), (2, 0)] {
            let (stock, item) = (self.stock(item), number(ITEMS[item]));
            let back = self.back.get(&item).copied().unwrap_or(0);
            let resent = self.resent.get(&item).copied().unwrap_or(0);
            let units = stock.promised.total() + stock.waitlisted + back - resent;
            assert_eq!(sums.get(&item).copied().unwrap_or(0), units * counters, "{item}: in each counter");
        }
    }

    /// The places are those of the lines that wait, and the first of each item cannot have its units yet.
    fn check_line(&self, rows: &BTreeMap<Key, State>) {
        let mut lines: BTreeMap<WaitingKey, (List, LineUnits)> = BTreeMap::new();
        for (number, allotted) in rows.iter().filter_map(allotted_of) {
            for pending in allotted.later.iter().flat_map(|later| &later.lines) {
                let list = pending.standing.list().expect("nothing here waits for its day");
                let Held { item, line, quantity, .. } = pending.held.clone();
                let key = WaitingKey::of(&item, list, &allotted.place, number, line);
                lines.insert(key, (list, LineUnits { line, item, quantity }));
            }
        }
        lines.extend(resents(rows).filter_map(|(key, list, units)| Some((key?, (list?, units)))));
        let places: Vec<&str> = lines.keys().map(WaitingKey::as_str).collect();
        assert_eq!(self.shop.places(), places);
        for (item, coins_per_unit) in (0..ITEMS.len()).zip([0, 2, 3]) {
            let stock = self.stock(item);
            let Some((list, first)) = lines.values().find(|(_, it)| it.item.as_str() == ITEMS[item]) else {
                continue;
            };
            let units = u64::from(first.quantity);
            let room = stock.product.product_limit.unwrap() - stock.promised.total();
            let coins = MINTAGE - self.shop.pool("POOL").promised.total();
            let has_room = match list {
                List::Backorder => true,
                List::Waitlist => units <= room && units * coins_per_unit <= coins,
            };
            assert!(stock.free() < units || !has_room, "{}: nobody waits for what is there", ITEMS[item]);
        }
    }
}

fn allotted_of<'a>((key, state): (&'a Key, &'a State)) -> Option<(&'a OrderNumber, &'a Allotted)> {
    match (key, state) {
        (Key::Order(number), State::Order(order)) => Some((number, order.allotted.as_ref()?)),
        _ => None,
    }
}

fn units_of(Held { line, item, quantity, .. }: &Held) -> LineUnits {
    LineUnits { line: *line, item: item.clone(), quantity: *quantity }
}

/// Lines of parcels that are sent again: their place and list if they wait, and their units.
fn resents(
    rows: &BTreeMap<Key, State>,
) -> impl Iterator<Item = (Option<WaitingKey>, Option<List>, LineUnits)> {
    rows.iter().filter_map(allotted_of).flat_map(|(_, allotted)| {
        let reships = allotted.releases.values().flat_map(|release| &release.reships);
        reships.flat_map(move |(shipment, reship)| {
            reship.lines.iter().map(move |Resent { units, standing }| {
                let list = standing.list();
                let key =
                    |list| WaitingKey::to_resend(&units.item, list, &allotted.place, shipment, units.line);
                (list.map(key), list, units.clone())
            })
        })
    })
}

/// Units of an item on the two lists.
fn waiting(rows: &BTreeMap<Key, State>, item: &ItemNumber) -> (u64, u64) {
    let (mut backordered, mut waitlisted) = (0, 0);
    let later = rows.iter().filter_map(allotted_of).filter_map(|(_, allotted)| allotted.later.as_ref());
    let later = later.flat_map(|later| &later.lines);
    let later = later.map(|it| (it.standing.list(), units_of(&it.held)));
    let resent = resents(rows).map(|(_, list, units)| (list, units));
    for (list, units) in later.chain(resent).filter(|(_, units)| units.item == *item) {
        match list {
            Some(List::Backorder) => backordered += u64::from(units.quantity),
            Some(List::Waitlist) => waitlisted += u64::from(units.quantity),
            None => {}
        }
    }
    (backordered, waitlisted)
}
