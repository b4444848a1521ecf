//! Whether the house is at rest, as far as its own numbers say. It must never take silence for rest.

use super::claim::grouped;
use super::numbers::Status;

/// What is still under way; nothing if all is done.
pub(super) fn open(status: &Status) -> Vec<String> {
    let mut open = Vec::new();
    let mut note = |number: i64, what: &str| {
        if number != 0 {
            open.push(format!("{} {what}", grouped(number)));
        }
    };
    for desk in &status.desks {
        let room = &desk.room;
        note(desk.waiting + desk.waiting_outside, &format!("messages wait for {room}"));
        note(desk.outbox, &format!("messages of {room} are not sent"));
        note(desk.due, &format!("calls and timers of {room} are due"));
    }
    let facts = |kind: &str| status.fact(kind).facts;
    note(facts("ready") - facts("authorized") - facts("declined"), "releases are not paid for");
    note(facts("authorized") - facts("dispatched") - facts("voided"), "paid releases have not left");
    note(
        facts("dispatched") - facts("captured") - facts("capture_failed"),
        "parcels that left are not charged",
    );
    note(facts("dispatched") - facts("delivered") - facts("returned"), "parcels have not arrived");
    open
}

#[cfg(test)]
mod tests {
    use super::super::numbers::{Desk, Fact, Status};
    use super::open;

    /// Facts by kind; messages waiting from rooms and from outside, unsent, due; what is open.
    type Case = (&'static [(&'static str, i64)], [i64; 4], &'static [&'static str]);

    #[test]
    fn it_rests_when_nothing_waits_and_everything_has_its_end() {
        #[rustfmt::skip]
        let table: &[Case] = &[
            (&[], [0; 4], &[]),
            (&[("ready", 5), ("authorized", 4), ("declined", 1), ("dispatched", 3), ("voided", 1), ("captured", 3), ("delivered", 2), ("returned", 1)], [0; 4], &[]),
            (&[], [2, 1, 0, 0], &["3 messages wait for audit"]),
            (&[], [0, 0, 4, 0], &["4 messages of audit are not sent"]),
            (&[], [0, 0, 0, 1], &["1 calls and timers of audit are due"]),
            (&[("ready", 2), ("authorized", 1), ("voided", 1)], [0; 4], &["1 releases are not paid for"]),
            (&[("ready", 2), ("authorized", 2), ("voided", 1)], [0; 4], &["1 paid releases have not left"]),
            (&[("ready", 1), ("authorized", 1), ("dispatched", 1)], [0; 4], &["1 parcels that left are not charged", "1 parcels have not arrived"]),
            (&[("ready", 1), ("authorized", 1), ("dispatched", 1), ("capture_failed", 1), ("delivered", 1)], [0; 4], &[]),
        ];
        for (facts, [waiting, waiting_outside, outbox, due], said) in table {
            let facts = facts.iter().map(|(kind, facts)| Fact {
                kind: (*kind).to_owned(),
                facts: *facts,
                ..Fact::default()
            });
            let desk = Desk {
                room: "audit".to_owned(),
                waiting: *waiting,
                waiting_outside: *waiting_outside,
                outbox: *outbox,
                due: *due,
            };
            let status = Status { desks: vec![desk], facts: facts.collect(), ..Status::default() };
            assert_eq!(open(&status), *said);
        }
    }
}
