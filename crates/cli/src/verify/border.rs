//! The border between two files: lines that stand on both sides of it, and a clock that went back. It remembers a few lines
//! of each side, and no more.

use std::collections::VecDeque;

use super::finding::{Findings, Kind, Place};

/// Lines that are remembered of the end of a file and of its beginning.
const LINES: usize = 64;
/// So many equal lines with a time stamp can't be chance.
const STAMPED_MIN: usize = 2;
/// So many different lines without one can't be, either.
const OTHERS_MIN: usize = 8;
/// A clock may be set back a little.
const STEP_MICROS: i64 = 5_000_000;

/// What is remembered of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trace {
    digest: u64,
    is_stamped: bool,
}

/// The beginning and end of the file before, and those of this one.
#[derive(Debug, Default)]
pub(super) struct Border {
    old_head: Vec<Trace>,
    old_tail: VecDeque<Trace>,
    old_last: Option<i64>,
    head: Vec<Trace>,
    tail: VecDeque<Trace>,
    first: Option<i64>,
    last: Option<i64>,
    is_judged: bool,
}

impl Border {
    /// Notes a line. `stamp` is its time.
    pub(super) fn line(&mut self, line: &[u8], stamp: Option<i64>, place: Place, findings: &mut Findings) {
        let trace = Trace { digest: digest(line), is_stamped: stamp.is_some() };
        if self.head.len() < LINES {
            self.head.push(trace);
        } else if !self.is_judged {
            self.judge(place.file, findings);
        }
        let is_again = stamp.is_some() && stamp == self.last && self.tail.back() == Some(&trace);
        if is_again && stamp.is_some_and(|micros| micros % 1000 != 0) {
            let why = || "as the line before, to the microsecond".to_owned();
            findings.add(Kind::Twice, place, why, line);
        }
        if self.tail.len() == LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(trace);
        if let Some(stamp) = stamp {
            if self.first.is_none() {
                self.first = Some(stamp);
                self.compare_clocks(stamp, line, place, findings);
            }
            self.last = Some(stamp);
        }
    }

    /// Ends a file.
    pub(super) fn end_file(&mut self, file: usize, findings: &mut Findings) {
        if !self.is_judged {
            self.judge(file, findings);
        }
        if self.head.is_empty() {
            self.is_judged = false;
            return;
        }
        *self = Self {
            old_head: std::mem::take(&mut self.head),
            old_tail: std::mem::take(&mut self.tail),
            old_last: self.last.or(self.old_last),
            ..Self::default()
        };
    }

    fn compare_clocks(&self, first: i64, line: &[u8], place: Place, findings: &mut Findings) {
        let Some(back) = self.old_last.map(|last| last.saturating_sub(first)) else { return };
        if back > STEP_MICROS {
            let why =
                || format!("the file begins {} s before the end of the file before it", back / 1_000_000);
            findings.add(Kind::ClockStep, place, why, line);
        }
    }

    fn judge(&mut self, file: usize, findings: &mut Findings) {
        self.is_judged = true;
        let place = Place { file, line: 1, at: 0 };
        let same = self.old_head.iter().zip(&self.head).take_while(|(old, new)| old == new).count();
        if is_certain(&self.head[..same]) {
            let at_least = if same == LINES { "at least " } else { "" };
            let why = || format!("its first {at_least}{same} lines are those of the file before it");
            findings.add_many(Kind::Repeated, same as u64, place, why, b"");
            return;
        }
        let overlap = (1..=self.head.len().min(self.old_tail.len())).rev().find(|count| {
            let tail = self.old_tail.range(self.old_tail.len() - count..);
            tail.eq(&self.head[..*count]) && is_certain(&self.head[..*count])
        });
        if let Some(count) = overlap {
            let why = || format!("its first {count} lines are the last ones of the file before it");
            findings.add_many(Kind::Repeated, count as u64, place, why, b"");
        }
    }
}

/// Returns whether these lines can't stand there twice by chance.
fn is_certain(lines: &[Trace]) -> bool {
    let different = |is_wanted: fn(&Trace) -> bool| {
        let mut digests: Vec<u64> =
            lines.iter().filter(|line| is_wanted(line)).map(|line| line.digest).collect();
        digests.sort_unstable();
        digests.dedup();
        digests.len()
    };
    different(|line| line.is_stamped) >= STAMPED_MIN || different(|_| true) >= OTHERS_MIN
}

/// Mixes a line into one word: each eight bytes are multiplied in, so that order and length count.
fn digest(line: &[u8]) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |sum: u64, word: u64| (sum.rotate_left(23) ^ word).wrapping_mul(ODD);
    let chunks = line.chunks_exact(8);
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    let words = chunks.map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
    let sum = mix(words.fold(line.len() as u64, mix), u64::from_le_bytes(last));
    sum ^ (sum >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(files: &[&[(&str, Option<i64>)]]) -> Vec<(Kind, u64)> {
        let (mut border, mut findings) = (Border::default(), Findings::default());
        for (file, lines) in files.iter().enumerate() {
            for (index, (line, stamp)) in lines.iter().enumerate() {
                let place = Place { file, line: index as u64 + 1, at: 0 };
                border.line(line.as_bytes(), *stamp, place, &mut findings);
            }
            border.end_file(file, &mut findings);
        }
        findings.counts().collect()
    }

    const A: (&str, Option<i64>) = ("a", Some(1));
    const B: (&str, Option<i64>) = ("b", Some(2));
    const C: (&str, Option<i64>) = ("c", Some(3));
    const D: (&str, Option<i64>) = ("d", Some(4));

    #[test]
    fn lines_on_both_sides_are_seen() {
        assert_eq!(found_in(&[&[A, B], &[C, D]]), []);
        assert_eq!(found_in(&[&[A, B], &[A, B, C, D]]), [(Kind::Repeated, 2)], "a copy that went on");
        assert_eq!(found_in(&[&[A, B, C], &[], &[B, C, D]]), [(Kind::Repeated, 2)], "the end again");
        assert_eq!(found_in(&[&[A, B], &[B, C]]), [], "one line may be chance");
        let plain = ("beat", None);
        assert_eq!(found_in(&[&[plain; 70], &[plain; 70]]), []);
    }

    #[test]
    fn the_same_line_twice_and_a_clock_that_went_back() {
        assert_eq!(found_in(&[&[A, A, B]]), [(Kind::Twice, 1)]);
        assert_eq!(found_in(&[&[("a", Some(9_000_001))], &[("b", Some(3))]]), [(Kind::ClockStep, 1)]);
        assert_eq!(found_in(&[&[("a", Some(3_000_001))], &[("b", Some(3))]]), []);
    }

    #[test]
    fn every_byte_counts() {
        let line: Vec<u8> = (0..40).collect();
        for at in 0..line.len() {
            let mut other = line.clone();
            other[at] ^= 1;
            assert_ne!(digest(&line), digest(&other));
            assert_ne!(digest(&line[..at]), digest(&line));
        }
    }
}
