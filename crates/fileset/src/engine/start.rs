//! Opens a file set: checks everything before it touches anything, and reports all faults at once. Then it takes the
//! lock, finishes what a killed process left behind, and applies the limits.

use super::alert_file::{Standing, is_ours, own_alert};
use super::compression::Packing;
use super::desk::{Desk, Turn};
use super::ground::check;
use super::link::Link;
use super::machine::Engine;
use super::period::Period;
use super::relocation::Relocation;
use super::retention::Retention;
use super::sync::Syncing;
use super::tailers::Tailers;
use super::watch::Watch;
use super::witness::{Resumed, Unfinished};
use super::writing::Writing;
use crate::effect::disk::Disk;
use crate::effect::execute::{Place, Setback, Stage, is_shared};
use crate::effect::fs::Fs;
use crate::effect::home::{Claim, Refusal};
use crate::effect::patient::Patient;
use crate::effect::site::{Site, Which, make_dirs, split};
use crate::effect::zone;
use crate::model::alert::Event;
use crate::model::batch::Batch;
use crate::model::errno_class::Class;
use crate::model::error::{Failure, Fault, Op, OpenError, OsError};
use crate::model::inventory::FileKind;
use crate::model::name::Names;
use crate::model::settings::{Allow, Settings};
use crate::model::time::{Now, Wall};
use crate::policy::plan::Step;

/// The permission bits of a file that exists only for the moment of a test.
const PROBE_MODE: u32 = 0o600;

pub(super) fn open(
    mut settings: Settings,
    fs: Box<dyn Fs>,
    now: Now,
    unfinished: Option<(Unfinished, &mut Batch)>,
) -> Result<Engine, OpenError> {
    let fs = Patient(fs);
    let (names, adopted) = check(&mut settings, &fs, now.wall)?;
    let calendar =
        zone::calendar(settings.rotate_every.as_ref()).map_err(|fault| OpenError::Unusable(vec![fault]))?;
    let mut stage = Stage::new(enter(fs, names, &settings, now.wall)?);
    stage.may_tidy = adopted.is_none();
    // Opening removes an empty hidden file, which may be the one that was about to be written.
    let is_unbegun =
        unfinished.as_ref().is_some_and(|(unfinished, _)| stage.is_empty_and_hidden(unfinished.file));
    if let Err(setback) = stage.perform(Step::OpenLive, &settings) {
        stage.site.forsake();
        return Err(OpenError::Failed(match setback {
            Setback::Failed(failure) | Setback::Changed(failure) => failure,
            Setback::Displaced => Failure::new(Op::Open, &settings.path, OsError::ESTALE),
        }));
    }
    let (mut resumed, mut in_hand) = (None, None);
    if let Some((unfinished, batch)) = unfinished {
        resumed = Some(if is_unbegun { Resumed::Found(0) } else { stage.resume(unfinished, batch) });
        in_hand = Some(batch);
    }
    let mut desk = Desk::new(settings.path.clone());
    if let Some(event) = adopted {
        desk.say(event);
    }
    let mut set = Engine {
        stage,
        desk,
        job: None,
        writing: Writing::default(),
        syncing: Syncing::default(),
        retention: Retention::new(now),
        period: Period::new(calendar),
        tailers: Tailers::default(),
        packing: Packing::default(),
        link: Link::default(),
        watch: Watch::new(now.mono),
        relocation: Relocation::default(),
        hurried: false,
        rotation_wanted: false,
        resumed,
        settings,
    };
    if let Some(batch) = in_hand {
        set.leave_overlong(batch);
    }
    set.settle(now);
    Ok(set)
}

impl Engine {
    /// Opens the set on the disk. It first checks everything, then takes the lock, finishes what a killed process left
    /// behind, and brings the set under its limits.
    ///
    /// # Errors
    ///
    /// Returns [`OpenError::Unusable`] with every fault of the settings and of what stands at their paths, before
    /// anything is touched; [`OpenError::Locked`] if another process has the log; [`OpenError::Failed`] if an operation
    /// failed although the checks had passed.
    pub fn open(settings: Settings, now: Now) -> Result<Self, OpenError> {
        Self::open_on(settings, Box::new(Disk::new()), now)
    }

    /// Opens the set on the file system `fs`.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`open`](Self::open).
    pub fn open_on(settings: Settings, fs: Box<dyn Fs>, now: Now) -> Result<Self, OpenError> {
        open(settings, fs, now, None)
    }

    /// Opens the set on `fs` after a process died during a write. `batch` holds what was being written, and is advanced
    /// by what the file already has ([`resumed`](Self::resumed)). Pass it to [`append`](Self::append) before any other
    /// batch.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`open`](Self::open).
    pub fn open_resuming(
        settings: Settings,
        fs: Box<dyn Fs>,
        now: Now,
        unfinished: Unfinished,
        batch: &mut Batch,
    ) -> Result<Self, OpenError> {
        open(settings, fs, now, Some((unfinished, batch)))
    }

    /// Checks everything that [`open`](Self::open) checks before it touches anything, and touches nothing.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`open`](Self::open), except [`OpenError::Failed`].
    ///
    /// ```
    /// use tracing_spool_fileset::{Clock, Disk, Engine, Settings, SystemClock};
    /// let now = SystemClock::new().now();
    /// assert!(Engine::check(&Settings::new(""), &Disk::new(), now).is_err());
    /// ```
    pub fn check(settings: &Settings, fs: &dyn Fs, now: Now) -> Result<(), OpenError> {
        check(&mut settings.clone(), fs, now.wall).map(drop)
    }

    /// Takes back what a process under other limits had begun and these limits would not let end: it would keep all
    /// other records waiting. The owner may push the record again, shorter.
    fn leave_overlong(&mut self, batch: &mut Batch) {
        if batch.partial() > 0 && batch.record_in_hand().len() as u64 > self.settings.record_limit() {
            self.cut_partial();
            self.writing.rewind = false;
            batch.rewind_record();
        }
    }

    /// Finishes what a killed process left behind, and brings the set under its limits. What fails here is retried
    /// later, like any other step.
    fn settle(&mut self, now: Now) {
        self.begin_period(now);
        self.find_old_alerts();
        self.find_shared();
        Retention::mind_foreign(&mut self.turn(now));
        let Self { packing, stage, desk, settings, .. } = self;
        packing.tidy(false, &mut Turn { settings, stage, desk, now });
        packing.want();
        // Before anything is removed for the limits: what a power cut left at the end is no content.
        self.cut_nuls();
        self.trim(now);
        let place = self.stage.current.as_ref().map(|file| file.place);
        if place == Some(Place::Hidden) {
            self.start_recovery(now);
        }
        if place == Some(Place::Moved) {
            self.start_reopening(now);
        }
        if self.stage.total_bytes() > self.settings.max_total_bytes {
            // The limit was lowered below the live file alone. As a backup, it can go.
            self.start_rotation(now);
            self.trim(now);
        }
        if self.stage.current.as_ref().is_some_and(|file| file.torn || file.nuls > 0) {
            // If this fails, it is done before the first record.
            self.mend_tail(now);
        }
        if let Some(file) = &self.stage.current {
            self.tailers.find_quiet(file.meta.modified, self.settings.quiet_rotation, now);
        }
        self.want_link(now);
        if self.settings.rotate_on_start && self.content_bytes() > 0 {
            self.period.end_now(now);
        }
        if self.is_rotation_due(None, now) {
            self.start_rotation(now);
        }
        self.conclude(now);
    }

    /// Finds alerts of an earlier life of this log in directories that were just entered.
    pub(super) fn find_old_alerts(&mut self) {
        let Self { stage, desk, settings, .. } = self;
        let site = &stage.site;
        let wanted = settings.alert_path(&site.names);
        let (dir, name) = split(&wanted);
        let Ok(dir) = site.beside(dir) else { return };
        let temporary = dir.at(site.names.alert_temporary_name());
        if site.fs.stat(&temporary).is_ok_and(|meta| meta.kind == FileKind::File) {
            desk.alarms.found_litter(temporary);
        }
        let wanted = dir.at(name);
        let found = [own_alert(site, &wanted), wanted].into_iter().rev();
        for at in found.filter(|at| is_ours(&site.fs, at, &site.names)) {
            if let Ok(meta) = site.fs.stat(&at) {
                return desk.alarms.found_stale(Standing { at, id: meta.id });
            }
        }
    }

    /// Reports that the file found is left alone because it has other hard links.
    fn find_shared(&mut self) {
        let is_left = self.stage.current.as_ref().is_some_and(|file| file.place == Place::Hidden)
            && !self.settings.allows(Allow::HardLink)
            && self.stage.site.fs.stat(&self.stage.site.live_file()).is_ok_and(|meta| is_shared(&meta));
        if is_left {
            self.desk.say(Event::LinkedLeft { path: self.desk.log() });
        }
    }
}

/// Opens and locks the directories. From here on, things are touched.
fn enter(fs: Patient, names: Names, settings: &Settings, now: Wall) -> Result<Site, OpenError> {
    for dir in names.dirs().chain(settings.alert_path(&names).parent()) {
        make_dirs(&fs, dir, settings).map_err(OpenError::Failed)?;
    }
    let words = format!("process {} on {}, since {now}", std::process::id(), host());
    let claim = Claim::new(&names, settings, words);
    let mut site = Site::enter(fs, names, claim).map_err(|refusal| match refusal {
        Refusal::Held(holder) => OpenError::Locked { path: settings.path.clone(), holder },
        Refusal::Failed(failure) if failure.class() == Class::Unsupported => {
            let wanted = format!(
                "must be on a file system that has locks, or allow NoLock, where nothing else writes this log: {failure}"
            );
            OpenError::Unusable(vec![Fault::new("path", settings.path.display(), wanted)])
        }
        Refusal::Failed(failure) => OpenError::Failed(failure),
    })?;
    try_rename(&mut site).map_err(|error| {
        site.forsake();
        let wanted = format!("must be a directory that files of the log can be renamed to: {error}");
        let path = site.names.archive().display().to_string();
        OpenError::Unusable(vec![Fault::new("archive_dir", path, wanted)])
    })?;
    Ok(site)
}

/// Where the system doesn't tell mounts, tries whether a file can be renamed into the directory of the backups.
fn try_rename(site: &mut Site) -> Result<(), OsError> {
    let has_archive = site.dirs().count() > 1;
    let is_told = site.fs.mount_of_dir(site.dir(Which::Live)).is_ok_and(|mount| mount.is_some());
    if !has_archive || is_told {
        return Ok(());
    }
    let (from, to) = (site.hidden_file(), site.pack_temporary());
    // If one exists already, the last process renamed it, or it waits to be renamed.
    let Ok(probe) = site.fs.create(&from, PROBE_MODE) else { return Ok(()) };
    drop(probe);
    let renamed = site.rename(&from, &to);
    let left = if renamed.is_ok() { &to } else { &from };
    let _ = site.fs.unlink(left);
    match renamed {
        Err(OsError::EXDEV) => Err(OsError::EXDEV),
        _ => Ok(()),
    }
}

fn host() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "this host".to_owned())
}
