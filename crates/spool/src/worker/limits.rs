//! New limits on the writer thread: it passes what the handle has checked to the engine.

use tracing_spool_fileset::{Engine, Now, Settings};

use crate::worker::shared::Shared;

/// Applies the limits. Paths stay as they were made absolute at the start, because the program may have changed its
/// directory since.
pub(crate) fn apply(file_set: &mut Engine, settings: Settings, shared: &Shared, now: Now) {
    let mut settings = settings;
    settings.path.clone_from(&file_set.settings().path);
    settings.alert_file.clone_from(&file_set.settings().alert_file);
    settings.latest_link.clone_from(&file_set.settings().latest_link);
    settings.archive_dir.clone_from(&file_set.settings().archive_dir);
    if let Err(faults) = file_set.reconfigure(settings, now) {
        // The handle has checked them against the same settings, so nobody waits for an answer.
        for fault in faults {
            shared.sink.print(&format_args!("{}: the log keeps its limits: {fault}", shared.path.display()));
        }
    }
}
