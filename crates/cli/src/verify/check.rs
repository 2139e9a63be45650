//! One pass over the lines of all files, the oldest first. What it finds is decided line by line; what only the whole set can
//! tell is decided at the end.

use std::io;

use super::border::Border;
use super::finding::{Findings, Kind, Place};
use super::flaws::Flaws;
use super::glue;
use super::json::{self, Json};
use super::lines::{Line, Lines};
use super::numbers::{Hole, Numbers, Pattern};
use super::source;
use super::told::Told;
use crate::set::Member;
use crate::text::notice::{self, News, Notice};
use crate::text::time::time_of;

/// Lines between two words to the progress bar.
const LINES_PER_STEP: u64 = 4096;
/// How much of a line is kept, for an excerpt.
const KEPT_BYTES: usize = 128;

/// What is asked of a set.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) numbers: Option<Pattern>,
    pub(super) window: (Option<i64>, Option<i64>),
    /// Whether a process holds the lock of the log.
    pub(super) is_held: bool,
}

/// What was read of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// The state of a pass.
#[derive(Debug)]
pub(super) struct Check {
    wanted: Wanted,
    pub(super) findings: Findings,
    pub(super) told: Told,
    /// Lines that are missing and that no notice explains.
    pub(super) missing: u64,
    /// Lines that are missing and explained.
    pub(super) explained: u64,
    border: Border,
    numbers: Option<Numbers>,
    json: Option<Json>,
    /// Unended lines of files that aren't the newest: the log may tell of them in the next file.
    fragments: Vec<(Place, u64, Vec<u8>)>,
    /// Files that begin with a line without a time stamp, and how many begin with one.
    headless: Vec<(Place, Vec<u8>)>,
    stamped_heads: usize,
    lines: u64,
}

impl Check {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self {
            numbers: wanted.numbers.clone().map(Numbers::new),
            wanted,
            findings: Findings::default(),
            told: Told::default(),
            missing: 0,
            explained: 0,
            border: Border::default(),
            json: None,
            fragments: Vec::new(),
            headless: Vec::new(),
            stamped_heads: 0,
            lines: 0,
        }
    }

    /// Returns whether it was looked for lines that are missing.
    pub(super) fn has_numbers(&self) -> bool {
        self.wanted.numbers.is_some()
    }

    /// Reads a file. `progress` is told how many of its unpacked bytes have been read, now and then.
    pub(super) fn file(
        &mut self,
        file: usize,
        member: &Member,
        is_newest: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Tally {
        let mut tally = Tally::default();
        let outcome = member.reader().and_then(|reader| {
            let mut lines = Lines::new(reader);
            self.lines_of(file, &mut lines, is_newest, &mut tally, progress)
        });
        if let Err(error) = outcome {
            let (is_broken, why) = source::fault(member, &error);
            let kind = if is_broken { Kind::Broken } else { Kind::Unreadable };
            self.findings.add(kind, Place { file, line: tally.lines, at: tally.bytes }, || why, b"");
        }
        self.end_lines();
        self.border.end_file(file, &mut self.findings);
        tally
    }

    fn lines_of<R: io::Read>(
        &mut self,
        file: usize,
        lines: &mut Lines<R>,
        is_newest: bool,
        tally: &mut Tally,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<()> {
        match json::is_json(lines.peek()) {
            Some(true) => drop(self.json.get_or_insert_with(Json::default)),
            Some(false) => self.json = None,
            None => {}
        }
        while let Some(line) = lines.next()? {
            *tally = Tally { lines: line.number, bytes: line.at + line.length + u64::from(line.is_ended) };
            self.line(file, &line, is_newest);
            if line.number % LINES_PER_STEP == 0 {
                progress(tally.bytes);
            }
        }
        Ok(())
    }

    fn line(&mut self, file: usize, line: &Line<'_>, is_newest: bool) {
        let place = Place { file, line: line.number, at: line.at };
        self.lines += 1;
        self.flaws(line, place);
        let stamp = time_of(line.bytes);
        if line.number == 1 {
            self.head(stamp, line.bytes, place);
        }
        if !line.is_ended {
            self.unended(line, place, is_newest);
        } else if let Some(notice) = notice::of(line.bytes) {
            self.notice(notice, place);
        } else {
            self.record(line, stamp, place);
        }
        self.border.line(line.bytes, stamp, place, &mut self.findings);
    }

    fn flaws(&mut self, line: &Line<'_>, place: Place) {
        let flaws = Flaws::of_line(line.bytes).and(line.rest);
        if !flaws.any() {
            return;
        }
        if flaws.nul {
            self.findings.add(Kind::Nul, place, || "as a power cut leaves them".to_owned(), line.bytes);
        }
        if flaws.control {
            let why = || "a spool escapes them, unless raw_bytes is set".to_owned();
            self.findings.add(Kind::Control, place, why, line.bytes);
        }
        if flaws.not_utf8 {
            let why = || "a spool escapes such bytes, unless raw_bytes is set".to_owned();
            self.findings.add(Kind::NotUtf8, place, why, line.bytes);
        }
    }

    /// Notes whether a file begins with the beginning of a record. A record is never written across two files.
    fn head(&mut self, stamp: Option<i64>, line: &[u8], place: Place) {
        if stamp.is_some() {
            self.stamped_heads += 1;
        } else if self.headless.len() < super::finding::LISTED_MAX {
            self.headless.push((place, line[..line.len().min(KEPT_BYTES)].to_vec()));
        }
    }

    fn unended(&mut self, line: &Line<'_>, place: Place, is_newest: bool) {
        self.end_lines();
        if !is_newest {
            if self.fragments.len() < super::finding::LISTED_MAX {
                let head = line.bytes[..line.bytes.len().min(KEPT_BYTES)].to_vec();
                self.fragments.push((place, line.length, head));
            } else {
                self.findings.add(Kind::Torn, place, || NO_NEWLINE.to_owned(), line.bytes);
            }
        } else if self.wanted.is_held {
            let why = || "the last line has no newline yet, and a process holds the lock".to_owned();
            self.findings.add(Kind::Writing, place, why, line.bytes);
        } else {
            let why = || "the last line has no newline, and nobody is writing it".to_owned();
            self.findings.add(Kind::Unfinished, place, why, line.bytes);
        }
    }

    fn notice(&mut self, notice: Notice, place: Place) {
        if notice.news == News::TailEnded {
            let by_json = self.json.as_mut().and_then(Json::forgive);
            let by_number = self.numbers.as_mut().and_then(Numbers::forgive);
            // In text nothing tells which line it was: lines of the new process may stand in between.
            let (torn, head) =
                by_json.or(by_number).unwrap_or_else(|| (place, notice.message.clone().into_bytes()));
            self.findings.add(Kind::Told, torn, || "the log says so".to_owned(), &head);
        }
        self.told.take(notice, place, self.wanted.window);
    }

    fn record(&mut self, line: &Line<'_>, stamp: Option<i64>, place: Place) {
        if let Some(json) = &mut self.json {
            json.line(line, place, &mut self.findings);
        } else if let Some(beginning) = glue::beginning_in(line.bytes) {
            let kind = if beginning.may_be_quoted { Kind::Nested } else { Kind::Glued };
            let why = || format!("another record begins at its byte {}", beginning.at);
            self.findings.add(kind, place, why, line.bytes);
        }
        if let Some(numbers) = &mut self.numbers {
            numbers.line((line.bytes, line.length), stamp, place, &mut self.findings);
        }
    }

    /// Decides about lines that nothing follows in their file.
    fn end_lines(&mut self) {
        if let Some(json) = &mut self.json {
            json.end_file(&mut self.findings);
        }
        if let Some(numbers) = &mut self.numbers {
            numbers.end_file(&mut self.findings);
        }
    }

    /// Decides what only the whole set can tell.
    pub(super) fn finish(&mut self) {
        self.finish_fragments();
        self.finish_numbers();
        if self.told.uncertain > 0 && self.findings.count(Kind::Repeated) <= self.told.uncertain {
            self.findings.turn(Kind::Repeated, Kind::Twice); // the log says that they may stand there twice
        }
        if self.findings.count(Kind::Nested) * 2 > self.lines {
            self.findings.forget(Kind::Nested); // a log of lines of other logs
        }
        if self.stamped_heads > self.headless.len() {
            for (place, head) in std::mem::take(&mut self.headless) {
                let why = || "no time stamp, and other files begin with one".to_owned();
                self.findings.add(Kind::Headless, place, why, &head);
            }
        }
    }

    fn finish_fragments(&mut self) {
        for (place, length, head) in std::mem::take(&mut self.fragments) {
            let told = self.told.fragments.iter().position(|bytes| *bytes == length);
            if let Some(told) = told {
                self.told.fragments.swap_remove(told);
                self.findings.add(Kind::Told, place, || "the log says so in a later file".to_owned(), &head);
            } else {
                self.findings.add(Kind::Torn, place, || NO_NEWLINE.to_owned(), &head);
            }
        }
    }

    fn finish_numbers(&mut self) {
        let Some(numbers) = self.numbers.take() else { return };
        if numbers.unnumbered > numbers.lines {
            self.findings.forget(Kind::Unnumbered); // most lines of this log have none
        }
        if numbers.unfollowed > 0 {
            let why = || {
                format!(
                    "{} lines of more writers than can be told apart: is <key> right?",
                    numbers.unfollowed
                )
            };
            self.findings.add(Kind::Unnumbered, Place::default(), why, b"");
        }
        let unheld = numbers.unheld;
        let holes = numbers.into_holes();
        let sum = |holes: &[Hole]| holes.iter().fold(0_u64, |sum, hole| sum.saturating_add(hole.count()));
        let all = sum(&holes);
        let unexplained = self.told.unexplained(holes);
        self.missing = sum(&unexplained).saturating_add(unheld);
        self.explained = all - sum(&unexplained);
        for hole in &unexplained {
            self.findings.add_many(Kind::Missing, hole.count(), hole.place, || words_of(hole), b"");
        }
        if unheld > 0 {
            let why = || format!("{unheld} more lines, in more places than can be told");
            self.findings.add_many(Kind::Missing, unheld, Place::default(), why, b"");
        }
    }
}

const NO_NEWLINE: &str = "the file ends in it, without a newline";

fn words_of(hole: &Hole) -> String {
    let of = match super::finding::excerpt(&hole.key) {
        key if key.is_empty() => String::new(),
        key => format!(" of {key}"),
    };
    match hole.count() {
        1 => format!("number {}{of} before this line, and no notice explains it", hole.first),
        count => format!(
            "{count} lines{of} before this one, {} to {}, and no notice explains them",
            hole.first, hole.last
        ),
    }
}
