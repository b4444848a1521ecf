//! `oms status --watch`: the house at a glance, again and again. The picture is plain text; only a terminal gets
//! anything else, and gets itself back whatever ends the view.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use inventory::store::ItemStock;
use messages::{Room, Timestamp};
use shell::clock;
use shell::config::Config;
use sqlx::postgres::PgPool;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::desks::{Desk, Desks};
use super::picture::{Seen, WIDTH, Waiting, Watched, lines};
use crate::{reading_failed, show};

/// A look that takes long is followed by a rest of so many times as long, so that watching is no load.
const REST: u32 = 5;
/// Products that are shown: those of which most units are promised or gone.
const ITEMS_MAX: usize = 3;

/// Begins the other screen, without cursor, and cuts lines instead of wrapping them.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What one look reads, before it is compared with the last.
struct Look {
    taken: Instant,
    at: Timestamp,
    desks: Vec<Desk>,
    submitted: i64,
    holds: Waiting,
    cases: Waiting,
    cases_with_a_person: i64,
    tasks: Waiting,
    stock: Vec<ItemStock>,
}

/// Watches until Ctrl-C, or looks twice where nobody sits at a terminal.
///
/// # Errors
/// At the beginning, the broker or the database does not answer. Later that is shown, and tried again.
pub(crate) async fn watch(config: &Config, every_seconds: u64, json: bool) -> Result<(), String> {
    let every = Duration::from_secs(every_seconds);
    let desks = Desks::open(config).await?;
    let first = look(&desks).await?;
    if json || !std::io::stdout().is_terminal() {
        tokio::time::sleep(every).await;
        let seen = compare(&first, &look(&desks).await?);
        return show::print(json, &seen, || lines(&seen).join("\n") + "\n");
    }
    let mut ends = Ends::new()?;
    let screen = Screen::enter()?;
    draw(&desks, first, every, &mut ends).await?;
    drop(screen);
    Ok(())
}

async fn draw(desks: &Desks, first: Look, every: Duration, ends: &mut Ends) -> Result<(), String> {
    let mut seen = compare(&first, &first);
    let (mut last, mut trouble, mut rest) = (first, None, every);
    loop {
        let next = format!("every {} s; Ctrl-C ends", every.as_secs());
        print(&frame(&lines(&seen), trouble.as_deref().unwrap_or(&next)))?;
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = ends.come() => return Ok(()),
        }
        let begun = Instant::now();
        let looked = tokio::select! {
            looked = look(desks) => looked,
            () = ends.come() => return Ok(()),
        };
        rest = every.max(begun.elapsed() * REST);
        match looked {
            Ok(look) => {
                (seen, trouble) = (compare(&last, &look), None);
                last = look;
            }
            Err(sentence) => trouble = Some(sentence),
        }
    }
}

async fn look(desks: &Desks) -> Result<Look, String> {
    let seen = desks.look().await?;
    let failed = |error: sqlx::Error| reading_failed(&error);
    let intake = desks.pool(Room::Intake);
    let submitted: i64 = sqlx::query_scalar("SELECT pg_stat_get_tuples_inserted('intake.orders'::regclass)")
        .fetch_one(intake)
        .await
        .map_err(failed)?;
    let (holds, _) = waiting(
        intake,
        "SELECT count(*), extract(epoch FROM now() - min((state #>> '{order,since}')::timestamptz))::bigint, 0::bigint
         FROM intake.orders WHERE status = 'held'",
    )
    .await?;
    let (cases, cases_with_a_person) = waiting(
        desks.pool(Room::Undelivered),
        "SELECT count(*), extract(epoch FROM now() - min(opened_at::timestamptz))::bigint, count(*) FILTER (WHERE step = 'person')
         FROM undelivered.cases WHERE status = 'open'",
    )
    .await?;
    let mut tasks = Waiting::default();
    for desk in seen.iter().filter(|desk| desk.books.tasks > 0) {
        let sql = format!(
            "SELECT count(*), extract(epoch FROM now() - min(opened_at))::bigint, 0::bigint FROM {}.task WHERE closed_at IS NULL",
            desk.room
        );
        let (of_room, _) = waiting(desks.pool(desk.room), &sql).await?;
        tasks.count += of_room.count;
        tasks.oldest_seconds = tasks.oldest_seconds.max(of_room.oldest_seconds);
    }
    let stock = inventory::store::stock(desks.pool(Room::Inventory)).await.map_err(failed)?;
    Ok(Look {
        taken: Instant::now(),
        at: Timestamp(clock::now()),
        desks: seen,
        submitted,
        holds,
        cases,
        cases_with_a_person,
        tasks,
        stock,
    })
}

async fn waiting(pool: &PgPool, sql: &str) -> Result<(Waiting, i64), String> {
    let (count, oldest_seconds, some) = sqlx::query_as(sqlx::AssertSqlSafe(sql.to_owned()))
        .fetch_one(pool)
        .await
        .map_err(|error| reading_failed(&error))?;
    Ok((Waiting { count, oldest_seconds }, some))
}

fn compare(before: &Look, now: &Look) -> Seen {
    let seconds = (now.taken - before.taken).as_secs_f64();
    // Statistics that began anew would give a negative rate.
    let rate =
        |before: i64, now: i64| if seconds > 0.0 { (now - before).max(0) as f64 / seconds } else { 0.0 };
    let desks = now.desks.iter().zip(&before.desks).map(|(desk, before)| Watched {
        desk: desk.clone(),
        per_second: rate(before.books.decided, desk.books.decided),
    });
    let mut stock = now.stock.clone();
    stock.sort_by_key(|item| std::cmp::Reverse(item.reserved + item.backordered + item.shipped));
    stock.truncate(ITEMS_MAX);
    Seen {
        at: now.at,
        desks: desks.collect(),
        orders_per_second: rate(before.submitted, now.submitted),
        holds: now.holds,
        cases: now.cases,
        cases_with_a_person: now.cases_with_a_person,
        tasks: now.tasks,
        stock,
    }
}

/// One screen: it writes over the last one line by line, so that nothing flickers. A line is erased before it is written:
/// afterwards the cursor stands on the last letter of a full one.
fn frame(lines: &[String], below: &str) -> String {
    let mut frame = "\x1b[H".to_owned();
    for (at, line) in lines.iter().enumerate() {
        let is_headline = at == 1;
        let (bold, plain) = if is_headline { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        frame += &format!("\x1b[K{bold}{line}{plain}\r\n");
    }
    let below: String = below.chars().take(WIDTH).collect();
    frame + &format!("\x1b[J{below}")
}

fn print(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("the terminal takes nothing: {error}"))
}

/// The terminal while it is ours. Dropped, it is as it was.
struct Screen;

impl Screen {
    fn enter() -> Result<Self, String> {
        print(ENTER).map(|()| Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = print(LEAVE);
    }
}

/// The signals that end the view.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Ends {
    fn new() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be listened for: {error}"));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_covers_the_one_before_it() {
        let frame = frame(&["a".to_owned(), "head".to_owned()], "below");
        assert_eq!(frame, "\x1b[H\x1b[Ka\r\n\x1b[K\x1b[1mhead\x1b[0m\r\n\x1b[Jbelow");
    }
}
