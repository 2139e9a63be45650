//! Where trouble is said outside the log: the user's hooks and a line on stderr. A hook that runs for long is known here.
//! It decides nothing about alerts: the engine raises and clears them; how a line gets out is `stderr`'s.

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

/// From when on [`Health`](crate::Health) names a hook that has not returned.
pub const SLOW_HOOK: Duration = Duration::from_secs(1);

/// Hooks and stderr.
pub(crate) struct AlertSink {
    hooks: Hooks,
    prints: bool,
    /// Lines that stderr had no room for.
    skipped: AtomicU64,
    clock: Arc<dyn Clock>,
    /// Since when each [`Hook`] runs, in microseconds; 0: it does not.
    running: [AtomicU64; Hook::ALL.len()],
}

impl AlertSink {
    pub(crate) fn new(hooks: Hooks, prints: bool, clock: Arc<dyn Clock>) -> Self {
        Self { hooks, prints, skipped: AtomicU64::new(0), clock, running: Default::default() }
    }

    /// Says an edge of an alert: raised ones on stderr, both to the hook. Returns whether the hook panicked.
    pub(crate) fn say(&self, alert: &Alert) -> bool {
        if alert.edge == Edge::Raised {
            self.print(alert);
        }
        self.hooks.alert.as_ref().is_some_and(|hook| self.panics(Hook::Alert, || hook(alert)))
    }

    /// Tells the hook of a rotation. Returns whether it panicked.
    pub(crate) fn rotated(&self, rotated: &Rotated) -> bool {
        self.hooks.rotate.as_ref().is_some_and(|hook| self.panics(Hook::Rotate, || hook(rotated)))
    }

    /// Tells the hook of this thread, which is one of ours and begins. Returns whether it panicked.
    pub(crate) fn thread_starts(&self) -> bool {
        self.hooks.thread_start.as_ref().is_some_and(|hook| self.panics(Hook::ThreadStart, || hook()))
    }

    /// One line on stderr, which is counted where it cannot be said at once.
    pub(crate) fn print(&self, line: &dyn fmt::Display) {
        if self.prints && !stderr::say(line) {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that could not be said.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// The hook that has run for too long, and for longest.
    pub(crate) fn slow_hook(&self) -> Option<SlowHook> {
        let now = self.micros();
        let since = |hook: &Hook| self.running[*hook as usize].load(Ordering::Relaxed);
        let hook = Hook::ALL.into_iter().filter(|hook| since(hook) > 0).min_by_key(since)?;
        let time = Duration::from_micros(now.saturating_sub(since(&hook)));
        (time >= SLOW_HOOK).then_some(SlowHook { hook, time })
    }

    /// Runs code of the user's. Returns whether it panicked.
    fn panics(&self, which: Hook, hook: impl FnOnce()) -> bool {
        // What the hook logs must not wait for the thread that runs the hook.
        let _inside = Inside::enter();
        let running = &self.running[which as usize];
        // Two threads may run the same hook: the first of them counts.
        let is_first =
            running.compare_exchange(0, self.micros(), Ordering::Relaxed, Ordering::Relaxed).is_ok();
        let panics = guest::run(hook).is_none();
        if is_first {
            running.store(0, Ordering::Relaxed);
        }
        panics
    }

    /// The time, which is never 0.
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
