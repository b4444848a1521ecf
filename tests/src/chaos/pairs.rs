//! Households that send two orders for the same limited coin at one moment, each household for the first time: two
//! replicas meet over a row that is not there yet. Exactly one of the two may get its coin.

use std::time::Duration;

use lapin::BasicProperties;
use messages::Kind;
use messages::topology::IN;
use serde_json::json;

use super::line::{Line, short};
use crate::client::event;
use crate::orders::{order, total_up};

const SENDER: &str = "web-store";
/// One per household, and enough for all.
const ITEM: &str = "20XF";
const PRICE: i64 = 8_300;
/// Far from the households of the other orders.
const FIRST_HOUSEHOLD: usize = 500_000;
const PAUSE: Duration = Duration::from_millis(700);

/// Pairs of which not exactly one order got its coin.
pub(super) const UNEQUAL: &str = "
    SELECT count(*) FROM (
        SELECT split_part(a.reference, '-', 2) AS pair, count(r.key) AS given FROM lifecycle.facts a
        LEFT JOIN lifecycle.facts r ON r.order_number = a.order_number AND r.kind = 'reserved'
        WHERE a.kind = 'accepted' AND a.reference LIKE 'PAIR-%' GROUP BY 1
    ) AS pairs WHERE given <> 1";

/// Two connections of the store.
pub(super) struct Pairs {
    lines: [Line; 2],
    /// Pairs that the broker has stored.
    pub(super) sent: i64,
}

impl Pairs {
    pub(super) fn new(url: &str) -> Self {
        Self { lines: [Line::new(url.to_owned()), Line::new(url.to_owned())], sent: 0 }
    }

    /// Sends pairs until so much time has passed; one that is begun is finished.
    pub(super) async fn run(&mut self, length: Duration) {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < length {
            let household = FIRST_HOUSEHOLD + usize::try_from(self.sent).unwrap_or_default();
            let [one, other] = &mut self.lines;
            tokio::join!(send(one, self.sent, "a", household), send(other, self.sent, "b", household));
            self.sent += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn send(line: &mut Line, pair: i64, which: &str, household: usize) {
    let mut body = order(&format!("PAIR-{pair}-{which}"), household, &[(ITEM, 1)]);
    body["lines"][0]["unit_price"] = json!(PRICE);
    body["payment"]["token"] = json!(format!("tok_ok_pair_{pair}_{which}"));
    total_up(&mut body);
    let id = uuid::Uuid::now_v7().to_string();
    let text = event(SENDER, &id, Kind::OrderSubmit.name(), &body).to_string();
    let properties = BasicProperties::default()
        .with_content_type(short("application/cloudevents+json"))
        .with_user_id(short(SENDER))
        .with_message_id(short(&id))
        .with_delivery_mode(2);
    line.insist(IN, Kind::OrderSubmit.name(), text.as_bytes(), &properties).await;
}
