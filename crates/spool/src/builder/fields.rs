//! The table of settings that can be given by name: one row for each setter of `SpoolBuilder`, read by configuration files
//! and by environment variables alike. How a value is read is `parse`'s.

use super::SpoolBuilder;
use super::parse::{self, Value, Wanted};
use crate::rank::Rank;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// As its setter is called; in capitals and behind a prefix, the name of its variable.
    pub(crate) name: &'static str,
    /// Gives it to a builder, or says what would have been right.
    pub(crate) set: fn(&mut SpoolBuilder, &Value) -> Result<(), Wanted>,
}

macro_rules! fields {
    ($($name:literal $parse:ident => |$builder:ident, $value:ident| $put:expr;)*) => {
        /// Every setting.
        pub(crate) const FIELDS: &[Field] = &[$(Field {
            name: $name,
            set: |$builder, value| {
                let $value = parse::$parse(value)?;
                $put;
                Ok(())
            },
        }),*];
        /// Their names.
        pub(crate) const NAMES: &[&str] = &[$($name),*];
    };
}

fields! {
    "path" path => |builder, value| builder.settings.path = value;
    "max_bytes" size => |builder, value| builder.settings.max_bytes = value;
    "max_record_bytes" size => |builder, value| builder.settings.max_record_bytes = Some(value);
    "backup_count" count => |builder, value| builder.settings.backup_count = value;
    "rotate_every" schedule => |builder, value| builder.settings.rotate_every = Some(value);
    "rotate_on_start" flag => |builder, value| builder.settings.rotate_on_start = value;
    "quiet_rotation" duration => |builder, value| builder.settings.quiet_rotation = value;
    "min_rotation_interval" duration => |builder, value| builder.settings.min_rotation_interval = value;
    "naming" naming => |builder, value| builder.settings.naming = value;
    "archive_dir" path => |builder, value| builder.settings.archive_dir = Some(value);
    "compression" compression => |builder, value| builder.settings.compression = value;
    "max_age" duration => |builder, value| builder.settings.max_age = Some(value);
    "max_total_bytes" size => |builder, value| builder.settings.max_total_bytes = value;
    "budget_warning_percent" count => |builder, value| builder.settings.budget_warning_percent = value;
    "min_free_bytes" size => |builder, value| builder.settings.min_free_bytes = value;
    "min_backups" count => |builder, value| builder.settings.min_backups = Some(value);
    "retry_attempts" count => |builder, value| builder.settings.retry_attempts = value;
    "retry_base_delay" duration => |builder, value| builder.settings.retry_base_delay = value;
    "retry_cooldown" duration => |builder, value| builder.settings.retry_cooldown = value;
    "retry_cooldown_max" duration => |builder, value| builder.settings.retry_cooldown_max = value;
    "alert_file" path => |builder, value| builder.settings.alert_file = Some(value);
    "latest_link" path => |builder, value| builder.settings.latest_link = Some(value);
    "header" text => |builder, value| builder.settings.header = Some(value.into());
    "owner" owner => |builder, value| builder.settings.owner = Some(value);
    "mode" mode => |builder, value| builder.settings.mode = value;
    "dir_mode" mode => |builder, value| builder.settings.dir_mode = value;
    "require_dir" flag => |builder, value| builder.settings.create_dirs = !value;
    "sync" sync => |builder, value| builder.settings.sync = value;
    "sync_at" level => |builder, value| builder.sync_at = Some(Rank::of(value));
    "allow" allow => |builder, value| builder.settings.allow = value;
    "raw_bytes" flag => |builder, value| builder.settings.escape = !value;
    "single_line" flag => |builder, value| builder.settings.single_line = value;
    "queue_bytes" size => |builder, value| builder.queue_bytes = value;
    "queue_records" count => |builder, value| builder.queue_records = value;
    "overflow" overflow => |builder, value| builder.overflow = value;
    "durable" durable => |builder, value| builder.durable.place = value;
    "durable_on_any_file_system" flag => |builder, value| builder.durable.on_any_file_system = value;
    "durable_or_memory" flag => |builder, value| builder.durable.or_memory = value;
    "linger" duration => |builder, value| builder.linger = value;
    "shutdown_timeout" duration => |builder, value| builder.shutdown_timeout = value;
    "notices" notices => |builder, value| builder.notices = value;
    "late_records" late_records => |builder, value| builder.late_records = value;
    "lock_wait" duration => |builder, value| builder.lock_wait = value;
    "quiet" flag => |builder, value| builder.prints = !value;
    "thread_name" text => |builder, value| builder.thread_name = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every setter that takes a value that can be written down has its row; a new one is missed here.
    #[test]
    fn every_setter_can_be_given_by_name() {
        let setters = [include_str!("../builder.rs"), include_str!("files.rs"), include_str!("rotation.rs")]
            .into_iter()
            .flat_map(str::lines)
            .filter_map(|line| line.trim().strip_prefix("pub fn "))
            .filter(|line| line.contains("mut self"))
            .map(|line| line.split('(').next().unwrap());
        let without: Vec<&str> = setters.filter(|setter| !NAMES.contains(setter)).collect();
        assert_eq!(without, ["on_alert", "on_rotate", "on_thread_start"], "a hook is code, and has no row");
    }
}
