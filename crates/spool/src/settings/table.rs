//! The one table of settings. Each row has the setting's name, how its value is read, its default, and whether it may
//! change while the log is open. Configuration files, variables, `reconfigure`, the setters' docs and the manual's settings
//! page are made from it or tested against it. `parse` reads the values.

use std::fmt::Debug;

use crate::account::rank::Rank;
use crate::settings::description::Description;
use crate::settings::parse::{self, Value, Wanted};

/// The part of a log that a setting belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Where the files are and what they are called.
    Files,
    /// When a new file begins.
    Rotation,
    /// How much is kept.
    Retention,
    /// What happens when the disk refuses.
    Trouble,
    /// Who may read and write, and what may stand at the path.
    Access,
    /// What survives a power cut or the death of the process.
    Durability,
    /// How records are rendered.
    Records,
    /// How records wait.
    Queue,
    /// The writer thread and its end.
    Writer,
}

impl Part {
    /// Returns whether settings of this part make sense for files only. A log to a stream or a writer has the other parts.
    ///
    /// ```
    /// use tracing_spool::Part;
    /// assert!(Part::Rotation.is_of_files() && !Part::Queue.is_of_files());
    /// ```
    #[must_use]
    pub const fn is_of_files(self) -> bool {
        !matches!(self, Self::Records | Self::Queue | Self::Writer)
    }
}

/// One setting, as [`SpoolConfig::settings`](crate::SpoolConfig::settings) lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// The name of its setter. Its environment variable is the same name in capitals, after a prefix.
    pub name: &'static str,
    /// The part of the log that the setting belongs to.
    pub part: Part,
    /// The kind of value it takes: `size`, `duration`, `count`, `flag`, `path`, `text`, or a kind of its own.
    pub kind: &'static str,
    /// The default as it would be written in a configuration file, or in words if there is no such value.
    pub default: &'static str,
    /// Whether [`SpoolHandle::reconfigure`](crate::SpoolHandle::reconfigure) may change it.
    pub changes_while_open: bool,
    /// What it does, in one sentence: the first one of its setter's docs.
    pub summary: &'static str,
}

/// A setting, and how to apply and compare it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) setting: Setting,
    /// Whether the default is a value rather than words.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's tests read the value"))]
    pub(crate) has_default_value: bool,
    /// Sets a value in a description, or returns what would have been right.
    pub(crate) set: fn(&mut Description, &Value) -> Result<(), Wanted>,
    /// Returns the second description's value if it differs from the first one's.
    pub(crate) change: fn(&Description, &Description) -> Option<String>,
}

macro_rules! settings {
    ($($part:ident {
        $($name:ident: $kind:ident, $form:ident $default:literal, $open:ident, $summary:literal, |$value:ident| $($place:ident).+ = $put:expr;)*
    })*) => {
        /// Every setting.
        pub(crate) const ROWS: &[Row] = &[$($(Row {
            setting: Setting {
                name: stringify!($name),
                part: Part::$part,
                kind: stringify!($kind),
                default: $default,
                changes_while_open: settings!(@$open),
                summary: $summary,
            },
            has_default_value: settings!(@$form),
            set: |description, value| {
                let $value = parse::$kind(value)?;
                description.$($place).+ = $put;
                Ok(())
            },
            change: |old, new| changed(&old.$($place).+, &new.$($place).+),
        }),*),*];
    };
    (@value) => { true };
    (@words) => { false };
    (@changes) => { true };
    (@stays) => { false };
}

settings! {
    Files {
        path: path, words "none, it has to be given", stays,
            "Names the live file.",
            |value| files.path = value;
        naming: naming, value "numbered", stays,
            "Sets how backups are named: by a number that shifts (`app.log.1` is the newest), or by a time that never changes.",
            |value| files.naming = value;
        archive_dir: path, words "beside the live file", stays,
            "Sets a directory for backups.",
            |value| files.archive_dir = Some(value);
        compression: compression, value "none", stays,
            "Compresses every backup except the newest, which tailers may still be reading.",
            |value| files.compression = value;
        latest_link: path, words "no link", stays,
            "Maintains a symlink to the live file at this path.",
            |value| files.latest_link = Some(value);
        header: text, words "nothing", stays,
            "Sets the first lines of each new file: a text, or the result of a function that is called at that moment (`Header::by`).",
            |value| files.header = Some(value.into());
    }
    Rotation {
        max_bytes: size, value "10 MiB", changes,
            "Sets the largest size of the live file in bytes.",
            |value| files.max_bytes = value;
        rotate_every: schedule, words "by size alone", changes,
            "Sets a schedule for rotation, in addition to rotation by size: whichever comes first.",
            |value| files.rotate_every = Some(value);
        rotate_on_start: flag, value "false", stays,
            "Rotates the log when it's opened, so that each run of the program begins with a new file.",
            |value| files.rotate_on_start = value;
        quiet_rotation: duration, value "0s", changes,
            "Sets how long the spool stops writing to a file before it rotates it, at most 10 s, so that tailers that poll by name reach the file's end.",
            |value| files.quiet_rotation = value;
        min_rotation_interval: duration, value "0s", changes,
            "Sets the shortest time between two rotations by size.",
            |value| files.min_rotation_interval = value;
    }
    Retention {
        backup_count: count, value "5", changes,
            "Sets how many backups are kept.",
            |value| files.backup_count = value;
        max_total_bytes: size, value "60 MiB", changes,
            "Sets the largest size in bytes of the live file and all backups together.",
            |value| files.max_total_bytes = value;
        max_age: duration, words "any age", changes,
            "Sets the age at which a backup is removed, counted from its last record.",
            |value| files.max_age = Some(value);
        min_free_bytes: size, value "0", changes,
            "Sets how many bytes of the file system stay free for others.",
            |value| files.min_free_bytes = value;
        min_backups: count, words "1, or 0 with `backup_count` 0", changes,
            "Sets how many backups are kept even when the file system runs short of free space.",
            |value| files.min_backups = Some(value);
        budget_warning_percent: count, value "90", changes,
            "Warns when the log reaches this percentage of `max_total_bytes` and nothing is left to prune.",
            |value| files.budget_warning_percent = value;
    }
    Trouble {
        retry_attempts: count, value "3", changes,
            "Sets how often a call that failed with a transient error is repeated.",
            |value| files.retry_attempts = value;
        retry_base_delay: duration, value "100ms", changes,
            "Sets the delay before the first retry.",
            |value| files.retry_base_delay = value;
        retry_cooldown: duration, value "30s", changes,
            "Sets the delay before the next attempt once the retries are used up, or after a permanent error.",
            |value| files.retry_cooldown = value;
        retry_cooldown_max: duration, value "5m", changes,
            "Sets the upper bound of `retry_cooldown` as it doubles.",
            |value| files.retry_cooldown_max = value;
        alert_file: path, words "`ALERT_LOG_ROTATION_FAILED.txt` beside the log", stays,
            "Sets the path of the alert file, which exists while an alert is open and says what is wrong.",
            |value| files.alert_file = Some(value);
    }
    Access {
        mode: mode, value "0640", stays,
            "Sets the mode of the first file, subject to umask.",
            |value| files.mode = value;
        dir_mode: mode, value "0750", stays,
            "Sets the mode of the directories that the spool creates, subject to umask.",
            |value| files.dir_mode = value;
        owner: owner, words "whoever creates them", stays,
            "Sets the user and group of the files, directories and lock file that the spool creates.",
            |value| files.owner = Some(value);
        require_dir: flag, value "false", stays,
            "Makes `open` return an error if the directory is missing, instead of creating it.",
            |value| files.require_dir = value;
        allow: allow, words "nothing", stays,
            "Allows something unusual at the live path that `open` otherwise refuses.",
            |value| files.allow = value;
        lock_wait: duration, value "0s", stays,
            "Sets how long `open` waits for another process to release the log.",
            |value| lock_wait = value;
    }
    Durability {
        sync: sync, value "on_rotate", stays,
            "Sets when written records are synced to the disk, so that they survive a power cut.",
            |value| files.sync = value;
        sync_at: level, words "no level", stays,
            "Sets the level from which records are synced at once: a batch that contains such a record is followed by one `fdatasync`, in addition to what `sync` does.",
            |value| sync_at = Some(Rank::of(value));
        durable: durable, value "automatic", stays,
            "Sets whether queued records survive the death of the process.",
            |value| durable.place = value;
        durable_or_memory: flag, value "false", stays,
            "Keeps queued records in memory, with an alert, if the file of `durable` can't be made.",
            |value| durable.or_memory = value;
        durable_on_any_file_system: flag, value "false", stays,
            "Allows the file of `durable` on any file system, and not on tmpfs alone.",
            |value| durable.on_any_file_system = value;
    }
    Records {
        max_record_bytes: size, words "the least of 1 MiB, `queue_bytes` and `max_total_bytes`", stays,
            "Sets the length of the longest record in bytes, including its newline.",
            |value| files.max_record_bytes = Some(value);
        raw_bytes: flag, value "false", stays,
            "Writes records as they come, including control characters and bytes that aren't UTF-8.",
            |value| files.raw_bytes = value;
        single_line: flag, value "false", stays,
            "Escapes newlines inside a record, so that no record can forge another.",
            |value| files.single_line = value;
        notices: notices, value "text", stays,
            "Sets the format of the lines that the spool itself adds to the log, such as \"117 records lost\".",
            |value| notices = value;
    }
    Queue {
        queue_bytes: size, value "16 MiB", stays,
            "Sets how many bytes of records may wait in the queue.",
            |value| queue_bytes = value;
        queue_records: count, value "131072", stays,
            "Sets how many records may wait in the queue.",
            |value| queue_records = value;
        overflow: overflow, value "drop_newest", stays,
            "Sets what happens to a record that finds the queue full.",
            |value| overflow = value;
        linger: duration, value "10ms", changes,
            "Sets how long a record below ERROR may wait for others, so that one write takes many.",
            |value| linger = value;
    }
    Writer {
        shutdown_timeout: duration, value "5s", stays,
            "Sets how long dropping the guard may take to write what is still queued.",
            |value| shutdown_timeout = value;
        late_records: late_records, value "count", stays,
            "Sets what happens to records that arrive after the shutdown.",
            |value| late_records = value;
        quiet: flag, value "false", stays,
            "Keeps the spool from printing on stderr, where it otherwise reports each alert and any records lost at shutdown.",
            |value| quiet = value;
        thread_name: text, value "tracing-spool", stays,
            "Sets the name of the writer thread.",
            |value| thread_name = value;
    }
}

/// Every setting, as users see it.
pub(crate) const SETTINGS: [Setting; ROWS.len()] = {
    let mut settings = [ROWS[0].setting; ROWS.len()];
    let mut at = 0;
    while at < ROWS.len() {
        settings[at] = ROWS[at].setting;
        at += 1;
    }
    settings
};

/// Returns the index of a setting's row.
pub(crate) fn place_of(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.setting.name == name)
}

/// Returns the new value if it differs.
fn changed<T: PartialEq + Debug>(old: &T, new: &T) -> Option<String> {
    let said = || format!("{new:?}");
    let bare = |said: String| {
        said.strip_prefix("Some(").and_then(|it| it.strip_suffix(')')).map(str::to_owned).unwrap_or(said)
    };
    (old != new).then(|| bare(said()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SOURCES: [&str; 3] = [
        include_str!("../open/builder.rs"),
        include_str!("../open/builder/files.rs"),
        include_str!("../open/builder/rotation.rs"),
    ];

    /// Each setter with the lines of its docs.
    fn setters() -> Vec<(&'static str, Vec<&'static str>)> {
        let mut docs = Vec::new();
        let mut found = Vec::new();
        for line in SOURCES.into_iter().flat_map(str::lines).map(str::trim) {
            if let Some(words) = line.strip_prefix("///") {
                docs.push(words.trim());
                continue;
            }
            let setter = line.strip_prefix("pub fn ").filter(|rest| rest.contains("mut self"));
            if let Some(name) = setter.and_then(|rest| rest.split('(').next()) {
                found.push((name, std::mem::take(&mut docs)));
            }
            docs.clear();
        }
        found
    }

    /// `[a](b)` and `[a]` are `a`.
    fn without_links(text: &str) -> String {
        let parts = text.split('[').enumerate().map(|(index, part)| match part.split_once(']') {
            Some((name, rest)) if index > 0 => {
                let target = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
                name.to_owned() + target.map_or(rest, |(_, rest)| rest)
            }
            _ => part.to_owned(),
        });
        parts.collect()
    }

    #[test]
    fn every_setter_has_a_row_and_says_its_default() {
        let mut without = Vec::new();
        for (name, docs) in setters() {
            let Some(place) = place_of(name) else {
                without.push(name);
                continue;
            };
            let said: Vec<_> = docs.iter().filter(|line| line.starts_with("Default: ")).collect();
            assert_eq!(said.len(), 1, "{name}: one line of its docs begins with \"Default: \"");
            let default = ROWS[place].setting.default;
            assert!(said[0].contains(default), "{name}: {default:?} is not in {:?}", said[0]);
            let first =
                docs.iter().copied().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
            let summary = ROWS[place].setting.summary;
            assert!(
                without_links(&first).starts_with(summary),
                "{name}: {summary:?} is not how {first:?} begins"
            );
            assert!(
                summary.ends_with('.') && !summary.contains(". "),
                "{name}: one sentence, and not {summary:?}"
            );
        }
        assert_eq!(without, ["on_alert", "on_rotate", "on_thread_start"], "a hook is code, and has no row");
    }

    #[test]
    fn every_default_is_what_a_description_begins_with() {
        let plain = Description::new(Path::new(""));
        for row in ROWS {
            if row.has_default_value {
                let mut same = plain.clone();
                (row.set)(&mut same, &Value::Text(row.setting.default.to_owned())).unwrap();
                assert_eq!((row.change)(&plain, &same), None, "{}", row.setting.name);
            }
        }
    }
}
