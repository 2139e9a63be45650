//! The files of the project, as text: what git knows and what it does not ignore, or else what a walk finds.
//! It judges nothing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::code;
use crate::mask;

/// A text file of the project.
pub(crate) struct SourceFile {
    /// Relative to the top, with `/`.
    pub(crate) path: String,
    /// As it stands.
    pub(crate) text: String,
    /// Of a Rust file: comments and literals blanked out, line numbers unchanged.
    pub(crate) code: String,
    /// Of a Rust file: `code` without what only tests compile.
    pub(crate) shipped: String,
}

impl SourceFile {
    /// A file with this text; the views of a Rust file are made from it.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let is_rust = path.ends_with(".rs");
        let code = if is_rust { mask::mask(text) } else { String::new() };
        let shipped = code::without_tests(&code);
        Self { path: path.to_owned(), text: text.to_owned(), code, shipped }
    }

    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is part of a library: `crates/<package>/src/`, but for benchmarks and torture, which nobody builds upon.
    pub(crate) fn is_library(&self) -> bool {
        let mut parts = self.path.split('/');
        self.is_rust()
            && parts.next() == Some("crates")
            && parts.next().is_some_and(|package| !["bench", "torture"].contains(&package))
            && parts.next() == Some("src")
    }
}

/// The project's text files.
pub(crate) struct Tree {
    pub(crate) files: Vec<SourceFile>,
}

impl Tree {
    /// The project this test belongs to, read once for all rules.
    pub(crate) fn read() -> &'static Self {
        static TREE: OnceLock<Tree> = OnceLock::new();
        TREE.get_or_init(Self::from_disk)
    }

    fn from_disk() -> Self {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let top =
            PathBuf::from(manifest).parent().expect("the package is in a folder of the workspace").to_owned();
        let paths = from_git(&top).unwrap_or_else(|| walk(&top));
        let read = |path: &String| Some((path.clone(), fs::read_to_string(top.join(path)).ok()?));
        Self::of(paths.iter().filter_map(read))
    }

    /// A tree of these paths and texts. A file that only a `#[cfg(test)] mod` brings in ships nothing.
    pub(crate) fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: Vec<_> = files.into_iter().map(|(path, text)| SourceFile::new(&path, &text)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let test_only: Vec<String> =
            files.iter().flat_map(|file| code::test_modules(&file.path, &file.code)).collect();
        for file in &mut files {
            let stem = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
            if test_only.iter().any(|only| Path::new(stem).starts_with(only)) {
                file.shipped.clear();
            }
        }
        Self { files }
    }

    /// The file at this path.
    pub(crate) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The sources of the libraries.
    pub(crate) fn library(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.is_library())
    }
}

/// What git lists; nothing where there is no git, no repository, or one that does not hold this project.
fn from_git(top: &Path) -> Option<Vec<String>> {
    let args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let output = Command::new("git").args(args).current_dir(top).output().ok()?;
    let list = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> =
        list.split_terminator('\0').filter(|path| is_text(path)).map(str::to_owned).collect();
    let complete = output.status.success() && paths.iter().any(|path| path == "tests/tests/tidy/tree.rs");
    complete.then_some(paths)
}

/// What stands below `top`, but for build output and hidden folders other than our own.
fn walk(top: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_dir && (!name.starts_with('.') || [".ci", ".config"].contains(&&*name)) && name != "target"
            {
                folders.push(entry.path());
            } else if let (false, Ok(path)) = (is_dir, entry.path().strip_prefix(top)) {
                paths.push(path.to_string_lossy().into_owned());
            }
        }
    }
    paths.retain(|path| is_text(path));
    paths
}

/// Whether a rule might want to read it.
fn is_text(path: &str) -> bool {
    [".rs", ".md", ".toml", "justfile", ".yml"].iter().any(|end| path.ends_with(end))
        || path.starts_with(".ci/")
}

#[test]
fn a_walk_finds_what_git_lists() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let found = walk(top);
    for path in ["Cargo.toml", "justfile", ".ci/run", "tests/tests/tidy/tree.rs", "crates/spool/src/lib.rs"] {
        assert!(found.iter().any(|found| found == path), "{path}");
    }
}

#[test]
fn a_file_that_only_tests_compile_ships_nothing() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let tree = Tree::of([
        file("crates/a/src/lib.rs", "mod real;\n#[cfg(test)]\nmod tests;\n"),
        file("crates/a/src/tests.rs", "use std::fs;"),
        file("crates/a/src/tests/deep.rs", "use std::fs;"),
        file("crates/a/src/real.rs", "use std::fs;\n#[cfg(test)] mod table;"),
        file("crates/a/src/real/table.rs", "use std::fs;"),
    ]);
    let shipped: Vec<&str> =
        tree.library().filter(|file| !file.shipped.is_empty()).map(|file| &*file.path).collect();
    assert_eq!(shipped, ["crates/a/src/lib.rs", "crates/a/src/real.rs"]);
}

#[test]
fn benchmarks_and_torture_are_no_library() {
    let is_library = |path: &str| SourceFile::new(path, "").is_library();
    assert!(is_library("crates/spool/src/lib.rs"));
    for path in [
        "crates/bench/src/main.rs",
        "crates/spool/examples/a.rs",
        "tests/src/lib.rs",
        "crates/spool/src/a.md",
    ] {
        assert!(!is_library(path), "{path}");
    }
}
