//! The commands from outside: define a product, count units in, correct a count. Each is done once per sender, verb
//! and reference. A command that would break a promise is refused by name and changes nothing.

use messages::answer::Outcome;
use messages::id::{Reference, UserId, sha256_hex};
use messages::item::ItemNumber;
use messages::product::{Product, ProductDefine, ProductDefined, StockAdjust, StockChanged, StockReceive};
use serde::{Deserialize, Serialize};
use shell::worker::{At, Decision, World, raw};

use crate::Inventory;
use crate::decide::stock::{Pool, Promised, Stock};
use crate::decide::waiting::look;
use crate::store::{Key, State, Verb, find_pool, find_stock};

/// The largest count: 2^53 − 1, which every JSON reader and the database's bigint keep exact (RFC 8259, section 6).
const COUNT_MAX: u64 = 9_007_199_254_740_991;
const NAME_LETTERS_MAX: usize = 120;
const REASON_LETTERS_MAX: usize = 500;

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// SHA-256 of its body, to tell a repeat from another command under the same reference.
    pub content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub code: String,
    pub text: String,
}

pub(super) fn scope_define(sender: &str, body: &ProductDefine, found: &World<Inventory>) -> Vec<Key> {
    let item = &body.product.item;
    let mut keys = scope_count(key(sender, Verb::Define, &body.reference), item, found);
    if found.find(&Key::Item(item.clone())).is_some() {
        let before = find_stock(found, item).and_then(|stock| stock.product.mintage.as_ref());
        let pools = before.into_iter().chain(&body.product.mintage);
        keys.extend(pools.map(|mintage| Key::Pool(mintage.pool.clone())));
    }
    keys
}

pub(super) fn scope_count(command: Key, item: &ItemNumber, found: &World<Inventory>) -> Vec<Key> {
    match found.find(&command) {
        Some(State::Command(None)) => vec![command, Key::Item(item.clone())],
        // Not asked for yet, or done already.
        Some(_) | None => vec![command],
    }
}

pub(super) fn receive_key(sender: &str, body: &StockReceive) -> Key {
    key(sender, Verb::Receive, &body.reference)
}

pub(super) fn adjust_key(sender: &str, body: &StockAdjust) -> Key {
    key(sender, Verb::Adjust, &body.reference)
}

pub(super) fn define(
    world: &World<Inventory>,
    at: &At<'_>,
    sender: &str,
    body: &ProductDefine,
) -> Decision<Inventory> {
    once(world, at, key(sender, Verb::Define, &body.reference), body, |decision| {
        let product = &body.product;
        check_words(product)?;
        check_reason(body.reason.as_deref())?;
        let before = find_stock(world, &product.item);
        check_promises(before, product)?;
        if let Some(mintage) = &product.mintage {
            let pool = find_pool(world, &mintage.pool).cloned().unwrap_or_default();
            if mintage.limit < pool.promised.total() {
                return Err(below_promised(
                    "mintage limit",
                    mintage.limit,
                    pool.promised,
                    "coins of the pool",
                ));
            }
            if mintage.limit < pool.limit && !pool.waiting.is_empty() {
                return Err(units_wait("mintage limit"));
            }
            for item in &pool.waiting {
                look(decision, item, at.now);
            }
            decision.set(Key::Pool(mintage.pool.clone()), State::Pool(Pool { limit: mintage.limit, ..pool }));
        }
        let stock = Stock {
            product: product.clone(),
            version: before.map_or(0, |stock| stock.version) + 1,
            on_hand: before.map_or(0, |stock| stock.on_hand),
            promised: before.map_or_else(Promised::default, |stock| stock.promised),
            waitlisted: before.map_or(0, |stock| stock.waitlisted),
            joined: before.and_then(|stock| stock.joined.clone()),
        };
        if stock.is_awaited() {
            look(decision, &product.item, at.now);
        }
        let told = ProductDefined {
            product: product.clone(),
            version: stock.version,
            sender: sender.to_owned(),
            user: body.user.clone(),
            reason: body.reason.clone(),
        };
        decision.emit(&product.item, &told);
        decision.set(Key::Item(product.item.clone()), State::Item(Some(Box::new(stock))));
        Ok(())
    })
}

pub(super) fn receive(
    world: &World<Inventory>,
    at: &At<'_>,
    sender: &str,
    body: &StockReceive,
) -> Decision<Inventory> {
    let count = Count {
        item: &body.item,
        change: i64::from(body.quantity),
        reference: &body.reference,
        user: body.user.as_ref(),
        reason: None,
    };
    once(world, at, receive_key(sender, body), body, |decision| count.enter(world, at, sender, decision))
}

pub(super) fn adjust(
    world: &World<Inventory>,
    at: &At<'_>,
    sender: &str,
    body: &StockAdjust,
) -> Decision<Inventory> {
    let count = Count {
        item: &body.item,
        change: body.change,
        reference: &body.reference,
        user: Some(&body.user),
        reason: Some(&body.reason),
    };
    once(world, at, adjust_key(sender, body), body, |decision| count.enter(world, at, sender, decision))
}

/// A change of the units on hand that no order makes.
struct Count<'a> {
    item: &'a ItemNumber,
    change: i64,
    reference: &'a Reference,
    user: Option<&'a UserId>,
    reason: Option<&'a str>,
}

impl Count<'_> {
    fn enter(
        &self,
        world: &World<Inventory>,
        at: &At<'_>,
        sender: &str,
        decision: &mut Decision<Inventory>,
    ) -> Result<(), Refused> {
        if self.change == 0 {
            return Err(refused("invalid_quantity", "the number of units must not be zero"));
        }
        check_reason(self.reason)?;
        let stock = find_stock(world, self.item).ok_or_else(|| {
            refused("unknown_item", format!("item {} is not defined; define the product first", self.item))
        })?;
        let reserved = stock.promised.reserved;
        let on_hand = i128::from(stock.on_hand) + i128::from(self.change);
        if on_hand < i128::from(reserved) {
            let text = format!(
                "{} units are on hand and {reserved} of them are reserved; at most {} can be taken off",
                stock.on_hand,
                stock.free()
            );
            return Err(refused("below_reserved", text));
        }
        let on_hand = u64::try_from(on_hand).ok().filter(|units| *units <= COUNT_MAX).ok_or_else(|| {
            refused("too_many_units", format!("more than {COUNT_MAX} units would be on hand"))
        })?;
        let told = StockChanged {
            item: self.item.clone(),
            change: self.change,
            on_hand,
            sender: sender.to_owned(),
            reference: self.reference.clone(),
            user: self.user.cloned(),
            reason: self.reason.map(str::to_owned),
        };
        decision.emit(self.item, &told);
        if stock.is_awaited() {
            look(decision, self.item, at.now);
        }
        let stock = Stock { on_hand, ..stock.clone() };
        decision.set(Key::Item(self.item.clone()), State::Item(Some(Box::new(stock))));
        Ok(())
    }
}

/// Does a command once, and answers every time that it comes.
fn once<B: Serialize>(
    world: &World<Inventory>,
    at: &At<'_>,
    key: Key,
    body: &B,
    act: impl FnOnce(&mut Decision<Inventory>) -> Result<(), Refused>,
) -> Decision<Inventory> {
    let content = sha256_hex(raw(body).get().as_bytes());
    let reference = match &key {
        Key::Command { reference, .. } => Some(reference.to_string()),
        Key::Order(_) | Key::Item(_) | Key::Pool(_) | Key::Household(_) | Key::Waiting(_) => None,
    };
    let reference = reference.as_deref();
    let mut decision = Decision::nothing();
    if let Some(State::Command(Some(first))) = world.find(&key) {
        if first.content != content {
            let text = "another command came under this reference before; use a new reference".to_owned();
            let code = Some("already_seen_with_other_content");
            decision.answer(at, reference, Outcome::Refused, None, code, Some(text));
        } else {
            let (code, text) = match &first.refused {
                None => (None, "it was done when it first came".to_owned()),
                Some(why) => {
                    (Some(why.code.as_str()), format!("it was refused when it first came: {}", why.text))
                }
            };
            decision.answer(at, reference, Outcome::Repeated, None, code, Some(text));
        }
        return decision;
    }
    let refused = match act(&mut decision) {
        Ok(()) => {
            decision.answer(at, reference, Outcome::Done, None, None, None);
            None
        }
        Err(why) => {
            decision = Decision::nothing();
            let text = Some(why.text.clone());
            decision.answer(at, reference, Outcome::Refused, None, Some(&why.code), text);
            Some(why)
        }
    };
    decision.set(key, State::Command(Some(Command { content, refused })));
    decision
}

fn key(sender: &str, verb: Verb, reference: &Reference) -> Key {
    Key::Command { sender: sender.to_owned(), verb, reference: reference.clone() }
}

/// What the schema says and a parser does not check.
fn check_words(product: &Product) -> Result<(), Refused> {
    let wrong = |text: &str| Err(refused("invalid_product", text));
    let letters = product.name.chars().count();
    if !(1..=NAME_LETTERS_MAX).contains(&letters) || product.name.trim().is_empty() {
        return wrong("the name must have 1 to 120 characters");
    }
    let mintage = product.mintage.as_ref().map(|mintage| mintage.limit);
    let caps = product.product_limit.into_iter().chain(mintage).chain(product.waitlist_units);
    if caps.into_iter().any(|cap| cap > COUNT_MAX) {
        return wrong("a limit must not be above 9007199254740991");
    }
    if product.mintage.as_ref().is_some_and(|mintage| mintage.coins_per_unit == 0) {
        return wrong("a unit of a product in a mintage pool has at least one coin of it");
    }
    if product.household_limit.as_ref().is_some_and(|limit| limit.units == 0) {
        return wrong("a household limit is at least one unit");
    }
    Ok(())
}

fn check_reason(reason: Option<&str>) -> Result<(), Refused> {
    match reason {
        Some(reason) if reason.trim().is_empty() || reason.chars().count() > REASON_LETTERS_MAX => {
            Err(refused("invalid_reason", "the reason must have 1 to 500 characters"))
        }
        Some(_) | None => Ok(()),
    }
}

/// What is promised of a product stays within its caps and in its pool.
fn check_promises(before: Option<&Stock>, product: &Product) -> Result<(), Refused> {
    let is_in_use = |stock: &&Stock| stock.promised.total() > 0 || stock.waitlisted > 0;
    let Some(before) = before.filter(is_in_use) else { return Ok(()) };
    if let Some(limit) = product.product_limit
        && limit < before.promised.total()
    {
        return Err(below_promised("product limit", limit, before.promised, "units"));
    }
    // A waiting line that no cap could ever cover would stop all behind it.
    if before.waitlisted > 0
        && product.product_limit.unwrap_or(u64::MAX) < before.product.product_limit.unwrap_or(u64::MAX)
    {
        return Err(units_wait("product limit"));
    }
    let coins = |product: &Product| {
        product.mintage.as_ref().map(|mintage| (mintage.pool.clone(), mintage.coins_per_unit))
    };
    if coins(&before.product) != coins(product) {
        let text = "units of this product are promised or waited for, so its mintage pool and its coins per unit stay as they are";
        return Err(refused("pool_in_use", text));
    }
    Ok(())
}

fn below_promised(what: &str, limit: u64, promised: Promised, unit: &str) -> Refused {
    let total = promised.total();
    refused(
        "cap_below_promised",
        format!("the {what} of {limit} is below the {total} {unit} that are promised"),
    )
}

fn units_wait(what: &str) -> Refused {
    refused("units_wait", format!("units are waited for, so the {what} can only be raised"))
}

fn refused(code: &str, text: impl Into<String>) -> Refused {
    Refused { code: code.to_owned(), text: text.into() }
}
