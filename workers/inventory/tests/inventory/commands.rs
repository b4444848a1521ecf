//! The three commands: what is done, what is refused by name, what a repeat gets.

use messages::answer::Outcome;
use messages::id::UserId;
use messages::product::{HouseholdLimit, Product, ProductDefine, ProductDefined, StockChanged, StockReceive};

use crate::support::*;

#[test]
fn each_command_in_each_state_has_one_answer() {
    type Command = fn(&mut Shop) -> String;
    let unknown = Shop::new;
    let defined = || Shop::with(pooled("AA", "POOL", 10, 2), 4);
    // Three of four units are promised: two reserved, one shipped.
    let promised = || {
        let mut shop = defined();
        shop.tell(&wish(1, "ann", &[("AA", 1, 1)]).accepted());
        shop.tell(&dispatched(&release(1, 1), 1, vec![units(1, "AA", 1)]));
        shop.tell(&wish(2, "bob", &[("AA", 2, 1)]).accepted());
        assert_eq!(shop.units("AA"), "3/2/1");
        shop
    };
    let states: [(&str, &dyn Fn() -> Shop); 3] =
        [("unknown", &unknown), ("defined", &defined), ("promised", &promised)];
    let table: [(&str, Command, [(&str, &str); 3]); 17] = [
        ("receive 3", |s| s.receive("AA", 3), [("unknown_item", "-"), ("done", "7/0/0"), ("done", "6/2/1")]),
        (
            "receive 0",
            |s| s.receive("AA", 0),
            [("invalid_quantity", "-"), ("invalid_quantity", "4/0/0"), ("invalid_quantity", "3/2/1")],
        ),
        ("adjust +1", |s| s.adjust("AA", 1), [("unknown_item", "-"), ("done", "5/0/0"), ("done", "4/2/1")]),
        (
            "adjust to what is reserved",
            |s| s.adjust("AA", -1),
            [("unknown_item", "-"), ("done", "3/0/0"), ("done", "2/2/1")],
        ),
        (
            "adjust below it",
            |s| s.adjust("AA", -2),
            [("unknown_item", "-"), ("done", "2/0/0"), ("below_reserved", "3/2/1")],
        ),
        (
            "adjust below zero",
            |s| s.adjust("AA", i64::MIN),
            [("unknown_item", "-"), ("below_reserved", "4/0/0"), ("below_reserved", "3/2/1")],
        ),
        (
            "adjust beyond all counts",
            |s| s.adjust("AA", i64::MAX),
            [("unknown_item", "-"), ("too_many_units", "4/0/0"), ("too_many_units", "3/2/1")],
        ),
        (
            "another name",
            |s| s.define(Product { name: "New".to_owned(), ..pooled("AA", "POOL", 10, 2) }),
            [("done", "0/0/0"), ("done", "4/0/0"), ("done", "3/2/1")],
        ),
        (
            "product limit at what is promised",
            |s| s.define(Product { product_limit: Some(3), ..pooled("AA", "POOL", 10, 2) }),
            [("done", "0/0/0"), ("done", "4/0/0"), ("done", "3/2/1")],
        ),
        (
            "product limit below it",
            |s| s.define(Product { product_limit: Some(2), ..pooled("AA", "POOL", 10, 2) }),
            [("done", "0/0/0"), ("done", "4/0/0"), ("cap_below_promised", "3/2/1")],
        ),
        (
            "mintage at what is promised",
            |s| s.define(pooled("AA", "POOL", 6, 2)),
            [("done", "0/0/0"), ("done", "4/0/0"), ("done", "3/2/1")],
        ),
        (
            "mintage below it",
            |s| s.define(pooled("AA", "POOL", 5, 2)),
            [("done", "0/0/0"), ("done", "4/0/0"), ("cap_below_promised", "3/2/1")],
        ),
        (
            "another pool",
            |s| s.define(pooled("AA", "OTHER", 10, 2)),
            [("done", "0/0/0"), ("done", "4/0/0"), ("pool_in_use", "3/2/1")],
        ),
        (
            "other coins per unit",
            |s| s.define(pooled("AA", "POOL", 10, 1)),
            [("done", "0/0/0"), ("done", "4/0/0"), ("pool_in_use", "3/2/1")],
        ),
        (
            "no pool any more",
            |s| s.define(product("AA")),
            [("done", "0/0/0"), ("done", "4/0/0"), ("pool_in_use", "3/2/1")],
        ),
        (
            "a limit that no database holds",
            |s| s.define(capped("AA", u64::MAX)),
            [("invalid_product", "-"), ("invalid_product", "4/0/0"), ("invalid_product", "3/2/1")],
        ),
        (
            "a household limit of nothing",
            |s| s.define(limited(product("AA"), 0, None)),
            [("invalid_product", "-"), ("invalid_product", "4/0/0"), ("invalid_product", "3/2/1")],
        ),
    ];
    for (name, command, cells) in table {
        for ((state, make), (answer, units)) in states.iter().zip(cells) {
            let mut shop = make();
            assert_eq!(command(&mut shop), answer, "{name}, {state}");
            assert_eq!(shop.units("AA"), units, "{name}, {state}");
        }
    }
}

#[test]
fn a_product_with_a_wrong_word_is_refused() {
    let named = |name: &str| Product { name: name.to_owned(), ..product("AA") };
    for (why, product) in [
        ("no name", named("")),
        ("blank name", named("  ")),
        ("long name", named(&"x".repeat(121))),
        ("empty units", pooled("AA", "POOL", 1, 0)),
        ("boundless mintage", pooled("AA", "POOL", u64::MAX, 1)),
    ] {
        let mut shop = Shop::new();
        assert_eq!(shop.define(product), "invalid_product", "{why}");
        assert_eq!(shop.item("AA"), None, "{why}");
    }
    assert_eq!(Shop::new().define(named(&"é".repeat(120))), "done");
}

#[test]
fn a_command_is_done_once_and_answered_every_time() {
    let mut shop = Shop::with(product("AA"), 0);
    let body = StockReceive { reference: reference("PALLET-7"), item: number("AA"), quantity: 5, user: None };
    let first = shop.stage.command("warehouse", &body);
    assert_eq!(kinds(&first), "stock.changed command.answered");
    assert_eq!(answer(&first).outcome, Outcome::Done);
    assert_eq!(answer(&first).reference.as_deref(), Some("PALLET-7"));

    let again = shop.stage.command("warehouse", &body);
    assert_eq!(kinds(&again), "command.answered");
    assert_eq!((answer(&again).outcome, answer(&again).code), (Outcome::Repeated, None));

    let other = StockReceive { quantity: 6, ..body.clone() };
    let refused = answer(&shop.stage.command("warehouse", &other));
    assert_eq!(refused.outcome, Outcome::Refused);
    assert_eq!(refused.code.as_deref(), Some("already_seen_with_other_content"));
    assert_eq!(shop.units("AA"), "5/0/0");

    // References are the sender's own.
    assert_eq!(answer(&shop.stage.command("merchandising", &other)).outcome, Outcome::Done);
    assert_eq!(shop.units("AA"), "11/0/0");
}

#[test]
fn a_repeat_of_a_refused_command_hears_the_refusal_again() {
    let mut shop = Shop::new();
    let body = StockReceive { reference: reference("PALLET-7"), item: number("AA"), quantity: 5, user: None };
    assert_eq!(answer(&shop.stage.command("warehouse", &body)).code.as_deref(), Some("unknown_item"));
    shop.stock(product("AA"), 0);
    let again = answer(&shop.stage.command("warehouse", &body));
    assert_eq!((again.outcome, again.code.as_deref()), (Outcome::Repeated, Some("unknown_item")));
    assert_eq!(shop.units("AA"), "0/0/0");
}

#[test]
fn what_was_done_is_told_with_who_did_it_and_why() {
    let mut shop = Shop::new();
    let user = UserId::parse("m.rivera").unwrap();
    for version in 1..=2 {
        let body = ProductDefine {
            reference: reference(&format!("AA-{version}")),
            product: product("AA"),
            user: Some(user.clone()),
            reason: Some("launch".to_owned()),
        };
        let defined: Vec<ProductDefined> = told(&shop.stage.command("operator", &body));
        let expected = ProductDefined {
            product: product("AA"),
            version,
            sender: "operator".to_owned(),
            user: Some(user.clone()),
            reason: Some("launch".to_owned()),
        };
        assert_eq!(defined, [expected]);
    }
    let body = StockReceive { reference: reference("P-1"), item: number("AA"), quantity: 5, user: None };
    let changed: Vec<StockChanged> = told(&shop.stage.command("warehouse", &body));
    let expected = StockChanged {
        item: number("AA"),
        change: 5,
        on_hand: 5,
        sender: "warehouse".to_owned(),
        reference: reference("P-1"),
        user: None,
        reason: None,
    };
    assert_eq!(changed, [expected]);
}

#[test]
fn a_pool_has_the_limit_of_the_latest_definition() {
    let mut shop = Shop::with(pooled("AA", "POOL", 10, 1), 9);
    shop.stock(pooled("BB", "POOL", 4, 1), 0);
    assert_eq!(shop.pool("POOL").limit, 4);
    assert_eq!(
        shop.tell(&wish(1, "ann", &[("AA", 4, 1)]).accepted()),
        "stock.reserved release.ready",
        "up to it"
    );
    assert_eq!(shop.tell(&wish(2, "bob", &[("AA", 1, 1)]).accepted()), "stock.unavailable", "not above it");
    assert_eq!(shop.define(pooled("CC", "POOL", 3, 1)), "cap_below_promised", "by a third product");
}

#[test]
fn a_household_limit_may_be_lowered_below_what_a_household_has() {
    let mut shop = Shop::with(limited(product("AA"), 3, None), 9);
    shop.tell(&wish(1, "ann", &[("AA", 3, 1)]).accepted());
    let lower = HouseholdLimit { units: 1, hours: None };
    assert_eq!(shop.define(Product { household_limit: Some(lower), ..product("AA") }), "done");
    assert_eq!(shop.tell(&wish(2, "ann", &[("AA", 1, 1)]).accepted()), "stock.limited");
    assert_eq!(shop.tell(&wish(3, "bob", &[("AA", 1, 1)]).accepted()), "stock.reserved release.ready");
}
