//! Opening the file that is to take records, after the checks of an attacker's tricks.
//! Which trick is allowed by name, the settings say.

use super::attributes::{Attributes, give};
use super::{OpenFile, Place, ROOT, Stage};
use crate::effect::fs::{At, Follow, Fs as _, LogFile};
use crate::effect::site::Which;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{FileKind, Meta};
use crate::model::settings::{Allow, Settings};

/// Bytes at the end of a file that are read at a time.
const TAIL_BYTES: usize = 4096;

impl Stage {
    /// Opens the file that is to take records: a hidden one with content (a rotation was cut short), else the live
    /// one, else a new one. The picture is made anew.
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
            // Where this fails, the next rotation removes it.
            let _ = self.site.fs.unlink(&hidden_at);
        }
        if is_shared {
            // Nothing is written through a link: a new file takes the records, and this one is rotated away.
            let left = self.adopt(&live_at, Place::Live, settings)?;
            let attributes = Attributes::of(&left.meta);
            let file = self.begin(&hidden_at, Place::Hidden, settings, Some(attributes))?;
            return Ok((file, standing(live)));
        }
        let file = if live.is_some() {
            self.adopt(&live_at, Place::Live, settings)?
        } else {
            // Others moved or deleted the one before it, or its directory: as far as it is known, it is no wider than that.
            let before = self.current.as_ref().filter(|file| !file.special);
            let like = before.map(|file| Attributes::of(&file.stat().unwrap_or(file.meta)));
            self.begin(&live_at, Place::Live, settings, like)?
        };
        Ok((file, None))
    }

    /// Creates a file that is to take records.
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
            // It holds nothing and nobody knows it.
            let _ = self.site.fs.unlink(at);
            failed(Op::Stat, error)
        })?;
        let wanted = Attributes::wanted(&made, settings.owner, like);
        if let Err((op, error)) = give(file.as_mut(), &made, wanted) {
            self.site.do_without(failed(op, error));
        }
        Ok(OpenFile::new(file, made, place))
    }

    /// Opens a file that stands there, after the checks of an attacker's tricks.
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
            file.nuls = if settings.escape { tail.nuls } else { 0 };
            file.torn = tail.is_torn;
        }
        Ok(file)
    }
}

/// How a file ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// NUL bytes at its very end.
    pub(crate) nuls: u64,
    /// Whether what stands before them is a line without its newline.
    pub(crate) is_torn: bool,
}

impl Tail {
    /// Reads the end of a file of `bytes` bytes backwards, as far as there are NUL bytes. A file that may not be read ends
    /// well as far as can be told.
    pub(crate) fn of(file: &dyn LogFile, bytes: u64) -> Result<Self, OsError> {
        let (mut end, mut block) = (bytes, [0; TAIL_BYTES]);
        while end > 0 {
            let start = end.saturating_sub(TAIL_BYTES as u64);
            let wanted = usize::try_from(end - start).unwrap_or(TAIL_BYTES);
            let read = match read_whole(file, start, &mut block[..wanted]) {
                Err(OsError::EBADF) => return Ok(Self::default()),
                read => read?,
            };
            // Less was read than stood there: somebody has cut the file since the look at its size.
            let kept = block[..read].iter().rposition(|byte| *byte != 0);
            if let Some(last) = kept {
                let nuls = bytes - start - last as u64 - 1;
                return Ok(Self { nuls, is_torn: block[last] != b'\n' });
            }
            end = start;
        }
        Ok(Self { nuls: bytes, is_torn: false })
    }
}

fn read_whole(file: &dyn LogFile, offset: u64, bytes: &mut [u8]) -> Result<usize, OsError> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(offset + read as u64, &mut bytes[read..])? {
            0 => break,
            count => read += count,
        }
    }
    Ok(read)
}

/// Whether a file has further names: what is written to it is written through them too.
pub(crate) fn is_shared(meta: &Meta) -> bool {
    meta.kind == FileKind::File && meta.links > 1
}

/// What speaks against a file at the live path, in words and as the errno that says the same. `dir_owner`: root may write
/// what belongs to whom the directory belongs to.
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
    use crate::sim::SimDisk;
    use std::path::Path;

    fn tail(bytes: &[u8]) -> (u64, bool) {
        let disk = SimDisk::new();
        disk.put("/a", bytes);
        let fs = disk.fs();
        let file = fs.open(&fs.open_dir(Path::new("/")).unwrap().at("a"), Follow::No).unwrap();
        let tail = Tail::of(file.as_ref(), bytes.len() as u64).unwrap();
        (tail.nuls, tail.is_torn)
    }

    #[test]
    fn a_tail_is_read_backwards_over_nul_bytes() {
        assert_eq!(tail(b""), (0, false));
        assert_eq!(tail(b"one\n"), (0, false));
        assert_eq!(tail(b"one"), (0, true));
        assert_eq!(tail(b"one\n\0\0\0"), (3, false));
        assert_eq!(tail(b"one\0"), (1, true));
        assert_eq!(tail(b"\0\0"), (2, false));
        assert_eq!(tail(b"o\0ne\n"), (0, false));
        for nuls in [TAIL_BYTES - 1, TAIL_BYTES, TAIL_BYTES + 1, 3 * TAIL_BYTES] {
            let bytes = [b"one\n".to_vec(), vec![0; nuls]].concat();
            assert_eq!(tail(&bytes), (nuls as u64, false), "{nuls}");
        }
    }

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
