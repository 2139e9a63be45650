//! The limits of a log as flags, and which of them a command is told.

use tracing_spool::Setting;

use crate::flags::{Choice, Flags};

/// The limits that a command is told. What isn't given comes from the log's lock file, and otherwise is the default.
pub(crate) type Limits = Flags<OfLimits>;

/// The names of the limits, in the order in which they are shown.
pub(super) const NAMES: [&str; 8] = [
    "max_bytes",
    "backup_count",
    "max_total_bytes",
    "max_age",
    "min_free_bytes",
    "min_backups",
    "rotate_every",
    "naming",
];

/// The settings that decide what is kept, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct OfLimits;

impl Choice for OfLimits {
    fn takes(setting: &Setting) -> bool {
        setting.name == "archive_dir" || NAMES.contains(&setting.name)
    }

    fn default_of(_: &Setting) -> &'static str {
        "as the log's lock file says"
    }
}
