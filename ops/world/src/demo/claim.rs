//! What an account claims, and whether it is so: equal sums, limits, and things that must not be. It knows numbers and
//! their names only.

use std::fmt;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Pieces,
    Cents,
}

/// One number with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    number: i64,
    name: String,
    unit: Unit,
}

/// Numbers that belong together.
pub(super) type Sum = Vec<Term>;

pub(super) fn term(number: i64, name: impl Into<String>) -> Term {
    Term { number, name: name.into(), unit: Unit::Pieces }
}

/// Money in minor units.
pub(super) fn cents(number: i64, name: impl Into<String>) -> Term {
    Term { number, name: name.into(), unit: Unit::Cents }
}

/// One thing that must be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// Every sum is the same number.
    Same(Vec<Sum>),
    /// The first is not more than the second.
    AtMost(Sum, Sum),
    /// There is none of this.
    None(Sum),
}

/// One line of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line(pub(super) Vec<Claim>);

/// Lines under a heading, and a table that says more and claims nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) table: Vec<String>,
    pub(super) lines: Vec<Line>,
}

impl Claim {
    pub(super) fn holds(&self) -> bool {
        self.difference() == 0
    }

    /// By how much it fails.
    fn difference(&self) -> i64 {
        match self {
            Self::Same(sums) => {
                let first = sums.first().map_or(0, total);
                sums.iter().map(|sum| total(sum) - first).find(|difference| *difference != 0).unwrap_or(0)
            }
            Self::AtMost(less, more) => (total(less) - total(more)).max(0),
            // Not their total: two numbers may cancel each other out.
            Self::None(terms) => terms.iter().map(|term| term.number.abs()).sum(),
        }
    }

    fn unit(&self) -> Unit {
        let first = match self {
            Self::Same(sums) => sums.first().and_then(|sum| sum.first()),
            Self::AtMost(sum, _) | Self::None(sum) => sum.first(),
        };
        first.map_or(Unit::Pieces, |term| term.unit)
    }
}

impl Line {
    pub(super) fn holds(&self) -> bool {
        self.0.iter().all(Claim::holds)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        self.table.iter().try_for_each(|row| writeln!(f, "    {row}"))?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{}", wrapped(&format!("  {line}"), 6)))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.holds() { "✓ " } else { "✗ " })?;
        for (at, claim) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "; " })?;
            write!(f, "{claim}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(sums) => f.write_str(&join(sums.iter().map(said), " = "))?,
            Self::AtMost(less, more) => write!(f, "{} ≤ {}", said(less), said(more))?,
            Self::None(terms) => f.write_str(&join(terms.iter().map(ToString::to_string), ", "))?,
        }
        match self.difference() {
            0 => Ok(()),
            difference => write!(f, " (off by {})", in_unit(difference, self.unit())),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", in_unit(self.number, self.unit), self.name)
    }
}

/// Columns of a line at most.
const WIDTH: usize = 100;

/// The text in lines that are not too wide, the later ones indented; a word that is too wide stays whole.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = Vec::new();
    let mut rest = text;
    let mut width = WIDTH;
    while rest.chars().count() > width {
        let fits = rest.char_indices().nth(width).map_or(rest.len(), |(at, _)| at + 1);
        // Not in the indentation of the first line.
        let begun = rest.len() - rest.trim_start().len();
        let Some(at) = rest[..fits]
            .rfind(' ')
            .filter(|at| *at > begun)
            .or_else(|| Some(begun + rest[begun..].find(' ')?))
        else {
            break;
        };
        lines.push(&rest[..at]);
        rest = rest[at..].trim_start();
        width = WIDTH.saturating_sub(indent);
    }
    lines.push(rest);
    lines.join(&format!("\n{:indent$}", ""))
}

/// `4,000` and `-12`.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

fn in_unit(number: i64, unit: Unit) -> String {
    match unit {
        Unit::Pieces => grouped(number),
        Unit::Cents => {
            let sign = if number < 0 { "-" } else { "" };
            let whole = grouped(i64::try_from(number.unsigned_abs() / 100).unwrap_or(i64::MAX));
            format!("{sign}{whole}.{:02}", number.unsigned_abs() % 100)
        }
    }
}

fn total(sum: &Sum) -> i64 {
    sum.iter().map(|term| term.number).sum()
}

fn said(sum: &Sum) -> String {
    join(sum.iter().map(ToString::to_string), " + ")
}

fn join(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_says_whether_it_holds_and_by_how_much_it_fails() {
        let table = [
            (Claim::Same(vec![vec![term(3, "a")], vec![term(1, "b"), term(2, "c")]]), "3 a = 1 b + 2 c"),
            (
                Claim::Same(vec![vec![term(3, "a")], vec![term(1, "b"), term(1, "c")]]),
                "3 a = 1 b + 1 c (off by -1)",
            ),
            (
                Claim::Same(vec![vec![term(2, "a")], vec![term(2, "b")], vec![term(3, "c")]]),
                "2 a = 2 b = 3 c (off by 1)",
            ),
            (Claim::AtMost(vec![term(2, "sold")], vec![term(2, "there")]), "2 sold ≤ 2 there"),
            (Claim::AtMost(vec![term(3, "sold")], vec![term(2, "there")]), "3 sold ≤ 2 there (off by 1)"),
            (Claim::None(vec![term(0, "lost"), term(0, "doubled")]), "0 lost, 0 doubled"),
            (Claim::None(vec![term(-1, "lost"), term(1, "doubled")]), "-1 lost, 1 doubled (off by 2)"),
            (
                Claim::Same(vec![vec![cents(123_456, "ours")], vec![cents(123_451, "theirs")]]),
                "1,234.56 ours = 1,234.51 theirs (off by -0.05)",
            ),
        ];
        for (claim, said) in table {
            assert_eq!(claim.to_string(), said);
            assert_eq!(claim.holds(), !said.contains("off by"), "{said}");
        }
    }

    #[test]
    fn a_line_holds_only_if_all_of_it_does() {
        let good = Claim::None(vec![term(0, "lost")]);
        let bad = Claim::None(vec![term(1, "lost")]);
        assert_eq!(Line(vec![good.clone(), good.clone()]).to_string(), "✓ 0 lost; 0 lost");
        assert_eq!(Line(vec![good, bad]).to_string(), "✗ 0 lost; 1 lost (off by 1)");
    }

    #[test]
    fn a_line_is_never_wider_than_a_page() {
        let long = format!("  ✓ {}", "12 of a kind + ".repeat(30));
        let text = wrapped(&long, 6);
        assert!(text.lines().count() > 4 && text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(text.lines().skip(1).all(|line| line.starts_with("      1") || line.starts_with("      ")));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&text), words(&long), "nothing is lost");
        assert_eq!(wrapped("short", 6), "short");
        let word = "x".repeat(150);
        assert_eq!(wrapped(&format!("{word} y"), 2), format!("{word}\n  y"));
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
