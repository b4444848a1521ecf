//! One complete sample per kind, made of invented values. The golden files, the schemas' examples and many
//! tests are made from them, so nothing here may depend on a clock or on chance.

use crate::address::PostalAddress;
use crate::answer::{CommandAnswered, Outcome};
use crate::bounce::{AddressSuppressed, MailBounced};
use crate::card::CardBrand;
use crate::case::*;
use crate::catalogue::Body;
use crate::control::*;
use crate::id::{OrderNumber, ParkedId, Reference, ReleaseId, ShipmentId, UserId};
use crate::item::{ItemNumber, PoolId};
use crate::money::{Amount, Currency};
use crate::notice::{NoticeKind, NoticeSent, NoticeWay};
use crate::order::*;
use crate::payment::*;
use crate::person::PersonName;
use crate::product::*;
use crate::room::Room;
use crate::sealed::{Fingerprint, Sealed};
use crate::shipment::*;
use crate::stock::*;
use crate::subscriber::*;
use crate::task::{TaskClose, TaskClosed, TaskKind, TaskOpened};
use crate::timestamp::Timestamp;
use crate::tracking_number::{Carrier, TrackingNumber};

const GOOD: &str = "a sample value is valid";

pub(crate) fn order() -> OrderNumber {
    OrderNumber::from_bits(0x0123_4567_89ab_cdef >> 4)
}

fn release() -> ReleaseId {
    ReleaseId::of(&order(), 1)
}

fn shipment() -> ShipmentId {
    ShipmentId::of(&release(), 1)
}

fn at() -> Timestamp {
    Timestamp::parse("2019-11-14T17:00:00Z").expect(GOOD)
}

fn later(hours: i64) -> Timestamp {
    at().plus_seconds(hours * 3600)
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect(GOOD)
}

fn item() -> ItemNumber {
    ItemNumber::parse("19XE").expect(GOOD)
}

fn reference(text: &str) -> Reference {
    Reference::parse(text).expect(GOOD)
}

fn user() -> UserId {
    UserId::parse("m.rivera").expect(GOOD)
}

fn sealed(section: &str) -> Sealed {
    Sealed::try_from(format!("oms1.{section}-2019q4.c2FtcGxlIG9mIGEgc2VhbGVkIHNlY3Rpb24")).expect(GOOD)
}

fn fingerprint(text: &str) -> Fingerprint {
    serde_json::from_value(text.into()).expect(GOOD)
}

fn tracking() -> TrackingNumber {
    TrackingNumber::parse("9400111206206406260787").expect(GOOD)
}

fn parked() -> ParkedId {
    ParkedId::parse("9b74c9897bac770ffc029102a200c5de5d7ee8b4d1f4b6c9a3d2e1f00b1c2d3e").expect(GOOD)
}

fn replayed() -> ParkedEnd {
    ParkedEnd::Replayed { successors: vec!["016e6a5d-2c40-8d31-a0b7-5c1d2e3f4a5b".to_owned()] }
}

fn units() -> Vec<LineUnits> {
    vec![LineUnits { line: 1, item: item(), quantity: 1 }]
}

fn line() -> Line {
    Line { line: 1, item: item(), quantity: 1, unit_price: amount(6595), delivery: 1 }
}

fn a_release() -> Release {
    Release {
        release: release(),
        order: order(),
        delivery: 1,
        gift: false,
        method: Method::Standard,
        lines: vec![line()],
        shipping: amount(495),
        amount: amount(7090),
        currency: Currency::USD,
    }
}

/// A postal address that belongs to a public building.
#[must_use]
pub fn address() -> SubmittedAddress {
    SubmittedAddress {
        line1: "151 North Independence Mall East".to_owned(),
        line2: None,
        city: "Philadelphia".to_owned(),
        state: Some("PA".to_owned()),
        postal_code: "19106".to_owned(),
        country: "US".to_owned(),
    }
}

fn product() -> Product {
    Product {
        item: item(),
        name: "American Eagle 2019-S One Ounce Silver Enhanced Reverse Proof Coin".to_owned(),
        price: amount(6595),
        currency: Currency::USD,
        on_sale_at: at(),
        product_limit: Some(30_000),
        mintage: Some(Mintage {
            pool: PoolId::parse("2019-S-EAGLE-ERP").expect(GOOD),
            limit: 30_000,
            coins_per_unit: 1,
        }),
        household_limit: Some(HouseholdLimit { units: 1, hours: None }),
        ships_from: None,
        backorder_expected_at: None,
        waitlist_units: None,
        unusual_quantity: Some(10),
    }
}

macro_rules! samples {
    ($($body:ty => $sample:expr;)*) => {$(
        impl Body for $body {
            fn sample() -> Self {
                $sample
            }
        }
    )*};
}

samples! {
    OrderSubmit => OrderSubmit {
        reference: reference("WEB-100001"),
        channel: Channel::Web,
        received_at: at(),
        agent: None,
        customer: Some("C-204417".to_owned()),
        contact: SubmittedContact { name: "Pat Example".to_owned(), email: Some("pat@example.com".to_owned()) },
        billing: address(),
        payment: SubmittedPayment {
            token: "tok_ok_100001".to_owned(),
            brand: CardBrand::Visa,
            last_four: "4242".to_owned(),
            expiry: "2027-08".to_owned(),
            fingerprint: "fpr_9f3a6c".to_owned(),
        },
        deliveries: vec![SubmittedDelivery {
            recipient: "Pat Example".to_owned(),
            address: address(),
            phone: Some("+12155550123".to_owned()),
            gift: false,
            gift_message: None,
            method: Method::Standard,
        }],
        lines: vec![SubmittedLine { item: "19XE".to_owned(), quantity: 1, unit_price: 6595, delivery: 1 }],
        shipping: 495,
        total: 7090,
        currency: "USD".to_owned(),
    };
    OrderChange => OrderChange { reference: reference("WEB-100001-change"), order: order() };
    HoldRelease => HoldRelease { order: order(), user: user(), reason: "called the customer, the quantity is meant".to_owned() };
    HoldRefuse => HoldRefuse { order: order(), user: user(), reason: "the customer did not place this order".to_owned() };
    ProductDefine => ProductDefine { reference: reference("19XE-1"), product: product(), user: Some(user()), reason: None };
    ProductDefined => ProductDefined { product: product(), version: 1, sender: "operator".to_owned(), user: Some(user()), reason: None };
    StockReceive => StockReceive { reference: reference("PALLET-7"), item: item(), quantity: 5_000, user: Some(user()) };
    StockAdjust => StockAdjust { reference: reference("COUNT-3"), item: item(), change: -2, user: user(), reason: "recount of shelf 12".to_owned() };
    StockChanged => StockChanged {
        item: item(), change: 5_000, on_hand: 5_000, sender: "warehouse".to_owned(), reference: reference("PALLET-7"), user: Some(user()), reason: None,
    };
    OrderAccepted => OrderAccepted {
        order: order(),
        sender: "web-store".to_owned(),
        reference: reference("WEB-100001"),
        channel: Channel::Web,
        place: Place { received_at: at(), message_id: "0c6f1f3e-6b1c-4a57-9d44-3f1f2b7f9a10".to_owned() },
        agent: None,
        customer: Some("C-204417".to_owned()),
        lines: vec![line()],
        shipping: amount(495),
        total: amount(7090),
        currency: Currency::USD,
        card: fingerprint("Yk0sXq1c9m8vQ2pL7tRz0A"),
        account: Some(fingerprint("dG9vIHNob3J0IHRvIHJlYQ")),
        email: Some(fingerprint("ZW1haWwgZmluZ2VycHJpbg")),
        deliveries: vec![Delivery {
            number: 1, gift: false, method: Method::Standard, address: fingerprint("b2theSB0aGlzIGlzIG9uZQ"), section: sealed("delivery"),
        }],
        payment: sealed("payment"),
        contact: sealed("contact"),
    };
    OrderHeld => OrderHeld {
        order: order(),
        sender: "web-store".to_owned(),
        reference: reference("WEB-100001"),
        channel: Channel::Web,
        reasons: vec![HoldReason::UnusualQuantity],
        lines: vec![line()],
        total: amount(7090),
        currency: Currency::USD,
        contact: sealed("contact"),
        email: Some(fingerprint("ZW1haWwgZmluZ2VycHJpbg")),
    };
    OrderRefused => OrderRefused {
        sender: "web-store".to_owned(),
        reference: reference("WEB-100001"),
        order: Some(order()),
        code: "too_early".to_owned(),
        text: "item 19XE is on sale from 2019-11-14T17:00:00Z; the order was received before".to_owned(),
        contact: Some(sealed("contact")),
        email: Some(fingerprint("ZW1haWwgZmluZ2VycHJpbg")),
    };
    HoldEnded => HoldEnded { order: order(), released: true, user: user(), reason: "called the customer, the quantity is meant".to_owned() };
    StockReserved => StockReserved { order: order(), lines: units() };
    StockLimited => StockLimited { order: order(), lines: units() };
    StockUnavailable => StockUnavailable {
        order: order(), lines: vec![UnavailableLine { units: LineUnits { line: 1, item: item(), quantity: 1 }, why: Unavailable::CurrentlyUnavailable }],
    };
    StockBackordered => StockBackordered { order: order(), lines: units(), expected_at: Some(later(720)) };
    StockWaitlisted => StockWaitlisted { order: order(), lines: units() };
    ReleaseReady => ReleaseReady { release: a_release(), payment: sealed("payment"), address: sealed("delivery") };
    ReshipReady => ReshipReady { shipment: ShipmentId::of(&release(), 2), order: order(), lines: units(), unavailable: Vec::new() };
    PaymentAuthorized => PaymentAuthorized { release: a_release(), address: sealed("delivery"), capture_before: later(168) };
    PaymentDeclined => PaymentDeclined { release: release(), order: order(), class: DeclineClass::Never, code: "stolen_card".to_owned(), lines: units() };
    PaymentDelayed => PaymentDelayed { release: release(), order: order(), code: "insufficient_funds".to_owned(), retry_at: later(24) };
    PaymentRenewed => PaymentRenewed { release: release(), order: order(), capture_before: later(336), delays: 1 };
    PaymentCaptured => PaymentCaptured { release: release(), order: order(), amount: amount(7090), currency: Currency::USD };
    PaymentCaptureFailed => PaymentCaptureFailed { release: release(), order: order(), amount: amount(7090), code: "charge_expired_for_capture".to_owned() };
    PaymentVoided => PaymentVoided { release: release(), order: order() };
    PaymentAdjusted => PaymentAdjusted {
        release: release(), order: order(), delivery: 1, missing: units(), payment: sealed("payment"), address: sealed("delivery"),
    };
    ShipmentRequested => ShipmentRequested {
        shipment: shipment(), release: release(), order: order(), delivery: 1, gift: false, method: Method::Standard, lines: units(),
        address: Some(sealed("warehouse")),
    };
    ShipmentPacked => ShipmentPacked { shipment: shipment(), carrier: Carrier::Usps, tracking: tracking(), packed_at: later(20), lines: units() };
    ShipmentShort => ShipmentShort { shipment: shipment(), missing: units() };
    ReleaseShorted => ReleaseShorted {
        shipment: shipment(), release: release(), order: order(), delivery: 1, missing: units(), address: sealed("delivery"),
    };
    ShipmentDispatched => ShipmentDispatched {
        shipment: shipment(), release: release(), order: order(), gift: false, carrier: Carrier::Usps, tracking: tracking(), packed_at: later(20), lines: units(),
    };
    CarrierScan => CarrierScan {
        carrier: Carrier::Usps, tracking: tracking(), code: Some("01".to_owned()), status: None, to_sender: false, endorsement: None, scanned_at: later(70),
    };
    ShipmentProgressed => ShipmentProgressed { shipment: shipment(), order: order(), status: ParcelStatus::InTransit, scanned_at: later(30) };
    ShipmentDelivered => ShipmentDelivered { shipment: shipment(), order: order(), delivered_at: later(70) };
    ShipmentUndeliverable => ShipmentUndeliverable {
        shipment: shipment(), order: order(), carrier: Carrier::Usps, code: Some("21".to_owned()),
        endorsement: Some("NSN".to_owned()), scanned_at: later(70),
    };
    ShipmentReturned => ShipmentReturned {
        shipment: shipment(), order: order(), carrier: Carrier::Usps, code: Some("09".to_owned()),
        endorsement: Some("UTF".to_owned()), returned_at: later(170),
    };
    NoticeSent => NoticeSent {
        order: order(), kind: NoticeKind::Confirmed, cause: "016e6a5d-2c40-8d31-a0b7-5c1d2e3f4a5b".to_owned(), way: NoticeWay::Email,
    };
    TaskOpened => TaskOpened {
        room: Room::Payment, kind: TaskKind::CaptureFailed, key: release().to_string(), order: Some(order()),
        reason: "the shipped release could not be charged: charge_expired_for_capture".to_owned(),
    };
    TaskClose => TaskClose {
        room: Room::Payment, kind: TaskKind::CaptureFailed, key: release().to_string(), user: user(), reason: "charged by telephone".to_owned(),
    };
    TaskClosed => TaskClosed {
        room: Room::Payment, kind: TaskKind::CaptureFailed, key: release().to_string(), order: Some(order()), user: user(), reason: "charged by telephone".to_owned(),
    };
    ParkedSettle => ParkedSettle {
        room: Room::Intake, parked: parked(), parked_at: at(), end: replayed(), due: None, user: user(), reason: "the web store may send orders again".to_owned(),
    };
    ParkedSettled => ParkedSettled {
        room: Room::Intake, parked: parked(), parked_at: at(), end: replayed(), user: user(), reason: "the web store may send orders again".to_owned(),
    };
    RoomPause => RoomPause { room: Room::Payment, user: user(), reason: "the gateway is being moved".to_owned() };
    RoomPaused => RoomPaused { room: Room::Payment, user: user(), reason: "the gateway is being moved".to_owned() };
    RoomResume => RoomResume { room: Room::Payment, user: user(), reason: "the gateway has moved".to_owned() };
    RoomResumed => RoomResumed { room: Room::Payment, user: user(), reason: "the gateway has moved".to_owned() };
    OrderCancel => OrderCancel { reference: reference("WEB-100001-cancel"), order: order(), user: None, reason: "changed my mind".to_owned() };
    OrderCancelled => OrderCancelled {
        order: order(), handed_over: vec![release()], sender: "web-store".to_owned(), user: None, reason: "changed my mind".to_owned(),
    };
    PaymentRefunded => PaymentRefunded { release: release(), order: order(), amount: amount(6595), currency: Currency::USD };
    ShipmentLost => ShipmentLost { shipment: shipment(), order: order(), carrier: Carrier::Usps, last_seen_at: later(30) };
    CaseOpened => CaseOpened { case: shipment(), order: order(), class: CaseClass::AddressFault, reason: Some("21".to_owned()), gift: false };
    CaseAsked => CaseAsked { case: shipment(), order: order(), class: CaseClass::AddressFault, contact: 1, answer_by: later(400) };
    CaseAnswer => CaseAnswer {
        reference: reference("ANSWER-1"),
        case: shipment(),
        token: Some("b3BhcXVlIHRva2VuIDEyMw".to_owned()),
        user: None,
        wish: CaseWish::Reship,
        address: Some(address()),
    };
    CaseNote => CaseNote { case: shipment(), user: user(), text: "the carrier confirms that the number does not exist".to_owned() };
    CaseResolve => CaseResolve { case: shipment(), user: user(), reason: "the customer called".to_owned(), resolution: CaseEnd::Refund };
    CaseChanged => CaseChanged {
        case: shipment(), order: order(), change: CaseChange::Noted { text: "the carrier confirms it".to_owned() }, user: Some(user()),
    };
    CaseResolved => CaseResolved {
        case: shipment(), release: release(), order: order(), delivery: 1, gift: false, class: CaseClass::AddressFault, resolution: CaseEnd::Reship,
        returned: true, lines: units(), address: Some(sealed("delivery")), user: None, reason: "the customer gave a corrected address".to_owned(),
    };
    CaseReceive => CaseReceive { reference: reference("DOCK-7"), shipment: shipment(), condition: Condition::Restock, received_at: later(200), user: None };
    CaseReceived => CaseReceived { case: shipment(), release: release(), order: order(), condition: Condition::Restock, lines: units(), user: None };
    AddressFlagged => AddressFlagged {
        address: fingerprint("b2theSB0aGlzIGlzIG9uZQ"), case: shipment(), order: order(), reason: "vacant (VAC)".to_owned(),
    };
    MailBounced => MailBounced { reference: reference("BOUNCE-1"), report: "Content-Type: multipart/report; report-type=delivery-status\r\n\r\n".to_owned() };
    AddressSuppressed => AddressSuppressed { email: fingerprint("ZW1haWwgZmluZ2VycHJpbg"), status: "5.1.1".to_owned() };
    SubscriberSubmit => SubscriberSubmit {
        reference: reference("SUB-1"),
        email: "pat@example.com".to_owned(),
        name: Some("Pat Example".to_owned()),
        topics: vec![Topic::NumismaticProducts],
        channels: vec![ContactChannel::Email],
        preferences: vec!["silver".to_owned()],
        consent_text: "2019-03".to_owned(),
        consented_at: at(),
    };
    SubscriberConfirm => SubscriberConfirm { reference: reference("SUB-1-confirm"), token: "b3BhcXVlIHRva2VuIDEyMw".to_owned() };
    SubscriberWithdraw => SubscriberWithdraw {
        reference: reference("SUB-1-stop"), token: Some("b3BhcXVlIHRva2VuIDEyMw".to_owned()), email: None, topics: vec![Topic::Activities], user: None,
    };
    SubscriberChanged => SubscriberChanged {
        subscriber: fingerprint("ZW1haWwgZmluZ2VycHJpbg"), change: SubscriberChange::Confirmed, topics: vec![Topic::NumismaticProducts],
        consent_text: "2019-03".to_owned(),
    };
    CampaignDefine => CampaignDefine {
        campaign: reference("2019-11-EAGLE"),
        topic: Topic::NumismaticProducts,
        segment: Segment { prefers: vec!["silver".to_owned()], bought: Vec::new(), not_bought: vec!["19XE".to_owned()] },
        subject: "A new Eagle on 14 November".to_owned(),
        text: "At noon Eastern time the 2019-S Enhanced Reverse Proof goes on sale.".to_owned(),
        per_minute: 600,
        user: user(),
    };
    CampaignControl => CampaignControl { campaign: reference("2019-11-EAGLE"), verb: CampaignVerb::Approve, version: Some(1), user: user(), reason: None };
    CampaignChanged => CampaignChanged { campaign: reference("2019-11-EAGLE"), state: CampaignState::Approved, user: Some(user()), reason: None };
    CommandAnswered => CommandAnswered {
        answers: Some("0c6f1f3e-6b1c-4a57-9d44-3f1f2b7f9a10".to_owned()),
        reference: Some("WEB-100001".to_owned()),
        outcome: Outcome::Accepted,
        order: Some(order()),
        code: None,
        text: None,
    };
}

/// The address of the samples as a parsed type.
#[must_use]
pub fn postal_address() -> PostalAddress {
    serde_json::from_value(serde_json::to_value(address()).expect(GOOD)).expect(GOOD)
}

/// What a warehouse prints on the label of that address.
pub(crate) fn delivery_section() -> DeliverySection {
    DeliverySection {
        recipient: PersonName::parse("Pat Example").expect(GOOD),
        address: postal_address(),
        phone: None,
        gift_message: None,
    }
}
