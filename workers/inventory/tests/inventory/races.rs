//! The races: pairs whose order is the decision. Each ends in exactly one of its outcomes, whichever comes first.

use messages::case::Condition;
use messages::product::Product;

use crate::support::*;

type Step = fn(&mut Shop) -> String;

/// Ann's order 1 and Bob's order 2, each for one unit.
const ANN: Step = |shop| shop.tell(&wish(1, "ann", &[("AA", 1, 1)]).accepted());
const BOB: Step = |shop| shop.tell(&wish(2, "bob", &[("AA", 1, 1)]).accepted());
const GETS: &str = "stock.reserved release.ready";
const GETS_NOT: &str = "stock.unavailable";

#[test]
fn of_two_claims_on_scarce_units_the_first_wins() {
    let cap = |on_hand: u32, product: Product| move || Shop::with(product.clone(), on_hand);
    let household = limited(product("AA"), 1, None);
    let ann_again: Step = |shop| shop.tell(&wish(2, "ann", &[("AA", 1, 1)]).accepted());
    let cases: [(&str, &dyn Fn() -> Shop, Step, &str); 4] = [
        ("the last unit", &cap(1, product("AA")), BOB, GETS_NOT),
        ("the last of the product limit", &cap(9, capped("AA", 1)), BOB, GETS_NOT),
        ("the last coins", &cap(9, pooled("AA", "POOL", 3, 2)), BOB, GETS_NOT),
        ("the household's last", &cap(9, household), ann_again, "stock.limited"),
    ];
    for (why, make, other, lost) in cases {
        both_orders(why, make, (ANN, other), [(GETS, lost), (lost, GETS)]);
    }
}

#[test]
fn units_that_come_before_an_order_are_given_and_those_after_wait() {
    let receive: Step = |shop| shop.receive("AA", 1);
    let empty = || Shop::with(product("AA"), 0);
    both_orders("stock.receive", &empty, (receive, ANN), [("done", GETS), ("done", GETS_NOT)]);
    let find: Step = |shop| shop.adjust("AA", 1);
    both_orders("stock.adjust up", &empty, (find, ANN), [("done", GETS), ("done", GETS_NOT)]);

    let decline: Step = |shop| shop.tell(&declined(&release(1, 1)));
    let last_unit = Shop::with(product("AA"), 1);
    let last_of_limit = Shop::with(capped("AA", 1), 9);
    let last_of_pool = Shop::with(pooled("AA", "POOL", 1, 1), 9);
    for (why, on_hand, product) in [
        ("a unit", 1, last_unit.item("AA")),
        ("a place under the limit", 9, last_of_limit.item("AA")),
        ("a coin", 9, last_of_pool.item("AA")),
    ] {
        let product = product.unwrap().product;
        let anns = || {
            let mut shop = Shop::with(product.clone(), on_hand);
            assert_eq!(ANN(&mut shop), GETS);
            shop
        };
        both_orders(why, &anns, (decline, BOB), [("", GETS), ("", GETS_NOT)]);
    }
    let household = || {
        let mut shop = Shop::with(limited(product("AA"), 1, None), 9);
        assert_eq!(ANN(&mut shop), GETS);
        shop
    };
    let ann_again: Step = |shop| shop.tell(&wish(2, "ann", &[("AA", 1, 1)]).accepted());
    both_orders("a household", &household, (decline, ann_again), [("", GETS), ("", "stock.limited")]);
}

#[test]
fn units_that_come_before_an_order_are_given_and_those_after_go_to_who_waits() {
    let receive: Step = |shop| {
        let answer = shop.receive("AA", 1);
        [answer, kinds(&shop.settle())].join(" ").trim().to_owned()
    };
    let empty = || Shop::with(backorderable(product("AA")), 0);
    let gets = format!("done {GETS}");
    both_orders("stock.receive", &empty, (receive, ANN), [("done", GETS), (&gets, "stock.backordered")]);

    let full = |product: Product, on_hand| {
        move || {
            let mut shop = Shop::with(product.clone(), on_hand);
            assert_eq!(ANN(&mut shop), GETS);
            shop
        }
    };
    let cancel: Step = |shop| shop.tell_through(&cancelled(1, &[]));
    let decline: Step = |shop| shop.tell_through(&declined(&release(1, 1)));
    let returned: Step = |shop| {
        shop.tell(&dispatched(&release(1, 1), 1, vec![units(1, "AA", 1)]));
        shop.tell_through(&back(&release(1, 1), 1, Condition::Restock, vec![units(1, "AA", 1)]))
    };
    for (why, comes_back) in [("cancelled", cancel), ("declined", decline), ("returned", returned)] {
        let plain = full(product("AA"), 1);
        both_orders(why, &plain, (comes_back, BOB), [("", GETS), ("", GETS_NOT)]);
        let waits = full(backorderable(product("AA")), 1);
        both_orders(why, &waits, (comes_back, BOB), [("", GETS), (GETS, "stock.backordered")]);
        let listed = full(listed(capped("AA", 1), 1), 9);
        both_orders(why, &listed, (comes_back, BOB), [("", GETS), (GETS, "stock.waitlisted")]);
    }
}

#[test]
fn a_cancelled_order_gets_nothing_afterwards() {
    let cancel: Step = |shop| shop.tell_through(&cancelled(1, &[]));
    let stocked = || Shop::with(product("AA"), 1);
    let free: [&dyn Fn() -> Shop; 3] = [&stocked, &|| Shop::with(backorderable(product("AA")), 0), &|| {
        Shop::with(listed(pooled("AA", "POOL", 0, 1), 5), 9)
    }];
    for make in free {
        let heard = ANN(&mut make());
        both_orders("order.accepted", make, (cancel, ANN), [("", ""), ("", &heard)]);
        for swapped in [false, true] {
            let mut shop = make();
            let before = shop.units("AA");
            let steps = if swapped { [ANN, cancel] } else { [cancel, ANN] };
            steps.iter().for_each(|step| drop(step(&mut shop)));
            assert_eq!((shop.units("AA"), shop.lists("AA")), (before, "0/0".to_owned()));
            assert!(shop.places().is_empty() && shop.order(1).cancelled.is_some());
        }
    }
    // The warehouse misses the unit of a release that was handed over.
    let two = || {
        let mut shop = Shop::with(backorderable(product("AA")), 2);
        assert_eq!(ANN(&mut shop), GETS);
        shop
    };
    let cancel: Step = |shop| shop.tell(&cancelled(1, &[release(1, 1)]));
    let missing: Step = |shop| shop.tell(&adjusted(&release(1, 1), vec![units(1, "AA", 1)]));
    both_orders("payment.adjusted", &two, (cancel, missing), [("", ""), ("", "release.ready")]);
    for steps in [[cancel, missing], [missing, cancel]] {
        let mut shop = two();
        steps.iter().for_each(|step| drop(step(&mut shop)));
        assert_eq!((shop.units("AA"), shop.lists("AA")), ("1/0/0".to_owned(), "0/0".to_owned()));
    }
}

#[test]
fn the_day_of_a_line_and_its_cancelling() {
    let day = noon().plus_seconds(DAY);
    let make = || {
        let mut shop = Shop::with(ships(product("AA"), day), 1);
        assert_eq!(ANN(&mut shop), "stock.reserved");
        shop.stage.set_now(day);
        shop
    };
    let comes: Step = |shop| kinds(&shop.settle());
    let cancel: Step = |shop| shop.tell(&cancelled(1, &[]));
    both_orders("release", &make, (comes, cancel), [("release.ready", ""), ("", "")]);
}

#[test]
fn a_look_at_the_line_and_who_leaves_it() {
    let make = || {
        let mut shop = Shop::with(backorderable(product("AA")), 0);
        assert_eq!(ANN(&mut shop), "stock.backordered");
        assert_eq!(BOB(&mut shop), "stock.backordered");
        shop.receive("AA", 1);
        shop
    };
    let look: Step = |shop| kinds(&shop.settle());
    let cancel: Step = |shop| shop.tell(&cancelled(1, &[]));
    both_orders("allocate", &make, (look, cancel), [(GETS, ""), (GETS, "")]);
    for (steps, who) in [([look, cancel, look], 2), ([cancel, look, look], 2)] {
        let mut shop = make();
        steps.iter().for_each(|step| drop(step(&mut shop)));
        assert_eq!(shop.units("AA"), "1/1/0");
        assert_eq!(shop.order(who).allotted.unwrap().later, None);
        assert!(shop.places().is_empty());
    }
}

#[test]
fn a_count_that_takes_the_last_unit_and_an_order_that_claims_it() {
    let take: Step = |shop| shop.adjust("AA", -1);
    let one = || Shop::with(product("AA"), 1);
    both_orders("stock.adjust down", &one, (take, ANN), [("done", GETS_NOT), ("below_reserved", GETS)]);
}

#[test]
fn a_definition_holds_for_the_orders_after_it() {
    let shop = || Shop::with(pooled("AA", "POOL", 9, 1), 9);
    let cases: [(&str, Step, [(&str, &str); 2]); 4] = [
        (
            "a lower product limit",
            |shop| shop.define(Product { product_limit: Some(0), ..pooled("AA", "POOL", 9, 1) }),
            [("done", GETS_NOT), ("cap_below_promised", GETS)],
        ),
        (
            "a lower mintage",
            |shop| shop.define(pooled("AA", "POOL", 0, 1)),
            [("done", GETS_NOT), ("cap_below_promised", GETS)],
        ),
        (
            "another pool",
            |shop| shop.define(pooled("AA", "OTHER", 9, 1)),
            [("done", GETS), ("pool_in_use", GETS)],
        ),
        (
            "a new name",
            |shop| shop.define(Product { name: "New".to_owned(), ..pooled("AA", "POOL", 9, 1) }),
            [("done", GETS), ("done", GETS)],
        ),
    ];
    for (why, define, outcomes) in cases {
        both_orders(why, &shop, (define, ANN), outcomes);
    }
}

#[test]
fn missing_units_and_an_order_compete_for_the_shelf() {
    let missing: Step = |shop| shop.tell(&adjusted(&release(1, 1), vec![units(1, "AA", 1)]));
    let two = || {
        let mut shop = Shop::with(product("AA"), 2);
        assert_eq!(ANN(&mut shop), GETS);
        shop
    };
    let outcomes = [("release.ready", GETS_NOT), (GETS_NOT, GETS)];
    both_orders("payment.adjusted", &two, (missing, BOB), outcomes);
    let receive: Step = |shop| shop.receive("AA", 1);
    let one = || {
        let mut shop = Shop::with(product("AA"), 1);
        assert_eq!(ANN(&mut shop), GETS);
        shop
    };
    both_orders("stock.receive", &one, (receive, missing), [("done", "release.ready"), ("done", GETS_NOT)]);
}

#[test]
fn a_parcel_that_leaves_makes_a_reached_cap_sold_out() {
    for (before, word) in [(true, "sold_out"), (false, "currently_unavailable")] {
        let mut shop = Shop::with(capped("AA", 1), 9);
        ANN(&mut shop);
        let dispatch = dispatched(&release(1, 1), 1, vec![units(1, "AA", 1)]);
        if before {
            shop.say(&dispatch);
        }
        let said = shop.say(&wish(2, "bob", &[("AA", 1, 1)]).accepted());
        if !before {
            shop.say(&dispatch);
        }
        let lines = &told::<messages::stock::StockUnavailable>(&said)[0].lines;
        assert_eq!(lines[0].why.name(), word);
        assert_eq!(shop.units("AA"), "8/0/1");
    }
}

#[test]
fn two_releases_made_again_are_numbered_as_they_come() {
    for (first, second) in [(1, 2), (2, 1)] {
        let mut shop = Shop::with(product("AA"), 9);
        shop.tell(&wish(1, "ann", &[("AA", 1, 1), ("AA", 2, 2)]).accepted());
        for (at, number) in [(3, first), (4, second)] {
            shop.tell(&adjusted(&release(1, number), vec![units(number, "AA", u32::from(number))]));
            let made = &shop.order(1).allotted.unwrap().releases[&release(1, at)];
            assert_eq!(made.delivery, number);
        }
        assert_eq!(shop.units("AA"), "6/3/0");
    }
}

/// Plays both orders of a pair. `outcomes` are what the first and the second of the pair hear, when the first of the
/// pair comes first and when it comes last. In the end units and promises must agree all the same.
fn both_orders(why: &str, make: &dyn Fn() -> Shop, pair: (Step, Step), outcomes: [(&str, &str); 2]) {
    for (is_swapped, (first, second)) in [false, true].into_iter().zip(outcomes) {
        let mut shop = make();
        let heard = if is_swapped {
            let second = pair.1(&mut shop);
            (pair.0(&mut shop), second)
        } else {
            let first = pair.0(&mut shop);
            (first, pair.1(&mut shop))
        };
        assert_eq!(heard, (first.to_owned(), second.to_owned()), "{why}, swapped: {is_swapped}");
        let stock = shop.item("AA").unwrap();
        assert!(stock.promised.reserved <= stock.on_hand, "{why}, swapped: {is_swapped}");
    }
}
