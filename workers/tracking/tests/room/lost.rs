//! A parcel that nobody scans: told once, after its days, and never beside its end.

use shell::stage::Stage;
use tracking::Tracking;

use crate::partners::*;

const DAYS_30: i64 = 30 * 24;
const DAY: i64 = 24;

/// What happens, by the hours of the scans: `None` is the shipment.
type Seen = &'static [Option<(&'static str, i64)>];

#[test]
fn a_parcel_is_lost_a_month_after_it_was_seen_last_and_before_its_end() {
    #[rustfmt::skip]
    let table: &[(Seen, i64, &[&str])] = &[
        (&[None], DAYS_30 - 1, &[]),
        (&[None], DAYS_30, &["lost, seen at 0"]),
        (&[None, Some(("10", 5))], DAYS_30, &[]),
        (&[None, Some(("10", 5))], DAYS_30 + 5, &["lost, seen at 5"]),
        (&[None, Some(("10", 5)), Some(("03", 2))], DAYS_30 + 5, &["lost, seen at 5"]),
        (&[None, Some(("22", 5))], DAYS_30 + 5, &["lost, seen at 5"]),
        (&[None, Some(("09", 5))], DAYS_30 + 5, &["lost, seen at 5"]),
        (&[Some(("10", 5)), None], DAYS_30 + 5, &["lost, seen at 5"]),
        (&[Some(("10", 5))], DAYS_30 * 9, &[]),
        (&[None, Some(("01", 5))], DAYS_30 * 9, &[]),
        (&[Some(("01", 5)), None], DAYS_30 * 9, &[]),
        (&[None, Some(("09", 5)), Some(("01", 6))], DAYS_30 * 9, &[]),
    ];
    for (row, (seen, hours, said)) in table.iter().enumerate() {
        let mut stage = play(seen);
        assert_eq!(fired_until(&mut stage, *hours), *said, "row {row}: {seen:?}, {hours} hours later");
    }
}

#[test]
fn a_loss_is_told_once_and_a_scan_revives_the_parcel_silently() {
    let mut stage = play(&[None, Some(("10", 1))]);
    assert_eq!(fired_until(&mut stage, DAYS_30 + 1), ["lost, seen at 1"]);
    assert!(row(&stage).is_lost());
    assert!(stage.command(CARRIERS, &coded("10", DAYS_30 + 2)).is_empty());
    assert!(!row(&stage).is_lost());
    assert!(fired_until(&mut stage, DAYS_30 * 9).is_empty(), "told once, however long it is silent again");
    let end = words(&stage.command(CARRIERS, &coded("01", DAYS_30 * 9)));
    assert_eq!(end, [format!("delivered at {}", DAYS_30 * 9)]);
}

#[test]
fn a_scan_and_the_end_of_the_days_leave_one_word_of_the_loss_or_none() {
    for scan_first in [true, false] {
        let mut stage = play(&[None]);
        if scan_first {
            stage.command(CARRIERS, &coded("01", 2));
        }
        let lost = fired_until(&mut stage, DAYS_30);
        stage.command(CARRIERS, &coded("01", 2));
        assert_eq!(lost.len(), usize::from(!scan_first));
        assert!(!row(&stage).is_lost() && stage.due().is_empty());
    }
}

#[test]
fn who_asks_too_late_waits_a_day_for_the_scans_that_wait_too() {
    #[rustfmt::skip]
    let table: &[(i64, Option<i64>, &[&str])] = &[
        // Hours after the month when the house is there again, and those of a scan that waited meanwhile.
        (1, None, &["lost, seen at 0"]),
        (2, None, &["DAY LATER", "lost, seen at 0"]),
        (DAYS_30, None, &["DAY LATER", "lost, seen at 0"]),
        (2, Some(5), &["DAY LATER", "lost, seen at 5"]),
        (48, Some(DAYS_30 - 5), &["DAY LATER"]),
    ];
    for (late, scanned, said) in table {
        let mut stage = play(&[None]);
        let there = DAYS_30 + late;
        stage.set_now(at(there));
        let mut heard = words(&stage.fire(&[]));
        if let Some(hours) = scanned {
            stage.command(CARRIERS, &coded("10", *hours));
        }
        if stage.due().iter().any(|due| due.due_at == at(there + DAY)) {
            heard.push("DAY LATER".to_owned());
        }
        heard.extend(fired_until(&mut stage, there + DAY));
        assert_eq!(heard, *said, "{late} hours late, scanned at {scanned:?}");
    }
}

#[test]
fn a_parcel_that_is_told_of_when_it_is_old_is_not_lost_at_once() {
    let mut stage = Stage::new(Tracking::default());
    stage.set_now(at(2 * DAYS_30));
    stage.tell(&dispatched(1));
    assert!(stage.fire(&[]).is_empty(), "its scans may come with it");
    assert!(fired_until(&mut stage, 2 * DAYS_30 + DAY - 1).is_empty());
    assert_eq!(fired_until(&mut stage, 2 * DAYS_30 + DAY), ["lost, seen at 0"]);
}

#[test]
fn every_shipment_in_a_lost_box_hears_of_it_also_one_that_is_told_late() {
    let mut stage = play(&[None]);
    stage.tell(&dispatched(2));
    assert_eq!(fired_until(&mut stage, DAYS_30), ["lost, seen at 0", "lost, seen at 0"]);
    assert_eq!(words(&stage.tell(&dispatched(3))), ["lost, seen at 0"]);
    assert!(stage.tell(&dispatched(3)).is_empty(), "said again");
}

#[test]
fn no_days_are_no_losses() {
    let mut stage = Stage::new(Tracking { lost_after_days: 0 });
    stage.tell(&dispatched(1));
    assert!(stage.due().is_empty());
}

fn play(seen: Seen) -> Stage<Tracking> {
    let mut stage = Stage::new(Tracking::default());
    for step in seen {
        match step {
            None => stage.tell(&dispatched(1)),
            Some((code, hours)) => stage.command(CARRIERS, &coded(code, *hours)),
        };
    }
    stage
}

/// What is said when every timer that is due within these hours fires in its time.
fn fired_until(stage: &mut Stage<Tracking>, hours: i64) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(due_at) = stage.due().iter().map(|due| due.due_at).min().filter(|due| *due <= at(hours)) {
        stage.set_now(due_at.max(stage.now()));
        said.extend(words(&stage.fire(&[])));
    }
    stage.set_now(at(hours));
    said
}
