//! What may change while the log is open: the settings that the table allows, and no hooks. The file set checks its own
//! settings.

use std::sync::Arc;

use tracing_spool_fileset::{Engine, Fault, Settings};

use crate::settings::description::Description;
use crate::settings::table::ROWS;

impl Description {
    /// Returns the file set's settings after a change from this description to `new`, or every fault in it.
    pub(crate) fn changed_to(&self, new: &Self) -> Result<Settings, Vec<Fault>> {
        let mut faults = new.faults();
        faults.extend(Engine::objections(&self.files, &new.files));
        faults.extend(self.fixed(new));
        // Several checks cover the same field; the first fault is enough.
        let mut seen = Vec::new();
        faults.retain(|fault| {
            let is_new = !seen.contains(&fault.field);
            seen.push(fault.field);
            is_new
        });
        if faults.is_empty() { Ok(new.files.clone()) } else { Err(new.variables.attribute(faults)) }
    }

    /// Returns a fault for each setting that differs but can't change.
    pub(crate) fn fixed(&self, new: &Self) -> Vec<Fault> {
        let stays =
            |field, value: String| Fault::new(field, value, "cannot be changed while the log is open");
        let rows = ROWS.iter().filter(|row| !row.setting.changes_while_open);
        let mut faults: Vec<Fault> =
            rows.filter_map(|row| Some(stays(row.setting.name, (row.change)(self, new)?))).collect();
        let (old, new) = (&self.hooks, &new.hooks);
        for (field, is_same) in [
            ("on_alert", is_same(old.alert.as_ref(), new.alert.as_ref())),
            ("on_rotate", is_same(old.rotate.as_ref(), new.rotate.as_ref())),
            ("on_thread_start", is_same(old.thread_start.as_ref(), new.thread_start.as_ref())),
        ] {
            if !is_same {
                faults.push(stays(field, "another hook".to_owned()));
            }
        }
        faults
    }
}

fn is_same<T: ?Sized>(old: Option<&Arc<T>>, new: Option<&Arc<T>>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => Arc::ptr_eq(old, new),
        (None, None) => true,
        _ => false,
    }
}
