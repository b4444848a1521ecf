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
    let again = status.sums.again_parcels;
    let left = facts("dispatched") - again;
    note(
        facts("ready") - facts("declined") - facts("voided") - left,
        "releases are under way to the warehouse",
    );
    note(left - facts("captured") - facts("capture_failed"), "parcels that left are not charged");
    // Dead mail neither arrives nor comes back; its class says so.
    let ended = facts("delivered") + facts("returned") + status.class("lost").cases();
    note(facts("dispatched") - ended, "parcels have not arrived");
    note(status.cases(|class| class.open - class.person), "cases wait for an answer or a parcel");
    // Without units they wait for others to give some back.
    note(facts("reship_ready") - again, "parcels are to be sent again");
    let owed = status.cases(|class| class.refunded) + status.sums.left_out_parcels;
    note(owed - facts("refunded"), "refunds are not made");
    open
}

#[cfg(test)]
mod tests {
    use super::super::numbers::{Class, Desk, Fact, Status, Sums};
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
            (&[("ready", 2), ("authorized", 2), ("voided", 1)], [0; 4], &["1 releases are under way to the warehouse"]),
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

    #[test]
    fn it_waits_for_cases_but_not_for_people() {
        let class = |open, person, reshipped, refunded| Class {
            class: "lost".to_owned(),
            open,
            person,
            reshipped,
            refunded,
            closed: 0,
        };
        let lost = |facts: &[(&str, i64)], again_parcels, class: Class| {
            let left_out_parcels =
                facts.iter().filter(|(kind, _)| *kind == "reship_unavailable").count() as i64;
            let facts = facts.iter().map(|(kind, facts)| Fact {
                kind: (*kind).to_owned(),
                facts: *facts,
                ..Fact::default()
            });
            let sums = Sums { again_parcels, left_out_parcels, ..Sums::default() };
            open(&Status { facts: facts.collect(), sums, cases: vec![class], ..Status::default() })
        };
        let sent = [("ready", 1), ("dispatched", 1), ("captured", 1)];
        assert_eq!(lost(&sent, 0, class(1, 0, 0, 0)), ["1 cases wait for an answer or a parcel"]);
        assert_eq!(lost(&sent, 0, class(1, 1, 0, 0)), Vec::<String>::new());
        let ready = [("ready", 1), ("dispatched", 1), ("captured", 1), ("reship_ready", 1)];
        assert_eq!(lost(&ready, 0, class(0, 0, 1, 0)), ["1 parcels are to be sent again"]);
        assert_eq!(lost(&sent, 0, class(0, 0, 1, 0)), Vec::<String>::new(), "no unit to send");
        assert_eq!(lost(&sent, 0, class(0, 0, 0, 1)), ["1 refunds are not made"]);
        let gone = [sent[0], sent[1], sent[2], ("reship_unavailable", 1)];
        assert_eq!(lost(&gone, 0, class(0, 0, 1, 0)), ["1 refunds are not made"]);
        let again = [("ready", 1), ("dispatched", 2), ("captured", 1), ("delivered", 1), ("reship_ready", 1)];
        assert_eq!(lost(&again, 1, class(0, 0, 1, 0)), Vec::<String>::new());
    }
}
