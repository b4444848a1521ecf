//! The picture of `oms status --watch`: what two looks found, as at most 22 lines of 80 columns. It never holds an escape.

use inventory::store::ItemStock;
use messages::Timestamp;
use serde::Serialize;

use super::desks::Desk;

/// Everything that one look finds.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) desks: Vec<Watched>,
    /// Submissions per second since the last look.
    pub(super) orders_per_second: f64,
    pub(super) holds: Waiting,
    pub(super) cases: Waiting,
    /// Cases that only a person can bring on.
    pub(super) cases_with_a_person: i64,
    pub(super) tasks: Waiting,
    pub(super) stock: Vec<ItemStock>,
}

/// A desk, and how it moved since the last look.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Watched {
    #[serde(flatten)]
    pub(super) desk: Desk,
    /// Events decided per second.
    pub(super) per_second: f64,
}

/// Things that wait for somebody.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Waiting {
    pub(super) count: i64,
    pub(super) oldest_seconds: Option<i64>,
}

/// The picture, without any escapes.
pub(super) fn lines(seen: &Seen) -> Vec<String> {
    let at = seen.at.0.format(CLOCK).unwrap_or_default();
    let mut lines = vec![format!("oms status   {at}   {:.1} orders/s", seen.orders_per_second)];
    lines.push(row(&[
        "room", "run", "outside", "rooms", "/s", "clears", "outbox", "due", "oldest", "parked", "tasks",
    ]));
    lines.extend(seen.desks.iter().map(desk_line));
    lines.push(String::new());
    lines.push(format!("holds    {}", told(seen.holds)));
    let person = match seen.cases_with_a_person {
        0 => String::new(),
        some => format!(", {some} with a person"),
    };
    lines.push(format!("cases    {}{person}", told(seen.cases)));
    lines.push(format!("tasks    {}", told(seen.tasks)));
    let paused: Vec<String> = seen.desks.iter().filter_map(paused).collect();
    if !paused.is_empty() {
        lines.push(format!("paused   {}", paused.join(", ")));
    }
    if !seen.stock.is_empty() {
        lines.push(stock_row(&[
            "item",
            "on hand",
            "reserved",
            "shipped",
            "in line",
            "product left",
            "mintage left",
        ]));
        lines.extend(seen.stock.iter().map(stock_line));
    }
    lines.iter().map(|line| line.trim_end().chars().take(WIDTH).collect()).collect()
}

/// Columns.
pub(super) const WIDTH: usize = 80;
const CLOCK: &[time::format_description::BorrowedFormatItem<'_>] =
    time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");

fn desk_line(Watched { desk, per_second }: &Watched) -> String {
    let books = &desk.books;
    let backlog = u64::from(desk.waiting) + u64::from(desk.waiting_outside);
    row(&[
        desk.room.name(),
        &short(i64::from(desk.running)),
        &short(i64::from(desk.waiting_outside)),
        &short(i64::from(desk.waiting)),
        &if *per_second < 1_000.0 { format!("{per_second:.1}") } else { short(*per_second as i64) },
        &clears(backlog, *per_second),
        &short(books.outbox),
        &short(books.due),
        &books.oldest_seconds.map_or_else(|| "-".to_owned(), age),
        &short(i64::from(desk.parked)),
        &short(books.tasks),
    ])
}

fn row(cells: &[&str; 11]) -> String {
    let [room, run, outside, rooms, rate, clears, outbox, due, oldest, parked, tasks] = cells;
    format!(
        "{room:<13} {run:>3} {outside:>7} {rooms:>6} {rate:>6} {clears:>6} {outbox:>6} {due:>5} {oldest:>6} {parked:>6} {tasks:>5}"
    )
}

/// How long what waits lasts at this rate. A message holds one event or many, so it is the least.
fn clears(backlog: u64, per_second: f64) -> String {
    match backlog {
        0 => "-".to_owned(),
        _ if per_second <= 0.0 => "stands".to_owned(),
        waiting => age((waiting as f64 / per_second).ceil() as i64),
    }
}

fn paused(Watched { desk, .. }: &Watched) -> Option<String> {
    desk.books.paused_by.as_ref().map(|by| format!("{} by {by}", desk.room))
}

fn told(waiting: Waiting) -> String {
    match waiting.oldest_seconds {
        Some(oldest) if waiting.count > 0 => format!("{}, the oldest for {}", waiting.count, age(oldest)),
        Some(_) | None => waiting.count.to_string(),
    }
}

fn stock_line(item: &ItemStock) -> String {
    let left = |limit: Option<i64>, taken: i64| {
        limit.map_or_else(
            || "no limit".to_owned(),
            |limit| format!("{}/{}", short(limit - taken), short(limit)),
        )
    };
    let mintage = item
        .pool
        .as_ref()
        .map_or_else(|| "-".to_owned(), |_| left(item.pool_limit, item.pool_promised.unwrap_or(0)));
    let promised = item.reserved + item.backordered + item.shipped;
    stock_row(&[
        &item.item,
        &short(item.on_hand),
        &short(item.reserved),
        &short(item.shipped),
        &short(item.backordered + item.waitlisted),
        &left(item.product_limit, promised),
        &mintage,
    ])
}

fn stock_row(cells: &[&str; 7]) -> String {
    let [item, on_hand, reserved, shipped, in_line, product, mintage] = cells;
    format!("{item:<13} {on_hand:>9} {reserved:>8} {shipped:>7} {in_line:>7} {product:>15} {mintage:>15}")
}

/// At most six characters.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..=99 => format!("{seconds}s"),
        seconds @ 100..=5_999 => format!("{}m", seconds / 60),
        seconds @ 6_000..=359_999 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", (seconds / 86_400).min(9_999)),
    }
}

/// At most five characters.
fn short(number: i64) -> String {
    match number {
        ..=99_999 => number.to_string(),
        100_000..=9_999_999 => format!("{}k", number / 1_000),
        _ => format!("{}M", (number / 1_000_000).min(9_999)),
    }
}

#[cfg(test)]
mod tests {
    use messages::Room;

    use super::super::desks::Books;
    use super::*;

    fn seen(number: u32, paused_by: Option<&str>) -> Seen {
        let big = i64::from(number) * 1_000;
        let desk = |room| Watched {
            desk: Desk {
                room,
                running: 12,
                waiting: number,
                waiting_outside: number,
                parked: number,
                books: Books {
                    outbox: big,
                    due: big,
                    tasks: big,
                    oldest_seconds: Some(big),
                    decided: big,
                    paused: paused_by.is_some(),
                    paused_by: paused_by.map(str::to_owned),
                },
            },
            per_second: f64::from(number),
        };
        let waiting = Waiting { count: big, oldest_seconds: Some(big) };
        let item = |name: &str| ItemStock {
            item: name.to_owned(),
            name: "An ounce of silver with a very long name".to_owned(),
            on_hand: big,
            reserved: big,
            backordered: big,
            waitlisted: big,
            shipped: big,
            product_limit: Some(big),
            pool: Some("19XE".to_owned()),
            pool_limit: Some(big),
            pool_promised: Some(big),
        };
        Seen {
            at: Timestamp::parse("2019-11-14T17:00:00Z").expect("a time"),
            desks: Room::ALL.into_iter().map(desk).collect(),
            orders_per_second: f64::from(number),
            holds: waiting,
            cases: waiting,
            cases_with_a_person: big,
            tasks: waiting,
            stock: ["19XE", "20EA", "20EB"].map(item).to_vec(),
        }
    }

    #[test]
    fn it_stays_within_eighty_columns_and_a_small_screen_whatever_the_numbers() {
        for number in [0, 1, 99_999, u32::MAX] {
            for paused_by in [None, Some("somebody-with-a-long-name")] {
                let lines = lines(&seen(number, paused_by));
                assert!(lines.len() <= 22, "{} lines and one below them", lines.len());
                for line in &lines {
                    assert!(line.chars().count() <= WIDTH, "{line}");
                    assert!(!line.chars().any(char::is_control), "{line:?}");
                }
                let room_lines = &lines[1..=1 + Room::ALL.len()];
                let width = room_lines[0].len();
                assert!(room_lines.iter().all(|line| line.len() == width), "{}", room_lines.join("\n"));
            }
        }
    }

    #[test]
    fn a_backlog_clears_at_its_rate_or_stands() {
        for (backlog, per_second, said) in [
            (0, 0.0, "-"),
            (0, 9.0, "-"),
            (5, 0.0, "stands"),
            (5, 10.0, "1s"),
            (990, 10.0, "99s"),
            (1_000, 10.0, "1m"),
            (1_000_000, 10.0, "27h"),
            (u64::from(u32::MAX), 0.001, "9999d"),
        ] {
            assert_eq!(clears(backlog, per_second), said, "{backlog} at {per_second}/s");
        }
    }
}
