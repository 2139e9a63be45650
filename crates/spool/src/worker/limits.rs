//! Other limits, on the writer thread: what the handle has checked is given to the engine.
//! Nothing is decided here.

use tracing_spool_fileset::{Engine, Now, Settings};

use crate::worker::shared::Shared;

/// The paths stay those that were made absolute at the start: where the program is now does not matter.
pub(crate) fn apply(file_set: &mut Engine, settings: Settings, shared: &Shared, now: Now) {
    let mut settings = settings;
    settings.path.clone_from(&file_set.settings().path);
    settings.alert_file.clone_from(&file_set.settings().alert_file);
    settings.latest_link.clone_from(&file_set.settings().latest_link);
    settings.archive_dir.clone_from(&file_set.settings().archive_dir);
    if let Err(faults) = file_set.reconfigure(settings, now) {
        // Checked by the handle against the same settings: nobody waits for an answer.
        for fault in faults {
            shared.sink.print(&format_args!("{}: the log keeps its limits: {fault}", shared.path.display()));
        }
    }
}
