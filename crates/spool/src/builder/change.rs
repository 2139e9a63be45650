//! What of a description can be changed while the spool is open: the file set's limits, and nothing of the queue and the
//! thread. What the engine's own settings allow is its matter.

use std::sync::Arc;
use std::time::Duration;

use tracing_spool_fileset::{Engine, Fault, Settings};

use super::SpoolBuilder;
use crate::alerts::Hooks;
use crate::rank::Rank;

impl SpoolBuilder {
    /// How long a record may wait for company.
    pub(crate) fn linger_now(&self) -> Duration {
        self.linger
    }

    /// The engine's settings after a change from this description to `new`, or all that speaks against it.
    pub(crate) fn changed_to(&self, new: &Self) -> Result<Settings, Vec<Fault>> {
        let mut faults = new.faults();
        faults.extend(Engine::objections(&self.settings, &new.settings));
        faults.extend(self.fixed(new));
        // Two look at the same field; what is said first will do.
        let mut seen = Vec::new();
        faults.retain(|fault| {
            let is_new = !seen.contains(&fault.field);
            seen.push(fault.field);
            is_new
        });
        if faults.is_empty() { Ok(new.settings.clone()) } else { Err(new.origins.attribute(faults)) }
    }

    /// A fault for each field that differs and has to stay. Every field is named, so that a new one has to be placed.
    pub(super) fn fixed(&self, new: &Self) -> Vec<Fault> {
        let Self {
            settings: _,
            queue_bytes,
            queue_records,
            overflow,
            durable,
            shutdown_timeout,
            notices,
            late_records,
            sync_at,
            lock_wait,
            thread_name,
            hooks: Hooks { alert, rotate, thread_start },
            prints,
            linger: _, // the writer thread asks for it each time
            origins: _,
        } = new;
        let mut faults = Vec::new();
        let mut stays = |field, differs: bool, value: String| {
            if differs {
                faults.push(Fault::new(field, value, "cannot be changed while the log is open"));
            }
        };
        let other_alert = !is_same(alert.as_ref(), self.hooks.alert.as_ref());
        let other_rotate = !is_same(rotate.as_ref(), self.hooks.rotate.as_ref());
        let other_thread_start = !is_same(thread_start.as_ref(), self.hooks.thread_start.as_ref());
        stays("queue_bytes", *queue_bytes != self.queue_bytes, queue_bytes.to_string());
        stays("queue_records", *queue_records != self.queue_records, queue_records.to_string());
        stays("overflow", *overflow != self.overflow, format!("{overflow:?}"));
        stays(
            "shutdown_timeout",
            *shutdown_timeout != self.shutdown_timeout,
            format!("{shutdown_timeout:?}"),
        );
        stays("durable", *durable != self.durable, format!("{durable:?}"));
        stays("notices", *notices != self.notices, format!("{notices:?}"));
        stays("late_records", *late_records != self.late_records, format!("{late_records:?}"));
        stays("sync_at", *sync_at != self.sync_at, sync_at.map_or("nothing", Rank::name).to_owned());
        stays("lock_wait", *lock_wait != self.lock_wait, format!("{lock_wait:?}"));
        stays("thread_name", *thread_name != self.thread_name, thread_name.clone());
        stays("on_alert", other_alert, "another hook".to_owned());
        stays("on_rotate", other_rotate, "another hook".to_owned());
        stays("on_thread_start", other_thread_start, "another hook".to_owned());
        stays("quiet", *prints != self.prints, (!prints).to_string());
        faults
    }
}

fn is_same<T: ?Sized>(new: Option<&Arc<T>>, old: Option<&Arc<T>>) -> bool {
    match (new, old) {
        (Some(new), Some(old)) => Arc::ptr_eq(new, old),
        (None, None) => true,
        _ => false,
    }
}
