//! A release whose authorization lapses stays where it is until that stands again, in whatever order one hears of it.

use fulfillment::Fulfillment;
use messages::order::OrderCancel;
use messages::payment::{AUTHORIZATION_LAPSED, PaymentDelayed, PaymentRenewed};
use messages::{Body, Event, Kind};
use proptest::prelude::*;
use shell::stage::{Said, Stage};

use crate::partners::*;

fn delayed(code: &str) -> PaymentDelayed {
    PaymentDelayed {
        release: release(1),
        order: release(1).order(),
        code: code.to_owned(),
        ..PaymentDelayed::sample()
    }
}

fn renewed(delays: u32) -> PaymentRenewed {
    PaymentRenewed { release: release(1), order: release(1).order(), delays, ..PaymentRenewed::sample() }
}

fn authorize(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    let body = authorized(stage, 1, (1, 0));
    stage.tell(&body)
}

fn minute(stage: &mut Stage<Fulfillment>) -> Vec<Said> {
    stage.set_now(stage.now().plus_seconds(60));
    stage.fire(&[])
}

fn handed_over(said: &[Said]) -> bool {
    said.iter().any(|one| one.kind == Kind::ShipmentRequested)
}

#[test]
fn the_hand_over_waits_for_the_authorization() {
    let mut stage = stage(60);
    authorize(&mut stage);
    stage.tell(&delayed(AUTHORIZATION_LAPSED));
    assert!(minute(&mut stage).is_empty(), "its time has come, its money has not");
    assert_eq!(status(&state(&stage, 1)), "waiting");
    assert!(handed_over(&stage.tell(&renewed(1))), "nothing else keeps it");
    assert!(stage.tell(&renewed(1)).is_empty() && minute(&mut stage).is_empty(), "once");
}

#[test]
fn a_renewal_before_its_time_leaves_the_hand_over_to_the_timer() {
    let mut stage = stage(60);
    authorize(&mut stage);
    stage.tell(&delayed(AUTHORIZATION_LAPSED));
    assert!(!handed_over(&stage.tell(&renewed(1))));
    assert!(handed_over(&minute(&mut stage)));
}

#[test]
fn a_card_that_was_never_held_and_a_parcel_that_is_with_the_warehouse_are_nothing_to_wait_for() {
    let mut stage = stage(0);
    stage.tell(&delayed("insufficient_funds"));
    assert!(handed_over(&authorize(&mut stage)));
    let before = stage.rows().clone();
    assert!(stage.tell(&delayed(AUTHORIZATION_LAPSED)).is_empty() && stage.tell(&renewed(1)).is_empty());
    assert_eq!(stage.rows(), before);
}

#[test]
fn what_waits_for_its_authorization_can_be_cancelled() {
    let mut stage = stage(0);
    stage.tell(&delayed(AUTHORIZATION_LAPSED));
    assert!(authorize(&mut stage).is_empty(), "heard of before the release itself");
    stage.command("web-store", &OrderCancel { order: release(1).order(), ..OrderCancel::sample() });
    assert_eq!(status(&state(&stage, 1)), "cancelled");
    assert!(stage.tell(&renewed(1)).is_empty() && minute(&mut stage).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Told twice, taken back twice; in any order, each of them doubled.
    #[test]
    fn in_any_order_it_is_handed_over_once_and_only_when_all_is_taken_back(
        order in Just(vec![0_usize, 1, 2, 3, 4]).prop_shuffle(),
        delay in prop::sample::select(vec![0_i64, 60]),
    ) {
        let mut stage = stage(delay);
        let authorized = authorized(&stage, 1, (1, 0));
        let events: Vec<Event> = vec![
            stage.event(&authorized),
            stage.event(&delayed(AUTHORIZATION_LAPSED)),
            stage.event(&renewed(1)),
            stage.event(&delayed(AUTHORIZATION_LAPSED)),
            stage.event(&renewed(2)),
        ];
        let mut times = 0;
        for (came, at) in order.iter().enumerate() {
            if came == 4 {
                times += usize::from(handed_over(&minute(&mut stage)));
                match at {
                    0 => prop_assert_eq!(times, 0, "it is not authorized"),
                    1..=3 => prop_assert_eq!(times, 1, "nothing keeps it"),
                    // Handed over only if it was authorized before anybody heard that it lapses.
                    _ => prop_assert!(times == 0 || order[0] == 0 || delay == 0),
                }
            }
            times += usize::from(handed_over(&stage.tell_event(&events[*at])));
            prop_assert!(stage.tell_event(&events[*at]).is_empty(), "the same event is one event");
        }
        times += usize::from(handed_over(&minute(&mut stage)));
        prop_assert_eq!(times, 1);
    }
}
