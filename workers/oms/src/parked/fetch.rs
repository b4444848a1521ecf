//! Fetching parked messages without taking them: what is not acked goes back when the channel closes. Each look counts as
//! a delivery, which their queues never limit.

use std::collections::BTreeMap;
use std::path::Path;

use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use messages::{Timestamp, topology};
use serde::Deserialize;
use shell::clock;
use shell::parking::ParkedRecord;
use shell::wire::short;

use super::filter::Filter;
use crate::cli::WhichArgs;
use crate::show;

/// A parked message with all its copies. It is known by its first: whoever repeats what was cut off finds the same one.
pub(super) struct Fetched {
    pub(super) record: ParkedRecord,
    /// Delivery tags with the time of parking.
    copies: Vec<(Timestamp, u64)>,
}

impl Fetched {
    pub(super) fn copies(&self) -> usize {
        self.copies.len()
    }

    /// Takes it off its queue, its first copy last.
    ///
    /// # Errors
    /// The broker does not answer; what was not taken is still there.
    pub(super) async fn take(mut self, channel: &Channel) -> Result<usize, String> {
        self.copies.sort_unstable();
        for (_, tag) in self.copies.iter().rev() {
            channel.basic_ack(*tag, BasicAckOptions::default()).await.map_err(|error| error.to_string())?;
        }
        Ok(self.copies.len())
    }
}

/// What fits the filter, oldest first.
///
/// # Errors
/// A queue cannot be read.
pub(super) async fn fetch(channel: &Channel, filter: &Filter) -> Result<Vec<Fetched>, String> {
    let now = Timestamp(clock::now());
    let mut found: BTreeMap<String, Fetched> = BTreeMap::new();
    for room in filter.rooms() {
        let queue = topology::parked_queue(room);
        while let Some(message) = channel
            .basic_get(short(&queue), BasicGetOptions::default())
            .await
            .map_err(|error| format!("{queue} cannot be read: {error}"))?
        {
            let Ok(record) = serde_json::from_slice::<ParkedRecord>(&message.delivery.data) else {
                eprintln!("oms: {queue} holds a message that no room of this version parked; it stays there");
                continue;
            };
            let copy = (record.parked_at, message.delivery.delivery_tag);
            match found.get_mut(&record.id) {
                None => drop(found.insert(record.id.clone(), Fetched { record, copies: vec![copy] })),
                Some(known) => {
                    known.copies.push(copy);
                    if record.parked_at < known.record.parked_at {
                        known.record = record;
                    }
                }
            }
        }
    }
    let mut all: Vec<Fetched> = found.into_values().filter(|one| filter.takes(&one.record, now)).collect();
    all.sort_by(|a, b| (a.record.parked_at, &a.record.id).cmp(&(b.record.parked_at, &b.record.id)));
    Ok(all)
}

/// The one whose id begins so.
///
/// # Errors
/// There is none, or there are several.
pub(super) fn one_of<'a>(all: &'a [Fetched], id: &str) -> Result<&'a Fetched, String> {
    let mut fitting = all.iter().filter(|one| one.record.id.starts_with(id));
    match (fitting.next(), fitting.count()) {
        (None, _) => Err(format!("no parked message has an id that begins with {id}")),
        (Some(one), 0) => Ok(one),
        (Some(_), more) => Err(format!("{} parked messages have an id that begins with {id}", more + 1)),
    }
}

/// What is meant, and how many of it are no longer parked.
///
/// # Errors
/// It is not said what is meant, or an id that was typed is not there.
pub(super) async fn choose(channel: &Channel, which: &WhichArgs) -> Result<(Vec<Fetched>, usize), String> {
    let filter = Filter::new(&which.filter)?;
    let listed = which.from.as_deref().map(listed).transpose()?;
    if listed.is_none() && which.ids.is_empty() && !which.all {
        return Err(
            "say which messages: ids from `oms parked list`, --from a list of them, or --all".to_owned()
        );
    }
    let found = fetch(channel, &filter).await?;
    if which.all {
        return Ok((found, 0));
    }
    if let Some(listed) = listed {
        let chosen: Vec<Fetched> = found
            .into_iter()
            .filter(|one| listed.get(&one.record.id) == Some(&one.record.parked_at))
            .collect();
        let gone = listed.len() - chosen.len();
        return Ok((chosen, gone));
    }
    let mut wanted = Vec::new();
    for id in &which.ids {
        wanted
            .push(one_of(&found, id).map_err(|why| format!("{why}; nothing was changed"))?.record.id.clone());
    }
    Ok((found.into_iter().filter(|one| wanted.contains(&one.record.id)).collect(), 0))
}

/// What a list that was made before names: JSON of `--json parked list`, or a line with id and time each. The time tells
/// what was listed from the same bytes parked again.
fn listed(path: &Path) -> Result<BTreeMap<String, Timestamp>, String> {
    #[derive(Deserialize)]
    struct Listed {
        id: String,
        parked_at: Timestamp,
    }
    let text = show::file_or_input(path)?;
    if let Ok(listed) = serde_json::from_str::<Vec<Listed>>(&text) {
        return Ok(listed.into_iter().map(|one| (one.id, one.parked_at)).collect());
    }
    let line = |line: &str| {
        let (id, parked_at) = line.trim().split_once(' ')?;
        Some((id.to_owned(), Timestamp::parse(parked_at.trim())?))
    };
    let lines = text.lines().filter(|text| !text.trim().is_empty());
    lines.map(line).collect::<Option<_>>().ok_or_else(|| {
        format!("{} must be what `oms parked list --ids` or `oms --json parked list` printed", path.display())
    })
}
