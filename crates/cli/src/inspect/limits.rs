//! The limits of a log as flags, and which of them a command is told.

use tracing_spool::Setting;

use crate::flags::{Choice, Flags};
use crate::set::LIMITS;

/// The limits that a command is told. What isn't given comes from the log's lock file, and otherwise is the default.
pub(crate) type Limits = Flags<OfLimits>;

/// Returns what decides which backups are kept and what they are called, in the order in which it is shown.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LIMITS.into_iter().chain(["naming"])
}

/// The settings that decide what is kept, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct OfLimits;

impl Choice for OfLimits {
    fn takes(setting: &Setting) -> bool {
        setting.name == "archive_dir" || names().any(|name| name == setting.name)
    }

    fn default_of(_: &Setting) -> &'static str {
        "as the log's lock file says"
    }
}
