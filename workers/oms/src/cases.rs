//! `oms cases`: parcels that did not arrive. It reads as `oms_reader`; notes, answers and ends are messages to
//! undelivered. A corrected address is read from a file, never from the command line, which others could see.

use std::path::Path;

use messages::case::{CaseAnswer, CaseEnd, CaseNote, CaseReceive, CaseResolve, CaseWish, Condition};
use messages::id::ShipmentId;
use messages::order::SubmittedAddress;
use messages::{Room, Timestamp};
use shell::clock;
use shell::config::{self, Config};
use shell::migrate;
use undelivered::case::{Answered, Event};
use undelivered::store::{CaseLine, CaseView};

use crate::cli::CasesCommand;
use crate::operator::{carry_out, reference};
use crate::{operator, reading_failed, show};

/// # Errors
/// A bad case, file or user, undelivered refuses, or the database does not answer.
pub(crate) async fn run(
    config: &Config,
    command: CasesCommand,
    user: Option<&str>,
    json: bool,
) -> Result<(), String> {
    let user = || operator::user(config, user);
    let text = match command {
        CasesCommand::List { all } => return list(config, all, json).await,
        CasesCommand::Show { case } => return show_one(config, &case, json).await,
        CasesCommand::Note { case, text } => {
            let command = CaseNote { case: parse(&case)?, user: user()?, text };
            carry_out(config, command, "noted").await?
        }
        CasesCommand::Answer { case, wish, address, reference: name } => {
            let command = CaseAnswer {
                reference: reference(name.as_deref())?,
                case: parse(&case)?,
                token: None,
                user: Some(user()?),
                wish: CaseWish::from(wish),
                address: address.as_deref().map(address_of).transpose()?,
            };
            carry_out(config, command, "taken").await?
        }
        CasesCommand::Resolve { case, resolution, reason } => {
            let resolution = CaseEnd::from(resolution);
            let command = CaseResolve { case: parse(&case)?, user: user()?, reason, resolution };
            carry_out(config, command, "ended").await?
        }
        CasesCommand::Receive { case, condition, reference: name } => {
            let command = CaseReceive {
                reference: reference(name.as_deref())?,
                shipment: parse(&case)?,
                condition: Condition::from(condition),
                received_at: Timestamp(clock::now()),
                user: Some(user()?),
            };
            carry_out(config, command, "received").await?
        }
    };
    show::done(json, &text)
}

fn parse(text: &str) -> Result<ShipmentId, String> {
    ShipmentId::parse(text).map_err(|error| error.to_string())
}

fn address_of(path: &Path) -> Result<SubmittedAddress, String> {
    let text = show::file_or_input(path)?;
    // The error would repeat a part of the address.
    serde_json::from_str(&text).map_err(|_| {
        format!(
            "{} is no address: it must be JSON with line1, city, postal_code and country, and line2 and state where there are any",
            path.display()
        )
    })
}

async fn list(config: &Config, all: bool, json: bool) -> Result<(), String> {
    let pool = migrate::reader_pool(config.for_room(Room::Undelivered, config::DATABASE_URL)?).await?;
    let cases = undelivered::store::cases(&pool, !all).await.map_err(|error| reading_failed(&error))?;
    show::print(json, &cases, || {
        if cases.is_empty() {
            return if all { "there was never a case\n" } else { "no case is open\n" }.to_owned();
        }
        show::table(
            ["case", "class", "stands at", "opened at", "asked", "until", "back"],
            cases.iter().map(row),
        )
    })
}

fn row(case: &CaseLine) -> [String; 7] {
    [
        case.case.to_string(),
        case.class.name().replace('_', " "),
        stands_at(case),
        when(case.opened_at),
        case.contacts.to_string(),
        case.until.map_or_else(|| "-".to_owned(), when),
        if case.back { "yes" } else { "no" }.to_owned(),
    ]
}

fn stands_at(case: &CaseLine) -> String {
    match case.resolution {
        Some(end) => format!("ended: {}", end.name()),
        None => case.step.replace('_', " "),
    }
}

async fn show_one(config: &Config, text: &str, json: bool) -> Result<(), String> {
    let case = parse(text)?;
    let pool = migrate::reader_pool(config.for_room(Room::Undelivered, config::DATABASE_URL)?).await?;
    let view = undelivered::store::case(&pool, &case).await.map_err(|error| reading_failed(&error))?;
    let view = view.ok_or_else(|| format!("there is no case of shipment {case}"))?;
    show::print(json, &view, || story(&view))
}

fn story(view: &CaseView) -> String {
    let line = &view.line;
    let gift = if line.gift { ", a gift" } else { "" };
    let word = line.word.as_ref().map(|word| format!(" ({word})")).unwrap_or_default();
    let mut text = format!(
        "case {}  {}{word}{gift}\norder {}; opened {}; {}; asked {}; the parcel is {}\n\n",
        line.case,
        line.class.name().replace('_', " "),
        line.order,
        when(line.opened_at),
        stands_at(line),
        show::counted(usize::from(line.contacts), "time"),
        if line.back { "back" } else { "not back" },
    );
    let rows = view
        .lines
        .iter()
        .map(|units| [units.line.to_string(), units.item.as_str().to_owned(), units.quantity.to_string()]);
    text += &show::table(["line", "item", "quantity"], rows);
    text += "\n";
    let steps = view.history.iter().map(|entry| {
        let by = entry.user.as_ref().map(|user| format!(" by {user}")).unwrap_or_default();
        (entry.at, format!("{}{by}", step(entry.what, view)))
    });
    let notes = view.notes.iter().map(|note| (note.at, format!("note of {}: {}", note.user, note.text)));
    let mut told: Vec<(Timestamp, String)> = steps.chain(notes).collect();
    told.sort_by_key(|(at, _)| *at);
    for (at, what) in told {
        text += &format!("{}  {what}\n", when(at));
    }
    if let Some(reason) = &view.reason {
        let by = view.user.as_ref().map_or_else(|| "the rules".to_owned(), ToString::to_string);
        text += &format!("\nended by {by}: {reason}\n");
    }
    text
}

/// To the second: staff read it beside a clock.
fn when(at: Timestamp) -> String {
    let at = at.0;
    Timestamp(at.replace_nanosecond(0).unwrap_or(at)).to_string()
}

const fn answer(view: &CaseView) -> &'static str {
    match &view.answered {
        Some(Answered { wish: CaseWish::Refund, .. }) => "answered: money back",
        Some(Answered { wish: CaseWish::Reship, address: true, .. }) => {
            "answered: send it to another address"
        }
        Some(Answered { wish: CaseWish::Reship, address: false, .. }) => "answered: send it again",
        None => "answered",
    }
}

fn step(event: Event, view: &CaseView) -> String {
    let text = match event {
        Event::Received => return received(view),
        Event::Opened => "opened",
        Event::Reclassified => "a more specific reason is known",
        Event::Asked => "the purchaser was asked",
        Event::AskedAgain => "the purchaser was asked again",
        Event::Answered => answer(view),
        Event::Handed => "handed to a person",
        Event::Ended => "ended",
        Event::Resumed => "it came back after all, and goes on",
    };
    text.to_owned()
}

fn received(view: &CaseView) -> String {
    let found =
        view.facts.received.as_ref().map(|received| lifecycle::words::condition_text(received.condition));
    format!("the parcel is back and opened: {}", found.unwrap_or("its condition is not known"))
}
