//! Looks at what stands in directories that the set is about to take as its own, before anything is locked or touched.
//! `policy::adoption` decides whether it may.

use std::path::PathBuf;

use crate::effect::execute::Picture;
use crate::effect::fs::{At, Dir, Fs};
use crate::effect::site::{Ground, Site, Which, look as look_at, open_dir};
use crate::model::alert::Event;
use crate::model::error::{Failure, Fault};
use crate::model::inventory::{FileKind, Inventory};
use crate::model::lock_note::{self, LockNote};
use crate::model::name::Names;
use crate::model::removal::Reason;
use crate::model::settings::{Allow, Settings};
use crate::model::time::Wall;
use crate::policy::adoption::{Adoption, Facts, File, Provenance, Surplus, adoption};

/// The most files that a message names.
const NAMED_MAX: usize = 10;

/// What is reported when files are adopted, or what speaks against adopting them.
pub(super) type Found = Result<Option<Event>, Vec<Fault>>;

/// Looks at the directories that these paths lead to now. The other directories of the set are known.
pub(super) fn look(site: &Site, moved: &[Which], settings: &Settings, now: Wall) -> Result<Found, Failure> {
    let open = |which: Which| match moved.contains(&which) {
        true => open_dir(&site.fs, site.path(which)),
        false => Ok(site.dir(which).clone()),
    };
    let live = open(Which::Live)?;
    let backups = if site.names.dirs().count() > 1 { open(Which::Archive)? } else { live.clone() };
    found(&site.fs, &site.names, Dirs { live: Some(&live), backups: Some(&backups) }, settings, now)
}

/// Returns the directories that exist. One that doesn't exist yet holds nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dirs<'a> {
    pub(super) live: Option<&'a Dir>,
    pub(super) backups: Option<&'a Dir>,
}

/// Returns whether a lock file of this log stands in a directory.
fn provenance(fs: &dyn Fs, dir: Option<&Dir>, names: &Names) -> Result<Provenance, Failure> {
    let lock = dir.map(|dir| look_at(fs, &dir.at(names.lock_name()))).transpose()?.flatten();
    Ok(if lock.is_some() { Provenance::Ours } else { Provenance::Found })
}

/// Returns whether this log has named backups by periods in a directory. Other programs write names with dates too, so
/// the lock file must say so. An empty lock file was written on a full disk.
fn are_periods_ours(fs: &dyn Fs, dir: Option<&Dir>, names: &Names) -> bool {
    let said = dir.and_then(|dir| fs.read_head(&dir.at(names.lock_name()), lock_note::BYTES_MAX).ok());
    said.is_some_and(|said| said.is_empty() || LockNote::parse(&said).has_periods())
}

/// Decides what becomes of existing files.
pub(super) fn found(
    fs: &dyn Fs,
    names: &Names,
    dirs: Dirs<'_>,
    settings: &Settings,
    now: Wall,
) -> Result<Found, Failure> {
    let Some(any) = dirs.live.or(dirs.backups) else { return Ok(Ok(None)) };
    let live_dir = provenance(fs, dirs.live, names)?;
    let backup_dir = provenance(fs, dirs.backups, names)?;
    let periods = match settings.has_periods() && !are_periods_ours(fs, dirs.backups, names) {
        true => Provenance::Found,
        false => backup_dir,
    };
    if (live_dir, backup_dir, periods) == (Provenance::Ours, Provenance::Ours, Provenance::Ours) {
        return Ok(Ok(None));
    }
    let ground = Ground { fs, names, live: dirs.live.unwrap_or(any), backups: dirs.backups.unwrap_or(any) };
    let mut picture = Picture::new();
    if dirs.backups.is_some() {
        picture.survey_afresh(ground, settings)?;
    }
    let bytes = |at: At| -> Result<u64, Failure> {
        let there = if dirs.live.is_some() { ground.look(&at)? } else { None };
        Ok(there.filter(|meta| meta.kind == FileKind::File).map_or(0, |meta| meta.bytes))
    };
    let (live, hidden) = (bytes(ground.live_file())?, bytes(ground.hidden_file())?);
    // A hidden file with content is the newer one, and takes the records.
    let live_bytes = if hidden > 0 {
        picture.inventory.standing_live = Some(live).filter(|bytes| *bytes > 0);
        hidden
    } else {
        live
    };
    let facts = Facts {
        live_dir,
        backup_dir,
        periods,
        live_bytes,
        inventory: &picture.inventory,
        temporary: picture.temporary,
        backup_count: settings.backup_count,
        max_total_bytes: settings.max_total_bytes,
        kept_backups: settings.kept_backups(),
        max_age: settings.max_age,
        now,
        is_allowed: settings.allows(Allow::FoundFiles),
    };
    Ok(match adoption(&facts) {
        Adoption::Own => Ok(None),
        Adoption::Adopted { files, bytes } => {
            Ok(Some(Event::Adopted { files, bytes, names: names_of(ground, &facts) }))
        }
        Adoption::Refused(surplus) => Err(faults(ground, facts.inventory, &surplus, settings)),
    })
}

fn names_of(ground: Ground<'_>, facts: &Facts<'_>) -> Vec<String> {
    let is_found = |dir: Provenance| dir == Provenance::Found;
    let live = (is_found(facts.live_dir) && facts.live_bytes > 0).then(|| ground.names.base().to_owned());
    let backups = facts.inventory.backups.iter().filter(|(slot, _)| is_found(facts.of_backup(**slot)));
    let backups = backups.map(|(slot, backup)| ground.names.backup_name(*slot, backup.compression));
    let shown = |name: std::ffi::OsString| name.to_string_lossy().into_owned();
    live.into_iter().chain(backups).take(NAMED_MAX).map(shown).collect()
}

/// Returns a fault for each limit that would cost files.
fn faults(ground: Ground<'_>, inventory: &Inventory, surplus: &[Surplus], settings: &Settings) -> Vec<Fault> {
    let value = |reason: Reason| match reason {
        Reason::Budget => settings.max_total_bytes.to_string(),
        Reason::Age => format!("{:?}", settings.max_age.unwrap_or_default()),
        _ => settings.backup_count.to_string(),
    };
    let of = |reason: Reason| surplus.iter().filter(move |(_, _, why)| *why == reason);
    let with = |reason: &Reason| of(*reason).next().is_some();
    Reason::ALL
        .into_iter()
        .filter(with)
        .map(|reason| {
            let listed: Vec<String> = of(reason)
                .take(NAMED_MAX)
                .map(|(file, bytes, _)| format!("{} ({bytes} bytes)", path(ground, inventory, *file).display()))
                .collect();
            let more = of(reason).count().saturating_sub(NAMED_MAX);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let field = reason.setting();
            let wanted = format!(
                "must leave room for what stands there: a first start removes nothing, and {}{more}, which nothing shows \
                 to be of this log's writing, would have to go; move that away, raise {field}, or allow FoundFiles",
                listed.join(", ")
            );
            Fault::new(field, value(reason), wanted)
        })
        .collect()
}

fn path(ground: Ground<'_>, inventory: &Inventory, file: File) -> PathBuf {
    let at = match file {
        File::Live => ground.live_file(),
        File::Temporary => ground.pack_temporary(),
        File::Backup(slot) => {
            let form = inventory.backups.get(&slot).map(|backup| backup.compression);
            ground.backup(slot, form.unwrap_or_default())
        }
        File::Twin(slot) => {
            let form = inventory.twins.keys().find(|(of, _)| *of == slot).map(|(_, form)| *form);
            ground.backup(slot, form.unwrap_or_default())
        }
    };
    at.path()
}
