//! What others do to a log in use, beyond its live file: to its directories, locks, backups and descriptors. `simulate`
//! chooses what happens when; this proves nothing itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fastrand::Rng;
use tracing_spool_fileset::internal::name::Role;
use tracing_spool_fileset::sim::SimDisk;
use tracing_spool_fileset::{Compression, FileId};

use crate::life::Life;
use crate::records::unpacked;
use crate::territory::{MOVED, names, numbers, sow};
use crate::world::World;

const LOCK: &str = ".app.log.lock";

/// The two directories between which a link flips.
pub(crate) const FLIPPED: [&str; 2] = ["/logs", "/logs-b"];

/// The link.
pub(crate) const CURRENT: &str = "/current";

/// What others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upheaval {
    /// A directory is renamed.
    MovedAway,
    /// A new one stands in its place.
    Replaced,
    /// One of another process's stands in its place, which has it locked.
    TakenOver,
    /// It is removed with all that is in it.
    Removed,
    /// It stands again where it stood.
    MovedBack,
    /// The link on the way to it leads elsewhere.
    Flipped,
    LockRemoved,
    LockReplaced,
    LockTaken,
    /// Other processes let go of all that they have locked.
    LocksReleased,
    /// A backup can be neither moved nor removed.
    Pinned,
    Unpinned,
    /// Readers have a file open.
    Read,
    LetGo,
    /// The descriptors of the process are closed behind its back.
    Closed,
    /// The same, and they are another file's.
    StolenByFile,
    /// The same, and they are another directory's.
    StolenByDir,
    /// The live file has a second name.
    Linked,
    ModeChanged,
    GivenAway,
}

impl Upheaval {
    pub(crate) const ALL: [Self; 20] = [
        Self::MovedAway,
        Self::Replaced,
        Self::TakenOver,
        Self::Removed,
        Self::MovedBack,
        Self::Flipped,
        Self::LockRemoved,
        Self::LockReplaced,
        Self::LockTaken,
        Self::LocksReleased,
        Self::Pinned,
        Self::Unpinned,
        Self::Read,
        Self::LetGo,
        Self::Closed,
        Self::StolenByFile,
        Self::StolenByDir,
        Self::Linked,
        Self::ModeChanged,
        Self::GivenAway,
    ];

    fn is_of_directory(self) -> bool {
        matches!(
            self,
            Self::MovedAway
                | Self::Replaced
                | Self::TakenOver
                | Self::Removed
                | Self::MovedBack
                | Self::Flipped
        )
    }
}

/// What others have done, and undo one day.
#[derive(Default)]
pub(crate) struct Others {
    /// How much has happened, for names that are new.
    count: u32,
    locked: Vec<FileId>,
    /// Files that can be neither moved nor removed, by their directory and name.
    pinned: Vec<(FileId, PathBuf)>,
    /// Whether there was one: what is removed then is not always the oldest.
    pub(crate) has_pinned: bool,
    /// Files that were given away.
    given: Vec<PathBuf>,
    thieves: Vec<PathBuf>,
}

impl Others {
    /// Undoes everything that keeps a set from working, at a path that leads to `dir`.
    pub(crate) fn undo(&mut self, disk: &SimDisk, dirs: &[PathBuf]) {
        self.release(disk);
        self.unpin(disk);
        disk.ext_let_go();
        for path in self.given.drain(..) {
            let _ = disk.set_owner(path, 1_000);
        }
        for path in dirs {
            if path.starts_with(CURRENT) && disk.id(path).is_none() {
                FLIPPED.iter().for_each(|dir| disk.mkdir_all(dir));
                let _ = disk.ext_flip(CURRENT, FLIPPED[0]);
            }
            if let Some(dir) = disk.id(path).and_then(|id| disk.path_of(id)) {
                for (name, _) in disk.list(&dir) {
                    if name.as_encoded_bytes().starts_with(b"app.log") {
                        let _ = disk.set_owner(dir.join(name), 1_000);
                    }
                }
                if !disk.exists(dir.join(LOCK)) {
                    disk.put(dir.join(LOCK), ""); // or it would be another's that is found
                }
            }
        }
    }

    fn release(&mut self, disk: &SimDisk) {
        for dir in self.locked.drain(..).filter_map(|id| disk.path_of(id)) {
            let _ = disk.release_lock(dir.join(LOCK));
        }
    }

    fn unpin(&mut self, disk: &SimDisk) {
        for (dir, name) in self.pinned.drain(..) {
            if let Some(dir) = disk.path_of(dir) {
                let _ = disk.ext_immovable(dir.join(name), false);
            }
        }
    }
}

/// What the plain files of a directory hold.
fn texts(disk: &SimDisk, dir: &Path) -> Vec<String> {
    let files = disk.list(dir).into_iter().filter_map(|(name, _)| disk.read(dir.join(name)));
    files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

impl World {
    /// Others remove a directory with all that is in it.
    pub(crate) fn remove_dir(&mut self, dir: impl AsRef<Path>) {
        let dirs = self.territory.dirs(&self.disk, &self.settings);
        let is_ours = dirs.iter().any(|held| held == dir.as_ref());
        // It may be on its way there, and have something there already.
        self.taken.extend(numbers(&texts(&self.disk, dir.as_ref())));
        if is_ours {
            self.taken.extend(numbers(&self.files()));
            self.taken.extend(self.finished..self.sent);
        } else if self.disk.is_locked_by_process(dir.as_ref().join(LOCK)) {
            // The set is on its way there, and a rotation came before the rest.
            self.taken.extend(self.rotated_in(dir.as_ref()));
        }
        if self.disk.ext_remove_dir_all(&dir).is_err() {
            return; // it could not be made yet
        }
        if is_ours {
            // What had gone before is not missed now.
            let left: Vec<u32> = numbers(&self.files()).collect();
            self.territory.removed(left, self.finished);
        }
    }

    /// The records of the backups in a directory.
    fn rotated_in(&self, dir: &Path) -> Vec<u32> {
        let names = names(&self.settings);
        let text = |(name, _): (OsString, u64)| {
            let form = match names.role(&name)? {
                Role::Backup(_) => Compression::None,
                Role::Packed(_, form) => form,
                _ => return None,
            };
            let content = unpacked(self.disk.read(dir.join(&name))?, form);
            Some(String::from_utf8_lossy(&content).into_owned())
        };
        let texts: Vec<String> = self.disk.list(dir).into_iter().filter_map(text).collect();
        numbers(&texts).collect()
    }

    /// Another process's directory stands in the place of one, and is locked.
    pub(crate) fn take_over(&self, dir: impl AsRef<Path>) {
        let dir = dir.as_ref();
        self.disk.ext_replace_dir(dir).unwrap();
        sow(&self.disk, dir);
        for (name, text) in [("app.log", "other 2\n"), ("app.log.1", "other 1\n")] {
            self.disk.put(dir.join(name), text);
        }
        self.disk.hold_lock(dir.join(LOCK), "process 7");
    }
}

impl Life {
    /// Something of all that happens.
    pub(crate) fn upheave(&mut self, rng: &mut Rng) {
        let upheaval = Upheaval::ALL[rng.usize(..Upheaval::ALL.len())];
        let has_archive = self.world.settings.archive_dir.is_some();
        self.undergo(upheaval, has_archive && rng.bool(), rng);
    }

    /// Others do this, to the directory of the live file or to the archive.
    pub(crate) fn undergo(&mut self, upheaval: Upheaval, of_archive: bool, rng: &mut Rng) {
        if upheaval.is_of_directory() && self.world.is_between() {
            return; // one move at a time can be followed
        }
        self.others.count += 1;
        let names = names(&self.world.settings);
        let path = if of_archive { names.archive() } else { names.dir() }.to_owned();
        let held = self.world.territory.dirs(&self.world.disk, &self.world.settings)[usize::from(of_archive)]
            .clone();
        match upheaval {
            Upheaval::MovedAway => self.move_away(&path),
            Upheaval::Replaced => _ = self.replace(&path),
            Upheaval::TakenOver => self.take_over(&path),
            Upheaval::Removed => self.remove(&path),
            Upheaval::MovedBack => self.move_back(&path, &held),
            Upheaval::Flipped => self.flip(),
            _ => self.touch(upheaval, &held, rng),
        }
    }

    fn real(&self, path: &Path) -> Option<PathBuf> {
        let disk = &self.world.disk;
        disk.path_of(disk.id(path)?).filter(|path| path.parent().is_some())
    }

    fn move_away(&mut self, path: &Path) {
        let Some(real) = self.real(path) else { return };
        let away = PathBuf::from(format!("/away-{}", self.others.count));
        self.world.disk.ext_rename_dir(real, away).unwrap();
    }

    fn replace(&mut self, path: &Path) -> Option<PathBuf> {
        let real = self.real(path)?;
        self.world.disk.ext_replace_dir(&real).unwrap();
        sow(&self.world.disk, &real);
        Some(real)
    }

    fn take_over(&mut self, path: &Path) {
        let Some(real) = self.replace(path) else { return };
        let disk = &self.world.disk;
        let (names, files) =
            (names(&self.world.settings), [("app.log", "other 2\n"), ("app.log.1", "other 1\n")]);
        let has_both = names.archive() == names.dir();
        let is_archive = path == names.archive();
        for (name, text) in
            files.into_iter().filter(|(name, _)| has_both || is_archive == (*name != "app.log"))
        {
            disk.put(real.join(name), text);
        }
        disk.hold_lock(real.join(LOCK), "process 7");
        self.others.locked.extend(disk.id(real));
    }

    fn remove(&mut self, path: &Path) {
        let Some(real) = self.real(path) else { return };
        self.world.remove_dir(&real);
    }

    /// What the set holds stands again where its path leads.
    fn move_back(&mut self, path: &Path, held: &Path) {
        if !self.world.disk.exists(held) {
            return;
        }
        if let Some(real) = self.real(path) {
            if real == held {
                return;
            }
            if self.world.disk.ext_flip(path, held).is_ok() {
                return;
            }
            self.move_away(path);
        }
        if !self.world.disk.exists(path) {
            self.world.disk.ext_rename_dir(held, path).unwrap();
        }
    }

    fn flip(&mut self) {
        let disk = &self.world.disk;
        if !disk.exists(CURRENT) {
            return;
        }
        FLIPPED.iter().for_each(|dir| disk.mkdir_all(dir));
        let now = disk.id(CURRENT);
        let other = FLIPPED.into_iter().find(|dir| disk.id(dir) != now).unwrap();
        disk.ext_flip(CURRENT, other).unwrap();
    }

    /// What is done to files and descriptors.
    fn touch(&mut self, upheaval: Upheaval, held: &Path, rng: &mut Rng) {
        let (disk, live, lock) = (self.world.disk.clone(), self.world.live(), held.join(LOCK));
        let count = self.others.count;
        match upheaval {
            Upheaval::LockRemoved | Upheaval::LockReplaced => {
                let _ = disk.ext_unlink(&lock);
                if upheaval == Upheaval::LockReplaced && disk.exists(held) {
                    disk.put(lock, "");
                }
            }
            Upheaval::LockTaken if disk.exists(held) => {
                disk.hold_lock(lock, "process 7");
                self.others.locked.extend(disk.id(held));
            }
            Upheaval::LocksReleased => self.others.release(&disk),
            Upheaval::Pinned => self.pin(rng),
            Upheaval::Unpinned => self.unpin(),
            Upheaval::Read => _ = disk.ext_hold(live),
            Upheaval::LetGo => disk.ext_let_go(),
            Upheaval::Closed => {
                self.world.begun.insert(self.world.finished);
                disk.ext_close_descriptors();
            }
            Upheaval::StolenByFile | Upheaval::StolenByDir => {
                let thief = PathBuf::from(format!("/thieves/{count}/file"));
                disk.put(&thief, "theirs\n");
                self.world.begun.insert(self.world.finished);
                self.world.territory.add_thief(&thief);
                let is_file = upheaval == Upheaval::StolenByFile;
                let taken = if is_file { thief.as_path() } else { thief.parent().unwrap() };
                disk.ext_steal_descriptors(taken).unwrap();
                self.others.thieves.push(thief);
                self.world.clock.advance(Duration::from_millis(60)); // the next call looks
            }
            Upheaval::Linked => _ = disk.ext_hard_link(&live, held.join(format!("{MOVED}link-{count}"))),
            Upheaval::ModeChanged => {
                let _ = disk.set_mode(live, [0o600, 0o664, 0o640][rng.usize(..3)]);
            }
            Upheaval::GivenAway => {
                let _ = disk.set_owner(&live, 4_711);
                self.others.given.push(live);
            }
            _ => {}
        }
    }

    /// One beyond a gap above the count is nobody's any more: it is tidied away.
    pub(crate) fn unpin(&mut self) {
        self.others.unpin(&self.world.disk);
        self.world.sweep_strays();
        self.world.uncounted.lock().unwrap().names.clear();
    }

    /// The newest backup is held fast.
    pub(crate) fn pin_newest(&mut self) {
        let path = self.world.live().with_file_name("app.log.1");
        let dir = path.parent().and_then(|dir| self.world.disk.id(dir));
        if let (Some(dir), Ok(())) = (dir, self.world.disk.ext_immovable(&path, true)) {
            self.world.uncounted.lock().unwrap().names.insert("app.log.1".into());
            self.others.pinned.push((dir, "app.log.1".into()));
            self.others.has_pinned = true;
        }
    }

    fn pin(&mut self, rng: &mut Rng) {
        let disk = &self.world.disk;
        let [_, archive] = self.world.territory.dirs(disk, &self.world.settings);
        let names = names(&self.world.settings);
        let is_backup =
            |name: &Path| matches!(names.role(name.as_os_str()), Some(Role::Backup(_) | Role::Packed(..)));
        let backups: Vec<PathBuf> = disk.list(&archive).into_iter().map(|(name, _)| name.into()).collect();
        let backups: Vec<&PathBuf> = backups.iter().filter(|name| is_backup(name)).collect();
        if let (false, Some(dir)) = (backups.is_empty(), disk.id(&archive)) {
            let name = backups[rng.usize(..backups.len())];
            disk.ext_immovable(archive.join(name), true).unwrap();
            self.world.uncounted.lock().unwrap().names.insert(name.as_os_str().to_owned());
            self.others.pinned.push((dir, name.clone()));
            self.others.has_pinned = true;
        }
    }

    /// Records that went to whoever had our descriptors before that was seen are theirs.
    pub(crate) fn excuse_stolen(&mut self) {
        let texts = self.others.thieves.iter().filter_map(|thief| self.world.disk.read(thief));
        let texts: Vec<String> = texts.map(|text| String::from_utf8_lossy(&text).into_owned()).collect();
        self.excused.extend(numbers(&texts));
    }
}
