//! Code of the program's that threads of a spool call, as it was given. Whoever calls it guards against its panics.

use std::fmt;
use std::sync::Arc;

use tracing_spool_fileset::{Alert, Rotated};

/// One that is told of something.
type Call<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// Code of the program's that threads of ours call.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) alert: Option<Call<Alert>>,
    pub(crate) rotate: Option<Call<Rotated>>,
    pub(crate) thread_start: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alert, rotate, thread_start } = self;
        let given = [alert.is_some(), rotate.is_some(), thread_start.is_some()];
        f.debug_tuple("Hooks").field(&given).finish()
    }
}
