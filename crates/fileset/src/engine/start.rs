//! Opening a file set: everything is looked at before anything is touched, and all faults are told at once.
//! Then the lock, what a killed process left behind, and the limits.

use std::path::{Path, PathBuf};

use super::adopt;
use super::alarm::{Standing, is_ours, own_alert};
use super::append::Writing;
use super::desk::{Desk, Turn};
use super::link::Link;
use super::packing::Packing;
use super::period::Period;
use super::relocation::Relocation;
use super::retention::Retention;
use super::sync::Syncing;
use super::tailers::Tailers;
use super::watch::Watch;
use super::{Engine, Resumed, Unfinished};
use crate::effect::execute::{Place, Setback, Stage, is_shared, objection};
use crate::effect::fs::{At, Dir, Fs};
use crate::effect::home::{Claim, Refusal};
use crate::effect::patient::Patient;
use crate::effect::site::{Site, Which, make_dirs, split};
use crate::effect::zone;
use crate::model::alert::Event;
use crate::model::batch::Batch;
use crate::model::class::Class;
use crate::model::error::{Failure, Fault, Holder, Op, OpenError, OsError};
use crate::model::inventory::FileKind;
use crate::model::name::Names;
use crate::model::settings::{Allow, Settings};
use crate::model::time::{Now, Wall};
use crate::policy::plan::Step;

/// The mode of a file that stands for the moment of a try.
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
    /// Takes back what a process under other limits had begun and what these would not let end: it would keep all others
    /// waiting. The record is the owner's to give again, shorter.
    fn leave_overlong(&mut self, batch: &mut Batch) {
        if batch.partial() > 0 && batch.record_in_hand().len() as u64 > self.settings.record_limit() {
            self.cut_partial();
            self.writing.rewind = false;
            batch.rewind_record();
        }
    }

    /// Finishes what a killed process left, and brings the set under its limits. What fails here is tried again
    /// later, like any other step.
    fn settle(&mut self, now: Now) {
        self.begin_period(now);
        self.find_old_alerts();
        self.find_shared();
        Retention::mind_foreign(&mut self.turn(now));
        let Self { packing, stage, desk, settings, .. } = self;
        packing.tidy(false, &mut Turn { settings, stage, desk, now });
        packing.want();
        // Before anything goes for the limits: what a power cut has left at the end is no content.
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
            // The limit was lowered below the live file alone: as a backup it can go.
            self.start_rotation(now);
            self.trim(now);
        }
        if self.stage.current.as_ref().is_some_and(|file| file.torn || file.nuls > 0) {
            // Where this fails, it is done before the first record.
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

    /// Alerts of an earlier life of this log, in directories that were just entered.
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

    /// Says that the file found is left alone because it has further names.
    fn find_shared(&mut self) {
        let is_left = self.stage.current.as_ref().is_some_and(|file| file.place == Place::Hidden)
            && !self.settings.allows(Allow::HardLink)
            && self.stage.site.fs.stat(&self.stage.site.live_file()).is_ok_and(|meta| is_shared(&meta));
        if is_left {
            self.desk.say(Event::LinkedLeft { path: self.desk.log() });
        }
    }
}

/// Looks at the settings and at what stands at their paths; makes the paths absolute. Touches nothing. Returned is also what
/// is to be said of files that are taken over.
pub(super) fn check(
    settings: &mut Settings,
    fs: &dyn Fs,
    now: Wall,
) -> Result<(Names, Option<Event>), OpenError> {
    let mut faults = settings.faults();
    let is_usable = |faults: &[Fault], field| !faults.iter().any(|fault| fault.field == field);
    let mut holder = None;
    let mut names = None;
    let mut adopted = None;
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
        let (found, whose) = look_around(names, settings, fs, &mut faults);
        holder = whose;
        if faults.is_empty() && holder.is_none() {
            let dirs = adopt::Dirs { live: found.live.as_ref(), backups: found.backups.as_ref() };
            match adopt::found(fs, names, dirs, settings, now).map_err(OpenError::Failed)? {
                Ok(event) => adopted = event,
                Err(refused) => faults.extend(refused),
            }
        }
    }
    match (names, holder) {
        (Some(names), None) if faults.is_empty() => Ok((names, adopted)),
        (_, Some(holder)) if faults.is_empty() => {
            Err(OpenError::Locked { path: settings.path.clone(), holder })
        }
        (_, holder) => {
            faults.extend(holder.map(|holder| locked_fault(&settings.path, &holder)));
            Err(OpenError::Unusable(faults))
        }
    }
}

/// The directories of the set that are there.
struct Around {
    live: Option<Dir>,
    backups: Option<Dir>,
}

/// Everything about the paths that speaks against them; the directories that are there, and who else has the log.
fn look_around(
    names: &Names,
    settings: &Settings,
    fs: &dyn Fs,
    faults: &mut Vec<Fault>,
) -> (Around, Option<Holder>) {
    let is_usable = |faults: &[Fault], field| !faults.iter().any(|fault| fault.field == field);
    let has_archive = names.dirs().count() > 1;
    faults.extend(directory_fault("path", names.dir(), settings, fs));
    let live = fs.open_dir(names.dir()).ok();
    if let Some(live) = &live {
        faults.extend(live_fault(live, settings, fs));
        faults.extend(length_fault(live, names, settings, fs));
    }
    if has_archive && is_usable(faults, "archive_dir") {
        faults.extend(archive_fault(names, live.as_ref(), settings, fs));
    }
    let backups = if has_archive { fs.open_dir(names.archive()).ok() } else { live.clone() };
    let dirs = [live.as_ref(), backups.as_ref().filter(|_| has_archive)];
    let holder =
        dirs.into_iter().flatten().find_map(|dir| fs.lock_holder(&dir.at(names.lock_name())).ok().flatten());
    let alert = settings.alert_path(names);
    if is_usable(faults, "alert_file") {
        let (dir, name) = split(&alert);
        if dir != names.dir() {
            faults.extend(directory_fault("alert_file", dir, settings, fs));
        }
        if let Ok(dir) = fs.open_dir(dir) {
            faults.extend(own_mount_fault("alert_file", &dir.at(name), &dir, fs));
        }
    }
    if is_usable(faults, "latest_link") {
        faults.extend(link_fault(names, settings, fs));
    }
    (Around { live, backups }, holder)
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
    let (dir, name) = split(&path);
    let stands = fs.open_dir(dir).and_then(|dir| fs.stat(&dir.at(name)));
    let is_link = stands.is_ok_and(|meta| meta.kind == FileKind::Symlink);
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
        match fs.look(ancestor) {
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

/// What speaks against the directory of the backups: a rename leads neither to another file system nor to another mount.
fn archive_fault(names: &Names, live: Option<&Dir>, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let path = names.archive();
    let nearest = |path: &Path| path.ancestors().find_map(|ancestor| fs.open_dir(ancestor).ok());
    let (archive, live) = (nearest(path), live.cloned().or_else(|| nearest(names.dir())));
    directory_fault("archive_dir", path, settings, fs).or_else(|| {
        let (archive, live) = (archive?, live?);
        let wanted = if archive.id().device != live.id().device {
            "must be on the file system of the log itself: a rename leads to no other"
        } else if fs.mount_of_dir(&archive).ok()? != fs.mount_of_dir(&live).ok()? {
            "must be reached through the mount of the log itself: a rename leads to no other mount, even of one file \
             system"
        } else {
            return None;
        };
        Some(Fault::new("archive_dir", path.display(), wanted))
    })
}

/// What speaks against a file that is a mount point: it can be neither renamed nor replaced.
fn own_mount_fault(field: &'static str, at: &At, dir: &Dir, fs: &dyn Fs) -> Option<Fault> {
    let (file, around) = (fs.mount_of(at).ok()?, fs.mount_of_dir(dir).ok()?);
    let wanted =
        "must be a file that can be renamed, but it is a mount of its own: mount its directory instead";
    (file != around).then(|| Fault::new(field, at.path().display(), wanted))
}

/// What speaks against the length of the name: the longest that is made of it must have room.
fn length_fault(dir: &Dir, names: &Names, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let longest = fs.name_max(dir).ok()?.saturating_sub(settings.added_bytes_max());
    let wanted = format!("must have a file name of at most {longest} bytes on this file system");
    (names.base().len() > longest).then(|| Fault::new("path", settings.path.display(), wanted))
}

/// What speaks against the link to the live file: its directory, or what stands in its place.
fn link_fault(names: &Names, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let link = settings.latest_link.as_deref()?;
    let fault = |wanted: String| Some(Fault::new("latest_link", link.display(), wanted));
    let (dir_path, name) = split(link);
    let dir = fs.open_dir(dir_path);
    // By another way to its directory it would one day take the place of a file that is being renamed.
    let is_set_dir = |dir: &Dir| names.dirs().any(|own| fs.look(own).is_ok_and(|meta| meta.id == dir.id()));
    if names.role(name).is_some() && dir.as_ref().is_ok_and(is_set_dir) {
        return fault("must not be a file of the log itself".to_owned());
    }
    match dir.and_then(|dir| fs.stat(&dir.at(name))) {
        Ok(meta) if meta.kind == FileKind::Symlink => {}
        Ok(_) => return fault("must be free, or a symlink that may be replaced".to_owned()),
        // What is wrong with its directory, is told of the directory.
        Err(OsError::ENOENT | OsError::ENOTDIR) => {}
        Err(error) => return fault(format!("must be a path that can be looked at: {error}")),
    }
    (dir_path != names.dir()).then(|| directory_fault("latest_link", dir_path, settings, fs)).flatten()
}

fn live_fault(dir: &Dir, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let at = dir.at(split(&settings.path).1);
    let fault = |wanted: String| Some(Fault::new("path", settings.path.display(), wanted));
    match fs.stat(&at) {
        Ok(meta) => {
            let dir_owner = fs.stat_dir(dir).ok().map(|dir| dir.owner);
            match objection(&meta, fs.user(), dir_owner, settings) {
                Some((wanted, _)) => fault(wanted.to_owned()),
                None if meta.kind == FileKind::File => own_mount_fault("path", &at, dir, fs),
                None => None,
            }
        }
        Err(OsError::ENOENT) => None,
        Err(error) => fault(format!("must be a file that can be looked at: {error}")),
    }
}

/// Directories and locks. From here on things are touched.
fn enter(fs: Patient, names: Names, settings: &Settings, now: Wall) -> Result<Site, OpenError> {
    for dir in names.dirs().chain(settings.alert_path(&names).parent()) {
        make_dirs(&fs, dir, settings).map_err(OpenError::Failed)?;
    }
    let names_by =
        if settings.has_periods() { format!("; {}", adopt::NAMED_BY_PERIODS) } else { String::new() };
    let text = format!("process {} on {}, since {now}{names_by}", std::process::id(), host());
    let claim = Claim::new(&names, settings, text);
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

/// Where mounts are not told, whether a file can be renamed into the directory of the backups.
fn try_rename(site: &mut Site) -> Result<(), OsError> {
    let has_archive = site.dirs().count() > 1;
    let is_told = site.fs.mount_of_dir(site.dir(Which::Live)).is_ok_and(|mount| mount.is_some());
    if !has_archive || is_told {
        return Ok(());
    }
    let (from, to) = (site.hidden_file(), site.pack_temporary());
    // What stands there already was renamed by the last process, or waits to be.
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
