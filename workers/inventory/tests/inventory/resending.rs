//! Parcels that are sent again: their units are set aside before the warehouse is asked, or they wait for them in their
//! order's place. Whatever comes in which order, nothing goes out that is somebody else's.

use messages::case::{CaseClass, CaseEnd, CaseResolved, Condition};
use messages::product::Product;
use messages::stock::{LineUnits, ReshipReady};

use crate::support::*;

const READY: &str = "reship.ready";

/// Two units of the first order have left in its first parcel.
fn sent(limit: u64, on_hand: u32) -> Shop {
    let mut shop = Shop::with(backorderable(capped("AA", limit)), on_hand);
    shop.tell(&late(1, 10, 2));
    shop.tell(&dispatched(&release(1, 1), 1, two()));
    shop
}

fn two() -> Vec<LineUnits> {
    vec![units(1, "AA", 2)]
}

fn again() -> CaseResolved {
    resend(&release(1, 1), 1, two())
}

fn lost() -> CaseResolved {
    CaseResolved { class: CaseClass::Lost, returned: false, ..again() }
}

/// What was told of the one parcel: the units that are set aside, and those that cannot be had.
fn fate(said: &[shell::stage::Said]) -> (Vec<LineUnits>, Vec<LineUnits>) {
    assert_eq!(kinds(said), READY);
    let ReshipReady { lines, unavailable, .. } = told::<ReshipReady>(said).remove(0);
    (lines, unavailable)
}

#[test]
fn its_units_are_set_aside_and_leave_with_it() {
    for (why, is_back, on_hand, limit, aside, left) in [
        ("the returned units", true, 2, 2, "2/2/0", "0/0/2"),
        ("others, the first are lost", false, 5, 9, "3/2/2", "1/0/4"),
    ] {
        let mut shop = sent(limit, on_hand);
        if is_back {
            assert_eq!(shop.tell(&back(&release(1, 1), 1, Condition::Restock, two())), "");
        }
        let said = shop.say(&again());
        assert_eq!(kinds(&said), READY, "{why}");
        let ready = &told::<ReshipReady>(&said)[0];
        assert_eq!((ready.shipment.to_string(), &ready.lines), (format!("{}.2", release(1, 1)), &two()));
        assert_eq!(shop.units("AA"), aside, "{why}");
        assert_eq!(shop.tell(&again()), "", "once per case");
        assert_eq!(shop.tell(&dispatched(&release(1, 1), 2, two())), "");
        assert_eq!(shop.units("AA"), left, "{why}");
        assert_eq!(shop.tell(&back(&release(1, 1), 2, Condition::Restock, two())), "");
        assert!(shop.order(1).early.is_empty());
    }
}

#[test]
fn without_units_it_stands_in_its_orders_place_and_nobody_is_told_confirmed() {
    let mut shop = sent(9, 3);
    // Another one waits already, and would have come first on its own.
    shop.tell(&late(2, 20, 2));
    assert_eq!(shop.lists("AA"), "2/0");
    assert_eq!(shop.tell_through(&again()), "", "one unit is not enough");
    assert_eq!((shop.units("AA"), shop.lists("AA")), ("1/0/2".to_owned(), "4/0".to_owned()));
    shop.receive("AA", 1);
    assert_eq!(kinds(&shop.settle()), READY, "it had its units before");
    assert_eq!((shop.units("AA"), shop.lists("AA")), ("2/2/2".to_owned(), "2/0".to_owned()));
    shop.receive("AA", 2);
    assert_eq!(kinds(&shop.settle()), "stock.reserved release.ready");
    shop.tell(&dispatched(&release(1, 1), 2, two()));
    assert_eq!(shop.units("AA"), "2/2/4");
    assert!(shop.places().is_empty());
}

#[test]
fn what_comes_back_after_the_decision_is_still_its_own() {
    let mut shop = sent(9, 2);
    shop.tell(&late(2, 20, 2));
    assert_eq!(shop.tell_through(&again()), "");
    let returned = back(&release(1, 1), 1, Condition::Restock, two());
    assert_eq!(shop.tell_through(&returned), READY);
    assert_eq!((shop.units("AA"), shop.lists("AA")), ("2/2/0".to_owned(), "2/0".to_owned()));
}

#[test]
fn a_cap_without_room_for_other_units_lets_it_wait_until_some_come_back() {
    let mut shop = sent(2, 5);
    assert_eq!(shop.tell_through(&again()), "", "the coins that are lost were struck");
    assert_eq!((shop.units("AA"), shop.lists("AA")), ("3/0/2".to_owned(), "0/2".to_owned()));
    assert_eq!(shop.tell_through(&back(&release(1, 1), 1, Condition::Restock, two())), READY);
    assert_eq!((shop.units("AA"), shop.lists("AA")), ("5/2/0".to_owned(), "0/0".to_owned()));
}

#[test]
fn lost_units_are_replaced_or_waited_for_or_told_as_not_to_be_had() {
    let aside = || Some((two(), vec![]));
    let not_to_be_had = || Some((vec![], two()));
    type Case = (&'static str, Product, u32, Option<(Vec<LineUnits>, Vec<LineUnits>)>, &'static str);
    let cases: [Case; 4] = [
        ("others are free", capped("AA", 9), 4, aside(), "2/2/2"),
        ("others are expected", backorderable(capped("AA", 9)), 3, None, "1/0/2"),
        ("there are no others", capped("AA", 9), 3, not_to_be_had(), "1/0/2"),
        ("the cap is reached", backorderable(capped("AA", 2)), 5, not_to_be_had(), "3/0/2"),
    ];
    for (why, product, on_hand, wanted, left) in cases {
        let mut shop = Shop::with(product, on_hand);
        shop.tell(&late(1, 10, 2));
        shop.tell(&dispatched(&release(1, 1), 1, two()));
        let said = shop.say(&lost());
        match &wanted {
            Some(wanted) => assert_eq!(&fate(&said), wanted, "{why}"),
            None => assert_eq!(kinds(&said), "", "{why}"),
        }
        assert_eq!(shop.units("AA"), left, "{why}");
        assert_eq!(shop.places().len(), usize::from(wanted.is_none()), "{why}");
        assert_eq!(shop.tell(&lost()), "", "once per case: {why}");
    }
    let mut shop = sent(2, 5);
    assert_eq!(shop.tell(&CaseResolved { returned: true, ..lost() }), "", "it was lost, and comes back");
    assert_eq!(shop.tell_through(&back(&release(1, 1), 1, Condition::Restock, two())), READY);
}

#[test]
fn of_two_lines_only_what_can_be_had_is_sent_again() {
    let mut shop = Shop::with(capped("AA", 9), 5);
    shop.stock(capped("BB", 1), 3);
    shop.tell(&wish(1, "ann", &[("AA", 1, 1), ("BB", 1, 1)]).accepted());
    let both = || vec![units(1, "AA", 1), units(2, "BB", 1)];
    shop.tell(&dispatched(&release(1, 1), 1, both()));
    let end = CaseResolved { class: CaseClass::Lost, returned: false, ..resend(&release(1, 1), 1, both()) };
    let said = shop.say(&end);
    assert_eq!(fate(&said), (vec![units(1, "AA", 1)], vec![units(2, "BB", 1)]));
    shop.tell(&dispatched(&release(1, 1), 2, vec![units(1, "AA", 1)]));
    assert_eq!((shop.units("AA"), shop.units("BB")), ("3/0/2".to_owned(), "2/0/1".to_owned()));
    assert!(shop.order(1).early.is_empty());
}

#[test]
fn what_comes_back_unfit_is_not_waited_for_any_longer_whatever_comes_first() {
    for condition in [Condition::Damaged, Condition::WrongItem] {
        let unfit = || back(&release(1, 1), 1, condition, two());
        let mut shop = sent(2, 5);
        assert_eq!(shop.tell_through(&again()), "");
        assert_eq!(shop.lists("AA"), "0/2");
        let said = shop.say(&unfit());
        assert_eq!(fate(&said), (vec![], two()));
        assert_eq!((shop.units("AA"), shop.lists("AA")), ("3/0/2".to_owned(), "0/0".to_owned()));
        assert!(shop.places().is_empty());
        assert_eq!(shop.tell(&unfit()), "");

        let mut shop = sent(2, 5);
        assert_eq!(shop.tell(&unfit()), "");
        assert_eq!(fate(&shop.say(&again())), (vec![], two()));

        let mut shop = Shop::with(backorderable(capped("AA", 2)), 5);
        shop.tell(&late(1, 10, 2));
        assert_eq!(shop.tell(&again()) + &shop.tell(&unfit()), "", "the parcel has not left yet");
        let mut said = shop.say(&dispatched(&release(1, 1), 1, two()));
        said.extend(shop.settle());
        assert_eq!(fate(&said), (vec![], two()));
        assert!(shop.places().is_empty());

        let mut shop = sent(9, 3);
        assert_eq!(shop.tell_through(&again()), "");
        assert_eq!(shop.tell_through(&unfit()), "", "others are expected");
        assert_eq!(shop.lists("AA"), "2/0");
        shop.receive("AA", 1);
        assert_eq!(fate(&shop.settle()), (two(), vec![]));
        assert!(shop.places().is_empty());
    }
}

#[test]
fn units_that_the_warehouse_misses_of_it_are_off_the_books_whatever_comes_first() {
    let one = || vec![units(1, "AA", 1)];
    for is_missed_first in [true, false] {
        let mut shop = sent(9, 5);
        shop.tell(&again());
        let (missed, left) = (shorted(&release(1, 1), 2, one()), dispatched(&release(1, 1), 2, one()));
        if is_missed_first {
            shop.tell(&missed);
            shop.tell(&left);
        } else {
            shop.tell(&left);
            shop.tell(&missed);
        }
        assert_eq!(shop.units("AA"), "1/0/3");
        assert!(shop.order(1).early.is_empty());
    }
    let mut shop = sent(9, 5);
    shop.tell(&again());
    for (missing, units) in [(one(), "2/1/2"), (one(), "2/1/2"), (two(), "1/0/2"), (one(), "1/0/2")] {
        shop.tell(&shorted(&release(1, 1), 2, missing));
        assert_eq!(shop.units("AA"), units, "each report tells all that is missing so far");
    }
    let mut shop = sent(9, 5);
    assert_eq!(shop.tell(&shorted(&release(1, 1), 1, two())), "", "payment speaks for a first parcel");
    assert_eq!(shop.units("AA"), "3/0/2");
}

#[test]
fn it_waits_for_the_word_that_the_first_parcel_left() {
    let mut shop = Shop::with(product("AA"), 5);
    assert_eq!(shop.tell(&again()), "");
    shop.tell(&late(1, 10, 2));
    assert_eq!(shop.tell(&dispatched(&release(1, 1), 1, two())), READY);
    assert_eq!(shop.units("AA"), "3/2/2");
}

#[test]
fn other_ends_of_a_case_and_a_cancelled_order_change_nothing_of_it() {
    for resolution in [CaseEnd::Refund, CaseEnd::Closed] {
        let mut shop = sent(9, 5);
        assert_eq!(shop.tell(&CaseResolved { resolution, ..again() }), "");
        assert_eq!(shop.units("AA"), "3/0/2");
    }
    let mut shop = sent(9, 5);
    shop.tell(&cancelled(1, &[release(1, 1)]));
    assert_eq!(shop.tell(&again()), READY, "what was handed over goes on");
    shop.tell(&dispatched(&release(1, 1), 2, two()));
    assert_eq!(shop.units("AA"), "1/0/4");
}
