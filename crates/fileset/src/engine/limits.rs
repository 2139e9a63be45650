//! Changes the limits of a set that is open: checks all of them first, then applies them, then brings the set under
//! them. `retention` removes what has to go, as at the start.

use super::adopt::{self, Dirs};
use super::desk::Turn;
use super::machine::Engine;
use crate::effect::site::Which;
use crate::effect::zone;
use crate::model::alert::Event;
use crate::model::error::Fault;
use crate::model::settings::Settings;
use crate::model::time::Now;

impl Engine {
    /// Returns every objection to [`reconfigure`](Self::reconfigure) from the settings `old` to `new`: the faults of
    /// `new`, and each field that can't be changed while a set is open. Doesn't look at the disk, except to look up a
    /// time zone.
    ///
    /// ```
    /// use tracing_spool_fileset::{Engine, Settings};
    /// let old = Settings::new("/var/log/app.log");
    /// let mut new = old.clone();
    /// new.backup_count = 2;
    /// assert!(Engine::objections(&old, &new).is_empty());
    /// new.mode = 0o600;
    /// assert_eq!(Engine::objections(&old, &new)[0].field, "mode");
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

    /// Changes limits and retries of the open set: sizes, counts, the schedule, the free-space floor, delays.
    ///
    /// It checks everything first, then applies it and brings the set under the new limits at once, as
    /// [`open`](Self::open) does: surplus backups are removed, and a live file that exceeds the budget alone is
    /// rotated. A step that fails is retried later. A rotation that was under way is planned anew.
    ///
    /// # Errors
    ///
    /// Returns all [`objections`](Self::objections) at once. Nothing has changed then.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool_fileset::{Clock, Engine, Settings, SystemClock};
    /// let now = SystemClock::new().now();
    /// let mut set = Engine::open(Settings::new(&path), now)?;
    /// let mut settings = set.settings().clone();
    /// settings.backup_count = 2;
    /// set.reconfigure(settings, now).unwrap();
    /// assert_eq!(set.settings().backup_count, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reconfigure(&mut self, settings: Settings, now: Now) -> Result<(), Vec<Fault>> {
        let faults = Self::objections(&self.settings, &settings);
        if !faults.is_empty() {
            return Err(faults);
        }
        let adopted = self.adopt_periods(&settings, now)?;
        let has_other_schedule = settings.rotate_every != self.settings.rotate_every;
        self.settings = settings;
        if has_other_schedule {
            // The zone is known, or the settings were refused.
            let calendar = zone::calendar(self.settings.rotate_every.as_ref()).unwrap_or(None);
            self.period.change(calendar, now);
            self.know_periods();
        }
        self.stage.site.restate(&self.settings);
        if let Some(event) = adopted {
            self.desk.say(event);
        }
        let Self { retention, stage, desk, settings, .. } = self;
        retention.forget_obstacles(&mut Turn { settings, stage, desk, now });
        self.retention.forget_free_bytes();
        if let Some(job) = &mut self.job {
            // The steps were made for the old count.
            job.plan_anew();
        }
        // A file that others have moved doesn't count: no backup has to go for it.
        self.watch.hurry(now.mono);
        self.watch(now);
        self.tailers.skip_quiet(now);
        self.trim(now);
        if self.stage.total_bytes() > self.settings.max_total_bytes {
            // The live file alone is over the budget. As a backup, it can go.
            self.start_rotation(now);
            self.trim(now);
        }
        // What waits for room may have it now.
        self.hurry();
        self.tick(now);
        Ok(())
    }

    /// Makes sure that the first schedule doesn't cost files. With it, files named by a period count as ours, although
    /// they may be another program's, so none of them may have to be removed for it, as at a first start.
    fn adopt_periods(&self, settings: &Settings, now: Now) -> Result<Option<Event>, Vec<Fault>> {
        let site = &self.stage.site;
        if site.names.has_periods() || !settings.has_periods() {
            return Ok(None);
        }
        let names = site.names.clone().with_periods(true);
        let dirs = Dirs { live: Some(site.dir(Which::Live)), backups: Some(site.dir(Which::Archive)) };
        adopt::found(&site.fs, &names, dirs, settings, now.wall).unwrap_or_else(|failure| {
            let wanted = format!("must be a schedule whose backups can be looked for: {failure}");
            let schedule = settings.rotate_every.as_ref().map_or_else(String::new, ToString::to_string);
            Err(vec![Fault::new("rotate_every", schedule, wanted)])
        })
    }

    /// Takes the names of periods as ours with the first schedule, so the next survey finds the files that have them.
    /// They stay ours while the log is open, whatever schedule follows: this process may have written them.
    fn know_periods(&mut self) {
        if self.settings.has_periods() {
            self.stage.site.names.learn_periods();
            self.stage.picture.is_stale = true;
        }
    }
}

/// Returns a fault for each field that differs and must not change. Names every field, so that a new one has to be
/// placed here.
fn fixed(old: &Settings, new: &Settings) -> Vec<Fault> {
    let Settings {
        // These are read again wherever they count.
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
        // These say where the set is, how files were created, and how waiting records were rendered.
        path,
        naming,
        archive_dir,
        rotate_on_start,
        compression,
        max_record_bytes,
        alert_file,
        latest_link,
        header,
        owner,
        mode,
        dir_mode,
        require_dir,
        sync,
        allow,
        raw_bytes,
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
    stays("header", *header != old.header, format!("{header:?}"));
    stays("owner", *owner != old.owner, owner.map_or_else(String::new, |owner| owner.to_string()));
    stays("mode", *mode != old.mode, format!("{mode:o}"));
    stays("dir_mode", *dir_mode != old.dir_mode, format!("{dir_mode:o}"));
    stays("require_dir", *require_dir != old.require_dir, require_dir.to_string());
    stays("sync", *sync != old.sync, format!("{sync:?}"));
    stays("allow", *allow != old.allow, format!("{allow:?}"));
    stays("raw_bytes", *raw_bytes != old.raw_bytes, raw_bytes.to_string());
    stays("single_line", *single_line != old.single_line, single_line.to_string());
    faults
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::settings::{Allow, SyncPolicy};

    fn fields(change: impl FnOnce(&mut Settings)) -> Vec<&'static str> {
        let old = Settings::new("/logs/app.log");
        let mut new = old.clone();
        change(&mut new);
        Engine::objections(&old, &new).into_iter().map(|fault| fault.field).collect()
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
            (new.latest_link, new.header) = (Some("/b".into()), Some("# app".into()));
            new.owner = Some(crate::model::owner::Owner::ids(1, 1));
            (new.max_record_bytes, new.mode, new.dir_mode) = (Some(100), 0o600, 0o700);
            (new.require_dir, new.sync, new.allow) = (true, SyncPolicy::Never, vec![Allow::Fifo]);
            (new.raw_bytes, new.single_line, new.max_bytes) = (true, true, 0);
        });
        let fixed = "max_bytes path max_record_bytes alert_file latest_link header owner mode dir_mode require_dir sync allow raw_bytes single_line";
        assert_eq!(all.join(" "), fixed);
    }

    #[test]
    fn the_budget_holds_the_longest_record_that_may_be_on_its_way() {
        assert_eq!(fields(|new| (new.max_bytes, new.max_total_bytes) = (1_000, 1 << 20)).len(), 0);
        let less = fields(|new| (new.max_bytes, new.max_total_bytes) = (1_000, (1 << 20) - 1));
        assert_eq!(less, ["max_total_bytes"]);
    }
}
