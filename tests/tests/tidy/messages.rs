//! What the manual quotes is said: each message of its page for troubleshooting stands in the sources, and its tables name every
//! trouble and every reason.

use tracing_spool::{Reason, Trouble};

use crate::tree::Tree;

const TROUBLESHOOTING: &str = "docs/manual/troubleshooting.md";
const ALERTS: &str = "docs/manual/files-and-alerts.md";
const METRICS: &str = "docs/manual/metrics-and-health.md";

/// Quotes that nothing says, and troubles and reasons without a row.
pub(crate) fn misquoted(tree: &Tree) -> Vec<String> {
    let said: String = tree.library().map(|file| joined(&file.text)).collect();
    let text_of = |path: &str| tree.file(path).map_or("", |file| &file.text);
    let mut offences = Vec::new();
    for (number, line) in text_of(TROUBLESHOOTING).lines().enumerate() {
        for piece in quoted(line).filter(|piece| !said.contains(piece)) {
            offences.push(format!("{TROUBLESHOOTING}:{}: nothing says {piece:?}", number + 1));
        }
    }
    let has_row = |path: &str, word: &str| text_of(path).contains(&format!("| `{word}`"));
    let or_listed = |path: &str, word: &str| text_of(path).contains(&format!("`{word}`"));
    for trouble in Trouble::ALL.iter().filter(|trouble| !has_row(ALERTS, trouble.as_str())) {
        offences.push(format!("{ALERTS}:1: no row for {trouble}"));
    }
    for reason in Reason::ALL.iter().filter(|reason| !or_listed(METRICS, reason.as_str())) {
        offences.push(format!("{METRICS}:1: no row for {}", reason.as_str()));
    }
    offences
}

/// The pieces of what stands in backticks in the first cell of a row, between its dots.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    let cell = line.strip_prefix("| ").and_then(|rest| rest.split(" | ").next()).unwrap_or_default();
    let quotes = cell.split('`').skip(1).step_by(2);
    quotes.flat_map(|quote| quote.split("...")).map(str::trim).filter(|piece| !piece.is_empty())
}

/// A source with the lines of its texts joined.
fn joined(text: &str) -> String {
    let mut joined = String::new();
    let mut goes_on = false;
    for line in text.lines() {
        let line = if goes_on { line.trim_start() } else { line };
        goes_on = line.ends_with('\\');
        joined.push_str(line.trim_end_matches('\\'));
        if !goes_on {
            joined.push('\n');
        }
    }
    joined
}

#[test]
fn quotes_are_found_and_texts_joined() {
    let pieces: Vec<&str> = quoted("| `is ... or not`, `so` | it means `this` | do |").collect();
    assert_eq!(pieces, ["is", "or not", "so"]);
    assert_eq!(quoted("no table `at all`").count(), 0);
    assert_eq!(joined("a = \"b \\\n      c\";\nd"), "a = \"b c\";\nd\n");
}
