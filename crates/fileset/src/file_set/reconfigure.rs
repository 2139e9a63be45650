//! Other limits for a set that is open: all of them checked first, then applied, then the set brought under them.
//! What is removed for them is `retention`'s, and how is the executor's, as at the start.

use super::FileSet;
use super::job::Goal;
use crate::effect::zone;
use crate::model::error::Fault;
use crate::model::settings::Settings;
use crate::model::time::Now;
use crate::policy::plan::Step;

impl FileSet {
    /// What speaks against [`reconfigure`](Self::reconfigure) from settings `old` to `new`: all faults of `new`, and
    /// each field that cannot be changed while a set is open. Needs no look at the disk, but for a time zone by name.
    ///
    /// ```
    /// use tracing_spool_fileset::{FileSet, Settings};
    /// let old = Settings::new("/var/log/app.log");
    /// let mut new = old.clone();
    /// new.backup_count = 2;
    /// assert!(FileSet::objections(&old, &new).is_empty());
    /// new.mode = 0o600;
    /// assert_eq!(FileSet::objections(&old, &new)[0].field, "mode");
    /// ```
    #[must_use]
    pub fn objections(old: &Settings, new: &Settings) -> Vec<Fault> {
        let mut faults = new.faults();
        let limit = old.record_limit();
        if new.max_total_bytes < limit && !faults.iter().any(|fault| fault.field == "max_total_bytes") {
            // Records of that length may be on their way.
            let wanted = format!("must be at least {limit}, the longest record while the log is open");
            faults.push(Fault::new("max_total_bytes", new.max_total_bytes, wanted));
        }
        if !faults.iter().any(|fault| fault.field == "rotate_every") {
            faults.extend(zone::calendar(new.rotate_every.as_ref()).err());
        }
        faults.extend(fixed(old, new));
        faults
    }

    /// Changes limits and retries of the open set: sizes, counts, the schedule, the free-space floor, delays. Checks everything first,
    /// then applies it and brings the set under the new limits at once, as [`open`](Self::open) does: surplus backups
    /// go, and a live file that is over the budget alone is rotated. What fails on the way is tried again later, like
    /// any step. A rotation that was under way is planned anew.
    ///
    /// # Errors
    /// [`objections`](Self::objections), all at once. Nothing has then changed.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool_fileset::{Clock, FileSet, Settings, SystemClock};
    /// let mut set = FileSet::open(Settings::new(&path))?;
    /// let mut settings = set.settings().clone();
    /// settings.backup_count = 2;
    /// set.reconfigure(settings, SystemClock::new().now()).unwrap();
    /// assert_eq!(set.settings().backup_count, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reconfigure(&mut self, settings: Settings, now: Now) -> Result<(), Vec<Fault>> {
        let faults = Self::objections(&self.settings, &settings);
        if !faults.is_empty() {
            return Err(faults);
        }
        let has_other_schedule = settings.rotate_every != self.settings.rotate_every;
        self.settings = settings;
        if has_other_schedule {
            self.change_schedule(now);
        }
        self.stuck.clear();
        self.free_bytes = None;
        if let Some(job) = self.job.as_mut().filter(|job| job.goal != Goal::Reopen) {
            // Its steps were made for the old count.
            job.steps = [Step::Survey].into();
        }
        // A file that others have moved does not count: no backup has to go for it.
        self.watch_at = now.mono;
        self.watch(now);
        self.skip_quiet(now);
        self.trim(now);
        if self.stage.total_bytes() > self.settings.max_total_bytes {
            // The live file alone is over it: as a backup it can go.
            self.start_rotation(now);
            self.trim(now);
        }
        // What waits for room may have it now.
        self.hurry();
        self.tick(now);
        Ok(())
    }
}

/// A fault for each field that differs and has to stay. Every field is named here, so that a new one has to be placed.
fn fixed(old: &Settings, new: &Settings) -> Vec<Fault> {
    let Settings {
        // Read anew wherever they count.
        max_bytes: _,
        rotate_every: _,
        quiet_rotation: _,
        min_rotation_interval: _,
        backup_count: _,
        max_age: _,
        max_total_bytes: _,
        budget_warning_percent: _,
        min_free_bytes: _,
        min_backups: _,
        retry_attempts: _,
        retry_base_delay: _,
        retry_cooldown: _,
        retry_cooldown_max: _,
        // Where the set is, what was created so, and how records that wait were rendered.
        path,
        naming,
        archive_dir,
        rotate_on_start,
        compression,
        max_record_bytes,
        alert_file,
        latest_link,
        mode,
        dir_mode,
        create_dirs,
        sync,
        allow,
        escape,
        single_line,
    } = new;
    let mut faults = Vec::new();
    let mut stays = |field, differs: bool, value: String| {
        if differs {
            faults.push(Fault::new(field, value, "cannot be changed while the log is open"));
        }
    };
    stays("path", *path != old.path, path.display().to_string());
    stays("naming", *naming != old.naming, format!("{naming:?}"));
    stays("archive_dir", *archive_dir != old.archive_dir, format!("{archive_dir:?}"));
    stays("rotate_on_start", *rotate_on_start != old.rotate_on_start, rotate_on_start.to_string());
    stays("compression", *compression != old.compression, compression.to_string());
    stays("max_record_bytes", *max_record_bytes != old.max_record_bytes, format!("{max_record_bytes:?}"));
    stays("alert_file", *alert_file != old.alert_file, format!("{alert_file:?}"));
    stays("latest_link", *latest_link != old.latest_link, format!("{latest_link:?}"));
    stays("mode", *mode != old.mode, format!("{mode:o}"));
    stays("dir_mode", *dir_mode != old.dir_mode, format!("{dir_mode:o}"));
    stays("create_dirs", *create_dirs != old.create_dirs, create_dirs.to_string());
    stays("sync", *sync != old.sync, format!("{sync:?}"));
    stays("allow", *allow != old.allow, format!("{allow:?}"));
    stays("escape", *escape != old.escape, escape.to_string());
    stays("single_line", *single_line != old.single_line, single_line.to_string());
    faults
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::settings::{Allow, Sync};

    fn fields(change: impl FnOnce(&mut Settings)) -> Vec<&'static str> {
        let old = Settings::new("/logs/app.log");
        let mut new = old.clone();
        change(&mut new);
        FileSet::objections(&old, &new).into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn limits_and_retries_may_change() {
        let all = fields(|new| {
            (new.max_bytes, new.backup_count, new.max_total_bytes) = (1 << 20, 9, 20 << 20);
            (new.min_free_bytes, new.min_backups, new.budget_warning_percent) = (1, Some(0), 50);
            (new.retry_attempts, new.retry_base_delay) = (1, Duration::from_secs(1));
            (new.retry_cooldown, new.retry_cooldown_max) = (Duration::from_secs(2), Duration::from_secs(3));
        });
        assert_eq!(all.len(), 0);
    }

    #[test]
    fn everything_else_stays_and_all_faults_are_told() {
        let all = fields(|new| {
            (new.path, new.alert_file) = ("/logs/other.log".into(), Some("/a".into()));
            new.latest_link = Some("/b".into());
            (new.max_record_bytes, new.mode, new.dir_mode) = (Some(100), 0o600, 0o700);
            (new.create_dirs, new.sync, new.allow) = (false, Sync::Never, vec![Allow::Fifo]);
            (new.escape, new.single_line, new.max_bytes) = (false, true, 0);
        });
        let fixed = "max_bytes path max_record_bytes alert_file latest_link mode dir_mode create_dirs sync allow escape single_line";
        assert_eq!(all.join(" "), fixed);
    }

    #[test]
    fn the_budget_holds_the_longest_record_that_may_be_on_its_way() {
        assert_eq!(fields(|new| (new.max_bytes, new.max_total_bytes) = (1_000, 1 << 20)).len(), 0);
        let less = fields(|new| (new.max_bytes, new.max_total_bytes) = (1_000, (1 << 20) - 1));
        assert_eq!(less, ["max_total_bytes"]);
    }
}
