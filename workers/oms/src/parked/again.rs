//! What takes a parked message's place: the same message under new ids, or another one. The ids are derived from the
//! parked message, so that whoever was cut off and does it again makes the same ids, which are decided once.

use messages::control::DueAgain;
use messages::envelope::{BATCH, SINGLE, decode_with_text};
use messages::id::{derived_id, sha256_hex};
use messages::sealed::Keyring;
use messages::{Event, Timestamp, topology};
use serde::Deserialize;
use serde_json::Value;
use shell::parking::{ParkReason, ParkedRecord};
use time::OffsetDateTime;

/// One AMQP message that is to be published on `oms.self`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) routing_key: String,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
    /// The new id of each event, in order; of the message itself where there is no event in it.
    pub(super) ids: Vec<String>,
}

/// The message as it was, under new ids: the old ones are in the inbox already.
///
/// # Errors
/// A key is missing.
pub(super) fn replayed(record: &ParkedRecord, ring: &Keyring) -> Result<Again, String> {
    let bytes = record.open(ring).map_err(|error| error.to_string())?;
    let content_type = record.content_type.clone().unwrap_or_else(|| SINGLE.to_owned());
    let routing_key = key_again(record);
    let Ok(parts) = decode_with_text(Some(&content_type), &bytes) else {
        let ids = vec![new_id(record, "replay", 0, OffsetDateTime::UNIX_EPOCH)];
        return Ok(Again { routing_key, content_type, bytes, ids });
    };
    let mut ids = Vec::new();
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for (at, part) in parts.into_iter().enumerate() {
        match part {
            Ok((event, _)) => {
                let (event, id) = renamed(record, "replay", at, event);
                texts.push(serde_json::to_vec(&event).map_err(|error| error.to_string())?);
                ids.push(id);
            }
            // It has no id that could be in an inbox.
            Err(bad) => {
                ids.push(new_id(record, "replay", at, OffsetDateTime::UNIX_EPOCH));
                texts.push(bad.bytes);
            }
        }
    }
    let bytes = if content_type.starts_with(BATCH) {
        [b"[".as_slice(), &texts.join(&b","[..]), b"]"].concat()
    } else {
        texts.concat()
    };
    Ok(Again { routing_key, content_type, bytes, ids })
}

/// Another event in the message's place. The same event given twice is one.
///
/// # Errors
/// The event cannot be written, or nobody vouches for its sender.
pub(super) fn edited(record: &ParkedRecord, event: Event) -> Result<Again, String> {
    vouched(record)?;
    let text = serde_json::to_vec(&event).map_err(|error| error.to_string())?;
    let (event, id) = renamed(record, &sha256_hex(&text), 0, event);
    Ok(Again {
        routing_key: key_again(record),
        content_type: SINGLE.to_owned(),
        bytes: serde_json::to_vec(&event).map_err(|error| error.to_string())?,
        ids: vec![id],
    })
}

/// Whether it is no message but a timer or a call of the room, which is put back into its table.
pub(super) fn is_due(record: &ParkedRecord) -> bool {
    record.queue.starts_with("due/")
}

/// The row that was parked. What may follow it, an answer that could not be read, is looked up again.
///
/// # Errors
/// A key is missing, or another version parked it.
pub(super) fn due(record: &ParkedRecord, ring: &Keyring) -> Result<DueAgain, String> {
    #[derive(Deserialize)]
    struct Row {
        due: Id,
        due_at: Timestamp,
        started_at: Option<Timestamp>,
        body: Value,
    }
    #[derive(Deserialize)]
    struct Id {
        kind: String,
        key: String,
        epoch: i32,
        attempt: i32,
    }
    let bytes = record.open(ring).map_err(|error| error.to_string())?;
    let first = serde_json::Deserializer::from_slice(&bytes).into_iter::<Row>().next();
    let Some(Ok(Row { due, due_at, started_at, body })) = first else {
        return Err(format!("{} was parked by a version that wrote due rows otherwise", &record.id[..12]));
    };
    let Id { kind, key, epoch, attempt } = due;
    Ok(DueAgain { kind, key, epoch, attempt, due_at, started_at, body })
}

/// # Errors
/// The room would park it again: who sent it was not kept, since nobody knew him.
pub(super) fn vouched(record: &ParkedRecord) -> Result<(), String> {
    if record.reason != ParkReason::UnknownSender || record.sender.is_some() {
        return Ok(());
    }
    let id = record.id.get(..12).unwrap_or(&record.id);
    Err(format!(
        "{id} cannot be sent again: its sender was unknown when it came. Register the sender (`oms topology apply`, then restart every process), let it send again, and discard this one"
    ))
}

fn renamed(record: &ParkedRecord, how: &str, at: usize, mut event: Event) -> (Event, String) {
    let id = new_id(record, how, at, event.time);
    event.causationid = Some(std::mem::replace(&mut event.id, id.clone()));
    (event, id)
}

fn new_id(record: &ParkedRecord, how: &str, at: usize, time: OffsetDateTime) -> String {
    derived_id(time, &[record.id.as_bytes(), how.as_bytes(), &at.to_be_bytes()]).to_string()
}

fn key_again(record: &ParkedRecord) -> String {
    let from_outside = record.queue == topology::outside_queue(record.room) || record.sender.is_some();
    if from_outside { topology::again_in_key(record.room) } else { topology::again_key(record.room) }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use messages::envelope::decode;
    use messages::sealed::Section;
    use messages::{Kind, Room};
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn ring() -> Keyring {
        let mut ring = Keyring::default();
        ring.init(&[], datetime!(2026-11-24 12:00 UTC)).expect("random bytes");
        ring
    }

    fn record(ring: &Keyring, queue: &str, content_type: Option<&str>, bytes: &[u8]) -> ParkedRecord {
        let parked_at = Timestamp(datetime!(2026-11-24 12:00 UTC));
        let id = sha256_hex(&[queue.as_bytes(), b"\n", bytes].concat());
        let body = ring.seal(Section::Parked, &id, 0, &STANDARD.encode(bytes), parked_at.0).expect("a key");
        ParkedRecord {
            id,
            room: Room::Intake,
            reason: ParkReason::Poison,
            queue: queue.to_owned(),
            routing_key: "order.submit.v1".to_owned(),
            content_type: content_type.map(str::to_owned),
            sender: None,
            event_id: None,
            parked_at,
            why: None,
            body,
        }
    }

    #[test]
    fn what_nobody_vouches_for_is_not_sent_again() {
        let ring = ring();
        let sample = messages::contracts::sample(Kind::OrderSubmit);
        let text = sample.to_string();
        let known = record(&ring, "oms.intake.in", None, text.as_bytes());
        let event = decode(Some(SINGLE), text.as_bytes()).expect("an event").remove(0).expect("the sample");
        let unknown = ParkedRecord { reason: ParkReason::UnknownSender, ..known.clone() };
        assert_eq!(vouched(&known), Ok(()));
        assert!(vouched(&unknown).is_err_and(|said| said.contains("Register the sender")));
        assert!(edited(&unknown, event).is_err_and(|said| said.contains("Register the sender")));
    }

    #[test]
    fn every_event_has_a_new_id_that_names_the_old_and_is_the_same_each_time() {
        let ring = ring();
        let sample = messages::contracts::sample(Kind::OrderSubmit);
        let batch = json!([sample, { "id": "bad" }, sample]).to_string();
        let record = record(&ring, "oms.intake.in", Some(BATCH), batch.as_bytes());
        let first = replayed(&record, &ring).expect("its key is there");
        // A copy that was parked later is the same message.
        let later = ParkedRecord { parked_at: record.parked_at.plus_seconds(60), ..record.clone() };
        assert_eq!(replayed(&later, &ring).as_ref(), Ok(&first));
        assert_eq!((first.routing_key.as_str(), first.ids.len()), ("intake.in.again", 3));
        let events = decode(Some(&first.content_type), &first.bytes).expect("a batch");
        for (at, event) in events.iter().enumerate() {
            match event {
                Ok(event) => {
                    assert_eq!(event.id, first.ids[at]);
                    assert_eq!(event.causationid.as_deref(), sample["id"].as_str());
                }
                Err(bad) => {
                    assert_eq!((at, bad.id.as_deref()), (1, Some("bad")), "a bad neighbour stays as it is")
                }
            }
        }
        assert_ne!(first.ids[0], first.ids[2]);
    }

    #[test]
    fn bytes_that_are_no_event_go_as_they_are_and_another_edit_is_another_message() {
        let ring = ring();
        let torn = record(&ring, "oms.intake", None, b"{torn");
        let again = replayed(&torn, &ring).expect("its key is there");
        assert_eq!(
            (again.bytes.as_slice(), again.routing_key.as_str()),
            (b"{torn".as_slice(), "intake.again")
        );
        let event = |text: &str| {
            let mut sample = messages::contracts::sample(Kind::OrderCancel);
            sample["data"]["reason"] = text.into();
            serde_json::from_value::<Event>(sample).expect("an event")
        };
        let ids = ["a", "a", "b"].map(|text| edited(&torn, event(text)).expect("it is written").ids);
        assert!(ids[0] == ids[1] && ids[0] != ids[2] && ids[0] != again.ids);
    }

    #[test]
    fn a_due_row_is_read_back_from_what_was_parked() {
        let ring = ring();
        let row = json!({
            "due": { "kind": "renew", "key": "k", "epoch": 2, "attempt": 1 },
            "due_at": "2026-11-24T12:00:00Z", "started_at": null, "body": { "a": 1 },
        });
        let parked = record(&ring, "due/renew", None, format!("{row}{{\"an\":\"answer\"}}").as_bytes());
        assert!(is_due(&parked));
        let due = due(&parked, &ring).expect("readable");
        assert_eq!(
            (due.kind.as_str(), due.epoch, due.started_at, due.body),
            ("renew", 2, None, json!({ "a": 1 }))
        );
        assert!(super::due(&record(&ring, "due/renew", None, b"x"), &ring).is_err());
    }
}
