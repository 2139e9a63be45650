//! How documents and comments read, as far as a test can tell: their length, words that are misspelled, phrases that were mended
//! and must not come back.

use crate::tree::{SourceFile, Tree};

/// The most lines of a page: a reader decides in one screen, and looks the rest up.
const LONGEST: [(&str, usize); 3] = [("README.md", 120), ("CHANGELOG.md", 60), ("docs/performance.md", 120)];
const LONGEST_OF_A_PACKAGE: usize = 60;

/// What read as if it had been translated.
const PHRASES: [&str; 16] = [
    "from where a set that cannot",
    "hook of before",
    "mask of before",
    "files of before",
    "takes the lines of memory",
    "lines of memory that",
    "those who read",
    "for whoever reads",
    "of several logs with one link",
    "pay what a ring in memory costs",
    "whom it concerns",
    "as it is wished",
    "where that is wished",
    "where this is wished",
    "how a spool does",
    "is not its matter",
];

/// Words that the list of misspellings does not know better.
const OURS: [&str; 0] = [];

pub(crate) fn too_long(tree: &Tree) -> Vec<String> {
    let limit = |path: &str| {
        let page = LONGEST.iter().find(|(page, _)| *page == path).map(|(_, lines)| *lines);
        let is_of_a_package = path.starts_with("crates/") && path.ends_with("/README.md");
        page.or(is_of_a_package.then_some(LONGEST_OF_A_PACKAGE))
    };
    let long = tree.files.iter().filter_map(|file| {
        let (lines, limit) = (file.text.lines().count(), limit(&file.path)?);
        (lines > limit).then(|| format!("{}: {lines} lines, at most {limit}", file.path))
    });
    long.collect()
}

pub(crate) fn mended_phrases(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (place, line) in lines(tree) {
        let line = line.to_lowercase();
        let found = PHRASES.iter().filter(|phrase| line.contains(**phrase));
        offences.extend(found.map(|phrase| format!("{place}: \"{phrase}\"")));
    }
    offences
}

pub(crate) fn misspelled(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (place, line) in lines(tree) {
        for word in words(&without_code(line)) {
            let key = unicase::UniCase::new(word);
            if let Some(right) = typos_dict::WORD.find(&key).filter(|_| !OURS.contains(&word)) {
                offences.push(format!("{place}: {word}: {}", right.join(" or ")));
            }
        }
    }
    offences
}

/// The lines that people read: documents without their programs, and comments of what is shipped.
fn lines(tree: &Tree) -> impl Iterator<Item = (String, &str)> {
    tree.files.iter().flat_map(|file| {
        let is_read = file.path.ends_with(".md") || (file.is_rust() && is_shipped(file));
        let mut is_program = false;
        let lines = file.text.lines().enumerate().filter(move |(_, line)| {
            let text = line.trim().trim_start_matches(['/', '!']).trim_start();
            let is_fence = text.starts_with("```");
            is_program ^= is_fence;
            let is_comment = !file.is_rust() || line.trim_start().starts_with("//");
            is_read && is_comment && !is_program && !is_fence
        });
        lines.map(|(number, line)| (format!("{}:{}", file.path, number + 1), line))
    })
}

fn is_shipped(file: &SourceFile) -> bool {
    file.path.starts_with("crates/") && !file.path.contains("/tests")
}

/// A line without what stands in backticks or in a link's target.
fn without_code(line: &str) -> String {
    let prose = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let links = prose.split("](").map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    let first = prose.split("](").next().unwrap_or_default().to_owned();
    first + &links.skip(1).collect::<String>()
}

/// Words of letters alone, in one case but for the first letter: no names of programs or of systems.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|letter: char| !letter.is_alphanumeric() && !"_-'./:@".contains(letter));
    let words = words.map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()));
    words.filter(|word| {
        let is_plain = word.chars().all(|letter| letter.is_ascii_alphabetic());
        is_plain && word.len() > 3 && word[1..].chars().all(|letter| letter.is_ascii_lowercase())
    })
}

#[test]
fn what_reads_badly_is_caught() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let tree = Tree::of([
        file("README.md", &"line\n".repeat(121)),
        file("docs/a.md", "We recieve [it](recieve) as `recieve`,\n```\nrecieve\n```\nfor those who read."),
        file("crates/x/src/a.rs", "/// Occured.\nfn a() { let occured = \"occured\"; }\n"),
    ]);
    assert_eq!(too_long(&tree), ["README.md: 121 lines, at most 120"]);
    assert_eq!(mended_phrases(&tree), ["docs/a.md:5: \"those who read\""]);
    let misspelled = misspelled(&tree);
    assert_eq!(misspelled.len(), 2, "{misspelled:?}");
    assert!(misspelled[0].contains("crates/x/src/a.rs:1: Occured: occurred"), "{misspelled:?}");
}
