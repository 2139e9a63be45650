//! Where trouble is said outside the log: the user's hook and one line on stderr. The only place that prints.
//! It decides nothing about alerts: the engine raises and clears them.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use tracing_spool_fileset::internal::guest;
use tracing_spool_fileset::{Alert, Edge, Rotated};

use crate::origin::Inside;

/// The user's hook.
pub(crate) type Hook = Arc<dyn Fn(&Alert) + Send + Sync>;

/// The user's hook for rotations.
pub(crate) type RotateHook = Arc<dyn Fn(&Rotated) + Send + Sync>;

/// Hooks and stderr.
#[derive(Clone)]
pub(crate) struct AlertSink {
    hook: Option<Hook>,
    rotate_hook: Option<RotateHook>,
    prints: bool,
}

impl AlertSink {
    pub(crate) fn new(hook: Option<Hook>, rotate_hook: Option<RotateHook>, prints: bool) -> Self {
        Self { hook, rotate_hook, prints }
    }

    /// Says an edge of an alert: raised ones on stderr, both to the hook. Returns whether the hook panicked.
    pub(crate) fn say(&self, alert: &Alert) -> bool {
        if alert.edge == Edge::Raised {
            self.print(alert);
        }
        self.hook.as_ref().is_some_and(|hook| panics(|| hook(alert)))
    }

    /// Tells the hook of a rotation. Returns whether it panicked.
    pub(crate) fn rotated(&self, rotated: &Rotated) -> bool {
        self.rotate_hook.as_ref().is_some_and(|hook| panics(|| hook(rotated)))
    }

    /// One line on stderr. An error of stderr has nowhere to go.
    #[expect(clippy::disallowed_methods, reason = "the one sink that prints")]
    pub(crate) fn print(&self, line: &dyn fmt::Display) {
        if self.prints {
            let _ = writeln!(std::io::stderr().lock(), "tracing-spool: {line}");
        }
    }
}

/// Runs code of the user's. Returns whether it panicked.
fn panics(hook: impl FnOnce()) -> bool {
    // What the hook logs must not wait for the thread that runs the hook.
    let _inside = Inside::enter();
    guest::run(hook).is_none()
}

impl fmt::Debug for AlertSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertSink").field("hook", &self.hook.is_some()).field("prints", &self.prints).finish()
    }
}
