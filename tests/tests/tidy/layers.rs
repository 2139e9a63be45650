//! Which room of a package may import which: the folder is the layer. And no two files of one package need each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::paths;
use crate::tree::{SourceFile, Tree};

/// The rooms of each package, lowest first: a room imports only what stands before it.
const PACKAGES: &[(&str, &[&str])] = &[
    (
        "crates/process/src/",
        &["system", "signals", "inherited", "fork", "exit", "ignored", "lock", "threads"],
    ),
    (
        "crates/ring/src/",
        &["sync", "platform", "word", "tag", "memory", "stamp", "ring", "reader", "ends", "file"],
    ),
    ("crates/format/src/", &["time", "line", "fields", "formats"]),
    ("crates/fileset/src/", &["model", "policy", "effect", "engine", "file_set", "sim"]),
    (
        "crates/spool/src/",
        &[
            "platform", "account", "settings", "hand_off", "sink", "worker", "leaving", "writer", "open",
            "manual",
        ],
    ),
    ("crates/appender/src/", &["rolling", "non_blocking", "start"]),
    (
        "crates/cli/src/",
        &[
            "say", "text", "set", "flags", "pipe", "read", "verify", "inspect", "config", "demo", "page",
            "main",
        ],
    ),
];

/// Rooms that may not import all that stands below them: room, what it may import.
const NARROWER: &[(&str, &str, &[&str])] = &[
    // The simulation stands beside the disk: it implements the seam, and is imported by no one.
    ("crates/fileset/src/", "sim", &["model", "effect"]),
];

/// The most entries at the top of a package's sources.
const TOP_MAX: usize = 12;

/// Imports that point upward, and imports by a name that hides the room.
pub(crate) fn imports_upward(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for (package, rooms) in PACKAGES {
        for file in files_of(tree, package) {
            let module = module_of(package, &file.path);
            // `lib.rs` lists the names for users, and stands above all.
            let Some(room) = module.first() else { continue };
            let Some(height) = rooms.iter().position(|name| name == room) else {
                offences.push(format!("{}:1: {room} is no room of the table", file.path));
                continue;
            };
            let narrower = NARROWER.iter().find(|(of, name, _)| of == package && name == room);
            let allowed = narrower.map_or(&rooms[..height], |(_, _, allowed)| allowed);
            for (line, target) in targets(package, file) {
                let Some(target) = target.first() else { continue };
                let is_known = rooms.contains(&target.as_str());
                if target != room && !allowed.contains(&target.as_str()) {
                    let why = if is_known {
                        format!("{room} imports {target}")
                    } else {
                        "name its room".to_owned()
                    };
                    offences.push(format!("{}:{line}: {target}: {why}", file.path));
                }
            }
        }
    }
    offences
}

/// Circles of imports between the files of one package.
pub(crate) fn circles(tree: &Tree) -> Vec<String> {
    PACKAGES.iter().flat_map(|(package, _)| circles_of(tree, package)).collect()
}

/// Sources with too much at their top.
pub(crate) fn crowded(tree: &Tree) -> Vec<String> {
    let mut tops: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in tree.library() {
        let Some((package, inside)) = file.path.split_once("/src/") else { continue };
        let top = inside.split('/').next().unwrap_or(inside);
        tops.entry(package.to_owned()).or_default().insert(top.to_owned());
    }
    let crowded = tops.into_iter().filter(|(_, tops)| tops.len() > TOP_MAX);
    crowded.map(|(package, tops)| format!("{package}/src: {} entries", tops.len())).collect()
}

fn files_of<'a>(tree: &'a Tree, package: &'a str) -> impl Iterator<Item = &'a SourceFile> {
    tree.library().filter(move |file| file.path.starts_with(package) && !file.shipped.is_empty())
}

/// The module of a file, from the root of its package: of `lib.rs` none.
fn module_of(package: &str, path: &str) -> Vec<String> {
    let inside = path.strip_prefix(package).unwrap_or(path).trim_end_matches(".rs");
    let mut parts: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// The items of the package that a file names in its paths, each from the root.
fn targets(package: &str, file: &SourceFile) -> Vec<(usize, Vec<String>)> {
    let module = module_of(package, &file.path);
    let own_name = format!("tracing_spool_{}", package.split('/').nth(1).unwrap_or_default());
    // What a visibility names is no import.
    let code = without_visibilities(&file.shipped);
    let mut found = Vec::new();
    for path in paths(&code) {
        let Some(first) = path.parts.first() else { continue };
        let supers = path.parts.iter().take_while(|part| *part == "super").count();
        let (mut start, rest) = match first.as_str() {
            "crate" => (Vec::new(), &path.parts[1..]),
            name if name == own_name => (Vec::new(), &path.parts[1..]),
            "self" => (module.clone(), &path.parts[1..]),
            // Past the root: a `super` of a module within the file, which is not counted, so the path stays below.
            "super" if supers <= module.len() => {
                (module[..module.len() - supers].to_vec(), &path.parts[supers..])
            }
            _ => continue,
        };
        start.extend(rest.iter().cloned());
        found.push((path.line, start));
    }
    found
}

fn without_visibilities(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(from) = out.find("pub(") {
        let to = out[from..].find(')').map_or(out.len(), |end| from + end + 1);
        let blank: String = out[from..to].chars().map(|_| ' ').collect();
        out.replace_range(from..to, &blank);
    }
    out
}

/// Circles, each as the files in it.
fn circles_of(tree: &Tree, package: &str) -> Vec<String> {
    let files: BTreeMap<Vec<String>, &SourceFile> =
        files_of(tree, package).map(|file| (module_of(package, &file.path), file)).collect();
    let imports: BTreeMap<&str, BTreeSet<&str>> = files
        .values()
        .map(|file| {
            let named = targets(package, file).into_iter();
            let others = named.filter_map(|(_, target)| file_behind(&files, package, target));
            (file.path.as_str(), others.filter(|other| *other != file.path).collect())
        })
        .collect();
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (*file, reached_from(file, &imports))).collect();
    let mut told = BTreeSet::new();
    let mut circles = Vec::new();
    for (file, others) in &reach {
        if !others.contains(file) || told.contains(file) {
            continue;
        }
        let circle: Vec<&str> = others.iter().copied().filter(|other| reach[other].contains(file)).collect();
        circles.push(format!("these need each other: {}", circle.join(", ")));
        told.extend(circle);
    }
    circles
}

/// The file that holds an item, through re-exports.
fn file_behind<'a>(
    files: &BTreeMap<Vec<String>, &'a SourceFile>,
    package: &str,
    mut target: Vec<String>,
) -> Option<&'a str> {
    const REEXPORTS_MAX: usize = 8;
    for _ in 0..REEXPORTS_MAX {
        let depth = (0..=target.len()).rev().find(|depth| files.contains_key(&target[..*depth]))?;
        let file = files[&target[..depth]];
        let Some(item) = target.get(depth) else { return Some(&file.path) };
        let public = file.shipped.replace("pub(crate) use", "pub use").replace("pub(super) use", "pub use");
        let reexported: String = public
            .split("pub use ")
            .skip(1)
            .map(|rest| format!("use {};", rest.split(';').next().unwrap_or(rest)))
            .collect();
        let through = paths(&reexported)
            .into_iter()
            .find(|path| path.parts.len() > 1 && path.parts.last() == Some(item));
        let Some(through) = through else { return Some(&file.path) };
        let module = module_of(package, &file.path);
        let parts: Vec<String> = through.parts.into_iter().filter(|part| part != "self").collect();
        target = match parts.first().map(String::as_str) {
            Some("crate") => parts[1..].to_vec(),
            Some("super") => [&module[..module.len().saturating_sub(1)], &parts[1..]].concat(),
            _ => [&module[..], &parts[..]].concat(),
        };
    }
    None
}

fn reached_from<'a>(file: &str, imports: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = imports.get(file).into_iter().flatten().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(imports.get(file).into_iter().flatten());
        }
    }
    reached
}

#[cfg(test)]
fn tree_of(files: &[(&str, &str)]) -> Tree {
    Tree::of(files.iter().map(|(path, text)| (format!("crates/{path}"), (*text).to_owned())))
}

#[test]
fn imports_upward_are_caught() {
    for (path, text) in [
        ("fileset/src/model/name.rs", "use crate::policy::plan::Plan;"),
        ("fileset/src/model/name.rs", "use super::super::effect::fs::Fs;"),
        ("fileset/src/model/mod.rs", "use super::policy;"),
        ("fileset/src/policy/plan.rs", "use crate::{effect::fs::Fs, model::name::Names};"),
        ("fileset/src/policy/plan.rs", "fn f() { crate::effect::clock::now() }"),
        ("fileset/src/policy/plan.rs", "use crate::Engine;"),
        ("fileset/src/effect/execute.rs", "use crate::engine::State;"),
        ("fileset/src/effect/disk.rs", "use crate::sim::SimDisk;"),
        ("fileset/src/sim/disk.rs", "use tracing_spool_fileset::engine::Engine;"),
        ("spool/src/hand_off/queue.rs", "use crate::worker::shared::Shared;"),
        ("spool/src/worker/round/feed.rs", "use crate::open::builder::SpoolBuilder;"),
        ("spool/src/writer/guard.rs", "use crate::OpenError;"),
        ("ring/src/ring.rs", "use crate::reader::Reader;"),
        ("process/src/inherited.rs", "use crate::fork;"),
        ("spool/src/cellar/wine.rs", ""),
    ] {
        assert_eq!(
            imports_upward(&tree_of(&[(path, &format!("{text}\nfn f() {{}}"))])).len(),
            1,
            "{path}: {text}"
        );
    }
}

#[test]
fn imports_downward_pass() {
    for (path, text) in [
        ("fileset/src/model/name.rs", "use super::error::Fault;\nuse std::fmt;"),
        ("fileset/src/policy/plan.rs", "use crate::model::name::Names;\nuse super::budget;"),
        ("fileset/src/file_set/packer.rs", "use crate::engine::Engine;"),
        ("fileset/src/policy/plan.rs", "#[cfg(test)]\nmod tests { use crate::sim::SimDisk; }"),
        ("fileset/src/policy/plan.rs", "//! [`crate::engine`]\nuse crate::model;"),
        ("fileset/src/lib.rs", "pub use engine::Engine;"),
        ("spool/src/open/start.rs", "use crate::worker::shared::Shared;"),
        ("spool/src/sink/stream.rs", "pub(in crate::sink) struct Stream;"),
    ] {
        assert_eq!(imports_upward(&tree_of(&[(path, text)])), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn circles_are_caught() {
    let [a, b] = ["spool/src/worker/a.rs", "spool/src/worker/b.rs"];
    let circle = |one, other| circles(&tree_of(&[(a, one), (b, other)])).len();
    assert_eq!(circle("use super::b::B;", "use crate::worker::a::A;"), 1);
    assert_eq!(circle("use super::b::B;", "fn f() { super::a::g() }"), 1);
    assert_eq!(circle("use super::b::B;", "use std::fmt;"), 0);
    assert_eq!(circle("use super::b::B;", "#[cfg(test)]\nmod tests { use crate::worker::a::A; }"), 0);
    let room = ("spool/src/worker/mod.rs", "mod a;\npub(crate) use a::A;");
    let through = circles(&tree_of(&[room, (a, "use super::b::B;"), (b, "use crate::worker::A;")]));
    assert_eq!(through.len(), 1, "through a name that is passed on");
    let part = "spool/src/worker/a/part.rs";
    assert_eq!(circles(&tree_of(&[(a, "mod part;\nstruct A;"), (part, "use super::A;")])).len(), 0);
    assert_eq!(circles(&tree_of(&[(a, "mod part;\nuse self::part::P;"), (part, "use super::A;")])).len(), 1);
}

#[test]
fn a_crowded_top_is_caught() {
    let paths: Vec<String> = (0..=TOP_MAX).map(|number| format!("a/src/file_{number}.rs")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "fn f() {}")).collect();
    assert_eq!((crowded(&tree_of(&files)).len(), crowded(&tree_of(&files[1..])).len()), (1, 0));
}
