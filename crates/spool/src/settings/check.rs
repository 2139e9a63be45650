//! Faults of a description that can be found without looking at the disk, except for those of the file set's settings.

use std::time::Duration;

use tracing_spool_fileset::{Fault, SyncPolicy};
use tracing_spool_ring::{MOST_BYTES, MOST_RECORDS};

use crate::settings::description::{Description, QUEUE_RECORDS};
use crate::settings::table::ROWS;

/// The longest linger that can be set.
const LONGEST_LINGER: Duration = Duration::from_secs(60);
/// The smallest bound of a queue, in bytes.
pub(crate) const LEAST_QUEUE_BYTES: u64 = 1_024;
/// The longest record that may be set, in bytes.
const LONGEST_RECORD: u64 = 1 << 30;

impl Description {
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = self.faults_of_the_queue();
        faults.extend(self.faults_of_the_output());
        if self.shutdown_timeout.is_zero() {
            let wanted = "must be longer than nothing, such as 5 s: what waits is written in that time";
            faults.push(Fault::new("shutdown_timeout", "0s", wanted));
        }
        if let Some(rank) = self.sync_at.filter(|_| self.files.sync == SyncPolicy::Never) {
            let wanted = "must not be set with SyncPolicy::Never: choose another policy, such as OnRotate";
            faults.push(Fault::new("sync_at", rank.name(), wanted));
        }
        if self.thread_name.is_empty() || self.thread_name.contains('\0') {
            let wanted = "must have at least one character, and no NUL";
            faults.push(Fault::new("thread_name", format!("{:?}", self.thread_name), wanted));
        }
        faults
    }

    /// Returns a fault for each setting of files if the log doesn't go to files, because it would mean nothing.
    fn faults_of_the_output(&self) -> Vec<Fault> {
        let (target, field) = (&self.output.target, self.output.target.field());
        if target.is_files() {
            return Vec::new();
        }
        let plain = Self::of(target.clone());
        let of_files = ROWS.iter().filter(|row| row.setting.part.is_of_files());
        let is_set = of_files.filter_map(|row| Some((row.setting.name, (row.change)(&plain, self)?)));
        let meaningless = format!("must not be set: it belongs to files, and the log goes to {field}");
        let mut faults: Vec<Fault> =
            is_set.map(|(name, value)| Fault::new(name, value, meaningless.clone())).collect();
        if self.hooks.rotate.is_some() {
            faults.push(Fault::new("on_rotate", "a hook", meaningless));
        }
        // The bounds of a record are those for files, without the budget.
        let mut files = self.files.clone();
        files.max_total_bytes = u64::MAX;
        faults.extend(files.faults().into_iter().filter(|fault| fault.field == "max_record_bytes"));
        faults
    }

    fn faults_of_the_queue(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !(LEAST_QUEUE_BYTES..=MOST_BYTES).contains(&self.queue_bytes) {
            let wanted =
                format!("must be from {LEAST_QUEUE_BYTES} to {MOST_BYTES} bytes, such as 16777216 (16 MiB)");
            faults.push(Fault::new("queue_bytes", self.queue_bytes, wanted));
        }
        if !(1..=MOST_RECORDS).contains(&self.queue_records) {
            let wanted = format!("must be from 1 to {MOST_RECORDS}, such as {QUEUE_RECORDS}");
            faults.push(Fault::new("queue_records", self.queue_records, wanted));
        }
        if let Some(limit) = self.files.max_record_bytes {
            if limit > self.queue_bytes {
                let wanted = format!("must be at most queue_bytes ({})", self.queue_bytes);
                faults.push(Fault::new("max_record_bytes", limit, wanted));
            }
            if limit > LONGEST_RECORD {
                let wanted = format!("must be at most {LONGEST_RECORD} (1 GiB)");
                faults.push(Fault::new("max_record_bytes", limit, wanted));
            }
        }
        if self.linger > LONGEST_LINGER {
            let wanted = format!("must be at most {LONGEST_LINGER:?}, such as 10 ms");
            faults.push(Fault::new("linger", format!("{:?}", self.linger), wanted));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::parse::Value;
    use crate::settings::target::Target;

    /// Among these is a value other than the default for each setting.
    const VALUES: &[&str] = &[
        "7",
        "7s",
        "7 KiB",
        "true",
        "/x",
        "0600",
        "gzip",
        "timestamped",
        "info",
        "daily",
        "never",
        "0:0",
        "symlink",
    ];

    #[test]
    fn each_setting_of_files_is_a_fault_where_the_log_has_none() {
        let plain = Description::of(Target::Stdout);
        assert_eq!(plain.faults(), []);
        for row in ROWS {
            let set_to = |value: &&str| {
                let mut set = plain.clone();
                let is_taken = (row.set)(&mut set, &Value::Text((*value).to_owned())).is_ok();
                (is_taken && (row.change)(&plain, &set).is_some()).then_some(set)
            };
            let name = row.setting.name;
            let is_named = |set: Description| {
                set.faults()
                    .iter()
                    .any(|fault| fault.field == name && fault.wanted.contains("goes to stdout"))
            };
            let found: Vec<bool> = VALUES.iter().filter_map(set_to).map(is_named).collect();
            let is_of_files = row.setting.part.is_of_files();
            assert!(!is_of_files || !found.is_empty(), "no value for {name}");
            assert!(found.iter().all(|is_named| *is_named == is_of_files), "{name}");
        }
    }
}
