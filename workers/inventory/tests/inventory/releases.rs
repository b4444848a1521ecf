//! Releases: how they are made, and what becomes of their units, state by state.

use inventory::store::By;
use messages::order::{Line, Method};
use messages::product::Product;
use messages::stock::{ReleaseReady, StockUnavailable, Unavailable};

use crate::support::*;

#[test]
fn each_message_in_each_state_of_a_release_has_one_outcome() {
    type Step = fn(&mut Shop) -> String;
    let accept: Step = |shop| shop.tell(&wish(1, "ann", &[("AA", 3, 1)]).accepted());
    let accept_six: Step = |shop| shop.tell(&wish(1, "ann", &[("AA", 6, 1)]).accepted());
    let decline: Step = |shop| shop.tell(&declined(&release(1, 1)));
    let dispatch: Step = |shop| shop.tell(&dispatched(&release(1, 1), 1, vec![units(1, "AA", 3)]));
    let dispatch_two: Step = |shop| shop.tell(&dispatched(&release(1, 1), 1, vec![units(1, "AA", 2)]));
    let miss_one: Step = |shop| shop.tell(&adjusted(&release(1, 1), vec![units(1, "AA", 1)]));

    let messages: [(&str, Step); 4] =
        [("accepted", accept), ("declined", decline), ("dispatched", dispatch), ("one missing", miss_one)];
    // On hand/reserved/shipped, units of the household, facts that wait, and what is said.
    let table: [(&str, &[Step], [(&str, u64, usize, &str); 4]); 7] = [
        (
            "nothing known",
            &[],
            [
                ("5/3/0", 3, 0, "stock.reserved release.ready"),
                ("5/0/0", 0, 1, ""),
                ("5/0/0", 0, 1, ""),
                ("5/0/0", 0, 1, ""),
            ],
        ),
        (
            "no units for it",
            &[accept_six],
            [("5/0/0", 0, 0, ""), ("5/0/0", 0, 1, ""), ("5/0/0", 0, 1, ""), ("5/0/0", 0, 1, "")],
        ),
        (
            "ready",
            &[accept],
            [("5/3/0", 3, 0, ""), ("5/0/0", 0, 0, ""), ("2/0/3", 3, 0, ""), ("4/3/0", 3, 0, "release.ready")],
        ),
        (
            "declined",
            &[accept, decline],
            [("5/0/0", 0, 0, ""), ("5/0/0", 0, 0, ""), ("5/0/0", 0, 0, ""), ("5/0/0", 0, 0, "")],
        ),
        (
            "shipped in part",
            &[accept, dispatch_two],
            [("3/1/2", 3, 0, ""), ("3/0/2", 2, 0, ""), ("3/1/2", 3, 0, ""), ("2/1/2", 3, 0, "release.ready")],
        ),
        (
            "shipped",
            &[accept, dispatch],
            [("2/0/3", 3, 0, ""), ("2/0/3", 3, 0, ""), ("2/0/3", 3, 0, ""), ("2/0/3", 3, 0, "")],
        ),
        (
            "made again in part",
            &[accept, miss_one],
            [("4/3/0", 3, 0, ""), ("4/1/0", 1, 0, ""), ("2/1/2", 3, 0, ""), ("3/3/0", 3, 0, "release.ready")],
        ),
    ];
    for (state, steps, cells) in table {
        for ((message, step), (expected, household, early, said)) in messages.iter().zip(cells) {
            let mut shop = Shop::with(limited(pooled("AA", "POOL", 20, 2), 9, None), 5);
            for step in steps {
                step(&mut shop);
            }
            assert_eq!(step(&mut shop), said, "{message}, {state}");
            assert_eq!(shop.units("AA"), expected, "{message}, {state}");
            assert_eq!(shop.order(1).early.len(), early, "{message}, {state}");
            let (pool, stock) = (shop.pool("POOL").promised, shop.item("AA").unwrap().promised);
            assert_eq!(
                (pool.reserved, pool.shipped),
                (stock.reserved * 2, stock.shipped * 2),
                "{message}, {state}"
            );
            for by in [By::Address, By::Card, By::Account] {
                assert_eq!(shop.household("AA", by, "ann"), household, "{message}, {state}, {by:?}");
            }
        }
    }
}

#[test]
fn each_recipient_gets_a_release_and_the_first_one_bears_the_shipping_charge() {
    let mut shop = Shop::with(product("AA"), 9);
    shop.stock(product("BB"), 1);
    // Recipient 1 gets nothing, so recipient 2 has the first release.
    let wish = wish(1, "ann", &[("BB", 2, 1), ("AA", 1, 3), ("AA", 2, 2), ("BB", 1, 2)]);
    let said = shop.stage.tell(&wish.accepted());
    assert_eq!(kinds(&said), "stock.reserved stock.unavailable release.ready release.ready");
    let releases: Vec<ReleaseReady> = told(&said);
    let shape: Vec<_> = releases
        .iter()
        .map(|it| {
            let lines: Vec<u16> = it.release.lines.iter().map(|line| line.line).collect();
            (it.release.delivery, lines, it.release.shipping.minor(), it.release.amount.minor())
        })
        .collect();
    assert_eq!(shape, [(2, vec![3, 4], SHIPPING, 3 * PRICE + SHIPPING), (3, vec![2], 0, PRICE)]);
    assert_eq!(releases[0].release.release, release(1, 1));
    assert_eq!(releases[1].release.release, release(1, 2));
    for ready in &releases {
        assert!(ready.release.gift, "both are gifts");
        assert_eq!(ready.release.method, Method::Expedited);
        assert_eq!(ready.payment, sealed("payment"), "each has a payment section of its own");
        assert_eq!(ready.address, sealed(&format!("delivery-{}", ready.release.delivery)));
    }
    let row = serde_json::to_string(&shop.order(1)).unwrap();
    assert!(!row.contains("oms1."), "the row keeps no section: {row}");
}

#[test]
fn an_order_without_units_has_no_release() {
    let mut shop = Shop::with(product("AA"), 0);
    assert_eq!(shop.tell(&wish(1, "ann", &[("AA", 1, 1)]).accepted()), "stock.unavailable");
    assert!(shop.order(1).allotted.is_some_and(|allotted| allotted.releases.is_empty()));
}

#[test]
fn missing_units_go_out_in_a_release_made_again_with_line_amounts_only() {
    let mut shop = Shop::with(product("AA"), 9);
    shop.stock(product("BB"), 1);
    shop.tell(&wish(1, "ann", &[("AA", 3, 1), ("BB", 1, 1)]).accepted());
    let missing = vec![units(1, "AA", 2), units(2, "BB", 1)];
    let said = shop.stage.tell(&adjusted(&release(1, 1), missing));
    assert_eq!(kinds(&said), "stock.unavailable release.ready", "no second stock.reserved");
    let gone = &told::<StockUnavailable>(&said)[0].lines[0];
    assert_eq!((gone.units.clone(), gone.why), (units(2, "BB", 1), Unavailable::CurrentlyUnavailable));
    let ready = &told::<ReleaseReady>(&said)[0];
    let line =
        Line { line: 1, item: number("AA"), quantity: 2, unit_price: product("AA").price, delivery: 1 };
    assert_eq!(ready.release.lines, [line]);
    assert_eq!(ready.release.release, release(1, 2));
    assert_eq!((ready.release.shipping.minor(), ready.release.amount.minor()), (0, 2 * PRICE));
    assert_eq!((&ready.payment, &ready.address), (&sealed("payment-again"), &sealed("delivery-again")));
    assert_eq!((shop.units("AA").as_str(), shop.units("BB").as_str()), ("7/3/0", "0/0/0"));
}

#[test]
fn units_that_cannot_be_replaced_leave_the_household_and_the_caps() {
    let product = Product { product_limit: Some(3), ..limited(pooled("AA", "POOL", 3, 1), 3, None) };
    let mut shop = Shop::with(product, 3);
    shop.tell(&wish(1, "ann", &[("AA", 3, 1)]).accepted());
    assert_eq!(shop.tell(&adjusted(&release(1, 1), vec![units(1, "AA", 2)])), "stock.unavailable");
    assert_eq!(shop.units("AA"), "1/1/0");
    assert_eq!(shop.pool("POOL").promised.total(), 1);
    assert_eq!(shop.household("AA", By::Account, "ann"), 1);
    assert_eq!(shop.receive("AA", 2), "done");
    assert_eq!(shop.tell(&wish(2, "ann", &[("AA", 2, 1)]).accepted()), "stock.reserved release.ready");
}

#[test]
fn the_same_missing_line_twice_in_one_message_is_one_line() {
    let mut shop = Shop::with(product("AA"), 9);
    shop.tell(&wish(1, "ann", &[("AA", 3, 1)]).accepted());
    let said = shop.stage.tell(&adjusted(&release(1, 1), vec![units(1, "AA", 1), units(1, "AA", 1)]));
    let lines = &told::<ReleaseReady>(&said)[0].release.lines;
    assert_eq!(lines.iter().map(|line| (line.line, line.quantity)).collect::<Vec<_>>(), [(1, 2)]);
}

#[test]
fn a_second_parcel_of_a_release_ships_what_is_left() {
    let mut shop = Shop::with(product("AA"), 9);
    shop.tell(&wish(1, "ann", &[("AA", 3, 1)]).accepted());
    shop.tell(&dispatched(&release(1, 1), 1, vec![units(1, "AA", 1)]));
    shop.tell(&dispatched(&release(1, 1), 2, vec![units(1, "AA", 2)]));
    assert_eq!(shop.units("AA"), "6/0/3");
}

#[test]
fn facts_that_came_early_take_effect_with_their_release() {
    let mut shop = Shop::with(product("AA"), 9);
    // The second release is itself made by a fact that comes early.
    shop.tell(&dispatched(&release(1, 2), 1, vec![units(1, "AA", 1)]));
    shop.tell(&dispatched(&release(1, 1), 1, vec![units(1, "AA", 2)]));
    shop.tell(&adjusted(&release(1, 1), vec![units(1, "AA", 1)]));
    assert_eq!(shop.units("AA"), "9/0/0");
    let said = shop.tell(&wish(1, "ann", &[("AA", 3, 1)]).accepted());
    assert_eq!(said, "stock.reserved release.ready release.ready");
    assert_eq!(shop.units("AA"), "5/0/3");
    assert!(shop.order(1).early.is_empty());
    assert!(!serde_json::to_string(&shop.order(1)).unwrap().contains("oms1."), "nor is their section kept");
}
