//! The part of Stripe's search language that looks up metadata: `metadata['reference']:'X' AND
//! metadata["order"]:"Y"`. It must never guess: anything else is refused.

use super::fault::Fault;

/// # Errors
/// Whatever is not a conjunction of metadata equalities.
pub(super) fn parse(query: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut clauses = Vec::new();
    let mut rest = query;
    loop {
        let (clause, after) = clause(rest).ok_or_else(refusal)?;
        clauses.push(clause);
        let after = after.trim_start();
        if after.is_empty() {
            return Ok(clauses);
        }
        rest = after.strip_prefix("AND ").ok_or_else(refusal)?;
    }
}

fn refusal() -> Fault {
    let message = "We were unable to parse your query; readable is metadata['key']:'value', joined by AND.";
    Fault::invalid("search_query_invalid", "query", message)
}

fn clause(text: &str) -> Option<((String, String), &str)> {
    let rest = text.trim_start().strip_prefix("metadata[")?;
    let (key, rest) = quoted(rest)?;
    let rest = rest.strip_prefix(']')?.strip_prefix(':')?;
    let (value, rest) = quoted(rest)?;
    Some(((key, value), rest))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut letters = text.char_indices();
    let (_, quote) = letters.next().filter(|(_, letter)| matches!(letter, '\'' | '"'))?;
    let mut value = String::new();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.push(letters.next()?.1),
            end if end == quote => return Some((value, &text[at + 1..])),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_equalities_are_read() {
        let table: [(&str, &[(&str, &str)]); 4] = [
            ("metadata['reference']:'X'", &[("reference", "X")]),
            (r#"metadata["order"]:"a 'b' c""#, &[("order", "a 'b' c")]),
            (r"metadata['a']:'it\'s'", &[("a", "it's")]),
            ("metadata['a']:'x AND y' AND metadata['b']:'2'", &[("a", "x AND y"), ("b", "2")]),
        ];
        for (query, expected) in table {
            let clauses = parse(query).unwrap();
            let read: Vec<_> = clauses.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            assert_eq!(read, expected, "{query}");
        }
    }

    #[test]
    fn all_else_is_refused() {
        for query in [
            "",
            "status:'succeeded'",
            "metadata['a']:'x",
            "metadata['a']>'x'",
            "metadata['a']:'x' OR metadata['b']:'y'",
            "metadata['a']:'x' AND ",
            "metadata[a]:'x'",
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
    }
}
