//! What a run tells: a table for people, JSON for programs, and whether a count was broken.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::ledger::{Entry, Must};

/// One part of the account.
pub(super) struct Part {
    pub(super) title: &'static str,
    pub(super) entries: Vec<Entry>,
}

/// What is measured, and never a breach: name and value.
pub(super) type Measured = Vec<(&'static str, String)>;

pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) sabotage: Option<&'static str>,
    pub(super) parts: Vec<Part>,
    pub(super) measured: Measured,
}

impl Report {
    pub(super) fn breaches(&self) -> Vec<&Entry> {
        self.parts.iter().flat_map(|part| &part.entries).filter(|entry| !entry.holds()).collect()
    }

    pub(super) fn json(&self) -> Value {
        let parts: serde_json::Map<String, Value> = self
            .parts
            .iter()
            .map(|part| {
                let entries =
                    part.entries.iter().map(|entry| (entry.name.clone(), json!(entry.number))).collect();
                (part.title.to_owned(), Value::Object(entries))
            })
            .collect();
        let breaches: Vec<Value> = self
            .breaches()
            .iter()
            .map(|entry| json!({ "count": entry.name, "is": entry.number, "must": must(entry.must) }))
            .collect();
        let measured: serde_json::Map<String, Value> =
            self.measured.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({ "seed": self.seed, "sabotage": self.sabotage, "ledger": parts, "measured": measured, "breaches": breaches })
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let _ = writeln!(text, "\n{}", part.title);
            for entry in &part.entries {
                let sign = match (entry.holds(), entry.must) {
                    (false, _) => '✗',
                    (true, Must::BeTold) => ' ',
                    (true, _) => '✓',
                };
                let why =
                    if entry.holds() { String::new() } else { format!("  must be {}", must(entry.must)) };
                let _ = writeln!(text, "  {sign} {:<44}{:>10}{why}", entry.name, entry.number);
            }
        }
        text += "\nmeasured\n";
        for (name, value) in &self.measured {
            let _ = writeln!(text, "    {name:<44}{value:>10}");
        }
        text
    }
}

fn must(must: Must) -> String {
    match must {
        Must::BeZero => "0".to_owned(),
        Must::BePositive => "more than 0".to_owned(),
        Must::BeAtLeast(least) => format!("at least {least}"),
        Must::Be(wanted) => wanted.to_string(),
        Must::BeTold => "anything".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_broken_or_not_and_a_report_says_which() {
        let entries = [
            (Must::BeZero, 0, true),
            (Must::BeZero, 1, false),
            (Must::BeZero, -1, false),
            (Must::BePositive, 0, false),
            (Must::BeAtLeast(50), 49, false),
            (Must::Be(3), 3, true),
            (Must::BeTold, -7, true),
        ];
        let entries: Vec<Entry> = entries
            .map(|(must, number, holds)| {
                let entry = Entry::new("n", number, must);
                assert_eq!(entry.holds(), holds, "{entry:?}");
                entry
            })
            .into();
        let parts = vec![Part { title: "orders", entries }];
        let report = Report { seed: 1, sabotage: None, parts, measured: vec![("time", "2 s".to_owned())] };
        assert_eq!(report.breaches().len(), 4);
        assert!(report.text().contains("must be at least 50"), "{}", report.text());
        assert_eq!(report.json()["breaches"][2]["is"], 0);
    }
}
