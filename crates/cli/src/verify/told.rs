//! What the log tells of itself: losses, and whether they explain the lines that are missing.

use std::collections::BTreeMap;

use super::finding::Place;
use super::numbers::Hole;
use crate::text::notice::{Loss, News, Notice};

/// Losses and other notices that are remembered one by one. More are only summed up.
const LOSSES_MAX: usize = 65_536;
const NOTES_MAX: usize = 100;
const REASONS_MAX: usize = 64;
/// How far the stamps of lines and of notices may be apart: lines are stamped before they are handed over.
const SLACK_MICROS: i64 = 2_000_000;

/// A notice worth repeating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) at: Option<i64>,
    pub(super) place: Place,
    pub(super) message: String,
}

/// The losses of a log, and what else it says.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) losses: Vec<Loss>,
    /// Losses of other times than was asked for. They explain missing lines as well.
    others: Vec<Loss>,
    pub(super) gaps: u64,
    pub(super) records: u64,
    pub(super) levels: [u64; 5],
    pub(super) reasons: BTreeMap<String, u64>,
    pub(super) notes: Vec<Note>,
    pub(super) unlisted_notes: u64,
    /// Records that may stand there twice.
    pub(super) uncertain: u64,
    /// Lengths of fragments that the log says stand at the ends of files.
    pub(super) fragments: Vec<u64>,
    /// Numbers that may be missing although nothing was lost: records that were begun and never accepted.
    begun: u64,
}

impl Told {
    /// Takes a notice, unless `since` and `until` leave it out.
    pub(super) fn take(&mut self, notice: Notice, place: Place, window: (Option<i64>, Option<i64>)) {
        let Notice { at, message, news } = notice;
        match news {
            News::Lost(loss) => self.lose(loss, at, window),
            News::Recovered(recovery) => {
                self.uncertain = self.uncertain.saturating_add(recovery.uncertain);
                self.begun = self.begun.saturating_add(recovery.holes);
                if recovery.dropped > 0 {
                    let reasons = vec![("process died".to_owned(), recovery.dropped)];
                    self.lose(Loss { records: recovery.dropped, reasons, ..Loss::default() }, at, window);
                }
                self.note(at, place, message);
            }
            News::FragmentLeft(bytes) => {
                if self.fragments.len() < NOTES_MAX {
                    self.fragments.push(bytes);
                }
                self.note(at, place, message);
            }
            News::TailEnded | News::Remarkable => self.note(at, place, message),
            News::Other => {}
        }
    }

    fn note(&mut self, at: Option<i64>, place: Place, message: String) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(Note { at, place, message });
        } else {
            self.unlisted_notes += 1;
        }
    }

    fn lose(&mut self, mut loss: Loss, at: Option<i64>, (since, until): (Option<i64>, Option<i64>)) {
        loss.until = loss.until.or(at);
        let is_before = loss.until.zip(since).is_some_and(|(lost, since)| lost < since);
        let is_behind = loss.from.or(at).zip(until).is_some_and(|(lost, until)| lost > until);
        if is_before || is_behind {
            if self.others.len() < LOSSES_MAX {
                self.others.push(loss);
            }
            return;
        }
        self.gaps += 1;
        self.records = self.records.saturating_add(loss.records);
        for (sum, count) in self.levels.iter_mut().zip(loss.levels) {
            *sum = sum.saturating_add(count);
        }
        for (reason, count) in &loss.reasons {
            if self.reasons.len() < REASONS_MAX || self.reasons.contains_key(reason) {
                let sum = self.reasons.entry(reason.clone()).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        if self.losses.len() < LOSSES_MAX {
            self.losses.push(loss);
        }
    }

    /// Returns the holes that the losses don't explain.
    ///
    /// Holes and losses that touch in time are weighed together: what is missing may be as much as what was told, and no
    /// more. A hole whose time isn't known makes this one weighing of everything.
    pub(super) fn unexplained(&self, mut holes: Vec<Hole>) -> Vec<Hole> {
        let is_known = holes.iter().all(|hole| hole.from.is_some() && hole.until.is_some());
        if !is_known || self.losses.len() == LOSSES_MAX {
            let missing = holes.iter().fold(0_u64, |sum, hole| sum.saturating_add(hole.count()));
            let told = self.others.iter().fold(self.records, |sum, loss| sum.saturating_add(loss.records));
            return if missing <= told.saturating_add(self.begun) { Vec::new() } else { holes };
        }
        holes.sort_by_key(|hole| hole.from);
        let mut spans: Vec<(i64, i64, Side)> = Vec::new();
        for (index, hole) in holes.iter().enumerate() {
            let (from, until) = (hole.from.unwrap_or(i64::MIN), hole.until.unwrap_or(i64::MAX));
            spans.push((from.min(until), until.max(from), Side::Missing(index)));
        }
        for loss in self.losses.iter().chain(&self.others) {
            let from = loss.from.map_or(i64::MIN, |from| from.saturating_sub(SLACK_MICROS));
            let until = loss.until.map_or(i64::MAX, |until| until.saturating_add(SLACK_MICROS));
            spans.push((from, until, Side::Told(loss.records)));
        }
        spans.sort_by_key(|(from, _, _)| *from);
        let unexplained = weigh(&spans, &holes, self.begun);
        let mut index = 0;
        holes.retain(|_| {
            index += 1;
            unexplained.contains(&(index - 1))
        });
        holes
    }
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Missing(usize),
    Told(u64),
}

/// Returns the holes of each cluster in which more is missing than was told. `begun` is what may be missing anywhere.
fn weigh(spans: &[(i64, i64, Side)], holes: &[Hole], mut begun: u64) -> Vec<usize> {
    let mut unexplained = Vec::new();
    let (mut end, mut told, mut missing) = (i64::MIN, 0_u64, Vec::new());
    let mut close = |told: u64, missing: &mut Vec<usize>| {
        let count = missing.iter().fold(0_u64, |sum, index| sum.saturating_add(holes[*index].count()));
        let lacking = count.saturating_sub(told);
        if lacking > begun {
            unexplained.append(missing);
        } else {
            begun -= lacking;
            missing.clear();
        }
    };
    for (from, until, side) in spans {
        if *from > end {
            close(told, &mut missing);
            told = 0;
        }
        end = end.max(*until);
        match side {
            Side::Missing(index) => missing.push(*index),
            Side::Told(records) => told = told.saturating_add(*records),
        }
    }
    close(told, &mut missing);
    unexplained.sort_unstable();
    unexplained
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn hole(count: u64, from: i64, until: i64) -> Hole {
        let place = Place::default();
        Hole {
            key: Vec::new(),
            first: 1,
            last: count,
            place,
            from: Some(from * SECOND),
            until: Some(until * SECOND),
        }
    }

    fn told(losses: &[(u64, i64, i64)]) -> Told {
        let mut told = Told::default();
        for (records, from, until) in losses {
            let loss = Loss {
                records: *records,
                from: Some(from * SECOND),
                until: Some(until * SECOND),
                ..Loss::default()
            };
            told.lose(loss, None, (None, None));
        }
        told
    }

    #[test]
    fn missing_lines_are_explained_by_losses_of_their_time() {
        let told = told(&[(5, 10, 20), (7, 100, 110)]);
        let left = |holes: &[Hole]| told.unexplained(holes.to_vec());
        assert_eq!(left(&[hole(5, 9, 21), hole(7, 99, 111)]), []);
        assert_eq!(left(&[hole(2, 9, 12), hole(3, 19, 21)]), [], "of two writers");
        assert_eq!(left(&[hole(6, 9, 21), hole(6, 99, 111)]), [hole(6, 9, 21)]);
        assert_eq!(left(&[hole(1, 50, 51)]), [hole(1, 50, 51)]);
        let unknown = Hole { from: None, ..hole(12, 50, 51) };
        assert_eq!(left(std::slice::from_ref(&unknown)), []);
        let more = Hole { last: 13, ..unknown };
        assert_eq!(left(std::slice::from_ref(&more)).len(), 1);
    }

    #[test]
    fn a_window_leaves_losses_out() {
        let loss = |from, until| Loss { records: 1, from: Some(from), until: Some(until), ..Loss::default() };
        let mut told = Told::default();
        for (from, until) in [(1, 2), (3, 6), (7, 9)] {
            told.lose(loss(from, until), None, (Some(5), Some(6)));
        }
        assert_eq!(told.losses, [loss(3, 6)]);
    }
}
