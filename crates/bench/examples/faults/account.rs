//! Which lines are in the files, and whether files of others are still what they were.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::child::MOVED;

const OF_OTHERS: &str = "not a log of ours\n";

/// A backup's name to some; one of them then goes through twenty million numbers, which would hide every other fault.
const NUMBERED: &str = "app.log.20250101";

/// Names that a careless pattern takes for old logs.
const OTHERS: [&str; 12] = [
    NUMBERED,
    "app.db",
    "app.pid",
    "app.toml",
    "app.log.bak",
    "app.log.old",
    "app.log.2025-01-01.gz",
    "app.2025.log",
    "app_users.log",
    "app-audit.log",
    "application.log",
    "app.log.1.orig",
];

/// Puts files of others into the directory.
pub fn plant(dir: &Path, numbered: bool) -> Result<()> {
    planted(numbered).try_for_each(|name| Ok(fs::write(dir.join(name), OF_OTHERS)?))
}

fn planted(numbered: bool) -> impl Iterator<Item = &'static str> {
    OTHERS.into_iter().filter(move |name| numbered || *name != NUMBERED)
}

/// Whether the file was planted.
pub fn is_of_others(path: &Path) -> bool {
    path.file_name().is_some_and(|name| OTHERS.iter().any(|other| name == *other))
}

/// Those that are gone or changed. Where the directory itself was deleted, nothing is said of them.
pub fn harmed(dir: &Path, numbered: bool) -> Vec<String> {
    let is_whole = |path: &Path, text: &str| fs::read_to_string(path).is_ok_and(|read| read == text);
    let harmed: Vec<String> =
        planted(numbered).filter(|name| !is_whole(&dir.join(name), OF_OTHERS)).map(str::to_owned).collect();
    if harmed.len() == planted(numbered).count() {
        return Vec::new();
    }
    harmed
}

/// What the event with this number says, whatever a logger puts before it.
pub fn payload(number: usize) -> String {
    format!("line {number:07} {}.", "x".repeat(80))
}

/// Lines that were read back.
#[derive(Default)]
pub struct Found {
    seen: Vec<bool>,
    /// Lines with a piece of an event that are not one whole event.
    pub torn: usize,
    pub nul_bytes: bool,
    /// Whether the log itself says that something was lost.
    pub owned_up: bool,
}

impl Found {
    pub fn add_files(&mut self, dir: &Path) -> Result<()> {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry?.path();
            if path.is_file() && !is_of_others(&path) && path.file_name() != Some(MOVED.as_ref()) {
                self.add(&fs::read(path)?);
            }
        }
        Ok(())
    }

    /// The file that logrotate moved away counts for what it held then.
    pub fn add_moved(&mut self, dir: &Path, held: usize) {
        let mut moved = Self::default();
        moved.add(&fs::read(dir.join(MOVED)).unwrap_or_default());
        moved.seen.truncate(held);
        self.seen.resize(self.seen.len().max(moved.seen.len()), false);
        self.seen.iter_mut().zip(&moved.seen).for_each(|(seen, moved)| *seen |= moved);
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.nul_bytes |= bytes.contains(&0);
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            if !line.contains("line 0") && !line.contains("xxx") {
                // What a logger says of itself.
                self.owned_up |= line.contains("lost") || line.contains("dropped");
                continue;
            }
            match whole(&line) {
                Some(number) => {
                    if self.seen.len() <= number {
                        self.seen.resize(number + 1, false);
                    }
                    self.seen[number] = true;
                }
                None => self.torn += 1,
            }
        }
    }

    /// How many lines of each phase there are, each counted once.
    pub fn by_phase(&self, logged: [usize; 3]) -> [usize; 3] {
        let mut from = 0;
        logged.map(|events| {
            let phase = from..from + events;
            from += events;
            phase.filter(|number| self.seen.get(*number) == Some(&true)).count()
        })
    }

    /// Whether the last lines are all there.
    pub fn has_the_end(&self, logged: usize) -> bool {
        (logged.saturating_sub(100)..logged).all(|number| self.seen.get(number) == Some(&true))
    }
}

/// The number of the event that this line is, if it is one event and nothing of a second one.
fn whole(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once("line ")?;
    let number: usize = rest.get(..7)?.parse().ok()?;
    let is_one = line.matches("line ").count() == 1 && line.matches("xxx.").count() == 1;
    (is_one && line.ends_with(&payload(number))).then_some(number)
}
