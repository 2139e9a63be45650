//! The report of a check, as plain lines: the findings, what the log says was lost, and one line in summary.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use indicatif::{DecimalBytes, HumanCount};

use super::check::{Check, Tally};
use super::finding::Kind;
use crate::text::level::Level;
use crate::text::notice::Loss;

/// Losses that are listed one by one.
const LOSSES_LISTED: usize = 50;
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// A checked set.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    /// By the index that findings name.
    pub(super) files: Vec<String>,
    pub(super) tallies: Vec<Tally>,
    /// Files that hold no lines of the time that was asked for.
    pub(super) left_out: usize,
    pub(super) check: &'a Check,
}

/// What is to be said of a set in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Whole,
    Damaged,
    Lost,
}

impl Checked<'_> {
    pub(super) fn verdict(&self) -> Verdict {
        if self.check.findings.is_damage() {
            Verdict::Damaged
        } else if self.check.told.records > 0 || self.check.findings.count(Kind::Told) > 0 {
            Verdict::Lost
        } else {
            Verdict::Whole
        }
    }

    pub(super) fn lines(&self) -> u64 {
        self.tallies.iter().map(|tally| tally.lines).sum()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.tallies.iter().map(|tally| tally.bytes).sum()
    }

    /// Writes the report.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_findings(out)?;
        self.write_losses(out)?;
        self.write_notes(out)?;
        self.write_summary(out)
    }

    fn write_findings(&self, out: &mut dyn Write) -> io::Result<()> {
        for finding in self.check.findings.listed() {
            let file = self.files.get(finding.place.file).map_or("", String::as_str);
            let (name, why) = (finding.kind.name(), &finding.why);
            let style = if finding.kind.is_damage() { RED } else { YELLOW };
            let warning = if finding.kind.is_damage() { "" } else { "warning: " };
            match finding.place.line {
                0 => write!(out, "{file}: {style}{warning}{name}{style:#}: {why}")?,
                line => {
                    let at = finding.place.at;
                    write!(out, "{file}:{line}: {style}{warning}{name}{style:#}: byte {at}: {why}")?;
                }
            }
            match finding.excerpt.as_str() {
                "" => writeln!(out)?,
                excerpt => writeln!(out, ": {excerpt}")?,
            }
        }
        for (kind, more) in self.check.findings.unlisted() {
            writeln!(out, "... and {} more: {}", HumanCount(more), kind.name())?;
        }
        Ok(())
    }

    fn write_losses(&self, out: &mut dyn Write) -> io::Result<()> {
        let told = &self.check.told;
        if told.gaps == 0 {
            return Ok(());
        }
        writeln!(out, "lost, as the log says:")?;
        let listed = || told.losses.iter().take(LOSSES_LISTED).map(|loss| &loss.levels);
        let width = listed().chain([&told.levels]).map(|counts| levels(counts).len()).max().unwrap_or(0);
        let row = |from: &str, until: &str, records: &str, levels: &str, reasons: &str| {
            format!("  {from:24}  {until:24}  {records:>10}  {levels:width$}  {reasons}")
                .trim_end()
                .to_owned()
        };
        writeln!(out, "{}", row("from", "until", "records", "levels", "reasons"))?;
        for loss in told.losses.iter().take(LOSSES_LISTED) {
            let records = HumanCount(loss.records).to_string();
            let (from, until) = (moment(loss.from), moment(loss.until));
            writeln!(out, "{}", row(&from, &until, &records, &levels(&loss.levels), &reasons(loss)))?;
        }
        let unlisted = told.gaps.saturating_sub(LOSSES_LISTED as u64);
        if unlisted > 0 {
            writeln!(out, "  ... and {} more", HumanCount(unlisted))?;
        }
        if told.gaps > 1 {
            let reasons = list(told.reasons.iter().map(|(name, count)| (name, *count)));
            let records = HumanCount(told.records).to_string();
            writeln!(out, "{}", row("in all", "", &records, &levels(&told.levels), &reasons))?;
        }
        Ok(())
    }

    fn write_notes(&self, out: &mut dyn Write) -> io::Result<()> {
        let told = &self.check.told;
        if !told.notes.is_empty() {
            writeln!(out, "the log also says:")?;
        }
        for note in &told.notes {
            writeln!(out, "  {}  {}", moment(note.at), super::finding::excerpt(note.message.as_bytes()))?;
        }
        if told.unlisted_notes > 0 {
            writeln!(out, "  ... and {} more", HumanCount(told.unlisted_notes))?;
        }
        Ok(())
    }

    fn write_summary(&self, out: &mut dyn Write) -> io::Result<()> {
        let count = |count: u64, one: &str| {
            format!("{} {one}{}", HumanCount(count), if count == 1 { "" } else { "s" })
        };
        let files = count(self.tallies.len() as u64, "file");
        write!(out, "{files}, {}, {}: ", count(self.lines(), "line"), DecimalBytes(self.bytes()))?;
        let findings = &self.check.findings;
        let named = |is_damage: bool| {
            let of = findings.counts().filter(move |(kind, _)| kind.is_damage() == is_damage);
            of.map(|(kind, count)| format!("{} {}", HumanCount(count), kind.name()))
                .collect::<Vec<_>>()
                .join(", ")
        };
        if findings.is_damage() {
            write!(out, "{RED}damaged{RED:#}: {}", named(true))?;
        } else {
            write!(out, "{GREEN}whole{GREEN:#}")?;
        }
        let told = &self.check.told;
        if told.records > 0 {
            let all_told = match self.check.missing {
                0 if self.check.has_numbers() => ", all told",
                0 => ", as the log says",
                _ => "",
            };
            let (records, gaps) = (count(told.records, "record"), count(told.gaps, "gap"));
            write!(out, "; {records} lost in {gaps}{all_told}")?;
        }
        if self.check.explained > 0 {
            write!(out, "; the notices explain {} that are missing", HumanCount(self.check.explained))?;
        }
        if !named(false).is_empty() {
            write!(out, "; worth a look: {}", named(false))?;
        }
        if self.left_out > 0 {
            write!(out, "; {} of other times not read", count(self.left_out as u64, "file"))?;
        }
        writeln!(out)
    }
}

/// A single reason needs no number.
fn reasons(loss: &Loss) -> String {
    match &loss.reasons[..] {
        [(only, _)] => only.clone(),
        all => list(all.iter().map(|(name, count)| (name, *count))),
    }
}

fn levels(levels: &[u64; 5]) -> String {
    list(Level::ALL.into_iter().map(Level::name).zip(levels.iter().copied()))
}

fn list<N: Display>(counts: impl Iterator<Item = (N, u64)>) -> String {
    let named =
        counts.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{} {name}", HumanCount(count)));
    named.collect::<Vec<_>>().join(", ")
}

/// Returns a moment as lines state it, to the millisecond.
pub(super) fn moment(micros: Option<i64>) -> String {
    let time = micros.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    time.map_or_else(|| "?".to_owned(), |time| format!("{time:.3}"))
}
