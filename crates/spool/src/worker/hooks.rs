//! Reports trouble outside the log: to the user's hooks, and as a line on stderr. It knows when a hook runs for too long.
//! The engine raises and clears alerts; `platform::stderr` prints lines.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing_spool_fileset::internal::guest;
use tracing_spool_fileset::{Alert, Clock, Edge, Rotated};

use crate::account::stats::{Hook, SlowHook};
use crate::platform::inside::Inside;
use crate::platform::stderr;
use crate::settings::description::Hooks;

/// How long a hook runs before [`Health`](crate::Health) names it: 1 s.
pub const SLOW_HOOK: Duration = Duration::from_secs(1);

/// Hooks and stderr.
pub(crate) struct AlertSink {
    hooks: Hooks,
    prints: bool,
    /// Lines that stderr had no room for.
    skipped: AtomicU64,
    clock: Arc<dyn Clock>,
    /// When each running [`Hook`] began, in microseconds; 0 if it isn't running.
    running: [AtomicU64; Hook::ALL.len()],
}

impl AlertSink {
    pub(crate) fn new(hooks: Hooks, prints: bool, clock: Arc<dyn Clock>) -> Self {
        Self { hooks, prints, skipped: AtomicU64::new(0), clock, running: Default::default() }
    }

    /// Reports an edge of an alert: on stderr if it was raised, and to the hook in any case. Returns whether the hook
    /// panicked.
    pub(crate) fn say(&self, alert: &Alert) -> bool {
        if alert.edge == Edge::Raised {
            self.print(alert);
        }
        self.hooks.alert.as_ref().is_some_and(|hook| self.panics(Hook::Alert, || hook(alert)))
    }

    /// Calls the hook for a rotation. Returns whether it panicked.
    pub(crate) fn rotated(&self, rotated: &Rotated) -> bool {
        self.hooks.rotate.as_ref().is_some_and(|hook| self.panics(Hook::Rotate, || hook(rotated)))
    }

    /// Calls the hook on this thread, which is one of ours and is starting. Returns whether the hook panicked.
    pub(crate) fn thread_starts(&self) -> bool {
        self.hooks.thread_start.as_ref().is_some_and(|hook| self.panics(Hook::ThreadStart, || hook()))
    }

    /// Prints a line on stderr, or counts it as skipped if that can't be done at once.
    pub(crate) fn print(&self, line: &dyn fmt::Display) {
        if self.prints && !stderr::say(line) {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of skipped lines.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Returns the hook that has been running for too long; of several, the one that began first.
    pub(crate) fn slow_hook(&self) -> Option<SlowHook> {
        let now = self.micros();
        let since = |hook: &Hook| self.running[*hook as usize].load(Ordering::Relaxed);
        let hook = Hook::ALL.into_iter().filter(|hook| since(hook) > 0).min_by_key(since)?;
        let time = Duration::from_micros(now.saturating_sub(since(&hook)));
        (time >= SLOW_HOOK).then_some(SlowHook { hook, time })
    }

    /// Runs user code. Returns whether it panicked.
    fn panics(&self, which: Hook, hook: impl FnOnce()) -> bool {
        // What the hook logs must not wait for the thread that runs the hook: that would deadlock.
        let _inside = Inside::enter();
        let running = &self.running[which as usize];
        // Two threads may run the same hook; only the first is timed.
        let is_first =
            running.compare_exchange(0, self.micros(), Ordering::Relaxed, Ordering::Relaxed).is_ok();
        let panics = guest::run(hook).is_none();
        if is_first {
            running.store(0, Ordering::Relaxed);
        }
        panics
    }

    /// Returns the time in microseconds, never 0.
    fn micros(&self) -> u64 {
        u64::try_from(self.clock.now().mono.since_start().as_micros()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

impl fmt::Debug for AlertSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertSink").field("hooks", &self.hooks).field("prints", &self.prints).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use tracing_spool_fileset::sim::SimClock;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_hook_is_named_while_it_runs_for_long() {
        let clock = SimClock::new();
        let ((begun, begins), (end, ends)) = (channel(), channel());
        let ends = std::sync::Mutex::new(ends);
        let hook = move || {
            begun.send(()).unwrap();
            ends.lock().unwrap().recv_timeout(LONG).unwrap();
        };
        let hooks = Hooks { thread_start: Some(Arc::new(hook)), ..Hooks::default() };
        let sink = AlertSink::new(hooks, false, Arc::new(clock.clone()));
        thread::scope(|scope| {
            let running = scope.spawn(|| sink.thread_starts());
            begins.recv_timeout(LONG).unwrap();
            assert_eq!(sink.slow_hook(), None, "not yet for long");
            clock.advance(SLOW_HOOK);
            assert_eq!(sink.slow_hook(), Some(SlowHook { hook: Hook::ThreadStart, time: SLOW_HOOK }));
            end.send(()).unwrap();
            assert!(!running.join().unwrap());
        });
        clock.advance(SLOW_HOOK);
        assert_eq!(sink.slow_hook(), None, "it has returned");
    }

    #[test]
    fn a_hook_that_panicked_does_not_run_any_more() {
        let clock = SimClock::new();
        let hooks = Hooks { thread_start: Some(Arc::new(|| panic!("in the hook"))), ..Hooks::default() };
        let sink = AlertSink::new(hooks, false, Arc::new(clock.clone()));
        assert!(sink.thread_starts());
        clock.advance(SLOW_HOOK);
        assert_eq!(sink.slow_hook(), None);
    }
}
