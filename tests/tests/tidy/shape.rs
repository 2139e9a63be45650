//! Rules on the shape of a file: its length, its first line, nothing put off, no lint allowed.
//! What a file does is judged elsewhere.

use crate::tree::Tree;

/// What is longer hides a second subject.
const LINES_MAX: usize = 450;
/// A struct with more is two.
const FIELDS_MAX: usize = 16;
const AS_MANY_AS_THERE_ARE: [&str; 3] = ["Settings", "Counters", "Stats"];
/// "//! The queue." says nothing that the name does not.
const FIRST_WORDS_MIN: usize = 3;

/// Library files with too many lines.
pub(crate) fn long_files(tree: &Tree) -> Vec<String> {
    let lines = |text: &str| text.lines().count();
    let long = tree.library().filter(|file| lines(&file.text) > LINES_MAX);
    long.map(|file| format!("{}:{}: {} lines", file.path, LINES_MAX + 1, lines(&file.text))).collect()
}

/// Structs of the libraries with too many fields; settings and counters have as many as there are.
pub(crate) fn wide_structs(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in tree.library() {
        let mut open: Option<(usize, &str, usize)> = None;
        for (number, line) in file.code.lines().enumerate() {
            let name = line.split_once("struct ").filter(|_| !line.starts_with(' ')).map(|(_, name)| name);
            match (&mut open, name) {
                (None, Some(name)) if line.ends_with('{') => {
                    open = Some((number + 1, name.trim_end_matches('{').trim(), 0));
                }
                (Some((at, name, fields)), _) if line == "}" => {
                    if *fields > FIELDS_MAX && !AS_MANY_AS_THERE_ARE.contains(name) {
                        offences.push(format!("{}:{at}: {name}: {fields} fields", file.path));
                    }
                    open = None;
                }
                (Some((_, _, fields)), _) => {
                    let rest = line.strip_prefix("    ").unwrap_or_default();
                    let is_field = rest.starts_with(|c: char| c.is_alphabetic()) && rest.contains(": ");
                    *fields += usize::from(is_field);
                }
                _ => {}
            }
        }
    }
    offences
}

/// Rust files that do not say what they own.
pub(crate) fn silent_files(tree: &Tree) -> Vec<String> {
    let rust = tree.files.iter().filter(|file| file.is_rust());
    // A test of the compiler's messages shows a user's program, which owns nothing.
    let ours = rust.filter(|file| !file.path.starts_with("tests/ui/"));
    let silent = ours.filter(|file| {
        let first = file.text.lines().next().unwrap_or_default();
        first.strip_prefix("//!").is_none_or(|words| words.split_whitespace().count() < FIRST_WORDS_MIN)
    });
    silent
        .map(|file| format!("{}:1: {:?}", file.path, file.text.lines().next().unwrap_or_default()))
        .collect()
}

/// Marks of unfinished work, in comments too, and ignored tests.
pub(crate) fn put_off(tree: &Tree) -> Vec<String> {
    // Put together here, or this file would be the first offender.
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["X", "XX"].concat()];
    let calls = ["todo!", "unimplemented!"];
    let mut offences = Vec::new();
    for file in &tree.files {
        for (number, line) in file.text.lines().enumerate() {
            let mut parts = line.split(|c: char| !c.is_alphanumeric());
            if parts.any(|part| words.iter().any(|word| word == part)) {
                offences.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
        for (number, line) in file.code.lines().enumerate() {
            let ignored = ["#[ignore", "#[cfg_attr(miri, ignore"].iter().any(|mark| line.contains(mark));
            if ignored || calls.iter().any(|call| line.contains(call)) {
                offences.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    offences
}

/// Lints allowed rather than expected, in the published packages.
pub(crate) fn allowed_lints(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.starts_with("crates/")) {
        for (number, line) in file.code.lines().enumerate() {
            if line.contains("#[allow(") || line.contains("#![allow(") {
                offences.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    offences
}

#[cfg(test)]
fn tree_of(path: &str, text: &str) -> Tree {
    Tree::of([(path.to_owned(), text.to_owned())])
}

#[test]
fn long_files_are_caught() {
    let path = "crates/a/src/b.rs";
    assert!(long_files(&tree_of(path, &"x\n".repeat(LINES_MAX))).is_empty());
    assert_eq!(long_files(&tree_of(path, &"x\n".repeat(LINES_MAX + 1))).len(), 1);
    assert!(long_files(&tree_of("tests/tests/it/b.rs", &"x\n".repeat(LINES_MAX + 1))).is_empty());
}

#[test]
fn wide_structs_are_caught() {
    let with =
        |fields: usize| format!("pub(crate) struct A {{\n{}}}\n", "    pub(crate) b: u8,\n".repeat(fields));
    assert!(wide_structs(&tree_of("crates/a/src/b.rs", &with(FIELDS_MAX))).is_empty());
    assert_eq!(wide_structs(&tree_of("crates/a/src/b.rs", &with(FIELDS_MAX + 1))).len(), 1);
}

#[test]
fn silent_files_are_caught() {
    for (text, silent) in
        [("//! What this owns.\n", 0), ("//! x\n", 1), ("", 1), ("use a;\n//! Too late for this.", 1)]
    {
        assert_eq!(silent_files(&tree_of("crates/a/src/b.rs", text)).len(), silent, "{text}");
    }
}

#[test]
fn what_is_put_off_is_caught() {
    let mark = ["TO", "DO"].concat();
    for text in [
        format!("// {mark}: later"),
        format!("/// ({mark})"),
        "fn f() { todo!() }".into(),
        "#[ignore]".into(),
    ] {
        assert_eq!(put_off(&tree_of("crates/a/src/b.rs", &text)).len(), 1, "{text}");
    }
    assert_eq!(put_off(&tree_of("docs/a.md", &format!("{mark} later"))).len(), 1);
    for text in [
        "// todo lists are for others",
        "fn f() { g(\"#[ignore] todo!()\") }",
        "fn method(not_ignored: u8) {}",
    ] {
        assert!(put_off(&tree_of("crates/a/src/b.rs", text)).is_empty(), "{text}");
    }
}

#[test]
fn allowed_lints_are_caught() {
    assert_eq!(allowed_lints(&tree_of("crates/a/src/b.rs", "#[allow(dead_code)]\nfn f() {}")).len(), 1);
    assert_eq!(allowed_lints(&tree_of("crates/a/src/b.rs", "#![allow(dead_code)]")).len(), 1);
    assert!(allowed_lints(&tree_of("crates/a/src/b.rs", "#[expect(dead_code)]\n// #[allow(x)]")).is_empty());
}
