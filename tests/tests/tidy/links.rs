//! Links of the documents lead somewhere: to a file that is there. Those of the manual lead there twice: on a page to the next
//! page's file, and where rustdoc shows it to the next page's module.

use std::path::{Component, Path, PathBuf};

use crate::tree::Tree;

const MANUAL: &str = "docs/manual/";
/// The modules that the pages are shown in, and what their links lead to there.
const MODULES: &str = "crates/spool/src/manual.rs";
const LINKS: &str = "crates/spool/src/manual/links.md";

/// Relative links into nowhere.
pub(crate) fn broken(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        let here = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        for (number, line) in file.text.lines().enumerate() {
            for target in targets(line) {
                let path = normal(&here.join(target));
                let is_there = tree.files.iter().any(|other| Path::new(&other.path).starts_with(&path));
                if !is_there && !is_other_file(&path) {
                    offences.push(format!("{}:{}: {target}", file.path, number + 1));
                }
            }
        }
    }
    offences
}

/// Targets of `[..](target)`, and of `[label]: target`, that are relative paths, without their anchors.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let behind = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let behind = behind.chain(definition(line).map(|(_, target)| target));
    let paths = behind.map(|target| target.split('#').next().unwrap_or(target));
    // What `crate::` leads to, rustdoc knows.
    paths.filter(|target| {
        !target.is_empty() && !["://", " ", "crate::"].iter().any(|other| target.contains(other))
    })
}

/// `[label]: target`
fn definition(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.split_once("]: ")
}

/// Pages of the manual that no module shows, links that lead to a page in one place and not in the other, and labels that lead
/// nowhere.
pub(crate) fn strays_of_the_manual(tree: &Tree) -> Vec<String> {
    let text_of = |path: &str| tree.file(path).map_or("", |file| &file.text);
    let (modules, links) = (text_of(MODULES), text_of(LINKS));
    let mut offences = Vec::new();
    let is_page = |path: &str| path.starts_with(MANUAL) && path.ends_with(".md");
    for file in tree.files.iter().filter(|file| is_page(&file.path)) {
        let name = &file.path[MANUAL.len()..];
        if !modules.contains(&format!("#[doc = include_str!(\"../manual/{name}\")]"))
            && !modules.contains(&format!("#![doc = include_str!(\"../manual/{name}\")]"))
        {
            offences.push(format!("{}:1: is shown by no module of {MODULES}", file.path));
        }
        let defined: Vec<(&str, &str)> = file.text.lines().filter_map(definition).collect();
        for (label, target) in &defined {
            let module = target.replacen(".md", "", 1).replace('-', "_");
            if !links.lines().any(|line| line == format!("[{label}]: crate::manual::{module}")) {
                offences.push(format!("{}:1: {LINKS} leads [{label}] elsewhere than to {target}", file.path));
            }
        }
        for (number, line) in file.text.lines().enumerate() {
            let labels = line.split("][").skip(1).filter_map(|rest| rest.split_once(']'));
            let lost = labels.filter(|(label, _)| defined.iter().all(|(known, _)| known != label));
            offences.extend(lost.map(|(label, _)| format!("{}:{}: [{label}]", file.path, number + 1)));
        }
    }
    offences
}

fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            out.pop();
        } else if part != Component::CurDir {
            out.push(part);
        }
    }
    out
}

/// What is no text of the tree: pictures, licences.
fn is_other_file(path: &Path) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).is_file()
}

#[test]
fn links_into_nowhere_are_caught() {
    let tree = |text: &str| {
        Tree::of([
            ("docs/a.md".to_owned(), text.to_owned()),
            ("src/b.rs".to_owned(), "//! Something that is there.".to_owned()),
        ])
    };
    assert_eq!(
        broken(&tree("[b](../src/b.rs) [c](../src/c.rs#top), [d](https://x.y/z) [e](#here) [src](../src)"))
            .len(),
        1
    );
}

#[test]
fn strays_of_the_manual_are_caught() {
    let strays = |page: &str, links: &str| {
        let modules = "#![doc = include_str!(\"../manual/a-b.md\")]";
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let tree = Tree::of([file("docs/manual/a-b.md", page), file(MODULES, modules), file(LINKS, links)]);
        strays_of_the_manual(&tree).len()
    };
    let page = "See [this][a-b].\n\n[a-b]: a-b.md\n";
    assert_eq!(strays(page, "[a-b]: crate::manual::a_b\n"), 0);
    assert_eq!(strays(page, "[a-b]: crate::manual::b\n"), 1);
    assert_eq!(strays("See [this][c].\n", ""), 1);
    let lonely = Tree::of([("docs/manual/c.md".to_owned(), String::new())]);
    assert_eq!(strays_of_the_manual(&lonely).len(), 1);
}
