//! Which words a line gets: reserved, limited, sold out, currently unavailable.

use inventory::decide::stock::Stock;
use inventory::read::check_order;
use inventory::store::{By, Key, State};
use inventory::{Inventory, decide, read};
use messages::order::OrderAccepted;
use messages::product::Product;
use messages::stock::{StockLimited, StockReserved, StockUnavailable};
use shell::stage::Said;
use shell::worker::{At, World};

use crate::support::*;

/// An order before, what has shipped of it, and whether its payment was declined.
struct Before(&'static str, u32, u32);

#[test]
fn a_line_gets_the_word_that_its_caps_limits_and_shelf_say() {
    let plain = product("AA");
    let cap3 = capped("AA", 3);
    let coins6 = pooled("AA", "POOL", 6, 2);
    let coins7 = pooled("AA", "POOL", 7, 2);
    let one = limited(plain.clone(), 1, None);
    let table: Vec<(&str, &Product, u32, Vec<Before>, u32, &str)> = vec![
        ("the shelf has it", &plain, 2, vec![], 2, "reserved"),
        ("the shelf has less", &plain, 1, vec![], 2, "currently_unavailable"),
        ("the shelf is empty", &plain, 0, vec![], 1, "currently_unavailable"),
        ("all on the shelf is somebody's", &plain, 2, vec![Before("bob", 2, 0)], 1, "currently_unavailable"),
        ("up to the product limit", &cap3, 9, vec![Before("bob", 1, 0)], 2, "reserved"),
        ("the limit leaves less", &cap3, 9, vec![Before("bob", 2, 0)], 2, "currently_unavailable"),
        ("less is left, though all shipped", &cap3, 9, vec![Before("bob", 2, 2)], 2, "currently_unavailable"),
        ("the limit is reached", &cap3, 9, vec![Before("bob", 3, 2)], 1, "currently_unavailable"),
        ("the limit is reached, all shipped", &cap3, 9, vec![Before("bob", 3, 3)], 1, "sold_out"),
        ("up to the mintage", &coins6, 9, vec![Before("bob", 1, 0)], 2, "reserved"),
        ("the mintage leaves less", &coins6, 9, vec![Before("bob", 2, 0)], 2, "currently_unavailable"),
        ("the mintage is reached", &coins6, 9, vec![Before("bob", 3, 2)], 1, "currently_unavailable"),
        ("the mintage is reached, all shipped", &coins6, 9, vec![Before("bob", 3, 3)], 1, "sold_out"),
        ("coins are left, but no whole unit", &coins7, 9, vec![Before("bob", 3, 3)], 1, "sold_out"),
        ("within the household limit", &one, 9, vec![Before("bob", 1, 0)], 1, "reserved"),
        ("more than it at once", &one, 9, vec![], 2, "limited"),
        ("more than it in two orders", &one, 9, vec![Before("ann", 1, 0)], 1, "limited"),
        ("shipped units count too", &one, 9, vec![Before("ann", 1, 1)], 1, "limited"),
        ("the limit comes before the shelf", &one, 1, vec![Before("ann", 1, 0)], 1, "limited"),
    ];
    for (why, product, on_hand, before, quantity, word) in table {
        let mut shop = Shop::with(product.clone(), on_hand);
        for (number, Before(who, quantity, shipped)) in (10..).zip(before) {
            shop.tell(&wish(number, who, &[("AA", quantity, 1)]).accepted());
            if shipped > 0 {
                shop.tell(&dispatched(&release(number, 1), 1, vec![units(1, "AA", shipped)]));
            }
        }
        let said = shop.stage.tell(&wish(1, "ann", &[("AA", quantity, 1)]).accepted());
        assert_eq!(words(&said), word, "{why}");
    }
}

#[test]
fn a_product_that_nobody_defined_is_unavailable() {
    let said = Shop::new().stage.tell(&wish(1, "ann", &[("ZZ", 1, 1)]).accepted());
    assert_eq!(
        (kinds(&said).as_str(), words(&said).as_str()),
        ("stock.unavailable", "currently_unavailable")
    );
}

#[test]
fn products_of_one_pool_share_its_coins() {
    let mut shop = Shop::with(pooled("SINGLE", "POOL", 10, 1), 50);
    shop.stock(pooled("SET", "POOL", 10, 4), 50);
    let said =
        shop.stage.tell(&wish(1, "ann", &[("SET", 2, 1), ("SINGLE", 3, 1), ("SINGLE", 2, 1)]).accepted());
    assert_eq!(words(&said), "reserved currently_unavailable reserved", "8 coins, 3 too many, 2 fit");
    assert_eq!(shop.pool("POOL").promised.total(), 10);
}

#[test]
fn a_household_is_an_address_a_card_or_an_account() {
    let ann = |order| wish(order, "ann", &[("AA", 1, 1)]).accepted();
    let other = fingerprint("other");
    let guest = |order| OrderAccepted { account: None, ..ann(order) };
    let mut moved = ann(2);
    moved.deliveries[0].address = other.clone();
    let same_address = OrderAccepted { card: other.clone(), account: Some(other.clone()), ..ann(2) };
    let same_card = OrderAccepted { account: None, ..moved.clone() };
    let same_account = OrderAccepted { card: other.clone(), ..moved.clone() };
    let nothing_same = OrderAccepted { card: other.clone(), account: Some(other), ..moved };
    for (why, first, second, word) in [
        ("address", ann(1), same_address, "limited"),
        ("card", ann(1), same_card.clone(), "limited"),
        ("account", ann(1), same_account.clone(), "limited"),
        ("nothing", ann(1), nothing_same, "reserved"),
        ("a guest's card", guest(1), same_card, "limited"),
        ("a guest has no account", guest(1), same_account, "reserved"),
    ] {
        let mut shop = Shop::with(limited(product("AA"), 1, None), 9);
        shop.tell(&first);
        assert_eq!(words(&shop.stage.tell(&second)), word, "{why}");
    }
}

#[test]
fn lines_of_one_item_count_together_over_all_recipients() {
    let mut shop = Shop::with(limited(product("AA"), 3, None), 9);
    let said = shop.stage.tell(&wish(1, "ann", &[("AA", 2, 1), ("AA", 2, 2), ("AA", 1, 2)]).accepted());
    assert_eq!(words(&said), "reserved limited reserved", "the card and the account see all of them");
    assert_eq!(shop.household("AA", By::Card, "ann"), 3);
    assert_eq!(shop.household("AA", By::Account, "ann"), 3);
    assert_eq!(shop.household("AA", By::Address, "ann"), 2);
    assert_eq!(shop.household("AA", By::Address, "home-2"), 1);
}

#[test]
fn a_limit_for_hours_holds_for_orders_received_within_them() {
    for (seconds, word) in [(24 * 3600 - 1, "limited"), (24 * 3600, "reserved")] {
        let mut shop = Shop::with(limited(product("AA"), 1, Some(24)), 9);
        shop.tell(&wish(1, "ann", &[("AA", 1, 1)]).accepted());
        let mut late = wish(2, "ann", &[("AA", 1, 1)]);
        late.received_at = noon().plus_seconds(seconds);
        assert_eq!(words(&shop.stage.tell(&late.accepted())), word, "{seconds} s after the start of sale");
        assert_eq!(shop.household("AA", By::Card, "ann"), 1, "only orders under the limit are counted");
    }
}

#[test]
fn a_limit_whose_counters_are_not_locked_holds_from_the_next_batch_on() {
    let order = wish(1, "ann", &[("AA", 5, 1)]).accepted();
    let stock = Stock {
        product: limited(product("AA"), 1, None),
        version: 2,
        on_hand: 5,
        promised: inventory::decide::stock::Promised::default(),
        waitlisted: 0,
        joined: None,
    };
    let world: World<Inventory> = World::of([
        (Key::Order(order.order.clone()), State::blank(&Key::Order(order.order.clone()))),
        (Key::Item(number("AA")), State::Item(Some(Box::new(stock)))),
    ]);
    let at = At { now: noon(), id: "event-1", sender: None };
    let decision = decide::decide(&world, &read::Input::Accepted(Box::new(order)), &at);
    assert_eq!(decision.emit.len(), 2, "reserved and ready");
    assert!(
        decision.set.iter().all(|(key, _)| !matches!(key, Key::Household(_))),
        "no counter is written unseen"
    );
}

#[test]
fn an_order_that_does_not_add_up_is_unreadable() {
    let good = wish(1, "ann", &[("AA", 1, 1), ("BB", 2, 2)]).accepted();
    assert_eq!(check_order(&good), Ok(()));
    type Change = fn(&mut OrderAccepted);
    let changes: [(&str, Change); 5] = [
        ("field deliveries: must be numbered in rising order", |order| order.deliveries[1].number = 1),
        ("field total: is not the sum of the lines and the shipping charge", |order| {
            order.total = order.shipping
        }),
        ("field total: is not the sum of the lines and the shipping charge", |order| {
            order.lines[0].unit_price = messages::money::Amount::MAX;
        }),
        ("field lines: must be numbered in rising order", |order| order.lines[1].line = 1),
        ("field lines: names a recipient that the order does not have", |order| order.lines[1].delivery = 3),
    ];
    for (why, change) in changes {
        let mut order = good.clone();
        change(&mut order);
        assert_eq!(check_order(&order).map_err(|error| error.to_string()), Err(why.to_owned()));
        let mut shop = Shop::with(product("AA"), 9);
        assert!(shop.stage.tell(&order).is_empty());
        assert_eq!(shop.units("AA"), "9/0/0");
    }
}

/// The word of each line, in line order.
fn words(said: &[Said]) -> String {
    let mut lines: Vec<(u16, &str)> = Vec::new();
    for body in told::<StockReserved>(said) {
        lines.extend(body.lines.iter().map(|units| (units.line, "reserved")));
    }
    for body in told::<StockLimited>(said) {
        lines.extend(body.lines.iter().map(|units| (units.line, "limited")));
    }
    for body in told::<StockUnavailable>(said) {
        lines.extend(body.lines.iter().map(|line| (line.units.line, line.why.name())));
    }
    lines.sort_unstable();
    lines.into_iter().map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}
