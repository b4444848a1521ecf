//! The account after a run: every count by which a lost, doubled or oversold order would show, from outside the rooms
//! wherever the outside can tell. It must never turn a time into a breach.

use std::collections::BTreeMap;
use std::fmt;

use messages::Room;
use serde_json::Value;
use shell::parking::ParkReason;

use super::crew::Crew;
use super::load::Told;
use crate::TestHouse;

/// One number of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) number: i64,
    pub(super) must: Must,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Must {
    BeZero,
    /// An injector that has not fired has shown nothing.
    BePositive,
    BeAtLeast(i64),
    Be(i64),
    /// Nothing: it is told for reading.
    BeTold,
}

impl Entry {
    pub(super) fn new(name: impl Into<String>, number: i64, must: Must) -> Self {
        Self { name: name.into(), number, must }
    }

    pub(super) fn holds(&self) -> bool {
        match self.must {
            Must::BeZero => self.number == 0,
            Must::BePositive => self.number > 0,
            Must::BeAtLeast(least) => self.number >= least,
            Must::Be(wanted) => self.number == wanted,
            Must::BeTold => true,
        }
    }
}

/// Orders by where they are: accepted, ended, and waiting for somebody who can see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Orders {
    pub(super) accepted: i64,
    pub(super) terminal: i64,
    pub(super) waiting: i64,
}

/// An accepted order has ended when each unit is reserved or refused, or the order is cancelled, each release shipped,
/// declined or voided, and each parcel charged and delivered. It waits visibly if a task is open for it; a timer alone is no sign, a lost order may have one.
const ORDERS: &str = "
    WITH told AS MATERIALIZED (
        SELECT order_number, kind, state->'what' AS what FROM lifecycle.facts WHERE order_number IS NOT NULL
    ), units AS (
        SELECT order_number,
               sum((line->>'quantity')::bigint) FILTER (WHERE kind = 'accepted') AS accepted,
               sum((line->>'quantity')::bigint) FILTER (WHERE kind IN ('reserved', 'limited', 'unavailable')) AS decided
        FROM told, jsonb_array_elements(what->'lines') AS line
        WHERE kind IN ('accepted', 'reserved', 'limited', 'unavailable') GROUP BY 1
    ), counts AS (
        SELECT order_number,
               count(*) FILTER (WHERE kind = 'ready') AS ready,
               count(*) FILTER (WHERE kind IN ('declined', 'voided', 'dispatched')) AS left_,
               count(*) FILTER (WHERE kind = 'dispatched') AS dispatched,
               count(*) FILTER (WHERE kind IN ('captured', 'capture_failed')) AS charged,
               count(*) FILTER (WHERE kind IN ('delivered', 'returned')) AS arrived,
               count(*) FILTER (WHERE kind = 'cancelled') AS cancelled
        FROM told GROUP BY 1
    ), each AS (
        SELECT c.order_number, (u.accepted = COALESCE(u.decided, 0) OR c.cancelled > 0)
               AND c.ready = c.left_ AND c.dispatched = c.charged AND c.dispatched = c.arrived AS is_terminal
        FROM counts c JOIN units u USING (order_number) WHERE u.accepted IS NOT NULL
    )
    SELECT count(*) AS accepted, count(*) FILTER (WHERE is_terminal) AS terminal,
           count(*) FILTER (WHERE NOT is_terminal AND order_number IN ({seen})) AS waiting
    FROM each";

/// Units of which more left than were ordered, by order line: whatever the rooms believe, a parcel too many shows here.
pub const SHIPPED_TWICE: &str = "
    SELECT count(*) FROM (
        SELECT order_number, line->>'line' AS line,
               sum((line->>'quantity')::bigint) FILTER (WHERE kind = 'dispatched') AS left_,
               sum((line->>'quantity')::bigint) FILTER (WHERE kind = 'accepted') AS ordered
        FROM lifecycle.facts, jsonb_array_elements(state->'what'->'lines') AS line
        WHERE kind IN ('accepted', 'dispatched') GROUP BY 1, 2
    ) AS lines WHERE left_ > ordered";

const DISPATCHED: &str = "
    SELECT COALESCE(sum((line->>'quantity')::bigint), 0)::bigint
    FROM lifecycle.facts, jsonb_array_elements(state->'what'->'lines') AS line WHERE kind = 'dispatched'";

/// Units that more was promised of than a product's limit or its stock allows.
pub const OVERSOLD: &str = "
    SELECT COALESCE(sum(greatest(reserved + shipped - product_limit, reserved - on_hand, 0)), 0)::bigint FROM inventory.items";

const RECEIVED: &str = "SELECT COALESCE(sum((state->'what'->>'change')::bigint), 0)::bigint FROM lifecycle.facts WHERE kind = 'stock_changed'";

/// What is still under way; nothing of it if the house is at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    orders: i64,
    /// In queues, or with a consumer.
    messages: i64,
    marks: i64,
    outbox: i64,
    /// Calls and timers of the next minute.
    due: i64,
    /// Those of them whose time or whose lease's end is still to come.
    pub(super) expected: i64,
}

impl Open {
    pub(super) fn is_nothing(self) -> bool {
        let Self { orders, messages, marks, outbox, due, expected } = self;
        [orders, messages, marks, outbox, due, expected].iter().all(|count| *count == 0)
    }
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, messages, marks, outbox, due, expected } = self;
        write!(
            f,
            "{orders} orders, {messages} messages, {marks} marks, {outbox} in the outbox, {due} due, {expected} of them later"
        )
    }
}

pub(super) async fn open(house: &TestHouse) -> Open {
    let sum = async |sql: &str| {
        let parts: Vec<String> = Room::ALL.iter().map(|room| sql.replace("{room}", room.name())).collect();
        house.count(&format!("SELECT ({})::bigint", parts.join(" + "))).await
    };
    let soon = "SELECT count(*) FROM {room}.due WHERE due_at < now() + interval '1 minute'";
    let orders = orders(house).await;
    Open {
        orders: orders.accepted - orders.terminal - orders.waiting,
        messages: super::queues::waiting(house).await,
        marks: sum("(SELECT count(*) FROM {room}.mark)").await,
        outbox: sum("(SELECT count(*) FROM {room}.outbox)").await,
        due: sum(&format!("({soon})")).await,
        expected: sum(&format!("({soon} AND (due_at > now() OR lease_until > now()))")).await,
    }
}

pub(super) async fn orders(house: &TestHouse) -> Orders {
    let tasks = |room: &Room| format!("SELECT order_number FROM {room}.task WHERE closed_at IS NULL");
    let seen: Vec<String> = Room::ALL.iter().map(tasks).collect();
    house.row(&ORDERS.replace("{seen}", &seen.join(" UNION "))).await
}

/// The account of a house at rest.
pub(super) async fn account(crew: &Crew, told: &Told, poison: &BTreeMap<String, u64>) -> Vec<Entry> {
    let house = &crew.house;
    let orders = orders(house).await;
    let at_intake = house.count("SELECT count(*) FROM intake.orders WHERE status = 'accepted'").await;
    let mut all = vec![
        Entry::new("orders sent", told.sent, Must::BePositive),
        Entry::new("accepted, as told to their senders", told.accepted, Must::BePositive),
        Entry::new("accepted at intake", at_intake, Must::Be(told.accepted)),
        Entry::new("accepted in the order history", orders.accepted, Must::Be(told.accepted)),
        Entry::new("terminal", orders.terminal, Must::Be(told.accepted - orders.waiting)),
        Entry::new("waiting visibly", orders.waiting, Must::BeTold),
        Entry::new("never answered", told.unanswered, Must::BeZero),
        Entry::new("answered otherwise than planned", told.surprises, Must::BeZero),
        Entry::new("lost", (told.accepted - orders.terminal - orders.waiting).max(0), Must::BeZero),
    ];
    all.extend(money(house).await);
    all.extend(goods(house).await);
    all.extend(mails(house).await);
    all.extend(rest(crew).await);
    all.extend(parked(house, told, poison));
    all
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

async fn money(house: &TestHouse) -> Vec<Entry> {
    let gateway = house.gateway_ledger().await;
    let status = house.oms_json(&["status", "--sums"]);
    let number = |value: &Value| value.as_i64().unwrap_or(i64::MIN);
    let references = gateway["doubled"].as_array().map_or(0, Vec::len);
    let captures = gateway["captures"]
        .as_object()
        .map_or(0, |all| all.values().filter(|times| number(times) > 1).count());
    let charged = number(&gateway["total"]["captured"]);
    vec![
        Entry::new("charged twice", signed(references + captures), Must::BeZero),
        Entry::new("cents charged, at the gateway", charged, Must::BePositive),
        Entry::new(
            "cents charged, in payment's books",
            number(&status["money"]["captured"]),
            Must::Be(charged),
        ),
        Entry::new("cents shipped", number(&status["sums"]["shipped_minor"]), Must::Be(charged)),
        Entry::new("cents held for nothing", number(&gateway["total"]["held"]), Must::BeZero),
    ]
}

async fn goods(house: &TestHouse) -> Vec<Entry> {
    let dispatched = house.count(DISPATCHED).await;
    let received = house.count(RECEIVED).await;
    let sum = async |column: &str| {
        house.count(&format!("SELECT COALESCE(sum({column}), 0)::bigint FROM inventory.items")).await
    };
    vec![
        Entry::new("shipped twice", house.count(SHIPPED_TWICE).await, Must::BeZero),
        Entry::new("households over their limit", house.count(super::pairs::UNEQUAL).await, Must::BeZero),
        Entry::new("oversold", house.count(OVERSOLD).await, Must::BeZero),
        Entry::new("units received", received, Must::BePositive),
        Entry::new(
            "units on the shelf and in parcels",
            sum("on_hand").await + dispatched,
            Must::Be(received),
        ),
        Entry::new("units shipped, by the shelf", sum("shipped").await, Must::Be(dispatched)),
        Entry::new("units still reserved", sum("reserved").await, Must::BeZero),
    ]
}

async fn mails(house: &TestHouse) -> Vec<Entry> {
    let mails = house.mails().await;
    let distinct = signed(mails.len());
    let notices = async |which: &str| {
        house.count(&format!("SELECT count(*) FROM notifications.notices WHERE status IN ({which})")).await
    };
    let (sent, unclear) = (notices("'sent'").await, notices("'unclear'").await);
    let third = mails.iter().filter(|mail| mail.copies > 2).count();
    vec![
        Entry::new("mails by distinct Message-ID", distinct, Must::BePositive),
        Entry::new("mailed twice", (distinct - sent - unclear).max(0) + signed(third), Must::BeZero),
        Entry::new("mails that never left", (sent - distinct).max(0), Must::BeZero),
        Entry::new("notices that still wait", notices("'pending'").await, Must::BeZero),
        Entry::new(
            "mails of unknown outcome, sent once more",
            signed(mails.iter().filter(|mail| mail.copies == 2).count()),
            Must::BeTold,
        ),
    ]
}

async fn rest(crew: &Crew) -> Vec<Entry> {
    let open = open(&crew.house).await;
    let verdict = crew.house.oms_json(&["audit", "verify"]);
    let events = crew.house.count("SELECT count(DISTINCT event_id) FROM audit.records").await;
    let deliveries = crew.deliveries();
    let unrouted = super::queues::of(&crew.house, messages::topology::UNROUTED).await;
    vec![
        Entry::new("inbox unsettled", open.messages + open.marks, Must::BeZero),
        Entry::new("outbox left", open.outbox, Must::BeZero),
        Entry::new("calls and timers due", open.due, Must::BeZero),
        Entry::new("messages without a reader", unrouted, Must::BeZero),
        Entry::new(
            "links of the audit's chain broken",
            i64::from(!verdict["first_bad"].is_null()),
            Must::BeZero,
        ),
        Entry::new("messages in the chain", verdict["rows"].as_i64().unwrap_or(-1), Must::Be(events)),
        Entry::new("messages taken apart, for they kept coming back", signed(deliveries.len()), Must::BeTold),
        Entry::new(
            "deliveries of one message, at most",
            deliveries.iter().copied().max().unwrap_or_default(),
            Must::BeTold,
        ),
        Entry::new("tasks of the shell that ended", crew.logged("a task of the shell"), Must::BeZero),
    ]
}

/// The parked queues hold what was injected, and not one more.
fn parked(house: &TestHouse, told: &Told, poison: &BTreeMap<String, u64>) -> Vec<Entry> {
    let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
    for (reason, count) in told.parked.iter().chain(poison) {
        *wanted.entry(reason.clone()).or_default() += i64::try_from(*count).unwrap_or(i64::MAX);
    }
    // Asked for by name, so that it is told even if there is none.
    wanted.entry(ParkReason::DeliveryLimit.name().to_owned()).or_default();
    let mut found: BTreeMap<String, i64> = wanted.keys().map(|reason| (reason.clone(), 0)).collect();
    for one in house.oms_json(&["parked", "list"]).as_array().into_iter().flatten() {
        *found.entry(one["reason"].as_str().unwrap_or("unknown").to_owned()).or_default() += 1;
    }
    found
        .into_iter()
        .map(|(reason, number)| {
            let must = Must::Be(wanted.get(&reason).copied().unwrap_or_default());
            Entry::new(format!("parked: {reason}"), number, must)
        })
        .collect()
}
