//! Where trouble is said outside the log: the user's hook and one line on stderr. The only place that prints.
//! It decides nothing about alerts: the engine raises and clears them.

use std::fmt;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tracing_spool_fileset::{Alert, Edge};

use crate::origin::Inside;

/// The user's hook.
pub(crate) type Hook = Arc<dyn Fn(&Alert) + Send + Sync>;

/// Hook and stderr.
#[derive(Clone)]
pub(crate) struct AlertSink {
    hook: Option<Hook>,
    prints: bool,
}

impl AlertSink {
    pub(crate) fn new(hook: Option<Hook>, prints: bool) -> Self {
        Self { hook, prints }
    }

    /// Says an edge of an alert: raised ones on stderr, both to the hook. Returns whether the hook panicked.
    pub(crate) fn say(&self, alert: &Alert) -> bool {
        if alert.edge == Edge::Raised {
            self.print(alert);
        }
        let Some(hook) = &self.hook else { return false };
        // What the hook logs must not wait for the thread that runs the hook.
        let _inside = Inside::enter();
        match catch_unwind(AssertUnwindSafe(|| hook(alert))) {
            Ok(()) => false,
            Err(payload) => {
                // Its destructor is the user's too, and could panic again.
                std::mem::forget(payload);
                true
            }
        }
    }

    /// One line on stderr. An error of stderr has nowhere to go.
    #[expect(clippy::disallowed_methods, reason = "the one sink that prints")]
    pub(crate) fn print(&self, line: &dyn fmt::Display) {
        if self.prints {
            let _ = writeln!(std::io::stderr().lock(), "tracing-spool: {line}");
        }
    }
}

impl fmt::Debug for AlertSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertSink").field("hook", &self.hook.is_some()).field("prints", &self.prints).finish()
    }
}
