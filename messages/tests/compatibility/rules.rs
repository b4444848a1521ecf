//! What may change between two versions of a type. We read tolerantly: whatever was right to send stays
//! right. We publish strictly: whatever a reader was promised still comes. Fields that a reader does not know
//! it passes over, on both sides.

use std::collections::{BTreeMap, BTreeSet};

use crate::shape::{Field, Range, Shape};

/// Whose promise a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Outsiders send it, and we read it.
    WeRead,
    /// We send it, and others (or we, in another version) read it.
    WeSend,
}

/// Everything that may not have changed, one sentence each; empty if all is well.
pub(crate) fn faults(way: Way, old: &Shape, new: &Shape) -> Vec<String> {
    let mut found = Vec::new();
    compare(way, "", old, new, &mut found);
    found
}

fn compare(way: Way, at: &str, old: &Shape, new: &Shape, found: &mut Vec<String>) {
    match (old, new) {
        (Shape::Object(old), Shape::Object(new)) => objects(way, at, old, new, found),
        (Shape::List { of: old, length: was }, Shape::List { of: new, length: is }) => {
            ranges(way, at, "the length of the list", *was, *is, found);
            compare(way, &format!("{at}[]"), old, new, found);
        }
        (
            Shape::Text { length: was, pattern: old_pattern, format: old_format },
            Shape::Text { length: is, pattern: new_pattern, format: new_format },
        ) => {
            ranges(way, at, "the length of the text", *was, *is, found);
            // Whether one pattern holds another cannot be told; no pattern holds all.
            forms(way, at, "pattern", old_pattern.as_deref(), new_pattern.as_deref(), found);
            forms(way, at, "format", old_format.as_deref(), new_format.as_deref(), found);
        }
        (Shape::Whole(was), Shape::Whole(is)) => ranges(way, at, "the number", *was, *is, found),
        (Shape::Values(old), Shape::Values(new)) => values(way, at, old, new, found),
        (Shape::OneOf(_), _) | (_, Shape::OneOf(_)) => alternatives(way, at, old, new, found),
        (Shape::Values(_), Shape::Text { length, pattern: None, format: None })
            if *length == Range::default() =>
        {
            if way == Way::WeSend {
                found.push(format!("{} was one of a closed list, and readers know no other", name(at)));
            }
        }
        (_, Shape::Anything) if way == Way::WeRead => {}
        (Shape::Anything, _) if way == Way::WeSend => {}
        (old, new) if old == new => {}
        (old, new) => found.push(format!("{} was {} and is {}", name(at), word(old), word(new))),
    }
}

fn objects(
    way: Way,
    at: &str,
    old: &BTreeMap<String, Field>,
    new: &BTreeMap<String, Field>,
    found: &mut Vec<String>,
) {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    for (field, was) in old {
        let at = below(field);
        let Some(is) = new.get(field) else {
            let who = match way {
                Way::WeRead => "senders still send it, and it would be passed over in silence",
                Way::WeSend => "readers still look for it",
            };
            found.push(format!("{} was removed or renamed: {who}", name(&at)));
            continue;
        };
        match (way, was.is_required, is.is_required) {
            (Way::WeRead, false, true) => {
                found.push(format!("{} must be there now: senders may leave it out", name(&at)))
            }
            (Way::WeSend, true, false) => {
                found.push(format!("{} may be absent now: readers rely on it", name(&at)))
            }
            (Way::WeRead | Way::WeSend, _, _) => {}
        }
        compare(way, &at, &was.shape, &is.shape, found);
    }
    let added = new.iter().filter(|(field, is)| is.is_required && !old.contains_key(*field));
    for (field, _) in added.filter(|_| way == Way::WeRead) {
        found.push(format!("{} is new and must be there: senders do not know it", name(&below(field))));
    }
}

fn ranges(way: Way, at: &str, what: &str, old: Range, new: Range, found: &mut Vec<String>) {
    match way {
        Way::WeRead if !new.holds(old) => found
            .push(format!("{}: {what} is limited more closely: what senders send may not be read", name(at))),
        Way::WeSend if !old.holds(new) => found
            .push(format!("{}: {what} is limited less closely: readers may not have room for it", name(at))),
        Way::WeRead | Way::WeSend => {}
    }
}

fn forms(way: Way, at: &str, what: &str, old: Option<&str>, new: Option<&str>, found: &mut Vec<String>) {
    let is_fine = old == new
        || match way {
            Way::WeRead => new.is_none(),
            Way::WeSend => old.is_none(),
        };
    if !is_fine {
        found.push(format!(
            "{}: the {what} was {} and is {}",
            name(at),
            old.unwrap_or("free"),
            new.unwrap_or("free")
        ));
    }
}

fn values(way: Way, at: &str, old: &BTreeSet<String>, new: &BTreeSet<String>, found: &mut Vec<String>) {
    let listed = |values: Vec<&String>| values.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let (gone, added) = (listed(old.difference(new).collect()), listed(new.difference(old).collect()));
    match way {
        Way::WeRead if !gone.is_empty() => {
            found.push(format!("{}: {gone} is not read any more: senders still send it", name(at)))
        }
        Way::WeSend if !added.is_empty() => {
            found.push(format!("{}: {added} is new: readers do not know it", name(at)))
        }
        Way::WeRead | Way::WeSend => {}
    }
}

/// Each alternative of the side that gives must fit one of the side that takes.
fn alternatives(way: Way, at: &str, old: &Shape, new: &Shape, found: &mut Vec<String>) {
    let (old, new) = (old.alternatives(), new.alternatives());
    let fits = |old: &Shape, new: &Shape| {
        let mut inner = Vec::new();
        compare(way, at, old, new, &mut inner);
        inner.is_empty()
    };
    match way {
        Way::WeRead => {
            for was in old.iter().filter(|was| !new.iter().any(|is| fits(was, is))) {
                found.push(format!(
                    "{}: {} is not read any more: senders still send it",
                    name(at),
                    word(was)
                ));
            }
        }
        Way::WeSend => {
            for is in new.iter().filter(|is| !old.iter().any(|was| fits(was, is))) {
                found.push(format!("{}: {} is new: readers do not know it", name(at), word(is)));
            }
        }
    }
}

fn name(at: &str) -> String {
    if at.is_empty() { "the body".to_owned() } else { format!("field {at}") }
}

fn word(shape: &Shape) -> String {
    match shape {
        Shape::Object(_) => "an object".to_owned(),
        Shape::List { .. } => "a list".to_owned(),
        Shape::Text { .. } => "text".to_owned(),
        Shape::Whole(_) => "a whole number".to_owned(),
        Shape::YesNo => "true or false".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Values(values) => format!("one of {}", values.iter().cloned().collect::<Vec<_>>().join(", ")),
        Shape::OneOf(many) => many.iter().map(word).collect::<Vec<_>>().join(" or "),
        Shape::Anything => "anything".to_owned(),
        Shape::Other(text) => text.clone(),
    }
}
