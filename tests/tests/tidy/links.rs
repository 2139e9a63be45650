//! Links of the documents lead somewhere: to a file that is there.

use std::path::{Component, Path, PathBuf};

use crate::tree::Tree;

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

/// Targets of `[..](target)` that are relative paths, without their anchors.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let behind = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let paths = behind.map(|target| target.split('#').next().unwrap_or(target));
    paths.filter(|target| !target.is_empty() && !target.contains("://") && !target.contains(' '))
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
