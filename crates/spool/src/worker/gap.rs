//! Gaps: episodes of loss, when one is over, where in the log it is stated, and how much. `notice` has the words, and the
//! worker writes them.

use std::time::Duration;

use tracing_spool_fileset::{Mono, Now, Wall};

use crate::account::ledger::Dropped;
use crate::worker::notice::Loss;

/// An episode is over when nothing was lost for this long ...
const QUIET: Duration = Duration::from_secs(1);
/// ... and is stated after this long even if it continues.
const LONGEST: Duration = Duration::from_secs(10);

/// Losses that haven't been stated yet.
#[derive(Debug, Default)]
pub(crate) struct Gap {
    /// Stated so far.
    said: Dropped,
    /// What was stated before the last statement, in case that one never reaches the file.
    said_before: Dropped,
    /// Seen so far.
    seen: Dropped,
    episode: Option<Episode>,
    statement: Option<Statement>,
}

#[derive(Clone, Copy, Debug)]
struct Episode {
    began: Mono,
    last: Mono,
    from: Wall,
    until: Wall,
}

#[derive(Clone, Copy, Debug)]
struct Statement {
    /// Its place: after this many records taken.
    after: u64,
    /// What had been dropped when its place was chosen.
    dropped: Dropped,
    from: Wall,
    until: Wall,
}

impl Gap {
    /// Looks at what has been dropped so far. `place` returns after how many taken records a statement would be placed now;
    /// `dropped` must be read after it, so that every gap that a reader sees before the line is counted in it.
    pub(crate) fn watch(
        &mut self,
        now: Now,
        is_blocked: bool,
        place: impl FnOnce() -> u64,
        dropped: impl Fn() -> Dropped,
    ) {
        let grown = dropped() != self.seen;
        if !grown && self.episode.is_none() {
            return; // the common case, which must not touch the cache lines that callers change
        }
        let after = place();
        let dropped = dropped();
        if grown {
            self.seen = dropped;
            let episode = self.episode.get_or_insert(Episode {
                began: now.mono,
                last: now.mono,
                from: now.wall,
                until: now.wall,
            });
            episode.last = now.mono;
            episode.until = now.wall;
        }
        let is_over = self.deadline().is_some_and(|deadline| deadline <= now.mono);
        match &mut self.statement {
            // It can't be written yet, and one line later beats several. It moves after what came in meanwhile.
            Some(statement) if is_blocked && grown => {
                self.episode = None;
                *statement = Statement { after, dropped, from: statement.from, until: now.wall };
            }
            Some(_) => {}
            None if is_over => self.state_at(after, dropped),
            None => {}
        }
    }

    /// Ends the episode at once. The statement's place is after `after` records taken.
    pub(crate) fn force(&mut self, now: Now, after: u64, dropped: Dropped) {
        if dropped.since(&self.said).total() == 0 {
            return;
        }
        self.seen = dropped;
        match &mut self.statement {
            Some(statement) => {
                *statement = Statement { after, dropped, from: statement.from, until: now.wall };
                self.episode = None;
            }
            None => {
                let (mono, wall) = (now.mono, now.wall);
                self.episode.get_or_insert(Episode { began: mono, last: mono, from: wall, until: wall });
                self.state_at(after, dropped);
            }
        }
    }

    /// Returns the statement whose place is after `taken` records, if there is one. It then counts as stated.
    pub(crate) fn take(&mut self, taken: u64) -> Option<Loss> {
        let statement = self.statement.take_if(|statement| statement.after <= taken)?;
        let lost = statement.dropped.since(&self.said);
        self.said_before = self.said;
        self.said = statement.dropped;
        (lost.total() > 0).then_some(Loss { lost, from: statement.from, until: statement.until })
    }

    /// Takes the last statement back: it never reached the file, and must be stated again.
    pub(crate) fn take_back(&mut self, now: Now) {
        self.said = self.said_before;
        let (mono, wall) = (now.mono, now.wall);
        self.episode.get_or_insert(Episode { began: mono, last: mono, from: wall, until: wall });
    }

    /// Returns whether a statement's place is after no more than `taken` records.
    pub(crate) fn is_due(&self, taken: u64) -> bool {
        self.statement.is_some_and(|statement| statement.after <= taken)
    }

    /// Returns whether a statement waits for its place.
    pub(crate) fn is_waiting(&self) -> bool {
        self.statement.is_some()
    }

    /// Returns when the current episode is over, as things stand.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.episode.map(|episode| (episode.last + QUIET).min(episode.began + LONGEST))
    }

    fn state_at(&mut self, after: u64, dropped: Dropped) {
        if let Some(Episode { from, until, .. }) = self.episode.take() {
            self.statement = Some(Statement { after, dropped, from, until });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::ledger::Reason;
    use crate::account::rank::Rank;

    fn at(millis: u64) -> Now {
        let mono = Mono::from_start(Duration::from_millis(millis));
        Now { mono, wall: Wall::from_unix_micros(i64::try_from(millis).unwrap() * 1_000) }
    }

    fn lost(records: u64) -> Dropped {
        Dropped::default().with(Reason::QueueFull, Rank::Debug, records)
    }

    #[test]
    fn one_line_per_episode_behind_what_waits() {
        let mut gap = Gap::default();
        gap.watch(at(0), false, || 10, || lost(0));
        assert_eq!(gap.deadline(), None);
        gap.watch(at(5), false, || 10, || lost(3));
        gap.watch(at(900), false, || 20, || lost(5));
        gap.watch(at(1_899), false, || 25, || lost(5));
        assert!(!gap.is_waiting());
        gap.watch(at(1_900), false, || 30, || lost(5));
        assert!(gap.is_waiting());
        assert_eq!(gap.take(29), None);
        let loss = gap.take(30).unwrap();
        assert_eq!((loss.lost.total(), loss.from, loss.until), (5, at(5).wall, at(900).wall));
        assert!(!gap.is_waiting());
        gap.watch(at(5_000), false, || 40, || lost(5));
        assert_eq!(gap.deadline(), None, "said is said");
    }

    #[test]
    fn a_loss_that_goes_on_is_stated_every_ten_seconds() {
        let mut gap = Gap::default();
        let mut lines = Vec::new();
        for step in 0..250 {
            gap.watch(at(step * 100), false, || step, || lost(step + 1));
            lines.extend(gap.take(step));
        }
        let counts: Vec<u64> = lines.iter().map(|line| line.lost.total()).collect();
        assert_eq!(counts, [101, 101]);
    }

    #[test]
    fn unwritable_it_waits_and_grows() {
        let mut gap = Gap::default();
        gap.watch(at(0), true, || 1, || lost(1));
        gap.watch(at(1_000), true, || 2, || lost(1));
        gap.watch(at(60_000), true, || 9, || lost(700));
        assert_eq!(gap.take(8), None, "it moved behind what came in meanwhile");
        let loss = gap.take(9).unwrap();
        assert_eq!((loss.lost.total(), loss.from, loss.until), (700, at(0).wall, at(60_000).wall));
    }

    #[test]
    fn forced_it_says_the_rest() {
        let mut gap = Gap::default();
        gap.force(at(0), 7, lost(0));
        assert!(!gap.is_waiting());
        gap.watch(at(1), false, || 7, || lost(2));
        gap.force(at(2), 7, lost(4));
        assert_eq!(gap.take(7).unwrap().lost.total(), 4);
        assert_eq!(gap.deadline(), None);
        gap.watch(at(3), false, || 7, || lost(4));
        assert_eq!(gap.deadline(), None);
    }

    #[test]
    fn what_never_reached_the_file_is_said_again() {
        let mut gap = Gap::default();
        gap.force(at(0), 0, lost(4));
        assert!(gap.take(0).is_some());
        gap.take_back(at(1));
        gap.watch(at(1_500), false, || 0, || lost(6));
        gap.force(at(1_600), 0, lost(6));
        assert_eq!(gap.take(0).unwrap().lost.total(), 6);
    }
}
