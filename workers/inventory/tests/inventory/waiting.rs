//! Those who wait: who gets a place, who is served first, what becomes of a line that waits for stock, for others, or for
//! its day.

use inventory::store::By;
use messages::case::Condition;
use messages::product::Product;
use messages::stock::{ReleaseReady, StockBackordered, StockReserved};

use crate::support::*;

const GETS: &str = "stock.reserved release.ready";
const WAITS: &str = "stock.backordered";
const LISTED: &str = "stock.waitlisted";
const NONE: &str = "stock.unavailable";

fn order(number: u64, who: &'static str, quantity: u32) -> messages::order::OrderAccepted {
    wish(number, who, &[("AA", quantity, 1)]).accepted()
}

#[test]
fn a_line_waits_for_stock_under_the_caps_and_for_others_above_them() {
    let back = backorderable(product("AA"));
    let both = listed(backorderable(capped("AA", 4)), 3);
    let list = listed(capped("AA", 4), 3);
    let pool = listed(backorderable(pooled("AA", "POOL", 9, 2)), 3);
    // Units on the shelf, units of an order before, units wanted.
    let table: [(&str, &Product, u32, u32, u32, &str); 14] = [
        ("no backorder", &product("AA"), 0, 0, 1, NONE),
        ("the shelf has it", &back, 2, 0, 2, GETS),
        ("the shelf has less", &back, 2, 0, 3, WAITS),
        ("it has some, but others wait", &back, 1, 2, 1, WAITS),
        ("up to the cap, the shelf is empty", &both, 0, 3, 1, WAITS),
        ("above the cap", &both, 0, 3, 2, LISTED),
        ("backorders use the cap up", &both, 0, 4, 1, LISTED),
        ("no more than the waitlist takes", &both, 9, 4, 4, NONE),
        ("as many as no cap ever covers", &listed(capped("AA", 4), 9), 9, 4, 5, NONE),
        ("below the cap without stock", &list, 0, 0, 1, NONE),
        ("above the cap with stock", &list, 9, 4, 3, LISTED),
        ("up to the mintage", &pool, 0, 3, 1, WAITS),
        ("above the mintage", &pool, 0, 3, 2, LISTED),
        ("as many coins as were never struck", &listed(pooled("AA", "POOL", 9, 2), 9), 9, 4, 5, NONE),
    ];
    for (why, product, on_hand, before, quantity, said) in table {
        let mut shop = Shop::with(product.clone(), on_hand);
        if before > 0 {
            shop.tell_through(&order(1, "bob", before));
        }
        assert_eq!(shop.tell_through(&order(2, "ann", quantity)), said, "{why}");
    }
}

#[test]
fn a_backordered_line_goes_out_when_stock_arrives() {
    let mut shop = Shop::with(product("AA"), 5);
    shop.stock(backorderable(limited(capped("BB", 4), 3, None)), 1);
    let said = shop.say(&wish(1, "ann", &[("AA", 1, 1), ("BB", 2, 1), ("BB", 1, 2)]).accepted());
    assert_eq!(kinds(&said), "stock.reserved stock.backordered release.ready");
    let waits = &told::<StockBackordered>(&said)[0];
    assert_eq!(waits.lines, [units(2, "BB", 2), units(3, "BB", 1)], "the third stands behind the second");
    assert_eq!(waits.expected_at, Some(noon().plus_seconds(DAY)));
    assert_eq!((shop.units("BB"), shop.lists("BB")), ("1/0/0".to_owned(), "3/0".to_owned()));
    assert_eq!(shop.household("BB", By::Card, "ann"), 3, "promised, so counted");
    assert_eq!(shop.tell(&wish(2, "bob", &[("BB", 2, 1)]).accepted()), NONE, "and under the cap");

    assert_eq!(shop.receive("BB", 2), "done");
    let said = shop.settle();
    assert_eq!(kinds(&said), "stock.reserved release.ready release.ready");
    let reserved = &told::<StockReserved>(&said)[0];
    assert_eq!(reserved.lines, waits.lines);
    let ready: Vec<ReleaseReady> = told(&said);
    assert_eq!(ready[0].release.release, release(1, 2));
    let deliveries = (ready[0].release.delivery, ready[1].release.delivery);
    assert_eq!((deliveries, ready[0].release.shipping.minor()), ((1, 2), 0), "the charge went first");
    assert_eq!((&ready[1].payment, &ready[1].address), (&sealed("payment"), &sealed("delivery-2")));
    assert_eq!((shop.units("BB"), shop.lists("BB")), ("3/3/0".to_owned(), "0/0".to_owned()));
    assert!(!serde_json::to_string(&shop.order(1)).unwrap().contains("oms1."), "no section is kept");
    assert!(shop.places().is_empty());
}

#[test]
fn the_shipping_charge_waits_with_the_first_line_that_gets_units() {
    let mut shop = Shop::with(backorderable(product("AA")), 0);
    assert_eq!(shop.tell(&order(1, "ann", 1)), WAITS);
    shop.receive("AA", 1);
    let said = shop.settle();
    assert_eq!(told::<ReleaseReady>(&said)[0].release.amount.minor(), PRICE + SHIPPING);
}

#[test]
fn units_go_in_place_order_and_nobody_overtakes() {
    let mut shop = Shop::with(backorderable(product("AA")), 0);
    assert_eq!(shop.tell(&late(1, 20, 3)), WAITS);
    assert_eq!(shop.tell(&late(2, 30, 1)), WAITS);
    assert_eq!(shop.tell(&late(3, 10, 2)), WAITS, "a hold that was released stands where it was received");
    shop.receive("AA", 3);
    assert_eq!(kinds(&shop.settle()), GETS);
    assert_eq!(shop.order(3).allotted.unwrap().releases.len(), 1);
    assert_eq!(shop.units("AA"), "3/2/0", "the last one would fit, but stands behind three");
    assert_eq!(shop.tell_through(&late(4, 40, 1)), WAITS, "and so does a new one");
    assert_eq!(shop.tell_through(&late(5, 15, 1)), format!("{WAITS} {GETS}"), "but for one received before");
    shop.receive("AA", 5);
    assert_eq!(kinds(&shop.settle()).matches("release.ready").count(), 3);
    assert_eq!((shop.units("AA"), shop.lists("AA")), ("8/8/0".to_owned(), "0/0".to_owned()));
}

#[test]
fn equal_receipts_are_told_apart_by_message_and_lines_by_number() {
    let mut shop = Shop::with(backorderable(product("AA")), 0);
    let lines: Vec<_> = (0..11).map(|_| ("AA", 1, 1)).collect();
    shop.tell(&wish(2, "ann", &lines).accepted());
    shop.tell(&order(1, "bob", 1));
    shop.receive("AA", 3);
    let reserved: Vec<StockReserved> = told(&shop.settle());
    let lines: Vec<_> = reserved.iter().flat_map(|body| &body.lines).map(|units| units.line).collect();
    assert_eq!(lines, [1, 1, 2], "m-1 before m-2, line 2 before line 10");
}

#[test]
fn whoever_gives_units_back_serves_the_waitlist() {
    type Give = fn(&mut Shop) -> String;
    let gone = |shop: &mut Shop| shop.tell(&dispatched(&release(2, 1), 1, vec![units(1, "AA", 2)]));
    let table: [(&str, Give, &str); 8] = [
        ("payment.declined", |shop| shop.tell_through(&declined(&release(2, 1))), GETS),
        ("order.cancelled", |shop| shop.tell_through(&cancelled(2, &[])), GETS),
        ("handed over before", |shop| shop.tell_through(&cancelled(2, &[release(2, 1)])), ""),
        (
            "missing units",
            |shop| shop.tell_through(&adjusted(&release(2, 1), vec![units(1, "AA", 2)])),
            "stock.unavailable",
        ),
        (
            "a parcel back on the shelf",
            |shop| shop.tell_through(&back(&release(2, 1), 1, Condition::Restock, vec![units(1, "AA", 2)])),
            GETS,
        ),
        (
            "a damaged one",
            |shop| shop.tell_through(&back(&release(2, 1), 1, Condition::Damaged, vec![units(1, "AA", 2)])),
            "",
        ),
        (
            "a wrong item",
            |shop| shop.tell_through(&back(&release(2, 1), 1, Condition::WrongItem, vec![units(1, "AA", 2)])),
            "",
        ),
        (
            "a cap that is raised",
            |shop| {
                shop.define(listed(capped("AA", 4), 5));
                kinds(&shop.settle())
            },
            GETS,
        ),
    ];
    for (why, give, said) in table {
        let mut shop = Shop::with(listed(capped("AA", 2), 5), 4);
        if why == "missing units" {
            // A line that the waitlist cannot take is not replaced, since the limit is counted without it.
            shop = Shop::with(listed(capped("AA", 2), 5), 2);
        }
        assert_eq!(shop.tell_through(&order(2, "bob", 2)), GETS);
        if why.contains("parcel") || why.contains("damaged") || why.contains("wrong") {
            gone(&mut shop);
        }
        assert_eq!(shop.tell_through(&order(1, "ann", 2)), LISTED);
        assert_eq!(give(&mut shop), said, "{why}");
        assert_eq!(shop.lists("AA") == "0/0", said == GETS, "{why}");
    }
}

#[test]
fn coins_that_come_back_serve_the_waitlists_of_their_pool() {
    let mut shop = Shop::with(pooled("SET", "POOL", 4, 4), 9);
    shop.stock(listed(pooled("AA", "POOL", 4, 1), 5), 9);
    shop.tell(&wish(2, "bob", &[("SET", 1, 1)]).accepted());
    assert_eq!(shop.tell_through(&order(1, "ann", 2)), LISTED);
    assert_eq!(shop.tell_through(&declined(&release(2, 1))), GETS);
    assert_eq!(shop.pool("POOL").promised.total(), 2);
    assert!(shop.pool("POOL").waiting.is_empty());
}

#[test]
fn a_long_line_is_served_in_several_looks() {
    let mut shop = Shop::with(backorderable(product("AA")), 0);
    for number in 1..=250 {
        assert_eq!(shop.tell(&order(number, "ann", 1)), WAITS);
    }
    shop.receive("AA", 240);
    let said = shop.settle();
    assert_eq!(told::<ReleaseReady>(&said).len(), 240);
    assert_eq!((shop.units("AA"), shop.lists("AA")), ("240/240/0".to_owned(), "10/0".to_owned()));
}

#[test]
fn a_preorder_is_reserved_at_once_and_goes_out_on_its_day() {
    let day = noon().plus_seconds(DAY);
    let mut shop = Shop::with(ships(product("AA"), day), 9);
    shop.stock(ships(product("BB"), day.plus_seconds(DAY)), 9);
    let wish = wish(1, "ann", &[("AA", 1, 1), ("AA", 1, 2), ("BB", 1, 1)]).accepted();
    assert_eq!(shop.tell_through(&wish), "stock.reserved");
    assert_eq!(shop.units("AA"), "9/2/0");
    assert!(shop.settle().is_empty());
    shop.stage.set_now(day);
    let ready: Vec<ReleaseReady> = told(&shop.settle());
    let charges: Vec<_> = ready.iter().map(|ready| ready.release.shipping.minor()).collect();
    assert_eq!(charges, [SHIPPING, 0], "one for each recipient");
    let later = shop.order(1).allotted.unwrap().later.unwrap();
    assert_eq!(later.recipients.into_keys().collect::<Vec<_>>(), [1], "only this one's section is kept");
    shop.stage.set_now(day.plus_seconds(DAY));
    assert_eq!(kinds(&shop.settle()), "release.ready");
    assert_eq!(shop.order(1).allotted.unwrap().later, None);
    assert_eq!(shop.tell(&order(2, "bob", 1)), GETS, "from its day on it goes at once");
}

#[test]
fn a_preorder_that_is_cancelled_before_its_day_frees_its_units() {
    let day = noon().plus_seconds(DAY);
    let mut shop = Shop::with(ships(limited(product("AA"), 2, None), day), 9);
    shop.tell(&order(1, "ann", 2));
    assert_eq!(shop.tell(&cancelled(1, &[])), "");
    assert_eq!((shop.units("AA").as_str(), shop.household("AA", By::Card, "ann")), ("9/0/0", 0));
    assert!(shop.stage.due().is_empty());
    shop.stage.set_now(day);
    assert_eq!(shop.tell_through(&order(1, "ann", 2)), "", "and it stays so");
}

#[test]
fn missing_units_go_back_to_their_place_in_line() {
    let mut shop = Shop::with(backorderable(product("AA")), 3);
    assert_eq!(shop.tell(&late(1, 10, 3)), GETS);
    assert_eq!(shop.tell(&late(2, 20, 1)), WAITS);
    assert_eq!(shop.tell_through(&adjusted(&release(1, 1), vec![units(1, "AA", 1)])), WAITS);
    assert_eq!(shop.tell_through(&adjusted(&release(1, 1), vec![units(1, "AA", 1)])), WAITS);
    assert_eq!((shop.units("AA"), shop.lists("AA")), ("1/1/0".to_owned(), "3/0".to_owned()));
    assert_eq!(shop.places().len(), 2, "one place for a line");
    shop.receive("AA", 2);
    let ready: Vec<ReleaseReady> = told(&shop.settle());
    assert_eq!(ready.len(), 1);
    assert_eq!(ready[0].release.release, release(1, 2));
    assert_eq!(ready[0].release.amount.minor(), 2 * PRICE, "without a charge");
    assert_eq!(ready[0].payment, sealed("payment-again"));
    assert_eq!(shop.lists("AA"), "1/0");
}

#[test]
fn while_units_are_waited_for_caps_are_only_raised() {
    let make = || {
        let mut shop = Shop::with(listed(pooled("AA", "POOL", 4, 2), 9), 9);
        shop.tell(&order(2, "bob", 1));
        shop.tell(&order(1, "ann", 2));
        assert_eq!(shop.lists("AA"), "0/2");
        shop
    };
    let pooled = |limit| listed(pooled("AA", "POOL", limit, 2), 9);
    for (why, product, answer) in [
        ("a lower mintage", pooled(3), "units_wait"),
        ("a product limit", Product { product_limit: Some(1), ..pooled(4) }, "units_wait"),
        ("a shorter waitlist", Product { waitlist_units: Some(0), ..pooled(4) }, "done"),
        (
            "a waitlist that no database holds",
            Product { waitlist_units: Some(u64::MAX), ..pooled(4) },
            "invalid_product",
        ),
        ("a higher mintage", pooled(6), "done"),
    ] {
        let mut shop = make();
        assert_eq!(shop.define(product), answer, "{why}");
        assert_eq!(kinds(&shop.settle()), if why == "a higher mintage" { GETS } else { "" }, "{why}");
    }
}

#[test]
fn units_that_came_back_still_count_for_the_household() {
    let mut shop = Shop::with(limited(product("AA"), 2, None), 9);
    shop.tell(&order(1, "ann", 2));
    shop.tell(&dispatched(&release(1, 1), 1, vec![units(1, "AA", 2)]));
    shop.tell(&back(&release(1, 1), 1, Condition::Restock, vec![units(1, "AA", 2)]));
    assert_eq!(shop.units("AA"), "9/0/0");
    assert_eq!(shop.tell(&order(2, "ann", 1)), "stock.limited");
}
