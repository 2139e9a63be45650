//! The text in a lock file: who holds the log, and the settings that whoever reads the log needs. Pure: `effect::lock`
//! writes it and reads it.
//!
//! The first line is for people: `process 7 on host, since 2026-11-29T06:35:14Z; names by period`. Then comes one line
//! `name=value` for each setting that has a value. An empty line ends the text: a newer one is written over an older one
//! before the file is cut, and what stands behind the end belongs to the older one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::compression::Compression;
use super::name::Names;
use super::naming::Naming;
use super::schedule::Schedule;
use super::settings::Settings;

/// The most bytes of a lock file that are written and read: four paths of the greatest length.
pub const BYTES_MAX: usize = 16 * 1024;

/// The words in the first line that say that this log names backups by periods.
const NAMED_BY_PERIODS: &str = "names by period";

/// What a lock file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockNote {
    /// The first line, in the words of the process that wrote it. Empty if a full disk left no text.
    pub words: String,
    values: Vec<(String, String)>,
}

impl LockNote {
    /// Reads the text of a lock file. Nothing is refused: what isn't understood is left out.
    ///
    /// ```
    /// use tracing_spool_fileset::internal::lock_note::LockNote;
    /// let note = LockNote::parse(b"process 7 on host, since today\nmax_bytes=10\narchive_dir=/old\n\n");
    /// assert_eq!(note.words, "process 7 on host, since today");
    /// assert_eq!((note.get("max_bytes"), note.get("max_age")), (Some("10"), None));
    /// assert_eq!(note.archive_dir(), Some("/old".into()));
    /// ```
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut lines = text.split('\n');
        let words = lines.next().unwrap_or_default().trim_end().to_owned();
        let values = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once('='));
        Self { words, values: values.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// Returns the value of a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a setting that is a path.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// Returns the directory of the backups, if it is another than the live file's.
    #[must_use]
    pub fn archive_dir(&self) -> Option<PathBuf> {
        self.path("archive_dir")
    }

    /// Returns whether this log names backups by periods.
    #[must_use]
    pub fn has_periods(&self) -> bool {
        self.words.contains(NAMED_BY_PERIODS)
    }

    /// Returns whether the text says what the limits are. One of an older version doesn't, nor does an empty one.
    #[must_use]
    pub fn has_limits(&self) -> bool {
        self.get("max_total_bytes").is_some()
    }

    /// Sets in `settings` what the text says. A value that can't be read leaves the setting as it is.
    pub fn apply(&self, settings: &mut Settings) {
        let number = |name| self.get(name).and_then(|value| value.parse::<u64>().ok());
        let count = |name| number(name).and_then(|value| u32::try_from(value).ok());
        let put = |place: &mut u64, name| *place = number(name).unwrap_or(*place);
        put(&mut settings.max_bytes, "max_bytes");
        put(&mut settings.max_total_bytes, "max_total_bytes");
        put(&mut settings.min_free_bytes, "min_free_bytes");
        settings.backup_count = count("backup_count").unwrap_or(settings.backup_count);
        settings.min_backups = count("min_backups").or(settings.min_backups);
        settings.max_record_bytes = number("max_record_bytes").or(settings.max_record_bytes);
        settings.raw_bytes |= self.get("raw_bytes") == Some("true");
        settings.single_line |= self.get("single_line") == Some("true");
        settings.max_age = self.get("max_age").and_then(seconds).or(settings.max_age);
        settings.naming = match self.get("naming") {
            Some("timestamped") => Naming::Timestamped,
            Some("numbered") => Naming::Numbered,
            _ => settings.naming,
        };
        let form = self
            .get("compression")
            .and_then(|said| Compression::ALL.into_iter().find(|form| form.to_string() == said));
        settings.compression = form.unwrap_or(settings.compression);
        let schedule = self.get("rotate_every").and_then(Schedule::parse);
        settings.rotate_every = schedule.or_else(|| settings.rotate_every.take());
        for (place, name) in [
            (&mut settings.archive_dir, "archive_dir"),
            (&mut settings.alert_file, "alert_file"),
            (&mut settings.latest_link, "latest_link"),
        ] {
            *place = self.path(name).or_else(|| place.take());
        }
    }
}

/// Composes the text for a lock file. `ring` is the file that the owner's queue is in.
pub(crate) fn compose(words: &str, names: &Names, settings: &Settings, ring: Option<&Path>) -> String {
    let names_by = if names.has_periods() { format!("; {NAMED_BY_PERIODS}") } else { String::new() };
    let mut text = format!("{words}{names_by}\n");
    let mut word = |name: &str, value: Option<String>| {
        // A value of two lines would be read as two. The last byte is for the empty line.
        let line = value.filter(|value| !value.contains('\n')).map(|value| format!("{name}={value}\n"));
        text.extend(line.filter(|line| text.len() + line.len() < BYTES_MAX));
    };
    word("max_bytes", Some(settings.max_bytes.to_string()));
    word("backup_count", Some(settings.backup_count.to_string()));
    word("max_total_bytes", Some(settings.max_total_bytes.to_string()));
    word("max_age", settings.max_age.map(in_seconds));
    word("min_free_bytes", Some(settings.min_free_bytes.to_string()));
    word("min_backups", settings.min_backups.map(|count| count.to_string()));
    word("max_record_bytes", settings.max_record_bytes.map(|bytes| bytes.to_string()));
    word("raw_bytes", settings.raw_bytes.then(|| true.to_string()));
    word("single_line", settings.single_line.then(|| true.to_string()));
    word("naming", Some(naming(settings.naming).to_owned()));
    word("rotate_every", settings.rotate_every.as_ref().map(Schedule::to_string));
    word("compression", Some(settings.compression.to_string()));
    let archive = (names.archive() != names.dir()).then(|| names.archive());
    let alert = settings.alert_file.as_deref();
    for (name, path) in [
        ("archive_dir", archive),
        ("alert_file", alert),
        ("latest_link", settings.latest_link.as_deref()),
        ("ring", ring),
    ] {
        word(name, path.and_then(Path::to_str).map(str::to_owned));
    }
    text.push('\n');
    text
}

fn naming(naming: Naming) -> &'static str {
    match naming {
        Naming::Numbered => "numbered",
        Naming::Timestamped => "timestamped",
    }
}

/// Returns a duration as the settings table reads it.
fn in_seconds(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_nanos()) {
        (seconds, 0) => format!("{seconds}s"),
        (seconds, nanos) => format!("{seconds}s {nanos}ns"),
    }
}

/// Reads what [`in_seconds`] writes.
fn seconds(text: &str) -> Option<Duration> {
    let (seconds, nanos) = text.split_once(' ').unwrap_or((text, "0ns"));
    let seconds = seconds.strip_suffix('s')?.parse().ok()?;
    let nanos = nanos.strip_suffix("ns")?.parse().ok()?;
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(settings: &Settings) -> Names {
        settings.names().unwrap()
    }

    fn settings() -> Settings {
        let mut settings = Settings::new("/logs/app.log");
        settings.max_bytes = 7;
        settings.backup_count = 3;
        settings.max_total_bytes = 99;
        settings.max_age = Some(Duration::new(86_400, 5));
        settings.min_free_bytes = 11;
        settings.max_record_bytes = Some(70);
        (settings.raw_bytes, settings.single_line) = (true, true);
        settings.min_backups = Some(2);
        settings.naming = Naming::Timestamped;
        settings.rotate_every = Some(Schedule::daily().at(3, 30).in_zone("Europe/Berlin"));
        settings.compression = Compression::Zstd;
        settings.archive_dir = Some("/old \u{1f4dc}=x".into());
        settings.alert_file = Some("/alerts/app".into());
        settings.latest_link = Some("/logs/latest".into());
        settings
    }

    #[test]
    fn what_is_written_is_read() {
        let told = settings();
        let text = compose("process 7 on here", &names(&told), &told, Some(Path::new("/run/app.ring")));
        let note = LockNote::parse(text.as_bytes());
        assert_eq!(note.words, "process 7 on here; names by period");
        assert!(note.has_periods() && note.has_limits());
        assert_eq!(note.path("ring"), Some("/run/app.ring".into()));
        let mut read = Settings::new("/logs/app.log");
        note.apply(&mut read);
        assert_eq!(read, told);
        let bare = Settings::new("/logs/app.log");
        let text = compose("me", &names(&bare), &bare, None);
        let mut read = settings();
        LockNote::parse(text.as_bytes()).apply(&mut read);
        assert_eq!((read.max_bytes, read.max_age), (bare.max_bytes, told.max_age), "what isn't said stays");
    }

    #[test]
    fn an_older_text_is_no_note_and_its_rest_is_not_read() {
        for old in ["", "process 7 on here, since today", "process 7 on here, since today; names by period"] {
            let note = LockNote::parse(old.as_bytes());
            assert_eq!((note.words.as_str(), note.has_limits()), (old, false));
            assert_eq!(note.has_periods(), old.ends_with("period"));
        }
        let cut_short = LockNote::parse(b"me\nmax_bytes=1\n\nes=7\narchive_dir=/older\n");
        assert_eq!((cut_short.get("max_bytes"), cut_short.archive_dir()), (Some("1"), None));
        let odd = LockNote::parse(b"\xff\nno value\n=\n\xff=1\nmax_bytes=many\n");
        assert_eq!((odd.get("max_age"), odd.get("no value")), (None, None));
        let mut settings = Settings::new("/logs/app.log");
        odd.apply(&mut settings);
        assert_eq!(settings, Settings::new("/logs/app.log"));
    }

    #[test]
    fn a_path_can_neither_forge_a_line_nor_fill_the_file() {
        let mut told = Settings::new("/logs/app.log");
        told.archive_dir = Some("/names by period".into());
        told.alert_file = Some("/a\nmax_bytes=1".into());
        told.latest_link = Some(format!("/{}", "x".repeat(BYTES_MAX)).into());
        let text = compose("me", &names(&told), &told, None);
        assert!(text.len() < BYTES_MAX && text.ends_with("\n\n"));
        let note = LockNote::parse(text.as_bytes());
        assert_eq!(note.get("max_bytes"), Some("10485760"));
        assert_eq!((note.path("alert_file"), note.path("latest_link")), (None, None));
        assert_eq!((note.archive_dir(), note.has_periods()), (Some("/names by period".into()), false));
    }
}
