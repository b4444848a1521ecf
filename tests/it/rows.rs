//! Two batches at one moment, and a row that neither of them found. Whoever decided on its absence and comes second must
//! decide again: this is how two orders of one household would both be its first.

use fulfillment::Fulfillment;
use fulfillment::store::{Key, Order, State};
use messages::id::OrderNumber;
use shell::ledger::{Ledger, LedgerError, Tx as _};
use shell::postgres::{PgLedger, PgTx};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tests::TestHouse;

fn key(number: u64) -> Key {
    Key::Order(OrderNumber::from_bits(number))
}

fn units(units: u64) -> State {
    State::Order(Order { units: Some(units), ..Order::default() })
}

async fn ledger(house: &TestHouse) -> PgLedger {
    let options: PgConnectOptions = house.setting("OMS_DATABASE_URL").parse().expect("an address");
    let pool = PgPoolOptions::new().connect_with(options.options([("search_path", "fulfillment")])).await;
    PgLedger::new(pool.expect("PostgreSQL answers"))
}

/// A transaction that has these rows.
async fn begin(ledger: &PgLedger, keys: &[Key]) -> (PgTx<Fulfillment>, Vec<State>) {
    let mut tx = Ledger::<Fulfillment>::begin(ledger).await.expect("a transaction");
    let loaded = tx.load(keys).await.expect("the rows");
    let states = keys.iter().map(|key| {
        let row = loaded.iter().find(|(found, _)| found == key);
        row.expect("every row is given").1.clone()
    });
    let states = states.collect();
    (tx, states)
}

#[tokio::test]
async fn of_two_batches_that_found_a_row_missing_the_second_decides_again() {
    let house = TestHouse::new("rows").await;
    let ledger = ledger(&house).await;
    let (mut first, found) = begin(&ledger, &[key(1)]).await;
    let (mut second, also_found) = begin(&ledger, &[key(1)]).await;
    assert_eq!(
        (found, also_found),
        (vec![State::Order(Order::default())], vec![State::Order(Order::default())])
    );
    first.save(&[(&key(1), &units(1))]).await.expect("nobody else has made it");
    first.commit().await.expect("stored");
    let raced = second.save(&[(&key(1), &units(2))]).await;
    assert!(matches!(raced, Err(LedgerError::Raced { table: "orders" })), "{raced:?}");
    drop(second);

    let (mut again, found) = begin(&ledger, &[key(1), key(2)]).await;
    assert_eq!(found, [units(1), State::Order(Order::default())]);
    again.save(&[(&key(1), &units(3)), (&key(2), &units(4))]).await.expect("an old row and a new one");
    again.commit().await.expect("stored");
    let (_, found) = begin(&ledger, &[key(1), key(2)]).await;
    assert_eq!(found, [units(3), units(4)]);
}

#[tokio::test]
async fn a_row_that_was_only_seen_to_be_missing_counts_as_well() {
    let house = TestHouse::new("rows_seen").await;
    let ledger = ledger(&house).await;
    let (mut first, _) = begin(&ledger, &[key(1)]).await;
    let (mut second, _) = begin(&ledger, &[key(1), key(2)]).await;
    first.save(&[(&key(1), &units(1))]).await.expect("nobody else has made it");
    first.commit().await.expect("stored");
    let raced = second.save(&[(&key(2), &units(2))]).await;
    assert!(matches!(raced, Err(LedgerError::Raced { .. })), "it rests on an absence: {raced:?}");
    drop(second);

    // Nothing is changed at all, or a missing row is taken away: neither may be stored beside somebody else's row.
    let (mut third, _) = begin(&ledger, &[key(3)]).await;
    third.delete(&[key(3)]).await.expect("it can be taken away");
    third.commit().await.expect("stored");
    let (fourth, found) = begin(&ledger, &[key(3)]).await;
    assert_eq!(found, [State::Order(Order::default())]);
    fourth.commit().await.expect("an empty row stands for it");
}
