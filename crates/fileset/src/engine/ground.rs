//! Looks at what stands where a set is to be opened, and finds its faults, before anything is touched.

use super::adopt;
use crate::effect::execute::objection;
use crate::effect::fs::{At, Dir, Fs};
use crate::effect::site::split;
use crate::effect::zone;
use crate::model::alert::Event;
use crate::model::error::{Fault, Holder, OpenError, OsError};
use crate::model::inventory::FileKind;
use crate::model::name::Names;
use crate::model::settings::{Allow, Settings};
use crate::model::time::Wall;
use std::path::{Path, PathBuf};

/// Checks the settings and what stands at their paths, and makes the paths absolute. Touches nothing. Also returns what
/// is to be reported about adopted files.
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
    // A setting that has a fault gets no second one, and hides none of another's.
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

/// Returns the directories of the set that exist.
struct Around {
    live: Option<Dir>,
    backups: Option<Dir>,
}

/// Returns everything that speaks against the paths, the directories that exist, and who else has the log.
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

/// Returns the live path made absolute. An allowed symlink is followed, once.
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

/// Returns what speaks against a directory: it is missing and must not be created, it is not a directory, or it can't
/// be written.
fn directory_fault(field: &'static str, dir: &Path, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let fault = |wanted: String| Some(Fault::new(field, dir.display(), wanted));
    for ancestor in dir.ancestors() {
        match fs.look(ancestor) {
            Ok(meta) if meta.kind != FileKind::Directory => {
                return fault(format!("must be a directory, but {} is not one", ancestor.display()));
            }
            Ok(_) if ancestor != dir && settings.require_dir => {
                return fault(
                    "must be a directory that exists, or be created (without require_dir)".to_owned(),
                );
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

/// Returns what speaks against the directory of the backups: a rename can't lead to another file system or another
/// mount.
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

/// Returns what speaks against a file that is a mount point: it can be neither renamed nor replaced.
fn own_mount_fault(field: &'static str, at: &At, dir: &Dir, fs: &dyn Fs) -> Option<Fault> {
    let (file, around) = (fs.mount_of(at).ok()?, fs.mount_of_dir(dir).ok()?);
    let wanted =
        "must be a file that can be renamed, but it is a mount of its own: mount its directory instead";
    (file != around).then(|| Fault::new(field, at.path().display(), wanted))
}

/// Returns what speaks against the length of the name: the longest name made from it must fit.
fn length_fault(dir: &Dir, names: &Names, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let longest = fs.name_max(dir).ok()?.saturating_sub(settings.added_bytes_max());
    let wanted = format!("must have a file name of at most {longest} bytes on this file system");
    (names.base().len() > longest).then(|| Fault::new("path", settings.path.display(), wanted))
}

/// Returns what speaks against the link to the live file: its directory, or what stands in its place.
fn link_fault(names: &Names, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
    let link = settings.latest_link.as_deref()?;
    let fault = |wanted: String| Some(Fault::new("latest_link", link.display(), wanted));
    let (dir_path, name) = split(link);
    let dir = fs.open_dir(dir_path);
    // Reached by another path to the same directory, it would one day replace a file that is being renamed.
    let is_set_dir = |dir: &Dir| names.dirs().any(|own| fs.look(own).is_ok_and(|meta| meta.id == dir.id()));
    if names.role(name).is_some() && dir.as_ref().is_ok_and(is_set_dir) {
        return fault("must not be a file of the log itself".to_owned());
    }
    match dir.and_then(|dir| fs.stat(&dir.at(name))) {
        Ok(meta) if meta.kind == FileKind::Symlink => {}
        Ok(_) => return fault("must be free, or a symlink that may be replaced".to_owned()),
        // A fault of its directory is reported for the directory.
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
