//! The table: what is so, what comes, what is so then, and what is said.

use messages::id::ShipmentId;
use messages::task::TaskKind;
use shell::stage::{Said, Stage};

use crate::partners::*;
use fulfillment::Fulfillment;

type Step = fn(&mut Stage<Fulfillment>) -> Vec<Said>;

/// What is so, by what came before; what comes; what is so then; what is said.
type Row = (&'static str, &'static [Step], Step, &'static str, &'static [&'static str]);

fn nothing(_: &mut Stage<Fulfillment>) -> Vec<Said> {
    Vec::new()
}

fn authorize(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let body = authorized(stage, 1, (2, 1));
    stage.tell(&body)
}

fn time_comes(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.set_now(stage.now().plus_seconds(60));
    stage.fire(&[])
}

fn pack_all(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &packed(1, (2, 1)))
}

fn pack_two(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &packed(1, (1, 1)))
}

fn pack_too_many(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &packed(1, (3, 1)))
}

fn pack_nothing(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &packed(1, (0, 0)))
}

fn pack_another_parcel(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let shipment = ShipmentId::of(&release(1), 2);
    stage.command("warehouse", &messages::shipment::ShipmentPacked { shipment, ..packed(1, (2, 1)) })
}

fn pack_with_wrong_label(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &packed_with_wrong_label(1, (2, 1)))
}

fn miss_one(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &short(1, (1, 0)))
}

fn miss_other(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &short(1, (0, 1)))
}

fn miss_all(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &short(1, (2, 1)))
}

fn miss_too_many(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.command("warehouse", &short(1, (3, 0)))
}

fn miss_another_parcel(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let shipment = ShipmentId::of(&release(1), 2);
    stage.command("warehouse", &messages::shipment::ShipmentShort { shipment, ..short(1, (1, 0)) })
}

const REQUESTED: &[&str] = &["rooms: shipment.requested", "warehouse: shipment.requested"];
const DISPATCHED: &[&str] = &["rooms: shipment.dispatched", "warehouse: done"];
const SHORTED: &[&str] = &["rooms: release.shorted", "warehouse: done", "rooms: task.opened"];
const SHORTED_AGAIN: &[&str] = &["rooms: release.shorted", "warehouse: done"];
const SHORTED_AND_DISPATCHED: &[&str] =
    &["rooms: release.shorted", "rooms: shipment.dispatched", "warehouse: done", "rooms: task.opened"];
const REPEATED: &[&str] = &["warehouse: repeated"];
const UNKNOWN: &[&str] = &["warehouse: refused unknown_shipment"];
const NOT_REQUESTED: &[&str] = &["warehouse: refused not_requested"];
const WRONG_UNITS: &[&str] = &["warehouse: refused wrong_units"];
const PACKED: &[&str] = &["warehouse: refused already_packed"];
const OTHER: &[&str] = &["warehouse: refused already_seen_with_other_content"];
const WRONG_LABEL: &[&str] = &["warehouse: refused tracking_number_not_of_carrier"];

#[test]
fn without_delay_an_authorized_release_is_handed_over_at_once() {
    #[rustfmt::skip]
    let table: &[Row] = &[
        ("new", &[], nothing, "new", &[]),
        ("new", &[], authorize, "requested", REQUESTED),
        ("new", &[], pack_all, "new", UNKNOWN),
        ("new", &[], miss_all, "new", UNKNOWN),
        ("requested", &[authorize], authorize, "requested", &[]),
        ("requested", &[authorize], time_comes, "requested", &[]),
        ("requested", &[authorize], pack_all, "dispatched", DISPATCHED),
        ("requested", &[authorize], pack_two, "dispatched", SHORTED_AND_DISPATCHED),
        ("requested", &[authorize], pack_too_many, "requested", WRONG_UNITS),
        ("requested", &[authorize], pack_nothing, "requested", WRONG_UNITS),
        ("requested", &[authorize], pack_another_parcel, "requested", UNKNOWN),
        ("requested", &[authorize], pack_with_wrong_label, "requested", WRONG_LABEL),
        ("requested", &[authorize], miss_one, "requested", SHORTED),
        ("requested", &[authorize], miss_all, "shorted", SHORTED),
        ("requested", &[authorize], miss_too_many, "requested", WRONG_UNITS),
        ("requested", &[authorize], miss_another_parcel, "requested", UNKNOWN),
        ("one missing", &[authorize, miss_one], miss_one, "requested", REPEATED),
        ("one missing", &[authorize, miss_one], miss_other, "requested", OTHER),
        ("one missing", &[authorize, miss_one], miss_too_many, "requested", WRONG_UNITS),
        ("one missing", &[authorize, miss_one], miss_all, "shorted", SHORTED_AGAIN),
        ("one missing", &[authorize, miss_one], pack_all, "requested", WRONG_UNITS),
        ("one missing", &[authorize, miss_one], pack_two, "dispatched", DISPATCHED),
        ("dispatched", &[authorize, pack_all], authorize, "dispatched", &[]),
        ("dispatched", &[authorize, pack_all], pack_all, "dispatched", REPEATED),
        ("dispatched", &[authorize, pack_all], pack_two, "dispatched", PACKED),
        ("dispatched", &[authorize, pack_all], pack_another_parcel, "dispatched", UNKNOWN),
        ("dispatched", &[authorize, pack_all], miss_one, "dispatched", PACKED),
        ("dispatched", &[authorize, pack_all], miss_too_many, "dispatched", WRONG_UNITS),
        ("dispatched", &[authorize, pack_all], miss_another_parcel, "dispatched", UNKNOWN),
        ("dispatched without one", &[authorize, pack_two], miss_one, "dispatched", &["warehouse: done"]),
        ("dispatched without one", &[authorize, pack_two], miss_other, "dispatched", PACKED),
        ("dispatched without one", &[authorize, pack_two], pack_two, "dispatched", REPEATED),
        ("dispatched, one told", &[authorize, pack_two, miss_one], miss_one, "dispatched", REPEATED),
        ("dispatched, one told", &[authorize, pack_two, miss_one], miss_all, "dispatched", PACKED),
        ("shorted", &[authorize, miss_all], authorize, "shorted", &[]),
        ("shorted", &[authorize, miss_all], pack_all, "shorted", WRONG_UNITS),
        ("shorted", &[authorize, miss_all], pack_another_parcel, "shorted", UNKNOWN),
        ("shorted", &[authorize, miss_all], miss_all, "shorted", REPEATED),
        ("shorted", &[authorize, miss_all], miss_one, "shorted", OTHER),
        ("shorted", &[authorize, miss_all], miss_another_parcel, "shorted", UNKNOWN),
    ];
    check(0, table);
}

#[test]
fn with_a_delay_it_waits_for_its_time() {
    #[rustfmt::skip]
    let table: &[Row] = &[
        ("new", &[], authorize, "waiting", &[]),
        ("waiting", &[authorize], authorize, "waiting", &[]),
        ("waiting", &[authorize], time_comes, "requested", REQUESTED),
        ("waiting", &[authorize], pack_all, "waiting", NOT_REQUESTED),
        ("waiting", &[authorize], miss_all, "waiting", NOT_REQUESTED),
        ("requested", &[authorize, time_comes], time_comes, "requested", &[]),
        ("requested", &[authorize, time_comes], pack_all, "dispatched", DISPATCHED),
    ];
    check(60, table);
}

#[test]
fn not_a_second_before_its_time() {
    let mut stage = stage(60);
    authorize(&mut stage);
    stage.set_now(stage.now().plus_seconds(59));
    assert!(stage.fire(&[]).is_empty());
    stage.set_now(stage.now().plus_seconds(1));
    assert_eq!(words(&stage.fire(&[])), REQUESTED);
    assert!(stage.due().is_empty());
}

#[test]
fn a_short_shipment_is_one_task_however_often_it_is_told() {
    let mut stage = stage(0);
    for step in [authorize, miss_one, miss_one, miss_other, pack_two] {
        step(&mut stage);
    }
    assert_eq!(stage.open_tasks(), [(TaskKind::ShipmentShort, shipment(1).to_string())]);
}

#[test]
fn units_are_either_packed_or_missing_whichever_is_told_first() {
    let ends = [[pack_all, miss_all], [miss_all, pack_all]].map(|order| {
        let mut stage = stage(0);
        authorize(&mut stage);
        let said: Vec<String> = order.iter().flat_map(|step| words(&step(&mut stage))).collect();
        (status(&state(&stage, 1)), said.contains(&"rooms: shipment.dispatched".to_owned()), said.len())
    });
    assert_eq!(ends, [("dispatched", true, 3), ("shorted", false, 4)]);
}

fn check(delay: i64, table: &[Row]) {
    for (row, (is, before, comes, then, said)) in table.iter().enumerate() {
        let mut stage = stage(delay);
        for step in *before {
            step(&mut stage);
        }
        let words = words(&comes(&mut stage));
        assert_eq!(words, *said, "row {row} ({is}): what is said");
        assert_eq!(status(&state(&stage, 1)), *then, "row {row} ({is}): what is so then");
    }
}
