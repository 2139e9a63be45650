//! Failures in the directory while the log is written: counted, and reported on stderr, with one line per kind in a while.
//! Nobody waits for stderr, and a line that it doesn't take is counted into the next one.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing_spool_fileset::Mono;
use tracing_spool_process::ProcessLock;

use super::outside::Say;

/// How long a line of one kind suppresses others of the same kind.
const EACH: Duration = Duration::from_secs(10);

/// What can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    Remove,
    Create,
    Link,
}

const KINDS: usize = 4;

#[derive(Debug)]
pub(super) struct Troubles {
    say: Say,
    told: ProcessLock<[Told; KINDS]>,
    failures: AtomicU64,
}

/// What was reported of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    last: Option<Mono>,
    /// Suppressed since then.
    left_out: u64,
}

impl Troubles {
    pub(super) fn new(say: Say) -> Self {
        Self { say, told: ProcessLock::default(), failures: AtomicU64::new(0) }
    }

    /// Counts a failure and reports it, or adds it to the count in the next line of its kind.
    pub(super) fn report(&self, kind: Kind, what: &dyn Display, now: Mono) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let Some(left_out) = self.turn_to_speak(kind, now) else { return };
        let is_said = match left_out {
            0 => (self.say)(what),
            _ => (self.say)(&format_args!("{what} (and {left_out} more like it since the last such line)")),
        };
        if !is_said {
            let mut told = self.told.lock();
            let told = &mut told[kind as usize];
            told.last = None;
            told.left_out += left_out + 1;
        }
    }

    /// Returns how many were suppressed before this one, if it may be reported.
    fn turn_to_speak(&self, kind: Kind, now: Mono) -> Option<u64> {
        let mut told = self.told.lock();
        let told = &mut told[kind as usize];
        if told.last.is_some_and(|last| now - last < EACH) {
            told.left_out += 1;
            return None;
        }
        told.last = Some(now);
        Some(std::mem::take(&mut told.left_out))
    }

    /// Reports something that isn't a failure.
    pub(super) fn warn(&self, what: &dyn Display) {
        (self.say)(what);
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    thread_local! {
        static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
        static IS_BLOCKED: Cell<bool> = const { Cell::new(false) };
    }

    fn say(line: &dyn Display) -> bool {
        SAID.with_borrow_mut(|said| said.push(line.to_string()));
        !IS_BLOCKED.get()
    }

    #[test]
    fn of_each_kind_one_line_in_ten_seconds() {
        let troubles = Troubles::new(say);
        let at = |seconds| Mono::from_start(Duration::from_secs(seconds));
        for second in [0, 1, 9] {
            troubles.report(Kind::Create, &"create", at(second));
        }
        troubles.report(Kind::List, &"list", at(9));
        troubles.report(Kind::Create, &"create", at(10));
        troubles.report(Kind::Create, &"create", at(20));
        assert_eq!(troubles.failures(), 6);
        let more = "create (and 2 more like it since the last such line)";
        assert_eq!(SAID.take(), ["create", "list", more, "create"]);
    }

    #[test]
    fn what_stderr_does_not_take_is_counted_into_the_next_line() {
        let troubles = Troubles::new(say);
        IS_BLOCKED.set(true);
        troubles.report(Kind::Link, &"link", Mono::default());
        troubles.report(Kind::Link, &"link", Mono::default());
        IS_BLOCKED.set(false);
        SAID.take();
        troubles.report(Kind::Link, &"link", Mono::default());
        assert_eq!(SAID.take(), ["link (and 2 more like it since the last such line)"]);
    }
}
