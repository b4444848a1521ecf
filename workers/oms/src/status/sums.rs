//! `oms status --sums`: what follows only from all facts of all orders. It reads the whole table of facts, so it is for a
//! day's close and for accounts, never for each second. However many there are, no single question may take long: it asks
//! by stretches of whole orders, of one moment, and adds up.

use std::collections::BTreeMap;

use lifecycle::store::Tally;
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::postgres::PgPool;

use crate::show;

#[derive(Debug, Serialize)]
pub(super) struct Told {
    facts: Vec<Tally>,
    sums: Sums,
    quiet: Vec<Quiet>,
}

macro_rules! sums {
    ($($(#[$about:meta])* $name:ident,)*) => {
        /// What only an order's facts together tell, over all orders: for comparing with the gateway and the shelf.
        #[derive(Debug, Default, Serialize, sqlx::FromRow)]
        struct Sums { $($(#[$about])* $name: i64,)* }

        impl Sums {
            fn add(&mut self, more: &Self) {
                $(self.$name += more.$name;)*
            }
        }
    };
}

sums! {
    /// Lines and units that had been reserved, were not found in the warehouse and could not be replaced.
    given_up_lines,
    given_up_units,
    /// Everything that was dispatched for the first time, at its order's own prices, with the shipping charge that goes with an order's
    /// first release. Minor units, whatever the currency.
    shipped_minor,
    /// Lines and units that were ever reserved, each counted once.
    reserved_lines,
    reserved_units,
    /// Accepted lines and units that have neither units nor a refusal: they wait.
    waiting_lines,
    waiting_units,
    /// The same, of orders that were cancelled.
    withdrawn_lines,
    withdrawn_units,
    /// Units of cancelled orders that were not found in the warehouse.
    lost_in_cancelled,
    /// Units that stood in line and got what they waited for, and those whose order was cancelled first.
    filled_units,
    unfilled_units,
    /// Parcels and units that were sent instead of others, and units that shall be as soon as there are some.
    again_parcels,
    again_units,
    awaited_again_units,
    /// Parcels that were to be sent again and that were left out or lack units, since none could be had: these are paid back.
    left_out_parcels,
    /// Units that came back whole and went back to the shelf.
    restocked_units,
    /// Releases that ended before anything was handed over, and what was never held of them, in minor units.
    voided_unsent,
    unheld_minor,
}

/// Facts of one kind about orders of which not everything is told: cancelled ones, and those of the deceased.
#[derive(Debug, Serialize, sqlx::FromRow)]
struct Quiet {
    kind: String,
    facts: i64,
}

/// Facts that one question reads, and a few more: an order is never cut in two.
const STRETCH: i64 = 20_000;
/// After every key.
const END: &str = "\u{10ffff}";

/// # Errors
/// The database does not answer.
pub(super) async fn told(pool: &PgPool) -> Result<Told, sqlx::Error> {
    let mut one_moment = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let (mut facts, mut quiet_facts) = (BTreeMap::<String, Tally>::new(), BTreeMap::<String, i64>::new());
    let mut all = Sums::default();
    let mut from = String::new();
    while from != END {
        let to = stretch_end(&mut one_moment, &from).await?;
        for more in lifecycle::store::tally(&mut one_moment, &from, &to).await? {
            facts.entry(more.kind.clone()).and_modify(|tally| tally.add(&more)).or_insert(more);
        }
        all.add(&sums(&mut one_moment, &from, &to).await?);
        for Quiet { kind, facts } in quiet(&mut one_moment, &from, &to).await? {
            *quiet_facts.entry(kind).or_default() += facts;
        }
        from = to;
    }
    let quiet = quiet_facts.into_iter().map(|(kind, facts)| Quiet { kind, facts }).collect();
    Ok(Told { facts: facts.into_values().collect(), sums: all, quiet })
}

/// The key before which a stretch ends: the first one of the order that lies beyond it.
async fn stretch_end(connection: &mut PgConnection, from: &str) -> Result<String, sqlx::Error> {
    let beyond: Option<String> =
        sqlx::query_scalar("SELECT key FROM lifecycle.facts WHERE key >= $1 ORDER BY key OFFSET $2 LIMIT 1")
            .bind(from)
            .bind(STRETCH)
            .fetch_optional(connection)
            .await?;
    Ok(beyond.map_or_else(|| END.to_owned(), |beyond| cut_before(from, &beyond)))
}

/// Keys are `<order>/<fact>`: the beginning of this key's order, or its end if it began before the stretch.
fn cut_before(from: &str, beyond: &str) -> String {
    let order = beyond.split('/').next().unwrap_or(beyond);
    let begins = format!("{order}/");
    // The character after the slash.
    if begins.as_str() > from { begins } else { format!("{order}0") }
}

pub(super) fn text(told: &Told) -> String {
    let facts = told.facts.iter().map(|tally| {
        [tally.kind.clone(), tally.facts.to_string(), tally.lines.to_string(), tally.units.to_string()]
    });
    // Numbers only, so it cannot fail; and by name, as a program gets them.
    let sums: BTreeMap<String, i64> = serde_json::to_value(&told.sums)
        .and_then(serde_json::from_value)
        .expect("the sums are numbers with names");
    let sums = sums.into_iter().map(|(name, sum)| [name, sum.to_string()]);
    show::table(["fact", "times", "lines", "units"], facts)
        + "\n"
        + &show::table(["sum over all orders", ""], sums)
}

async fn sums(connection: &mut PgConnection, from: &str, to: &str) -> Result<Sums, sqlx::Error> {
    // Shipments are named <order>.<release>.<parcel>, so the first release's begin with <order>.1, and first parcels end
    // with .1. IS TRUE keeps a list a hash table: as a join it is read anew for each parcel.
    sqlx::query_as(
        "WITH told AS MATERIALIZED (
             SELECT kind, order_number, time, state->'what' AS what FROM lifecycle.facts
             WHERE key >= $1 AND key < $2 AND kind IN ('accepted', 'reserved', 'limited', 'unavailable', 'backordered', 'waitlisted', 'ready', 'authorized', 'voided', 'requested', 'dispatched', 'adjusted', 'cancelled', 'case_received', 'case_resolved', 'reship_ready', 'reship_unavailable')
         ), cancelled AS (
             SELECT DISTINCT order_number FROM told WHERE kind = 'cancelled'
         ), by_line AS (
             SELECT order_number IN (TABLE cancelled) AS is_cancelled,
                    max(quantity) FILTER (WHERE kind = 'accepted') AS wanted,
                    max(unit_price) FILTER (WHERE kind = 'accepted') AS price,
                    sum(quantity) FILTER (WHERE kind = 'dispatched' AND what->>'shipment' LIKE '%.1') AS shipped,
                    bool_or(kind = 'reserved') AS was_reserved,
                    bool_or(kind IN ('reserved', 'limited', 'unavailable')) AS was_decided,
                    count(*) FILTER (WHERE kind = 'unavailable') AS refusals,
                    sum(quantity) FILTER (WHERE kind = 'unavailable') AS refused,
                    COALESCE(sum(quantity) FILTER (WHERE kind IN ('backordered', 'waitlisted')), 0) AS waited,
                    COALESCE(sum(quantity) FILTER (WHERE kind = 'reserved'), 0)
                        - CASE WHEN min(time) FILTER (WHERE kind = 'reserved') <= COALESCE(min(time) FILTER (WHERE kind IN ('backordered', 'waitlisted')), '~')
                               THEN max(quantity) FILTER (WHERE kind = 'accepted') ELSE 0 END AS filled
             FROM told, jsonb_to_recordset(what->'lines') AS l (line integer, quantity bigint, unit_price bigint)
             WHERE kind IN ('accepted', 'reserved', 'limited', 'unavailable', 'backordered', 'waitlisted', 'dispatched')
             GROUP BY order_number, line
         ), by_order AS (
             SELECT max((what->>'shipping')::bigint) AS shipping,
                    bool_or(starts_with(what->>'shipment', order_number || '.1.')) FILTER (WHERE kind = 'dispatched') AS is_due
             FROM told GROUP BY order_number
         ), by_release AS (
             SELECT max((what->>'amount')::bigint) FILTER (WHERE kind = 'ready') AS amount,
                    bool_or(kind = 'voided') AS is_voided,
                    bool_or(kind = 'authorized') AS is_held,
                    bool_or(kind = 'requested') AS is_sent
             FROM told WHERE kind IN ('ready', 'authorized', 'voided', 'requested')
             GROUP BY COALESCE(what->>'release', regexp_replace(what->>'shipment', '[.][0-9]+$', ''))
         ), missing AS (
             SELECT COALESCE(sum(quantity), 0)::bigint AS units
             FROM told, jsonb_to_recordset(what->'missing') AS l (quantity bigint)
             WHERE kind = 'adjusted' AND order_number IN (TABLE cancelled)
         ), again AS (
             SELECT count(DISTINCT what->>'shipment') AS parcels, COALESCE(sum(quantity), 0)::bigint AS units
             FROM told, jsonb_to_recordset(what->'lines') AS l (quantity bigint)
             WHERE kind = 'dispatched' AND what->>'shipment' NOT LIKE '%.1'
         ), awaited AS (
             SELECT COALESCE(sum(quantity), 0)::bigint AS units
             FROM told, jsonb_to_recordset(what->'lines') AS l (quantity bigint)
             WHERE kind = 'dispatched'
               AND (what->>'shipment' IN (SELECT what->>'case' FROM told WHERE kind = 'case_resolved' AND what->>'resolution' = 'reship')) IS TRUE
               AND regexp_replace(what->>'shipment', '[0-9]+$', '2') NOT IN (SELECT what->>'shipment' FROM told WHERE kind IN ('reship_ready', 'reship_unavailable'))
         ), back AS (
             SELECT COALESCE(sum(quantity), 0)::bigint AS units
             FROM told, jsonb_to_recordset(what->'lines') AS l (quantity bigint)
             WHERE kind = 'case_received' AND what->>'condition' = 'restock'
         )
         SELECT COALESCE(sum(refusals) FILTER (WHERE was_reserved), 0)::bigint AS given_up_lines,
                COALESCE(sum(refused) FILTER (WHERE was_reserved), 0)::bigint AS given_up_units,
                (COALESCE(sum(shipped * price), 0)
                    + (SELECT COALESCE(sum(shipping) FILTER (WHERE is_due), 0) FROM by_order))::bigint AS shipped_minor,
                count(*) FILTER (WHERE was_reserved) AS reserved_lines,
                COALESCE(sum(wanted) FILTER (WHERE was_reserved), 0)::bigint AS reserved_units,
                count(*) FILTER (WHERE NOT was_decided AND NOT is_cancelled) AS waiting_lines,
                COALESCE(sum(wanted) FILTER (WHERE NOT was_decided AND NOT is_cancelled), 0)::bigint AS waiting_units,
                count(*) FILTER (WHERE NOT was_decided AND is_cancelled) AS withdrawn_lines,
                COALESCE(sum(wanted) FILTER (WHERE NOT was_decided AND is_cancelled), 0)::bigint AS withdrawn_units,
                (SELECT units FROM missing) AS lost_in_cancelled,
                (SELECT parcels FROM again) AS again_parcels,
                (SELECT units FROM again) AS again_units,
                (SELECT units FROM awaited) AS awaited_again_units,
                (SELECT units FROM back) AS restocked_units,
                (SELECT count(*) FROM told WHERE kind IN ('reship_ready', 'reship_unavailable') AND jsonb_array_length(what->'unavailable') > 0) AS left_out_parcels,
                COALESCE(sum(filled), 0)::bigint AS filled_units,
                COALESCE(sum(waited - filled) FILTER (WHERE is_cancelled), 0)::bigint AS unfilled_units,
                (SELECT count(*) FROM by_release WHERE is_voided AND NOT is_sent) AS voided_unsent,
                (SELECT COALESCE(sum(amount), 0)::bigint FROM by_release WHERE is_voided AND NOT is_held) AS unheld_minor
         FROM by_line",
    )
    .bind(from)
    .bind(to)
    .fetch_one(connection)
    .await
}

async fn quiet(connection: &mut PgConnection, from: &str, to: &str) -> Result<Vec<Quiet>, sqlx::Error> {
    sqlx::query_as(
        "SELECT kind, count(*) AS facts FROM lifecycle.facts
         WHERE key >= $1 AND key < $2 AND order_number IN (
             SELECT order_number FROM lifecycle.facts
             WHERE key >= $1 AND key < $2
               AND (kind = 'cancelled' OR kind = 'case_opened' AND state->'what'->>'class' = 'deceased'
                    OR kind = 'case_changed' AND state->'what'->'change'->>'class' = 'deceased'))
         GROUP BY kind ORDER BY kind",
    )
    .bind(from)
    .bind(to)
    .fetch_all(connection)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_ends_between_two_orders() {
        for (from, beyond, end) in [
            ("", "A2/7", "A2/"),
            ("A1/", "A2/7", "A2/"),
            // One order that is longer than a stretch.
            ("A2/", "A2/7", "A20"),
            ("", "-/7", "-/"),
            ("-/", "-/7", "-0"),
        ] {
            assert_eq!(cut_before(from, beyond), end, "{from} to {beyond}");
            assert!(end > from && end < END);
        }
    }
}
