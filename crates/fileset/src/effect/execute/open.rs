//! Opens the file that will take records, after checking for an attacker's tricks. The settings say which of them are
//! allowed.

use super::attributes::{Attributes, ROOT, give};
use super::stage::{OpenFile, Place, Stage};
use super::tail::Tail;
use crate::effect::fs::{At, Follow, Fs as _};
use crate::effect::site::Which;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{FileKind, Meta};
use crate::model::settings::{Allow, Settings};

impl Stage {
    /// Opens the file that will take records: a hidden file with content (a rotation was interrupted), else the live
    /// file, else a new one. Then surveys the directory.
    pub(super) fn open_live(&mut self, settings: &Settings) -> Result<(), Failure> {
        let before = std::mem::take(&mut self.picture.inventory);
        match self.find_live(settings) {
            Ok((file, standing_live)) => {
                self.current = Some(file);
                self.retired = None;
                self.picture.inventory.standing_live = standing_live;
                Ok(())
            }
            Err(failure) => {
                self.picture.inventory = before;
                Err(failure)
            }
        }
    }

    fn find_live(&mut self, settings: &Settings) -> Result<(OpenFile, Option<u64>), Failure> {
        self.picture.survey_afresh(self.site.ground(), settings)?;
        let (live_at, hidden_at) = (self.site.live_file(), self.site.hidden_file());
        let live = self.site.look(&live_at)?;
        let hidden = self.site.look(&hidden_at)?.filter(|meta| meta.kind == FileKind::File);
        let standing =
            |live: Option<Meta>| live.filter(|meta| meta.kind == FileKind::File).map(|meta| meta.bytes);
        if hidden.is_some_and(|meta| meta.bytes > 0) {
            let file = self.adopt(&hidden_at, Place::Hidden, settings)?;
            return Ok((file, standing(live)));
        }
        let is_shared = live.is_some_and(|meta| is_shared(&meta) && !settings.allows(Allow::HardLink));
        if hidden.is_some_and(|meta| meta.links == 1) && (self.may_tidy || is_shared) {
            // If this fails, the next rotation removes it.
            let _ = self.site.fs.unlink(&hidden_at);
        }
        if is_shared {
            // Don't write through a hard link: a new file takes the records, and this one is rotated away.
            let left = self.adopt(&live_at, Place::Live, settings)?;
            let attributes = Attributes::of(&left.meta);
            let file = self.begin(&hidden_at, Place::Hidden, settings, Some(attributes))?;
            return Ok((file, standing(live)));
        }
        let file = if live.is_some() {
            self.adopt(&live_at, Place::Live, settings)?
        } else {
            // Others moved or deleted the previous file or its directory. As far as it is known, the new one is no
            // wider.
            let before = self.current.as_ref().filter(|file| !file.special);
            let like = before.map(|file| Attributes::of(&file.stat().unwrap_or(file.meta)));
            self.begin(&live_at, Place::Live, settings, like)?
        };
        Ok((file, None))
    }

    /// Creates a file that will take records.
    pub(super) fn begin(
        &mut self,
        at: &At,
        place: Place,
        settings: &Settings,
        like: Option<Attributes>,
    ) -> Result<OpenFile, Failure> {
        let failed = |op, error| Failure::new(op, at.path(), error);
        let mut file = self.site.fs.create(at, settings.mode).map_err(|error| failed(Op::Create, error))?;
        let made = file.stat().map_err(|error| {
            // It is empty, and nobody knows it.
            let _ = self.site.fs.unlink(at);
            failed(Op::Stat, error)
        })?;
        let wanted = Attributes::wanted(&made, settings.owner, like);
        if let Err((op, error)) = give(file.as_mut(), &made, wanted) {
            self.site.do_without(failed(op, error));
        }
        Ok(OpenFile::new(file, made, place))
    }

    /// Opens an existing file, after checking for an attacker's tricks.
    fn adopt(&self, at: &At, place: Place, settings: &Settings) -> Result<OpenFile, Failure> {
        let failed = |op, error| Failure::new(op, at.path(), error);
        let file = self.site.fs.open(at, Follow::No).map_err(|error| failed(Op::Open, error))?;
        let meta = file.stat().map_err(|error| failed(Op::Stat, error))?;
        let dir = self.site.fs.stat_dir(self.site.dir(Which::Live)).ok();
        let user = self.site.fs.user();
        if let Some((_, error)) = objection(&meta, user, dir.map(|dir| dir.owner), settings) {
            return Err(failed(Op::Open, error));
        }
        let mut file = OpenFile::new(file, meta, place);
        if !file.special && file.bytes > 0 {
            let tail = Tail::of(file.file.as_ref(), file.bytes).map_err(|error| failed(Op::Read, error))?;
            file.nuls = if settings.raw_bytes { 0 } else { tail.nuls };
            file.torn = tail.is_torn;
        }
        Ok(file)
    }
}

/// Returns whether a file has other hard links, which would show what is written to it.
pub(crate) fn is_shared(meta: &Meta) -> bool {
    meta.kind == FileKind::File && meta.links > 1
}

/// Returns what speaks against a file at the live path, in words and as the matching errno. `dir_owner`: root may write
/// what belongs to the owner of the directory.
pub(crate) fn objection(
    meta: &Meta,
    user: u32,
    dir_owner: Option<u32>,
    settings: &Settings,
) -> Option<(&'static str, OsError)> {
    let refused = |allow: Allow| !settings.allows(allow);
    let is_ours = meta.owner == user
        || (user == ROOT && dir_owner == Some(meta.owner))
        || settings.owner.is_some_and(|owner| owner.user == meta.owner);
    match meta.kind {
        FileKind::Directory => Some(("must be a file, not a directory", OsError::EISDIR)),
        FileKind::Symlink => Some(("must not be a symlink (or allow Symlink)", OsError::ELOOP)),
        FileKind::Fifo if refused(Allow::Fifo) => {
            Some(("must not be a FIFO (or allow Fifo)", OsError::ENXIO))
        }
        FileKind::Device if refused(Allow::Device) => {
            Some(("must not be a device (or allow Device)", OsError::ENXIO))
        }
        FileKind::Other => Some(("must be a regular file", OsError::ENXIO)),
        _ if !is_ours && refused(Allow::ForeignOwner) => {
            Some(("must belong to the user of this process (or allow ForeignOwner)", OsError::EPERM))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_may_write_what_belongs_to_the_owner_of_the_directory() {
        let meta = |owner| Meta {
            id: crate::model::inventory::FileId::default(),
            kind: FileKind::File,
            bytes: 0,
            links: 1,
            owner,
            group: 0,
            mode: 0o640,
            allocated: 0,
            modified: crate::model::time::Wall::default(),
        };
        let mut settings = Settings::new("/logs/app.log");
        let refused =
            |owner, user, dir, settings: &Settings| objection(&meta(owner), user, dir, settings).is_some();
        assert!(!refused(7, 7, None, &settings));
        assert!(refused(8, 7, Some(8), &settings), "only root");
        assert!(!refused(8, 0, Some(8), &settings));
        assert!(refused(9, 0, Some(8), &settings));
        settings.owner = Some(crate::model::owner::Owner::ids(9, 9));
        assert!(!refused(9, 0, Some(8), &settings));
    }
}
