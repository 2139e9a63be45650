//! The disk in the hands of a test: setting the scene, scripting, watching, looking.
//! None of this counts as a call of the process under test; those are in `handle`. What others do is in `others`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock::SimClock;
use super::crash::{Survive, When};
use super::fault::Fault;
use super::journal::Entry;
use super::names::TOP;
use super::state::{LockOwner, State, id_of};
use super::watch::{Cap, Guard};
use crate::effect::fs::{Follow, Fs, Outcome};
use crate::model::inventory::{FileId, FileKind};

/// A disk in memory. Clones are the same disk. It starts with an empty root directory, room without end, and
/// everything on it owned by the user of the process.
///
/// What a test puts there is durable as if it had been there for long; what the process or the `ext_` methods do
/// to names and bytes is durable when synced. Syncing any directory makes every change of names before it
/// durable, as a journal does; syncing a file makes its bytes durable, not its name.
#[derive(Clone)]
pub struct SimDisk {
    pub(super) state: Arc<Mutex<State>>,
    /// The process that it speaks for; none: whichever runs.
    pub(super) process: Option<u64>,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State::new())), process: None }
    }

    /// The disk for the process that now begins: after the next [`restart`](Self::restart) every call through it
    /// gives `EIO`, even one from a destructor. (A plain clone is an [`Fs`] too, of whichever process runs.)
    #[must_use]
    pub fn fs(&self) -> Box<dyn Fs> {
        let process = Some(self.state().process.generation);
        Box::new(Self { state: Arc::clone(&self.state), process })
    }

    // --- the scene ---

    /// Makes a directory, and those above it, where there is none.
    pub fn mkdir_all(&self, path: impl AsRef<Path>) {
        mkdir_all(&mut self.state(), path.as_ref());
    }

    /// Puts a regular file with these bytes at `path`, and makes the directories above it. It is a new file, even
    /// if one stood there before.
    pub fn put(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        put(&mut self.state(), path.as_ref(), FileKind::File, bytes.as_ref(), Path::new(""));
    }

    /// Puts an empty something at `path`.
    pub fn put_kind(&self, path: impl AsRef<Path>, kind: FileKind) {
        put(&mut self.state(), path.as_ref(), kind, &[], Path::new(""));
    }

    /// Puts a symlink at `path` that leads to `target`, which need not exist.
    pub fn put_symlink(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) {
        put(&mut self.state(), path.as_ref(), FileKind::Symlink, &[], target.as_ref());
    }

    /// Makes everything durable: names and bytes.
    pub fn settle(&self) {
        self.state().settle();
    }

    // --- looking ---

    /// The bytes of the regular file at `path`, following symlinks.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.inodes.get(&state.find(path.as_ref(), Follow::Yes).ok()?)?;
        (inode.kind == FileKind::File).then(|| inode.live.clone())
    }

    /// Names and sizes of what stands in a directory, in order of the names.
    #[must_use]
    pub fn list(&self, dir: impl AsRef<Path>) -> Vec<(OsString, u64)> {
        let state = self.state();
        let Ok(dir) = state.find(dir.as_ref(), Follow::Yes) else { return Vec::new() };
        state.children(dir).map(|(name, inode)| (name.to_owned(), inode.bytes())).collect()
    }

    /// Whether anything stands at the path itself, be it a dangling symlink.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.state().find(path.as_ref(), Follow::No).is_ok()
    }

    /// Which file or directory the path leads to, following symlinks.
    #[must_use]
    pub fn id(&self, path: impl AsRef<Path>) -> Option<FileId> {
        self.state().find(path.as_ref(), Follow::Yes).ok().map(id_of)
    }

    /// Where a directory is by now, or under which name a file was first known; none if it has no name any more.
    #[must_use]
    pub fn path_of(&self, id: FileId) -> Option<PathBuf> {
        self.state().tree.path_of(id.inode, TOP)
    }

    /// Whether the process under test has the lock of the file at `path`.
    #[must_use]
    pub fn is_locked_by_process(&self, path: impl AsRef<Path>) -> bool {
        self.locker(path.as_ref()) == Some(LockOwner::Process)
    }

    /// Whether another process has the lock of the file at `path`.
    #[must_use]
    pub fn is_locked_by_other(&self, path: impl AsRef<Path>) -> bool {
        self.locker(path.as_ref()) == Some(LockOwner::Other)
    }

    /// A number that is another one after every change of directories, symlinks or locks.
    #[must_use]
    pub fn changes_of_places(&self) -> u64 {
        self.state().places_version
    }

    fn locker(&self, path: &Path) -> Option<LockOwner> {
        let state = self.state();
        let ino = state.find(path, Follow::Yes).ok()?;
        state.locks.get(&ino).copied()
    }

    /// How many changes of names are not yet durable: what a power cut may take.
    #[must_use]
    pub fn unsynced_names(&self) -> usize {
        self.state().pending()
    }

    // --- limits ---

    /// Room for the bytes of all files, those that are open but have no name included; none: without end. A write
    /// that does not fit takes what fits; the next gives `ENOSPC`. An empty file always fits.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().limits.capacity = bytes;
    }

    /// What one file may hold (`RLIMIT_FSIZE`). A write that goes beyond takes what fits; the next gives `EFBIG`.
    pub fn set_file_limit(&self, bytes: Option<u64>) {
        self.state().limits.file = bytes;
    }

    /// What one write takes at most; at least 1.
    pub fn set_short_writes(&self, bytes: Option<usize>) {
        self.state().limits.write = bytes;
    }

    /// The longest name that a directory takes, in bytes: 255, unless this says otherwise.
    pub fn set_name_max(&self, bytes: usize) {
        self.state().limits.name = bytes;
    }

    /// While it is, everything that would change the disk gives `EROFS`, on files already open too.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().limits.read_only = read_only;
    }

    // --- who and where ---

    /// Makes the process that user's. What it makes from now on belongs to that user, and so does what a test puts
    /// there. The superuser (0) may give files away; others may not, and only change what is theirs.
    pub fn set_user(&self, user: u32) {
        self.state().process.user = user;
    }

    /// Makes what stands at `path` a mount point, of the mount numbered `id`; what is below it is on that mount, too.
    /// All else is on mount 1.
    ///
    /// Renaming from one mount to another gives `EXDEV`, and renaming, replacing or removing a mount point, `EBUSY`.
    ///
    /// # Errors
    /// The path that is missing.
    pub fn set_mount(&self, path: impl AsRef<Path>, id: u64) -> Outcome<()> {
        let mut state = self.state();
        let ino = state.find(path.as_ref(), Follow::Yes)?;
        state.mounts.points.insert(ino, id);
        Ok(())
    }

    /// Whether the system says which mount something is on. It does, unless this says otherwise.
    pub fn set_mounts_told(&self, told: bool) {
        self.state().mounts.are_told = told;
    }

    // --- script and journal ---

    /// Adds a fault. Of several that fit one call the first added strikes, and the others do not count the call.
    pub fn fault(&self, fault: Fault) {
        self.state().script.faults.push(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.state().script.faults.clear();
    }

    /// Every call of the process so far, in order.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.state().calls.journal.clone()
    }

    /// Forgets the entries; numbers go on.
    pub fn clear_journal(&self) {
        self.state().calls.journal.clear();
    }

    /// Whether entries are kept, which takes memory and time in a long run. They are, unless this says otherwise.
    pub fn keep_journal(&self, keep: bool) {
        self.state().calls.are_kept = keep;
    }

    /// How many calls there have been: the number of the last one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.state().calls.count
    }

    /// Entries from now on say when, by this clock.
    pub fn set_clock(&self, clock: &SimClock) {
        self.state().calls.clock = Some(clock.clone());
    }

    // --- crashes ---

    /// The process dies at call `seq` ([`Entry::seq`]): that call and all later ones give `EIO`, and the later
    /// ones have no effect and no entry.
    pub fn crash_at(&self, seq: u64, when: When) {
        self.state().script.crash = Some((seq, when));
    }

    /// Whether it has died, and has not been restarted.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.state().script.crashed
    }

    /// Ends the process, if it still runs, and begins the next, on what survives. Faults and a crash to come are
    /// cleared, and the next process has the top of the disk as its root; user, mounts, limits, watches, clock and
    /// journal stay. What the last process had open gives `EIO`.
    pub fn restart(&self, survive: Survive) {
        self.state().restart(survive);
    }

    // --- watches ---

    /// Watches, after every call of the process that can add bytes or move names, that the regular files of `dir`
    /// whose names `names` accepts hold at most `cap_bytes` together. `names` must not use the disk.
    ///
    /// The watch stays with the directory that `dir` leads to now, wherever that is moved. If there is none yet, it
    /// goes where the path leads, as [`assert_total_at`](Self::assert_total_at) does.
    pub fn assert_total(
        &self,
        dir: impl Into<PathBuf>,
        names: impl Fn(&OsStr) -> bool + Send + 'static,
        cap_bytes: u64,
    ) {
        let (dir, mut state) = (dir.into(), self.state());
        let pinned = state.find(&dir, Follow::Yes).ok();
        state.watched.caps.push(Cap::new(dir, pinned, Box::new(names), cap_bytes));
    }

    /// Watches as [`assert_total`](Self::assert_total) does, in whichever directory `dir` leads to at the time.
    pub fn assert_total_at(
        &self,
        dir: impl Into<PathBuf>,
        names: impl Fn(&OsStr) -> bool + Send + 'static,
        cap_bytes: u64,
    ) {
        self.state().watched.caps.push(Cap::new(dir.into(), None, Box::new(names), cap_bytes));
    }

    /// The first time that a cap was exceeded: by how much, and after which call.
    #[must_use]
    pub fn violation(&self) -> Option<String> {
        self.state().watched.violation.clone()
    }

    /// Watches, in every call of the process from now on, that what `foreign` accepts stays as it is. It is given the
    /// path of a directory and a name in it, and must not use the disk. It replaces the last one.
    ///
    /// A call breaches it if it makes, removes, renames or replaces such a name or a directory above one, or changes
    /// the bytes or the attributes of a file or directory that has such a name, by whatever name it was reached.
    /// What `ext_` methods do is no breach.
    pub fn protect(&self, foreign: impl Fn(&Path, &OsStr) -> bool + Send + 'static) {
        self.state().watched.guard = Some(Guard::new(Box::new(foreign)));
    }

    /// The first time that the process changed what [`protect`](Self::protect) watches: what it did, and in which call.
    #[must_use]
    pub fn breach(&self) -> Option<String> {
        self.state().watched.breach.clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let mut out = f.debug_struct("SimDisk");
        out.field("inodes", &state.inodes.len())
            .field("calls", &state.calls.count)
            .field("crashed", &state.script.crashed);
        out.finish_non_exhaustive()
    }
}

pub(super) fn mkdir_all(state: &mut State, path: &Path) {
    let mut above: Vec<&Path> = path.ancestors().collect();
    above.reverse();
    for dir in above {
        let Ok(spot) = state.walk(dir, Follow::Yes) else { return };
        if let (None, Ok(place)) = (spot.ino, spot.place()) {
            let ino = state.add_durable(FileKind::Directory, &[], Path::new(""));
            state.link_before(place, ino);
        }
    }
}

pub(super) fn put(state: &mut State, path: &Path, kind: FileKind, bytes: &[u8], target: &Path) {
    if let Some(dir) = path.parent() {
        mkdir_all(state, dir);
    }
    if let Ok(place) = state.walk(path, Follow::No).and_then(|spot| spot.place()) {
        let ino = state.add_durable(kind, bytes, target);
        state.link_before(place, ino);
    }
}
