//! Draws what became of the lines: a bar for each library, green for kept, yellow for lost and said, red for lost in silence.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use indicatif::HumanCount;

use super::disk::BYTES;
use super::play::{BUDGET, Budget, Fate, FullDisk, LINES};

/// Columns of a bar.
const COLUMNS: usize = 60;
/// The most letters of a message that are shown.
const WORDS: usize = 88;
const KEPT: (Style, char) = (AnsiColor::Green.on_default(), '█');
const SAID: (Style, char) = (AnsiColor::Yellow.on_default(), '▒');
const SILENT: (Style, char) = (AnsiColor::Red.on_default(), '·');
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Draws the scene with the full disk.
pub(super) fn of_a_full_disk(scene: &FullDisk) -> String {
    let mut words = format!(
        "{BOLD}A disk of {} MiB, {} lines.{BOLD:#} Something else fills the disk after a third of them, and makes room\n\
         after two thirds.\n\n",
        BYTES >> 20,
        HumanCount(LINES as u64)
    );
    let full = format!("{}{}", " ".repeat(19 + COLUMNS / 3), "-- the disk is full --");
    let _ = writeln!(words, "{DIM}{full}{DIM:#}");
    for (name, fate) in [("tracing-spool", &scene.ours), ("tracing-appender", &scene.theirs)] {
        let _ = writeln!(words, "  {name:<16} {}", bar(fate));
        let lost = (LINES - fate.kept.len()) as u64;
        let _ = write!(words, "{:19}kept {}", "", HumanCount(fate.kept.len() as u64));
        if lost > 0 {
            let _ = write!(
                words,
                ", lost {}, and told of {} of them",
                HumanCount(lost),
                HumanCount(fate.said_lost.min(lost))
            );
        } else {
            words.push_str(", lost none");
        }
        if fate.damaged > 0 {
            let _ = write!(words, ", {} damaged", HumanCount(fate.damaged as u64));
        }
        words.push('\n');
        for said in fate.words.iter().take(3) {
            let short = shortened(said);
            let _ = writeln!(words, "{:19}{DIM}{short}{DIM:#}", "");
        }
        words.push('\n');
    }
    words
}

/// Draws the scene with the budget.
pub(super) fn of_a_budget(scene: &Budget) -> String {
    let mut words = format!(
        "{BOLD}A log that may take {} MiB, {} MiB written.{BOLD:#} What stands on the disk:\n\n",
        BUDGET >> 20,
        scene.written >> 20
    );
    let most = scene.ours.max(scene.theirs).max(1);
    for (name, bytes) in [("tracing-spool", scene.ours), ("tracing-appender", scene.theirs)] {
        let columns = usize::try_from(bytes * COLUMNS as u64 / most).unwrap_or(COLUMNS);
        let (style, mark) = if bytes <= BUDGET { KEPT } else { SILENT };
        let mark = if bytes <= BUDGET { mark } else { '█' };
        let drawn = mark.to_string().repeat(columns.max(1));
        let mib = (bytes * 10) >> 20;
        let _ = writeln!(words, "  {name:<16} {style}{drawn}{style:#} {}.{} MiB", mib / 10, mib % 10);
    }
    words
}

/// Cuts a message between two words.
fn shortened(said: &str) -> String {
    if said.len() <= WORDS {
        return said.to_owned();
    }
    let end = said.char_indices().map(|(at, _)| at).take_while(|at| *at < WORDS).last().unwrap_or(0);
    let kept = &said[..end];
    format!("{} ...", kept.rsplit_once(' ').map_or(kept, |(kept, _)| kept).trim_end_matches(':'))
}

/// A column stands for as many lines as fit, and shows the worst that became of most of them.
fn bar(fate: &Fate) -> String {
    let per_column = LINES / COLUMNS;
    let lost = (LINES - fate.kept.len()) as u64;
    let is_said = fate.said_lost >= lost;
    let mut drawn = String::new();
    for column in 0..COLUMNS {
        let lines = column * per_column..(column + 1) * per_column;
        let kept = fate.kept.range(lines).count();
        let (style, mark) = match (kept * 2 >= per_column, is_said) {
            (true, _) => KEPT,
            (false, true) => SAID,
            (false, false) => SILENT,
        };
        let _ = write!(drawn, "{style}{mark}{style:#}");
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_what_was_said_and_what_was_not() {
        let kept = (0..LINES / 2).collect();
        let silent = Fate { kept, ..Fate::default() };
        let said = Fate { said_lost: LINES as u64 / 2, ..silent.clone() };
        let marks = |fate: &Fate| [KEPT.1, SAID.1, SILENT.1].map(|mark| bar(fate).matches(mark).count());
        assert_eq!((marks(&silent), marks(&said)), ([30, 0, 30], [30, 30, 0]));
    }
}
