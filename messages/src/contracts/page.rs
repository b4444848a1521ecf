//! The catalogue as a page for people: one short section per type, then the values that many types share. It
//! must never say what the types do not say.

use std::fmt::Write as _;

use serde_json::Value;

use super::field::{self, Field};
use super::shared::Shared;
use crate::catalogue::{From, Kind};
use crate::outsiders::Outsiders;
use crate::topology;

const INTRODUCTION: &str = "\
# What may be said
Every type of message: who sends it, who reads it, its fields and a sample. Made from the Rust types by
`cargo run -p messages --example contracts`; a test holds it current.

- An event is [CloudEvents 1.0](schemas/event.json) as JSON; the tables below are its `data`. How to send and read: [README](README.md).
- A field without a word in the third column is always there. **optional**: it may be absent or null. **sealed**: opened only by its
  audience, see [SEALED](SEALED.md). Readers tolerate fields that they do not know.
- Amounts are whole minor units (cents) beside a `currency`; times are RFC 3339; `uint16` and the like tell the greatest number.
- The room `audit` reads everything besides.
";

/// The page's text.
pub(super) fn page() -> String {
    let shared = Shared::of_catalogue();
    let mut page = INTRODUCTION.to_owned();
    for (title, kinds) in groups() {
        let _ = write!(page, "\n## {title}\n\n| type | says | from | to |\n| --- | --- | --- | --- |\n");
        for kind in &kinds {
            let said = first_sentence(description(&shared.bodies[kind]));
            let (from, to) = (short_list(&senders(*kind)), short_list(&readers(*kind)));
            let _ = writeln!(page, "| {} | {said} | {from} | {to} |", link(kind.name()));
        }
    }
    page.push_str("\n[Values that many types share](#values-that-many-types-share)\n");
    for (_, kinds) in groups() {
        for kind in kinds {
            section(&mut page, kind, &shared);
        }
    }
    values(&mut page, &shared);
    page
}

fn groups() -> [(&'static str, Vec<Kind>); 3] {
    let of =
        |wanted: fn(From) -> bool| Kind::ALL.iter().copied().filter(|kind| wanted(kind.sent_by())).collect();
    [
        ("From outside", of(|from| matches!(from, From::Outside))),
        ("Between rooms", of(|from| matches!(from, From::Rooms(_)))),
        ("To one outsider", of(|from| matches!(from, From::Answer))),
    ]
}

fn senders(kind: Kind) -> Vec<String> {
    match kind.sent_by() {
        From::Outside => Outsiders::default()
            .all()
            .iter()
            .filter(|outsider| outsider.may_send(kind))
            .map(|outsider| outsider.name.clone())
            .collect(),
        From::Rooms(rooms) => rooms.iter().map(ToString::to_string).collect(),
        From::Answer => vec!["the room that read the message".to_owned()],
    }
}

fn readers(kind: Kind) -> Vec<String> {
    let rooms = kind.read_by().iter().map(ToString::to_string);
    match kind.sent_by() {
        From::Answer => vec!["the outsider who sent it".to_owned()],
        From::Outside | From::Rooms(_) => rooms.chain(addressed(kind)).collect(),
    }
}

/// The outsiders who read a kind besides answers.
fn addressed(kind: Kind) -> Vec<String> {
    let outsiders = Outsiders::default();
    let reads = |name: &String| name == kind.name();
    outsiders
        .all()
        .iter()
        .filter(|outsider| outsider.reads.iter().any(reads))
        .map(|outsider| outsider.name.clone())
        .collect()
}

/// A cell of the table of contents stays short; the section names all.
fn short_list(names: &[String]) -> String {
    match names {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        few => few.join(", "),
    }
}

fn section(page: &mut String, kind: Kind, shared: &Shared) {
    let name = kind.name();
    let body = &shared.bodies[&kind];
    let _ = write!(page, "\n### {name}\n{}\n\n", one_line(description(body)));
    let _ = writeln!(page, "- sent by **{}**, {}", senders(kind).join("**, **"), way(kind));
    let _ = writeln!(page, "- read by **{}**", readers(kind).join("**, **"));
    for outsider in addressed(kind) {
        let (exchange, queue) = (topology::OUT, topology::out_queue(&outsider));
        let _ = writeln!(
            page,
            "- to **{outsider}** by exchange `{exchange}`, routing key `{outsider}.{name}`, queue `{queue}`"
        );
    }
    let _ = writeln!(page, "- [schema](schemas/{name}.json) · [whole sample event](samples/{name}.json)\n");
    fields(page, body, shared);
    let sample = format!("{:#}", kind.sample());
    let _ = write!(
        page,
        "\n<details><summary>sample of <code>data</code></summary>\n\n```json\n{sample}\n```\n</details>\n"
    );
}

fn way(kind: Kind) -> String {
    let keys: Vec<String> = kind.read_by().iter().map(|room| kind.routing_key(*room)).collect();
    let depends = keys.iter().any(|key| key != kind.name());
    let key = if depends { format!("{}.<room>", kind.name()) } else { kind.name().to_owned() };
    match kind.sent_by() {
        From::Outside => format!("exchange `{}`, routing key `{key}`", topology::IN),
        From::Rooms(_) => format!("exchange `{}`, routing key `{key}`", topology::OMS),
        From::Answer => format!(
            "exchange `{}`, routing key `<outsider>.{key}`, queue `{}`",
            topology::OUT,
            topology::out_queue("<outsider>")
        ),
    }
}

fn fields(page: &mut String, schema: &Value, shared: &Shared) {
    page.push_str("| field | type | | meaning |\n| --- | --- | --- | --- |\n");
    for field in field::fields(schema, shared) {
        let Field { name, kind, is_optional, is_sealed, meaning } = field;
        let marks = [(is_optional, "optional"), (is_sealed, "**sealed**")];
        let marks: Vec<&str> = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect();
        let _ =
            writeln!(page, "| `{name}` | {kind} | {} | {} |", marks.join(", "), cell(&one_line(&meaning)));
    }
}

fn values(page: &mut String, shared: &Shared) {
    page.push_str("\n## Values that many types share\n");
    for (name, definition) in &shared.definitions {
        let _ = write!(page, "\n### {name}\n");
        let said = description(definition);
        if !said.is_empty() {
            let _ = writeln!(page, "{}\n", one_line(said));
        }
        if definition["properties"].is_object() {
            fields(page, definition, shared);
        } else if let Some(choices) = field::choices(definition) {
            for (value, meaning) in choices {
                let meaning =
                    if meaning.is_empty() { String::new() } else { format!(": {}", one_line(&meaning)) };
                let _ = writeln!(page, "- `{value}`{meaning}");
            }
        } else {
            let _ = writeln!(page, "{}", field::kind(definition, shared));
        }
    }
}

fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// A link to a section of this page, as code hosts make its anchor.
pub(super) fn link(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    format!("[{name}](#{})", kept.collect::<String>().to_lowercase())
}

fn first_sentence(text: &str) -> String {
    let line = one_line(text);
    let end = line.find(". ").map_or(line.len(), |at| at + 1);
    cell(line[..end].trim_end_matches('.'))
}

/// Rust's links between items lead nowhere on this page.
fn one_line(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_link_within_the_page_leads_to_a_heading() {
        let page = page();
        let headings: BTreeSet<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("### ").or_else(|| line.strip_prefix("## ")))
            .map(|heading| heading.to_lowercase().replace(' ', "-").replace('.', ""))
            .collect();
        for target in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(headings.contains(target), "#{target} leads nowhere");
        }
        let titles = page.lines().filter(|line| line.starts_with("##")).count();
        assert_eq!(titles, page.lines().filter(|line| line.starts_with("##")).collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn a_number_says_what_it_counts() {
        let shared = Shared::of_catalogue();
        let bodies = shared.bodies.iter().map(|(kind, body)| (kind.name(), body));
        let parts = shared.definitions.iter().map(|(name, definition)| (name.as_str(), definition));
        let silent: Vec<String> = bodies
            .chain(parts)
            .flat_map(|(owner, schema)| {
                field::fields(schema, &shared).into_iter().map(move |field| (owner, field))
            })
            .filter(|(_, field)| field.kind.contains("whole number") && field.meaning.is_empty())
            .map(|(owner, field)| format!("{owner}: {}", field.name))
            .collect();
        assert!(
            silent.is_empty(),
            "numbers of what? Write the unit into the fields' doc comments: {silent:?}"
        );
    }
}
