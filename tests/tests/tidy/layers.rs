//! Which layer of the engine may import which. The folder is the layer.
//! Imports between files of one layer are its own business.

use crate::code::paths;
use crate::tree::{SourceFile, Tree};

const ENGINE: &str = "crates/fileset/src/";

/// Each layer, lowest first, with what it may import besides itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("policy", &["model"]),
    ("effect", &["model", "policy"]),
    ("engine", &["model", "policy", "effect"]),
    ("file_set", &["model", "policy", "effect", "engine"]),
    // The simulation stands beside the disk: it implements the seam and is imported by no one.
    ("sim", &["model", "effect"]),
];

/// Imports that point upward, and imports by a name that hides the layer.
pub(crate) fn imports_upward(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in tree.library() {
        let Some((layer, allowed)) = layer_of(file) else { continue };
        for path in paths(&file.shipped) {
            let parts: Vec<&str> = path.parts.iter().map(String::as_str).collect();
            let Some(target) = target(file, &parts) else { continue };
            if target == layer || allowed.contains(&&*target) {
                continue;
            }
            let known = LAYERS.iter().any(|(name, _)| *name == target);
            let why = if known {
                format!("{layer} imports {target}")
            } else {
                "name the layer it is in".to_owned()
            };
            offences.push(format!("{}:{}: {}: {why}", file.path, path.line, parts.join("::")));
        }
    }
    offences
}

/// The layer a file of the engine belongs to; none for `lib.rs`, which lists them.
fn layer_of(file: &SourceFile) -> Option<(&'static str, &'static [&'static str])> {
    let inside = file.path.strip_prefix(ENGINE)?.trim_end_matches(".rs");
    let folder = inside.split('/').next()?;
    LAYERS.iter().find(|(name, _)| *name == folder).copied()
}

/// The top-level item of the engine that a path leads to; none for a path that stays in the file or leaves the crate.
fn target(file: &SourceFile, parts: &[&str]) -> Option<String> {
    let first = *parts.first()?;
    if first == "crate" || first == "tracing_spool_fileset" {
        return parts.get(1).map(|part| (*part).to_owned());
    }
    let supers = parts.iter().take_while(|part| **part == "super").count();
    if supers == 0 {
        return None;
    }
    let inside = file.path.strip_prefix(ENGINE)?.trim_end_matches(".rs").trim_end_matches("/mod");
    let module: Vec<&str> = inside.split('/').collect();
    match module.len().checked_sub(supers) {
        // Past the root: a `super` of a module within the file, which is not counted, so the path stays below.
        None => None,
        Some(0) => parts.get(supers).map(|part| (*part).to_owned()),
        Some(_) => module.first().map(|part| (*part).to_owned()),
    }
}

#[cfg(test)]
fn offences(path: &str, text: &str) -> usize {
    imports_upward(&Tree::of([(format!("{ENGINE}{path}"), text.to_owned())])).len()
}

#[test]
fn imports_upward_are_caught() {
    for (path, text) in [
        ("model/name.rs", "use crate::policy::plan::Plan;"),
        ("model/name.rs", "use super::super::effect::fs::Fs;"),
        ("model.rs", "use super::policy;"),
        ("policy/plan.rs", "use crate::{effect::fs::Fs, model::name::Names};"),
        ("policy/plan.rs", "fn f() { crate::effect::clock::now() }"),
        ("policy/plan.rs", "use crate::Engine;"),
        ("effect/execute.rs", "use crate::engine::State;"),
        ("engine/start.rs", "use crate::file_set::FileSet;"),
        ("effect/disk.rs", "use crate::sim::SimDisk;"),
        ("engine/start.rs", "use crate::sim::SimDisk;"),
        ("sim.rs", "use tracing_spool_fileset::engine::Engine;"),
    ] {
        assert_eq!(offences(path, text), 1, "{path}: {text}");
    }
}

#[test]
fn imports_downward_pass() {
    for (path, text) in [
        ("model/name.rs", "use super::error::Fault;\nuse std::fmt;"),
        ("policy/plan.rs", "use crate::model::name::Names;\nuse super::budget;"),
        ("effect/execute.rs", "use crate::policy::plan::Plan;\nuse crate::effect::fs::Fs;"),
        ("engine/start.rs", "use crate::effect::fs::Fs;\nuse super::State;"),
        ("file_set/packer.rs", "use crate::engine::Engine;"),
        ("policy/plan.rs", "#[cfg(test)]\nmod tests { use crate::sim::SimDisk; }"),
        ("policy/plan.rs", "//! [`crate::engine`]\nuse crate::model;"),
        ("lib.rs", "pub use engine::Engine;"),
    ] {
        assert_eq!(offences(path, text), 0, "{path}: {text}");
    }
}
