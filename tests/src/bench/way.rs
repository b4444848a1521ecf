//! The messages of one real order, heard as they pass: what the relay has to carry. The count is compared with the
//! audit table, so that the relay has neither fewer hops than the order nor more.

use messages::envelope::{SINGLE, decode, encode};
use messages::topology::{IN, OMS, OUT};
use messages::{Event, Kind};
use serde::Serialize;
use serde_json::Value;

use super::shop::Shop;
use crate::tap::Tap;

/// The desks that an order passes from submit to delivered, one message from each to the next (design: "a straight
/// line"). What the house says besides, such as `stock.reserved` or `payment.captured`, is not on it.
const LINE: [(&str, Kind); 9] = [
    (IN, Kind::OrderSubmit),
    (OMS, Kind::OrderAccepted),
    (OMS, Kind::ReleaseReady),
    (OMS, Kind::PaymentAuthorized),
    // To the warehouse, with the address; what the rooms hear of it is not on the line.
    (OUT, Kind::ShipmentRequested),
    (IN, Kind::ShipmentPacked),
    (OMS, Kind::ShipmentDispatched),
    (IN, Kind::CarrierScan),
    (OMS, Kind::ShipmentDelivered),
];

/// One message of the order as it was on the wire, alone in its AMQP message.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Said {
    pub(super) exchange: String,
    pub(super) kind: String,
    pub(super) bytes: usize,
    #[serde(skip)]
    pub(super) body: Vec<u8>,
}

/// Every message of one order.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Way {
    pub(super) said: Vec<Said>,
    /// Of these, what audit kept.
    pub(super) kept: i64,
}

impl Way {
    /// Sends one order through the house and hears everything that is said of it.
    pub(super) async fn of(shop: &mut Shop) -> Self {
        shop.rest().await;
        let mut tap = Tap::open(&shop.house, &[IN, OMS, OUT]).await;
        let before = shop.kept().await;
        shop.store.pour(&mut shop.crowd, 1).await;
        let mut passed = tap.until(OMS, Kind::ShipmentDelivered.name()).await;
        shop.rest().await;
        let kept = shop.kept().await - before;
        let mut said: Vec<Said> = passed.drain(..).flat_map(|one| heard(&one)).collect();
        // The charge and some notices may come after the delivery here, where a parcel is on its way for no time.
        while said.iter().filter(|said| said.exchange == OMS).count() < usize::try_from(kept).unwrap_or(0) {
            said.extend(tap.events(1).await.iter().flat_map(heard));
        }
        Self { said, kept }
    }

    /// The messages of the straight line, in its order.
    ///
    /// # Panics
    /// The order went another way, or audit kept another number than was heard.
    pub(super) fn line(&self) -> Vec<Said> {
        let inner = self.said.iter().filter(|said| said.exchange == OMS).count() as i64;
        let kinds: Vec<&str> = self.said.iter().map(|said| said.kind.as_str()).collect();
        assert_eq!(inner, self.kept, "audit keeps what passes, once: {kinds:?}");
        LINE.iter().map(|&(exchange, kind)| self.last(exchange, kind).clone()).collect()
    }

    /// The last of its kind: of the scans, that which says delivered.
    fn last(&self, exchange: &str, kind: Kind) -> &Said {
        let mut of_kind =
            self.said.iter().filter(|said| said.exchange == exchange && said.kind == kind.name());
        of_kind.next_back().unwrap_or_else(|| panic!("no {} on the order's way", kind.name()))
    }
}

fn heard(passed: &crate::tap::Passed) -> Vec<Said> {
    let content_type = passed.properties.content_type().as_ref().map(|text| text.as_str().to_owned());
    let events = decode(content_type.as_deref(), &passed.bytes).expect("what passes can be read");
    let alone = |event: Event| {
        let (kind, (content_type, body)) = (event.kind.clone(), encode(std::slice::from_ref(&event)));
        assert_eq!(content_type, SINGLE);
        Said { exchange: passed.exchange.clone(), kind, bytes: body.len(), body }
    };
    events.into_iter().flatten().map(alone).collect()
}

/// What is told of the way.
pub(super) fn json(way: &Way) -> Value {
    let outside = way.said.len() as i64 - way.kept;
    let bytes: usize = way.said.iter().map(|said| said.bytes).sum();
    serde_json::json!({
        "messages": way.said.len(), "kept_by_audit": way.kept, "to_and_from_outsiders": outside,
        "bytes": bytes, "line": way.line(), "said": way.said,
    })
}
