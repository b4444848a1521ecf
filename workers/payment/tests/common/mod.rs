//! One release on a stage: two units of one line at 50.00 and 5.00 for shipping, told and answered step by step.

#![allow(dead_code, reason = "every test file takes what it needs")]

pub(crate) mod shop;
pub(crate) mod steps;

use messages::Body as _;
use messages::case::{CaseEnd, CaseResolved};
use messages::id::{OrderNumber, ReleaseId, ShipmentId};
use messages::item::ItemNumber;
use messages::money::Amount;
use messages::order::{Line, OrderCancelled};
use messages::sealed::Sealed;
use messages::shipment::{ReleaseShorted, ShipmentDispatched};
use messages::stock::{LineUnits, Release, ReleaseReady, ReshipReady};
use payment::call::Answer;
use payment::call::{KINDS, RENEW};
use payment::store::{OrderRow, ReleaseRow, Stage as At, State};
use payment::{Key, Payment};
use shell::stage::{Said, Stage};
use shell::worker::DueRow;

pub(crate) fn order() -> OrderNumber {
    OrderNumber::from_bits(42)
}

pub(crate) fn release() -> ReleaseId {
    ReleaseId::of(&order(), 1)
}

pub(crate) fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("a good amount")
}

pub(crate) fn item() -> ItemNumber {
    ItemNumber::parse("26EA").expect("a good item number")
}

pub(crate) fn units(line: u16, quantity: u32) -> LineUnits {
    LineUnits { line, item: item(), quantity }
}

pub(crate) fn sealed(section: &str) -> Sealed {
    Sealed::try_from(format!("oms1.{section}-2026q4.AAAA")).expect("a sealed section")
}

/// A release of these lines, as (quantity, unit price), numbered from 1.
pub(crate) fn ready_of(lines: &[(u32, i64)], shipping: i64) -> ReleaseReady {
    let lines: Vec<Line> = (1..)
        .zip(lines)
        .map(|(line, &(quantity, price))| Line {
            line,
            item: item(),
            quantity,
            unit_price: amount(price),
            delivery: 1,
        })
        .collect();
    let sum = Amount::sum(lines.iter().filter_map(Line::amount)).expect("in range");
    let sample = ReleaseReady::sample();
    let release = Release {
        release: release(),
        order: order(),
        lines,
        shipping: amount(shipping),
        amount: sum.checked_add(amount(shipping)).expect("in range"),
        ..sample.release
    };
    ReleaseReady { release, payment: sealed("payment"), address: sealed("delivery") }
}

pub(crate) fn ready() -> ReleaseReady {
    ready_of(&[(2, 5_000)], 500)
}

pub(crate) fn dispatched(shipment: u16, lines: Vec<LineUnits>) -> ShipmentDispatched {
    ShipmentDispatched {
        shipment: ShipmentId::of(&release(), shipment),
        release: release(),
        order: order(),
        lines,
        ..ShipmentDispatched::sample()
    }
}

pub(crate) fn shorted(shipment: u16, missing: Vec<LineUnits>) -> ReleaseShorted {
    ReleaseShorted {
        shipment: ShipmentId::of(&release(), shipment),
        release: release(),
        order: order(),
        delivery: 1,
        missing,
        address: sealed("delivery"),
    }
}

pub(crate) fn reship_ready(shipment: u16, lines: Vec<LineUnits>, unavailable: Vec<LineUnits>) -> ReshipReady {
    ReshipReady { shipment: ShipmentId::of(&release(), shipment), order: order(), lines, unavailable }
}

pub(crate) fn cancelled(handed_over: Vec<ReleaseId>) -> OrderCancelled {
    OrderCancelled { order: order(), handed_over, ..OrderCancelled::sample() }
}

/// The case of this shipment has ended.
pub(crate) fn resolved(shipment: u16, resolution: CaseEnd, lines: Vec<LineUnits>) -> CaseResolved {
    let case = ShipmentId::of(&release(), shipment);
    CaseResolved { case, release: release(), order: order(), resolution, lines, ..CaseResolved::sample() }
}

pub(crate) fn state(stage: &Stage<Payment>) -> ReleaseRow {
    let row = stage.rows().get(&Key::Release(release())).cloned();
    row.as_ref().and_then(State::release).cloned().unwrap_or_default()
}

pub(crate) fn order_row(stage: &Stage<Payment>) -> OrderRow {
    let row = stage.rows().get(&Key::Order(order())).cloned();
    row.as_ref().and_then(State::order).cloned().unwrap_or_default()
}

/// The calls that are due.
pub(crate) fn calls(stage: &Stage<Payment>) -> Vec<DueRow> {
    stage.due().into_iter().filter(|row| row.kind != RENEW).collect()
}

/// The timer, if it is set.
pub(crate) fn timer(stage: &Stage<Payment>) -> Option<DueRow> {
    stage.due().into_iter().find(|row| row.kind == RENEW)
}

/// The hold's renewal comes due, and is due now.
pub(crate) fn renew(stage: &mut Stage<Payment>) -> Vec<Said> {
    let at = timer(stage).expect("a renewal is planned").due_at;
    stage.set_now(at.max(stage.now()));
    stage.fire(KINDS)
}

pub(crate) fn status(state: &ReleaseRow) -> &'static str {
    match state.stage {
        At::New => "new",
        At::Authorizing { .. } => "authorizing",
        At::Authorized { .. } => "authorized",
        At::Renewing { .. } => "renewing",
        At::Capturing { .. } => "capturing",
        At::Captured { .. } => "captured",
        At::CaptureFailed { .. } => "capture_failed",
        At::Voiding { .. } => "voiding",
        At::Voided { .. } => "voided",
        At::Declined { .. } => "declined",
    }
}

/// The gateway answers whatever call is due.
pub(crate) fn answer(stage: &mut Stage<Payment>, answer: &Answer) -> Vec<Said> {
    let row = calls(stage).into_iter().next().expect("a call is due");
    stage.answer_row(&row, answer)
}

pub(crate) fn authorized() -> Answer {
    held("pi_1", "2026-12-01T12:00:00Z")
}

pub(crate) fn held(intent: &str, capture_before: &str) -> Answer {
    let capture_before = messages::Timestamp::parse(capture_before).expect("a good time");
    Answer::Authorized { intent: intent.to_owned(), capture_before }
}

pub(crate) fn declined(code: &str, advice: Option<&str>) -> Answer {
    Answer::Declined { code: code.to_owned(), advice: advice.map(str::to_owned) }
}

pub(crate) fn unclear(key_is_spent: bool) -> Answer {
    Answer::Unclear { what: "no answer in time".to_owned(), key_is_spent }
}

pub(crate) fn capture_declined() -> Answer {
    Answer::CaptureDeclined { code: "charge_expired_for_capture".to_owned() }
}

pub(crate) fn refund_declined() -> Answer {
    Answer::RefundDeclined { code: "charge_disputed".to_owned() }
}

pub(crate) fn misconfigured() -> Answer {
    Answer::Misconfigured { what: "HTTP 401 unknown".to_owned() }
}

/// Kinds without their version: `payment.authorized payment.adjusted`.
pub(crate) fn kinds(said: &[Said]) -> String {
    let names: Vec<&str> = said.iter().map(|said| said.kind.name().trim_end_matches(".v1")).collect();
    names.join(" ")
}
