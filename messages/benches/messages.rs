//! What it costs to read, write and seal what is said, message by message and batch by batch. `cargo bench -p messages`
//! tells times; `ops/bench --instructions` counts instructions, which do not depend on what else the machine does.

use divan::{Bencher, black_box};
use messages::envelope::{SpecVersion, decode, encode, read_body};
use messages::order::{ContactSection, OrderAccepted, OrderSubmit};
use messages::outsiders::Outsiders;
use messages::sealed::{Keyring, Sealed, Section, Trait};
use messages::{Body, Event, Kind};
use serde_json::value::to_raw_value;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

fn main() {
    divan::main();
}

fn event<B: Body>(number: usize) -> Event {
    Event {
        specversion: SpecVersion::V1,
        id: format!("01a20d6b-7ea4-822f-a5df-{number:012}"),
        source: "/oms/intake".to_owned(),
        kind: B::KIND.name().to_owned(),
        time: NOW,
        subject: Some("848Y-NRR9-3RYV-J".to_owned()),
        datacontenttype: None,
        traceparent: None,
        causationid: Some("01a20d6b-7ea4-822f-a5df-6db5e8f72dbb".to_owned()),
        data: to_raw_value(&B::sample()).expect("a sample is JSON"),
    }
}

fn events(count: usize) -> Vec<Event> {
    (0..count).map(event::<OrderAccepted>).collect()
}

fn ring() -> Keyring {
    let mut ring = Keyring::default();
    ring.init(&Outsiders::default().audiences(), NOW).expect("random bytes");
    ring
}

fn contact() -> ContactSection {
    let text = r#"{"name":"Frank Larsen","email":"frank.larsen@example.com"}"#;
    serde_json::from_str(text).expect("a contact")
}

#[divan::bench(args = [1, 256])]
fn encode_batch(bencher: Bencher<'_, '_>, count: usize) {
    let events = events(count);
    bencher.bench(|| encode(black_box(&events)));
}

#[divan::bench(args = [1, 256])]
fn decode_batch(bencher: Bencher<'_, '_>, count: usize) {
    let (content_type, bytes) = encode(&events(count));
    bencher.bench(|| decode(Some(content_type), black_box(&bytes)));
}

#[divan::bench]
fn read_order_accepted(bencher: Bencher<'_, '_>) {
    let event = event::<OrderAccepted>(0);
    bencher.bench(|| read_body::<OrderAccepted>(black_box(&event.data)));
}

#[divan::bench]
fn read_order_submit(bencher: Bencher<'_, '_>) {
    let event = event::<OrderSubmit>(0);
    bencher.bench(|| read_body::<OrderSubmit>(black_box(&event.data)));
}

#[divan::bench]
fn find_card_number_in_an_order(bencher: Bencher<'_, '_>) {
    let event = event::<OrderSubmit>(0);
    bencher.bench(|| messages::card::find_card_number(black_box(event.data.get())));
}

#[divan::bench]
fn seal(bencher: Bencher<'_, '_>) {
    let (ring, contact) = (ring(), contact());
    bencher.bench(|| ring.seal(Section::Contact, "848Y-NRR9-3RYV-J", 0, black_box(&contact), NOW));
}

#[divan::bench]
fn open(bencher: Bencher<'_, '_>) {
    let ring = ring();
    let sealed: Sealed = ring.seal(Section::Contact, "848Y-NRR9-3RYV-J", 0, &contact(), NOW).expect("a key");
    bencher
        .bench(|| ring.open::<ContactSection>(Section::Contact, "848Y-NRR9-3RYV-J", 0, black_box(&sealed)));
}

#[divan::bench]
fn fingerprint(bencher: Bencher<'_, '_>) {
    let ring = ring();
    bencher.bench(|| ring.fingerprint(Trait::Address, black_box("801 9TH ST NW|WASHINGTON|DC|20220")));
}

#[divan::bench]
fn parse_a_kind(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Kind::parse(black_box("shipment.delivered.v1")));
}
