//! Why and since when a sink without files takes nothing, and when to try again.

use std::time::Duration;

use tracing_spool_fileset::{Mono, Now};

use super::State;

/// Time between two attempts after an error.
const PROBE_EVERY: Duration = Duration::from_millis(500);
/// A reader that hasn't read for this long has stalled, and [`Health`](crate::Health) says so.
const ASLEEP: Duration = Duration::from_secs(1);
/// The shortest rest: however soon a reader may continue, no thread spins for it.
const SHORTEST_REST: Duration = Duration::from_millis(1);
/// The longest rest before checking whether a reader has continued.
const LONGEST_REST: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// There is no room.
    Full,
    /// An error.
    Error,
}

#[derive(Debug, Default)]
pub(super) struct Hold(Option<Held>);

#[derive(Clone, Copy, Debug)]
struct Held {
    why: Why,
    since: Now,
    next_try: Mono,
    is_long: bool,
}

impl Hold {
    /// There is no room.
    pub(super) fn full(&mut self, now: Now) {
        let since = self.since(Why::Full).unwrap_or(now);
        let time = now.mono - since.mono;
        let next_try = now.mono + (time / 20).clamp(SHORTEST_REST, LONGEST_REST);
        self.0 = Some(Held { why: Why::Full, since, next_try, is_long: time >= ASLEEP });
    }

    /// Notes an error that may pass.
    pub(super) fn failed(&mut self, now: Now) {
        let since = self.since(Why::Error).unwrap_or(now);
        self.0 = Some(Held { why: Why::Error, since, next_try: now.mono + PROBE_EVERY, is_long: true });
    }

    fn since(&self, why: Why) -> Option<Now> {
        self.0.filter(|held| held.why == why).map(|held| held.since)
    }

    pub(super) fn end(&mut self) {
        self.0 = None;
    }

    /// Allows the next attempt at once.
    pub(super) fn hurry(&mut self) {
        if let Some(held) = &mut self.0 {
            held.next_try = Mono::from_start(Duration::ZERO);
        }
    }

    /// Returns whether it is too early for an attempt.
    pub(super) fn is_early(&self, now: Now) -> bool {
        self.0.is_some_and(|held| now.mono < held.next_try)
    }

    pub(super) fn wake_at(&self) -> Option<Mono> {
        self.0.map(|held| held.next_try)
    }

    /// Returns since when the hold has lasted, if it is long enough to report.
    pub(super) fn long_since(&self) -> Option<Now> {
        self.0.filter(|held| held.is_long).map(|held| held.since)
    }

    pub(super) fn state(&self) -> State {
        match self.0 {
            Some(Held { why: Why::Error, .. }) => State::Failing,
            Some(Held { is_long: true, .. }) => State::Asleep,
            Some(_) => State::Full,
            None => State::Writing,
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_spool_fileset::Wall;

    use super::*;

    fn at(millis: u64) -> Now {
        let mono = Mono::from_start(Duration::from_millis(millis));
        Now { mono, wall: Wall::from_unix_micros(i64::try_from(millis).unwrap() * 1_000) }
    }

    #[test]
    fn a_full_pipe_is_looked_at_soon_and_sleep_is_said_after_a_while() {
        let mut hold = Hold::default();
        hold.full(at(100));
        assert_eq!((hold.state(), hold.is_early(at(101)), hold.long_since()), (State::Full, false, None));
        hold.full(at(140));
        assert_eq!(hold.wake_at(), Some(at(142).mono));
        hold.full(at(1_100));
        assert_eq!((hold.state(), hold.long_since()), (State::Asleep, Some(at(100))));
        hold.full(at(60_000));
        assert_eq!(hold.wake_at(), Some(at(60_050).mono), "a reader that wakes up is heard soon");
        hold.end();
        assert_eq!((hold.state(), hold.wake_at()), (State::Writing, None));
    }

    #[test]
    fn an_error_is_probed_and_can_be_hurried() {
        let mut hold = Hold::default();
        hold.full(at(0));
        hold.failed(at(10));
        assert_eq!((hold.state(), hold.long_since()), (State::Failing, Some(at(10))));
        hold.failed(at(600));
        assert_eq!(hold.long_since(), Some(at(10)), "one trouble");
        assert!(hold.is_early(at(1_099)) && !hold.is_early(at(1_100)));
        hold.hurry();
        assert!(!hold.is_early(at(601)));
    }
}
