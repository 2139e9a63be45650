//! Each promise names its test, each named test exists, and museum tests are called after their row.
//! Whether a test would notice is for its author to try.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{is_identifier, test_functions};
use crate::tree::Tree;

const PAGE: &str = "docs/guarantees.md";

/// A promise as the page states it.
#[derive(Debug, PartialEq, Eq)]
struct Guarantee {
    id: String,
    line: usize,
    tests: Vec<String>,
}

/// Guarantees without a test, and tests that are named but not there. Without a page nothing is promised yet.
pub(crate) fn unheld(tree: &Tree) -> Vec<String> {
    let Some(page) = tree.file(PAGE) else { return Vec::new() };
    let known = all_tests(tree);
    let guarantees = parse(&page.text);
    let mut offences = Vec::new();
    if guarantees.is_empty() {
        offences.push(format!("{PAGE}:1: no heading, list item or row begins with G-NN"));
    }
    let mut seen = BTreeMap::new();
    for Guarantee { id, line, tests } in &guarantees {
        if let Some(first) = seen.insert(id, *line) {
            offences.push(format!("{PAGE}:{line}: {id} already stands in line {first}"));
        }
        if tests.is_empty() {
            offences.push(format!("{PAGE}:{line}: {id} names no test"));
        }
        for test in tests.iter().filter(|test| !known.contains_key(*test)) {
            offences.push(format!("{PAGE}:{line}: {id} names `{test}`, which is no test"));
        }
    }
    offences
}

/// Museum tests whose name is taken or is not that of a row.
pub(crate) fn museum_names(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (name, places) in all_tests(tree).iter().filter(|(name, _)| name.starts_with("museum_")) {
        if !is_museum_name(name) {
            offences.push(format!("{}: `{name}` is called after no row", places[0]));
        }
        if places.len() > 1 {
            offences.push(format!("{}: `{name}` also stands at {}", places[0], places[1..].join(", ")));
        }
    }
    offences
}

/// Museum tests that the page of the museum does not name, and names there that are no test.
pub(crate) fn museum_page(tree: &Tree) -> Vec<String> {
    const MUSEUM: &str = "docs/museum.md";
    let text = tree.file(MUSEUM).map_or("", |file| &file.text);
    let words: BTreeSet<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("museum_"))
        .collect();
    let known = all_tests(tree);
    let absent = words.iter().filter(|word| !known.contains_key(**word));
    let unnamed = known.keys().filter(|name| name.starts_with("museum_") && !words.contains(name.as_str()));
    absent
        .map(|word| format!("{MUSEUM}: `{word}` is no test"))
        .chain(unnamed.map(|name| format!("{MUSEUM}: `{name}` is not named")))
        .collect()
}

/// Rows of the appender's table of differences without a test, and tests named there that are none.
pub(crate) fn differences(tree: &Tree) -> Vec<String> {
    const DIFFERENCES: &str = "crates/appender/README.md";
    let text = tree.file(DIFFERENCES).map_or("", |file| &file.text);
    let known = all_tests(tree);
    let table = text.split("## What differs").nth(1).unwrap_or_default();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |"));
    let unheld = |row: &str| {
        let tests: Vec<&str> =
            row.rsplit('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2).collect();
        tests.is_empty() || tests.iter().any(|test| !known.contains_key(*test))
    };
    rows.filter(|row| unheld(row)).map(|row| format!("{DIFFERENCES}: {row}")).collect()
}

/// Where each test function of the tree stands.
fn all_tests(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut tests = BTreeMap::<String, Vec<String>>::new();
    for file in &tree.files {
        for (line, name) in test_functions(&file.code) {
            tests.entry(name).or_default().push(format!("{}:{line}", file.path));
        }
    }
    tests
}

/// `museum_r1_what_went_wrong`.
fn is_museum_name(name: &str) -> bool {
    let mut parts = name.split('_').skip(1);
    let row = parts.next().unwrap_or_default();
    let number = row.strip_prefix(['r', 'd', 'i', 't', 'o', 'p', 'f']).unwrap_or_default();
    number.parse::<u32>().is_ok() && parts.next().is_some_and(|what| !what.is_empty())
}

/// Reads the guarantees of a page. A row names its tests in its last cell; a section or list item after `Test:` or
/// `Tests:`, up to the end of the paragraph.
fn parse(page: &str) -> Vec<Guarantee> {
    let mut guarantees: Vec<Guarantee> = Vec::new();
    let mut open = false;
    let mut naming = false;
    for (number, line) in page.lines().enumerate() {
        let is_row = line.starts_with('|');
        if let Some(id) = stated(line) {
            let tests = if is_row { names(last_cell(line)) } else { Vec::new() };
            guarantees.push(Guarantee { id, line: number + 1, tests });
            (open, naming) = (!is_row, false);
        } else if line.starts_with('#') {
            open = false;
        }
        naming &= !line.trim().is_empty();
        let label = ["Tests:", "Test:"].iter().find_map(|label| Some(line.find(label)? + label.len()));
        if let (true, Some(current)) = (open, guarantees.last_mut()) {
            naming |= label.is_some();
            if naming {
                current.tests.extend(names(&line[label.unwrap_or(0)..]));
            }
        }
    }
    guarantees
}

/// The `G-NN` that a heading, list item or row begins with.
fn stated(line: &str) -> Option<String> {
    let marked = line.starts_with(['#', '|', '-', '*']);
    let text = line.trim_start_matches(['#', '|', '-', '*', ' ', '`', '[']);
    let digits: String = text.strip_prefix("G-")?.chars().take_while(char::is_ascii_digit).collect();
    (marked && digits.len() >= 2).then(|| format!("G-{digits}"))
}

fn last_cell(row: &str) -> &str {
    row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default()
}

/// Functions named in backticks: `name`, `name()` or `module::name`.
fn names(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let name =
        |quoted: &str| quoted.trim_end_matches("()").rsplit("::").next().unwrap_or_default().to_owned();
    quoted.map(name).filter(|name| is_identifier(name)).collect()
}

#[cfg(test)]
fn tree_of(page: &str, code: &str) -> Tree {
    Tree::of([(PAGE.to_owned(), page.to_owned()), ("tests/tests/it/a.rs".to_owned(), code.to_owned())])
}

#[test]
fn guarantees_are_read() {
    let page = "# Guarantees\n\n### G-01 It holds `max_bytes`\nWords.\n\nTests: `it::a`,\n`b()`.\n\n`not_this`\n\
                ## Others\n| id | what | tests |\n|---|---|---|\n| G-02 | `x` | `c`, `d` |\n- **G-03** Say. Test: `e`\n";
    let read: Vec<String> =
        parse(page).iter().map(|it| format!("{} {} {}", it.line, it.id, it.tests.join(","))).collect();
    assert_eq!(read, ["3 G-01 a,b", "13 G-02 c,d", "14 G-03 e"]);
}

#[test]
fn unheld_guarantees_are_caught() {
    let code = "#[test]\nfn held() {}\nfn no_test() {}";
    for (page, count) in [
        ("| G-01 | a promise | `held` |", 0),
        ("| G-01 | a promise | |", 1),
        ("| G-01 | a promise | `gone` |", 1),
        ("| G-01 | a promise | `held`, `no_test` |", 1),
        ("| G-01 | a | `held` |\n| G-01 | b | `held` |", 1),
        ("### G-01 a promise\n\nTest: `held`", 0),
        ("### G-01 a promise\n\nIt holds, says `held`.", 1),
        ("nothing at all", 1),
    ] {
        assert_eq!(unheld(&tree_of(page, code)).len(), count, "{page}");
    }
}

#[test]
fn misnamed_museum_tests_are_caught() {
    for (code, count) in [
        ("#[test] fn museum_r1_torn_line() {}\n#[test] fn museum_r1_twin() {}", 0),
        ("#[test] fn museum_d12_full() {}", 0),
        ("#[test] fn museum_r1_torn() {}\nmod b { #[test] fn museum_r1_torn() {} }", 1),
        ("#[test] fn museum_torn_line() {}", 1),
        ("#[test] fn museum_r1() {}", 1),
        ("#[test] fn museum_q1_other() {}", 1),
    ] {
        assert_eq!(museum_names(&tree_of("", code)).len(), count, "{code}");
    }
}

#[test]
fn a_museum_without_its_tests_is_caught() {
    let tree = |page: &str| {
        Tree::of([
            ("docs/museum.md".to_owned(), page.to_owned()),
            ("tests/tests/it/a.rs".to_owned(), "#[test]\nfn museum_r1_torn() {}".to_owned()),
        ])
    };
    assert!(museum_page(&tree("| R1 | `museum_r1_torn` |")).is_empty());
    assert_eq!(museum_page(&tree("| R1 | `museum_r1_turn` |")).len(), 2);
}
