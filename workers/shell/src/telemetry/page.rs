//! The catalogue as a page for people, `ops/METRICS.md`. It says nothing that the table does not say.

use messages::Room;

use super::catalogue::{Entry, Kind, Label, Metric, Scope, Values, calls};

/// The table as a page for people.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(PAGE_HEAD);
    for (title, scope) in [("## Of each process", Scope::Process), ("## Of the whole house", Scope::House)] {
        page += &format!("\n{title}\n{}\n\n", scope_words(scope));
        page += "| name | kind | unit | labels | what |\n| --- | --- | --- | --- | --- |\n";
        for entry in Metric::ALL.iter().map(|metric| metric.entry()).filter(|entry| entry.scope == scope) {
            let labels: Vec<String> = entry.labels.iter().map(label_words).collect();
            let Entry { name, unit, help, .. } = entry;
            page += &format!(
                "| `{name}` | {} | {unit} | {} | {help} |\n",
                kind_name(entry.kind),
                labels.join("; ")
            );
        }
    }
    page
}

const PAGE_HEAD: &str = "# Metrics
Every process serves these under `/metrics` (`OMS_HTTP_ADDR`). Made from `workers/shell/src/telemetry/catalogue.rs`; a test holds them together.
Every series that can be known beforehand exists from the start, at 0. A counter's names end in `_total`; of a histogram there are
`_bucket`, `_sum` and `_count`. Nothing personal is ever a label.
";

const fn scope_words(scope: Scope) -> &'static str {
    match scope {
        Scope::Process => {
            "Each process tells them of the rooms that it runs: `sum by (room) (…)` over the processes."
        }
        Scope::House => {
            "Each process that runs lifecycle reads them every 15 seconds, or more rarely if reading takes long (a twentieth of the time \
             at most; `oms_watched_timestamp_seconds` says when), and all tell the same: `max by (…)`, never `sum` over processes."
        }
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    }
}

fn label_words(label: &Label) -> String {
    let values = match label.values {
        Values::Rooms => "every room".to_owned(),
        Values::Callers => Room::ALL
            .into_iter()
            .filter(|room| !calls(*room).is_empty())
            .map(Room::name)
            .collect::<Vec<_>>()
            .join(", "),
        Values::Calls => {
            Room::ALL.into_iter().flat_map(|room| calls(room).iter().copied()).collect::<Vec<_>>().join(", ")
        }
        Values::Closed(list) => list().join(", "),
        Values::Open(source) => format!("from {source}"),
    };
    format!("`{}`: {values}", label.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops/METRICS.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == page(),
            "not current; make it anew: cargo run -p shell --example metrics_page > ops/METRICS.md"
        );
    }
}
