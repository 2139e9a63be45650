//! The tables of the manual's page of settings are what the table of settings and the docs of the setters say.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tracing_spool::{Part, Setting, SpoolConfig};

use crate::tree::Tree;

const PAGE: &str = "docs/manual/settings.md";
const SETTERS: [&str; 3] = [
    "crates/spool/src/open/builder.rs",
    "crates/spool/src/open/builder/files.rs",
    "crates/spool/src/open/builder/rotation.rs",
];
/// Set this to have the tables written anew.
const WRITE: &str = "TRACING_SPOOL_WRITE_PAGES";

/// Ends what is written by hand at the top of the page.
const BEGIN: &str = "<!-- The tables below are made from the table of settings and the setters' docs: see tests/tests/tidy/settings.rs. -->\n";

const PARTS: [(Part, &str); 9] = [
    (Part::Files, "Files and their names"),
    (Part::Rotation, "When a new file begins"),
    (Part::Retention, "How much is kept"),
    (Part::Trouble, "When the disk refuses"),
    (Part::Access, "Who may, and what may stand there"),
    (Part::Durability, "What survives a power cut, or the death of the process"),
    (Part::Records, "How records are rendered"),
    (Part::Queue, "How records wait"),
    (Part::Writer, "The writer thread and its end"),
];

/// Settings that are no setters of their own, with what they do.
const OTHERS: [(&str, &str); 3] = [
    ("path", "The live file: the argument of `Spool::builder`."),
    (
        "durable_or_memory",
        "`Durable::or_memory`: where the ring cannot be made, records wait in memory, with an alert.",
    ),
    (
        "durable_on_any_file_system",
        "`Durable::on_any_file_system`: takes a ring on any file system, and not on tmpfs alone.",
    ),
];

/// The first paragraph of each setter's docs.
fn first_paragraphs(tree: &Tree) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> =
        OTHERS.iter().map(|(name, does)| ((*name).to_owned(), (*does).to_owned())).collect();
    for path in SETTERS {
        let mut docs: Vec<&str> = Vec::new();
        for line in tree.file(path).map_or("", |file| &file.text).lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("///") {
                docs.push(words.trim());
            } else if let Some(rest) = line.strip_prefix("pub fn ") {
                let name = rest.split('(').next().unwrap_or(rest);
                let first: Vec<&str> = docs.iter().copied().take_while(|line| !line.is_empty()).collect();
                found.insert(name.to_owned(), without_links(&first.join(" ")));
                docs.clear();
            } else {
                docs.clear();
            }
        }
    }
    found
}

/// `[a](b)` and `[a]` are `a`.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once(']') else { break };
        out.push_str(name);
        rest = behind
            .strip_prefix('(')
            .and_then(|target| target.split_once(')'))
            .map_or(behind, |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

/// The page with tables as they should be, below what was written by hand.
fn page(tree: &Tree, found: &str) -> String {
    let does = first_paragraphs(tree);
    let by_hand = found.split_once(BEGIN).map_or(found, |(by_hand, _)| by_hand);
    let mut page = format!("{by_hand}{BEGIN}");
    for (part, title) in PARTS {
        let _ = write!(
            page,
            "\n## {title}\n\n| setting | takes | default | changes | what it does |\n|---|---|---|---|---|\n"
        );
        for Setting { name, kind, default, changes_while_open, .. } in
            SpoolConfig::settings().iter().filter(|setting| setting.part == part)
        {
            let changes = if *changes_while_open { "yes" } else { "no" };
            let does = does.get(*name).map_or("", String::as_str);
            let _ = writeln!(page, "| `{name}` | {kind} | {default} | {changes} | {does} |");
        }
    }
    page
}

/// Writes the page anew where that is asked for, and says where it is not what it should be.
pub(crate) fn judge(tree: &Tree) -> Vec<String> {
    if std::env::var_os(WRITE).is_none() {
        return stale(tree);
    }
    let wanted = page(tree, tree.file(PAGE).map_or("", |file| &file.text));
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::write(top.join(PAGE), wanted).err().map(|error| error.to_string()).into_iter().collect()
}

/// Where the page is not what it should be.
fn stale(tree: &Tree) -> Vec<String> {
    let found = tree.file(PAGE).map_or("", |file| &file.text);
    let wanted = page(tree, found);
    let differs = |(number, (wanted, found)): (usize, (&str, &str))| {
        (wanted != found).then(|| format!("{PAGE}:{}: should be {wanted}", number + 1))
    };
    let mut offences: Vec<String> =
        wanted.lines().zip(found.lines()).enumerate().filter_map(differs).collect();
    if wanted.lines().count() != found.lines().count() {
        offences.push(format!(
            "{PAGE}:1: has {} lines, and should have {}",
            found.lines().count(),
            wanted.lines().count()
        ));
    }
    offences
}

#[test]
fn links_are_left_out() {
    assert_eq!(without_links("see [`a`](b) and [`c`], or d"), "see `a` and `c`, or d");
}

#[test]
fn a_stale_page_is_caught() {
    let with = |text: &str| Tree::of([(PAGE.to_owned(), text.to_owned())]);
    let true_page = page(&Tree::of([]), "# Settings\n");
    assert!(true_page.starts_with("# Settings\n<!--"));
    assert!(!stale(&with("# Settings\n")).is_empty());
    assert!(stale(&with(&true_page)).is_empty());
    assert!(stale(&with(&true_page.replace("# Settings\n", "# Other words\n"))).is_empty());
    assert!(!stale(&with(&true_page.replace("10 MiB", "11 MiB"))).is_empty());
}
