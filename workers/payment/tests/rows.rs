//! What rows hold: the sections, and the amounts that the database looks for.

mod common;

use common::steps::Step::{Dispatched, Ready, Shorted};
use common::steps::*;
use common::*;
use messages::payment::{PaymentAdjusted, PaymentAuthorized};
use payment::Payment;
use payment::store::{Stage as At, State};
use shell::stage::Stage;

#[test]
fn sections_leave_where_their_last_reader_has_passed() {
    let mut stage = after(&[Ready]);
    let said = answer(&mut stage, &authorized());
    assert_eq!(said[0].body::<PaymentAuthorized>().address, sealed("delivery"));
    let row = |stage: &Stage<Payment>| serde_json::to_string(&state(stage)).unwrap();
    assert!(!row(&stage).contains("oms1.delivery"), "the address has left");
    assert!(row(&stage).contains("oms1.payment"), "the card may be needed for a new release");
    let said = said_by(&mut stage, &Shorted(1, 1));
    let body: PaymentAdjusted = said[0].body();
    assert_eq!((body.payment, body.address), (sealed("payment"), sealed("delivery")));
    assert_eq!(body.missing, vec![units(1, 1)]);
    assert!(row(&stage).contains("oms1.payment"));
    said_by(&mut stage, &Dispatched(1, 1));
    assert!(!row(&stage).contains("oms1."), "no unit is left that may be missing");
    for done in ["captured", "capture_failed", "voiding", "voided", "declined"] {
        assert!(!row(&after(&way_to(done))).contains("oms1."), "{done}");
    }
}

/// The migration derives its columns, and so its constraints, from these paths.
#[test]
fn amounts_are_where_the_database_looks_for_them() {
    let table = [
        ("new", None, None, None),
        ("authorizing", Some(10_500), None, None),
        ("authorized", Some(10_500), Some(10_500), Some(0)),
        ("capturing", Some(10_500), Some(10_500), Some(0)),
        ("captured", Some(10_500), Some(10_500), Some(10_500)),
        ("capture_failed", Some(10_500), Some(10_500), Some(0)),
        ("voiding", Some(10_500), Some(10_500), Some(0)),
        ("voided", Some(10_500), Some(10_500), Some(0)),
        ("declined", Some(10_500), None, None),
    ];
    for (before, amount, authorized, captured) in table {
        let row = State::Release(Box::new(state(&after(&way_to(before)))));
        let json = serde_json::to_value(&row).unwrap();
        let number = |path: &str| json.pointer(path).and_then(serde_json::Value::as_i64);
        assert_eq!(json["release"]["stage"]["status"], before);
        let found = ["folder/amount", "charge/amount", "amount"];
        let found = found.into_iter().find_map(|path| number(&format!("/release/stage/{path}")));
        assert_eq!(found, amount, "{before}");
        assert_eq!(number("/release/stage/charge/authorized"), authorized, "{before}");
        assert_eq!(number("/release/stage/charge/captured"), captured, "{before}");
        assert_eq!(number("/release/stage/charge/refunded"), authorized.map(|_| 0), "{before}");
        assert_eq!(serde_json::from_value::<State>(json).unwrap(), row, "{before}");
    }
    let mut stage = after(&[Ready]);
    stage.tell(&cancelled(vec![release()]));
    let json = serde_json::to_value(State::Order(order_row(&stage))).unwrap();
    assert_eq!(json["order"]["cancelled"], serde_json::json!([release()]));
}

#[test]
fn a_capture_keeps_its_sum() {
    let stage = after(&way_to("captured"));
    let At::Captured { charge } = state(&stage).stage else { panic!("it is captured") };
    assert_eq!(
        (charge.amount, charge.authorized, charge.captured),
        (amount(10_500), amount(10_500), amount(10_500))
    );
}
