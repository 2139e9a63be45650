//! Opening a file set: everything is looked at before anything is touched, and all faults are told at once.
//! Then the lock, what a killed process left behind, and the limits.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::alarm::{Alarms, is_ours};
use super::append::Ceiling;
use super::link::Link;
use super::packing::Packing;
use super::period::Period;
use super::tailers::Tailers;
use super::{Counters, FileSet, Moments, Resumed, Unfinished};
use crate::effect::clock::Clock;
use crate::effect::execute::{Place, Setback, Stage, objection};
use crate::effect::fs::{Fs, LockRefusal};
use crate::effect::zone;
use crate::model::batch::Batch;
use crate::model::error::{Failure, Fault, Holder, Op, OpenError, OsError};
use crate::model::inventory::{FileKind, Meta};
use crate::model::name::Names;
use crate::model::settings::{Allow, Settings, WATCH_EVERY};
use crate::model::time::Now;
use crate::policy::backoff::Retry;
use crate::policy::plan::Step;

/// Symlinks in a row that are followed on the way to a directory.
const LINKS_MAX: usize = 40;

pub(super) fn open(
    mut settings: Settings,
    fs: Box<dyn Fs>,
    clock: Box<dyn Clock>,
    unfinished: Option<(Unfinished, &mut Batch)>,
) -> Result<FileSet, OpenError> {
    let now = clock.now();
    let names = check(&mut settings, fs.as_ref())?;
    let lock_text = format!("process {} on {}, since {}", std::process::id(), host(), now.wall);
    let calendar =
        zone::calendar(settings.rotate_every.as_ref()).map_err(|fault| OpenError::Unusable(vec![fault]))?;
    let mut stage = Stage::new(fs, names, lock_text);
    // Opening removes an empty hidden file, which may be the one that was about to be written.
    let is_unbegun =
        unfinished.as_ref().is_some_and(|(unfinished, _)| stage.is_empty_and_hidden(unfinished.file));
    prepare(&mut stage, &settings)?;
    let resumed =
        unfinished.map(
            |(unfinished, batch)| {
                if is_unbegun { Resumed::Found(0) } else { stage.resume(unfinished, batch) }
            },
        );
    let mut set = FileSet {
        stage,
        job: None,
        hold: None,
        hurried: false,
        rotation_wanted: false,
        rewind: false,
        found_anew: false,
        ceiling: Ceiling::default(),
        period: Period::new(calendar),
        tailers: Tailers::default(),
        watch_at: now.mono + WATCH_EVERY,
        free_bytes: None,
        sync_due: None,
        sync_retry: Retry::default(),
        left_sealed: false,
        prune_retry: Retry::default(),
        stuck: BTreeSet::new(),
        expiry_due: None,
        packing: Packing::default(),
        link: Link::default(),
        alarms: Alarms::default(),
        events: VecDeque::new(),
        counters: Counters::default(),
        moments: Moments::default(),
        dropped: 0,
        clock,
        held: Batch::default(),
        process: std::process::id(),
        resumed,
        settings,
    };
    set.settle(now);
    Ok(set)
}

impl FileSet {
    /// Finishes what a killed process left, and brings the set under its limits. What fails here is tried again
    /// later, like any other step.
    fn settle(&mut self, now: Now) {
        self.begin_period(now);
        self.find_old_alerts();
        self.mind_foreign(now);
        self.tidy_packing(now);
        self.want_packing();
        self.trim(now);
        if self.stage.current.as_ref().is_some_and(|file| file.place == Place::Hidden) {
            self.start_recovery(now);
        }
        if self.stage.current.as_ref().is_some_and(|file| file.place == Place::Moved) {
            self.start_reopening(now);
        }
        if self.stage.total_bytes() > self.settings.max_total_bytes {
            // The limit was lowered below the live file alone: as a backup it can go.
            self.start_rotation(now);
            self.trim(now);
        }
        if self.stage.current.as_ref().is_some_and(|file| file.torn) {
            // Where this fails, it is done before the first record.
            self.end_tail(now);
        }
        self.find_quiet(now);
        self.want_link(now);
        self.rotate_at_start(now);
        self.conclude(now);
    }

    fn find_old_alerts(&mut self) {
        let wanted = self.settings.alert_path(&self.stage.names);
        let own = self.stage.names.own_alert(&wanted);
        let temporary = self.stage.names.alert_temporary(wanted.parent().unwrap_or(Path::new("/")));
        if self.stage.fs.stat(&temporary).is_ok_and(|meta| meta.kind == FileKind::File) {
            self.alarms.found_litter(temporary);
        }
        let found = [wanted, own].into_iter().find(|path| is_ours(&self.stage.fs, path, &self.stage.names));
        if let Some(path) = found {
            self.alarms.found_stale(path);
        }
    }
}

/// Looks at the settings and at what stands at their paths; makes the paths absolute. Touches nothing.
pub(super) fn check(settings: &mut Settings, fs: &dyn Fs) -> Result<Names, OpenError> {
    let mut faults = settings.faults();
    let is_usable = |faults: &[Fault], field| !faults.iter().any(|fault| fault.field == field);
    let mut holder = None;
    let mut names = None;
    // A field that has a fault gets no second one, and hides none of another's.
    let beside = [
        ("alert_file", &mut settings.alert_file),
        ("latest_link", &mut settings.latest_link),
        ("archive_dir", &mut settings.archive_dir),
    ];
    for (field, path) in beside {
        let Some(given) = path.as_deref().filter(|_| is_usable(&faults, field)) else { continue };
        match absolute(given, field) {
            Ok(absolute) => *path = Some(absolute),
            Err(fault) => faults.push(fault),
        }
    }
    if is_usable(&faults, "path") {
        match resolve(settings, fs) {
            Ok(path) => {
                settings.path = path;
                names = settings.names();
            }
            Err(fault) => faults.push(fault),
        }
    }
    if is_usable(&faults, "rotate_every") {
        faults.extend(zone::calendar(settings.rotate_every.as_ref()).err());
    }
    if let Some(names) = &names {
        faults.extend(directory_fault("path", names.dir(), settings, fs));
        faults.extend(live_fault(settings, fs));
        if names.dirs().count() > 1 && is_usable(&faults, "archive_dir") {
            faults.extend(archive_fault(names, settings, fs));
        }
        holder = names.locks().find_map(|lock| fs.lock_holder(&lock).ok().flatten());
        let alert = settings.alert_path(names);
        let dir = alert.parent().filter(|dir| *dir != names.dir() && is_usable(&faults, "alert_file"));
        if let Some(dir) = dir {
            faults.extend(directory_fault("alert_file", dir, settings, fs));
        }
        if is_usable(&faults, "latest_link") {
            faults.extend(link_fault(names, settings, fs));
        }
    }
    match (names, holder) {
        (Some(names), None) if faults.is_empty() => Ok(names),
        (_, Some(holder)) if faults.is_empty() => {
            Err(OpenError::Locked { path: settings.path.clone(), holder })
        }
        (_, holder) => {
            faults.extend(holder.map(|holder| locked_fault(&settings.path, &holder)));
            Err(OpenError::Unusable(faults))
        }
    }
}

fn locked_fault(path: &Path, holder: &Holder) -> Fault {
    Fault::new("path", path.display(), format!("must not be in use: it is being written by {holder}"))
}

/// A path made absolute, so that a later `chdir` changes nothing.
fn absolute(path: &Path, field: &'static str) -> Result<PathBuf, Fault> {
    std::path::absolute(path).map_err(|error| {
        Fault::new(field, path.display(), format!("must be usable from the current directory: {error}"))
    })
}

/// The live path made absolute; an allowed symlink followed, once.
fn resolve(settings: &Settings, fs: &dyn Fs) -> Result<PathBuf, Fault> {
    let path = absolute(&settings.path, "path")?;
    let is_link = fs.stat(&path).is_ok_and(|meta| meta.kind == FileKind::Symlink);
    if is_link && settings.allows(Allow::Symlink) {
        return fs.resolve(&path).map_err(|error| {
            Fault::new("path", path.display(), format!("must be a symlink to a file that exists: {error}"))
        });
    }
    Ok(path)
}

/// What speaks against a directory: it is missing and shall not be created, it is none, or it cannot be written.
fn directory_fault(field: &'static str, dir: &Path, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let fault = |wanted: String| Some(Fault::new(field, dir.display(), wanted));
    for ancestor in dir.ancestors() {
        match look_through(fs, ancestor) {
            Ok(meta) if meta.kind != FileKind::Directory => {
                return fault(format!("must be a directory, but {} is not one", ancestor.display()));
            }
            Ok(_) if ancestor != dir && !settings.create_dirs => {
                return fault("must be a directory that exists, or be created (create_dirs)".to_owned());
            }
            Ok(_) => {
                return match fs.access(ancestor) {
                    Ok(()) => None,
                    Err(error) => {
                        fault(format!("must be writable, but {} is not: {error}", ancestor.display()))
                    }
                };
            }
            Err(OsError::ENOENT) => {}
            Err(error) => return fault(format!("must be a directory that can be reached: {error}")),
        }
    }
    None
}

/// What speaks against the directory of the backups: a rename does not lead to another file system.
fn archive_fault(names: &Names, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let dir = names.archive();
    let device = |dir: &Path| {
        dir.ancestors().find_map(|ancestor| look_through(fs, ancestor).ok()).map(|meta| meta.id.device)
    };
    directory_fault("archive_dir", dir, settings, fs).or_else(|| {
        let wanted = "must be on the file system of the log itself";
        (device(dir) != device(names.dir())).then(|| Fault::new("archive_dir", dir.display(), wanted))
    })
}

/// `stat` with symlinks followed.
fn look_through(fs: &dyn Fs, path: &Path) -> Result<Meta, OsError> {
    let mut meta = fs.stat(path)?;
    let mut target = path.to_owned();
    for _ in 0..LINKS_MAX {
        if meta.kind != FileKind::Symlink {
            return Ok(meta);
        }
        target = fs.resolve(&target)?;
        meta = fs.stat(&target)?;
    }
    Err(OsError::ELOOP)
}

/// What speaks against the link to the live file: its directory, or what stands in its place.
fn link_fault(names: &Names, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let link = settings.latest_link.as_deref()?;
    let fault = |wanted: String| Some(Fault::new("latest_link", link.display(), wanted));
    // By another way to its directory it would one day take the place of a file that is being renamed.
    let is_own_name = link.file_name().is_some_and(|name| names.role(name).is_some());
    let dir = link.parent().filter(|_| is_own_name).and_then(|dir| fs.resolve(dir).ok());
    if dir.is_some_and(|dir| names.dirs().any(|own| fs.resolve(own).as_ref() == Ok(&dir))) {
        return fault("must not be a file of the log itself".to_owned());
    }
    match fs.stat(link) {
        Ok(meta) if meta.kind == FileKind::Symlink => {}
        Ok(_) => return fault("must be free, or a symlink that may be replaced".to_owned()),
        // What is wrong with its directory, is told of the directory.
        Err(OsError::ENOENT | OsError::ENOTDIR) => {}
        Err(error) => return fault(format!("must be a path that can be looked at: {error}")),
    }
    let dir = link.parent().filter(|dir| *dir != names.dir())?;
    directory_fault("latest_link", dir, settings, fs)
}

fn live_fault(settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    match fs.stat(&settings.path) {
        Ok(meta) => objection(&meta, fs.user(), settings)
            .map(|(wanted, _)| Fault::new("path", settings.path.display(), wanted)),
        // Its directory is missing too, or is no directory, which is told of the directory.
        Err(OsError::ENOENT | OsError::ENOTDIR) => None,
        Err(error) => Some(Fault::new(
            "path",
            settings.path.display(),
            format!("must be a file that can be looked at: {error}"),
        )),
    }
}

/// Directories, lock and live file. From here on things are touched.
fn prepare(stage: &mut Stage, settings: &Settings) -> Result<(), OpenError> {
    let failed = |setback| match setback {
        Setback::Failed(failure) => OpenError::Failed(failure),
        Setback::Displaced => OpenError::Failed(Failure::new(Op::Open, &settings.path, OsError::ESTALE)),
    };
    stage.perform(Step::MakeDirs, settings).map_err(failed)?;
    if let Some(dir) = settings.alert_path(&stage.names).parent() {
        stage.make_dirs(dir, settings).map_err(OpenError::Failed)?;
    }
    for path in stage.names.locks() {
        match stage.fs.lock(&path, settings.mode, &stage.lock_text) {
            Ok(lock) => stage.locks.push(lock),
            Err(LockRefusal::Held(holder)) => {
                return Err(OpenError::Locked { path: settings.path.clone(), holder });
            }
            Err(LockRefusal::Failed(error)) => {
                return Err(OpenError::Failed(Failure::new(Op::Lock, &path, error)));
            }
        }
    }
    stage.perform(Step::OpenLive, settings).map_err(failed)?;
    Ok(())
}

fn host() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "this host".to_owned())
}
