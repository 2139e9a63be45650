//! The description of a log, as plain data, with the defaults of everything but the file set. `check` decides whether it
//! can be used.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tracing_spool_fileset::{Alert, Rotated, Settings};

use crate::account::rank::Rank;
use crate::settings::choices::{LateRecords, Notices};
use crate::settings::durable::Durable;
use crate::settings::overflow::Overflow;
use crate::settings::target::{Output, Target};
use crate::settings::variables::Variables;

/// Default of [`SpoolBuilder::queue_bytes`](crate::SpoolBuilder::queue_bytes): 16 MiB.
pub const QUEUE_BYTES: u64 = 16 << 20;
/// Default of [`SpoolBuilder::queue_records`](crate::SpoolBuilder::queue_records): 131,072.
pub const QUEUE_RECORDS: u64 = 131_072;
/// Default of [`SpoolBuilder::shutdown_timeout`](crate::SpoolBuilder::shutdown_timeout): 5 s.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// Default of [`SpoolBuilder::linger`](crate::SpoolBuilder::linger): 10 ms.
pub const LINGER: Duration = Duration::from_millis(10);

/// Everything that can be set before a log is opened.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) output: Output,
    /// The file set.
    pub(crate) files: Settings,
    pub(crate) queue_bytes: u64,
    pub(crate) queue_records: u64,
    pub(crate) durable: Durable,
    pub(crate) overflow: Overflow,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) notices: Notices,
    pub(crate) late_records: LateRecords,
    pub(crate) sync_at: Option<Rank>,
    pub(crate) lock_wait: Duration,
    pub(crate) thread_name: String,
    pub(crate) hooks: Hooks,
    pub(crate) quiet: bool,
    pub(crate) linger: Duration,
    /// Which environment variables and flags the settings come from.
    pub(crate) variables: Variables,
}

impl Description {
    /// Returns the name of the log, which is its path if it has files.
    pub(crate) fn name(&self) -> PathBuf {
        self.output.name.as_ref().map_or_else(|| self.files.path.clone(), PathBuf::from)
    }

    /// Describes a log that doesn't go to files. Its records don't linger.
    pub(crate) fn of(target: Target) -> Self {
        let name = target.name();
        let output = Output { target, ..Output::default() };
        Self { output, linger: Duration::ZERO, ..Self::new(Path::new(&name)) }
    }

    pub(crate) fn new(path: &Path) -> Self {
        Self {
            output: Output::default(),
            files: Settings::new(path),
            queue_bytes: QUEUE_BYTES,
            queue_records: QUEUE_RECORDS,
            durable: Durable::default(),
            overflow: Overflow::default(),
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            notices: Notices::default(),
            late_records: LateRecords::default(),
            sync_at: None,
            lock_wait: Duration::ZERO,
            thread_name: "tracing-spool".to_owned(),
            hooks: Hooks::default(),
            quiet: false,
            linger: LINGER,
            variables: Variables::default(),
        }
    }
}

/// A callback.
type Call<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// The program's callbacks, which our threads call.
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
