//! The disk as a test uses it: set the scene, script faults, watch, look. None of this counts as a call of the process
//! under test; those are in `handle`. What others do is in `others`.

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

/// An in-memory disk. Clones are the same disk. It starts with an empty root directory and unlimited room, and
/// everything on it belongs to the user of the process.
///
/// What a test puts there is durable at once. What the process and the `ext_` methods do to names and bytes is durable
/// once it is synced. Syncing any directory makes every earlier change of names durable, as a journal does. Syncing a
/// file makes its bytes durable, not its name.
#[derive(Clone)]
pub struct SimDisk {
    pub(super) state: Arc<Mutex<State>>,
    /// The process that it speaks for; none: whichever runs.
    pub(super) process: Option<u64>,
}

impl SimDisk {
    /// Creates an empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State::new())), process: None }
    }

    /// Returns the disk for the process that begins now. After the next [`restart`](Self::restart), every call through
    /// it returns `EIO`, even one from a destructor. A plain clone is an [`Fs`] too, for whichever process runs.
    #[must_use]
    pub fn fs(&self) -> Box<dyn Fs> {
        let process = Some(self.state().process.generation);
        Box::new(Self { state: Arc::clone(&self.state), process })
    }

    // --- the scene ---

    /// Creates a directory and its missing parents.
    pub fn mkdir_all(&self, path: impl AsRef<Path>) {
        mkdir_all(&mut self.state(), path.as_ref());
    }

    /// Puts a regular file with these bytes at `path`, and creates missing parent directories. It is a new file, even
    /// if there was one before.
    pub fn put(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        put(&mut self.state(), path.as_ref(), FileKind::File, bytes.as_ref(), Path::new(""));
    }

    /// Puts an empty file of this kind at `path`.
    pub fn put_kind(&self, path: impl AsRef<Path>, kind: FileKind) {
        put(&mut self.state(), path.as_ref(), kind, &[], Path::new(""));
    }

    /// Puts a symlink to `target`, which need not exist, at `path`.
    pub fn put_symlink(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) {
        put(&mut self.state(), path.as_ref(), FileKind::Symlink, &[], target.as_ref());
    }

    /// Makes all names and bytes durable.
    pub fn settle(&self) {
        self.state().settle();
    }

    // --- looking ---

    /// Returns the bytes of the regular file at `path`, following symlinks.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.inodes.get(&state.find(path.as_ref(), Follow::Yes).ok()?)?;
        (inode.kind == FileKind::File).then(|| inode.live.clone())
    }

    /// Returns the names in a directory, in order, with their sizes in bytes.
    #[must_use]
    pub fn list(&self, dir: impl AsRef<Path>) -> Vec<(OsString, u64)> {
        let state = self.state();
        let Ok(dir) = state.find(dir.as_ref(), Follow::Yes) else { return Vec::new() };
        state.children(dir).map(|(name, inode)| (name.to_owned(), inode.bytes())).collect()
    }

    /// Returns whether anything stands at the path itself, even a dangling symlink.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.state().find(path.as_ref(), Follow::No).is_ok()
    }

    /// Returns the identity of the file or directory that the path leads to, following symlinks.
    #[must_use]
    pub fn id(&self, path: impl AsRef<Path>) -> Option<FileId> {
        self.state().find(path.as_ref(), Follow::Yes).ok().map(id_of)
    }

    /// Returns where a directory is now, or the oldest name of a file, or `None` if it has no name any more.
    #[must_use]
    pub fn path_of(&self, id: FileId) -> Option<PathBuf> {
        self.state().tree.path_of(id.inode, TOP)
    }

    /// Returns whether the process under test holds the lock of the file at `path`.
    #[must_use]
    pub fn is_locked_by_process(&self, path: impl AsRef<Path>) -> bool {
        self.locker(path.as_ref()) == Some(LockOwner::Process)
    }

    /// Returns whether another process holds the lock of the file at `path`.
    #[must_use]
    pub fn is_locked_by_other(&self, path: impl AsRef<Path>) -> bool {
        self.locker(path.as_ref()) == Some(LockOwner::Other)
    }

    /// Returns a number that differs after every change of directories, symlinks or locks.
    #[must_use]
    pub fn changes_of_places(&self) -> u64 {
        self.state().places_version
    }

    fn locker(&self, path: &Path) -> Option<LockOwner> {
        let state = self.state();
        let ino = state.find(path, Follow::Yes).ok()?;
        state.locks.get(&ino).copied()
    }

    /// Returns how many changes of names are not durable yet: what a power cut may undo.
    #[must_use]
    pub fn unsynced_names(&self) -> usize {
        self.state().pending()
    }

    // --- limits ---

    /// Sets the room for the bytes of all files, including open files without a name; `None` means unlimited. A write
    /// that doesn't fit takes what fits, and the next returns `ENOSPC`. An empty file always fits.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().limits.capacity = bytes;
    }

    /// Sets the most bytes that one file may hold (`RLIMIT_FSIZE`). A write beyond that takes what fits, and the next
    /// returns `EFBIG`.
    pub fn set_file_limit(&self, bytes: Option<u64>) {
        self.state().limits.file = bytes;
    }

    /// Sets the most bytes that one write takes, at least 1.
    pub fn set_short_writes(&self, bytes: Option<usize>) {
        self.state().limits.write = bytes;
    }

    /// Sets the longest name that a directory takes, in bytes.
    ///
    /// Default: 255.
    pub fn set_name_max(&self, bytes: usize) {
        self.state().limits.name = bytes;
    }

    /// Makes the disk read-only: everything that would change it returns `EROFS`, on open files too.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().limits.read_only = read_only;
    }

    // --- who and where ---

    /// Sets the user of the process. What the process creates and what a test puts there from now on belongs to that
    /// user. The superuser (0) may give files away; others may only change what is theirs.
    pub fn set_user(&self, user: u32) {
        self.state().process.user = user;
    }

    /// Makes what stands at `path` a mount point with the mount number `id`, to which everything below belongs too.
    /// Everything else is on mount 1.
    ///
    /// A rename from one mount to another returns `EXDEV`; renaming, replacing or removing a mount point returns
    /// `EBUSY`.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn set_mount(&self, path: impl AsRef<Path>, id: u64) -> Outcome<()> {
        let mut state = self.state();
        let ino = state.find(path.as_ref(), Follow::Yes)?;
        state.mounts.points.insert(ino, id);
        Ok(())
    }

    /// Sets whether the system tells which mount something is on.
    ///
    /// Default: `true`.
    pub fn set_mounts_told(&self, told: bool) {
        self.state().mounts.are_told = told;
    }

    // --- script and journal ---

    /// Adds a fault. If several fit one call, the first one added strikes, and the others don't count the call.
    pub fn fault(&self, fault: Fault) {
        self.state().script.faults.push(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.state().script.faults.clear();
    }

    /// Returns every call of the process so far, in order.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.state().calls.journal.clone()
    }

    /// Removes the journal's entries. Their numbers go on.
    pub fn clear_journal(&self) {
        self.state().calls.journal.clear();
    }

    /// Sets whether the journal keeps entries, which takes memory and time in a long run.
    ///
    /// Default: `true`.
    pub fn keep_journal(&self, keep: bool) {
        self.state().calls.are_kept = keep;
    }

    /// Returns how many calls there have been: the number of the last one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.state().calls.count
    }

    /// Sets the clock that dates the journal's entries from now on.
    pub fn set_clock(&self, clock: &SimClock) {
        self.state().calls.clock = Some(clock.clone());
    }

    // --- crashes ---

    /// Makes the process die at call `seq` ([`Entry::seq`]). That call and all later ones return `EIO`; the later ones
    /// have no effect and no entry.
    pub fn crash_at(&self, seq: u64, when: When) {
        self.state().script.crash = Some((seq, when));
    }

    /// Returns whether the process has died and was not restarted.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.state().script.crashed
    }

    /// Ends the process if it still runs, and begins the next one on what survives. Faults and a scheduled crash are
    /// cleared, and the next process has the top of the disk as its root. User, mounts, limits, watches, clock and
    /// journal stay. What the last process had open returns `EIO`.
    pub fn restart(&self, survive: Survive) {
        self.state().restart(survive);
    }

    // --- watches ---

    /// Watches that the regular files of `dir` whose names `names` accepts hold at most `cap_bytes` together, after
    /// every call of the process that can add bytes or move names. `names` must not use the disk.
    ///
    /// The watch stays with the directory that `dir` leads to now, wherever it is moved. If there is none yet, it
    /// follows the path, as [`assert_total_at`](Self::assert_total_at) does.
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

    /// Returns the first time that a cap was exceeded: by how much, and after which call.
    #[must_use]
    pub fn violation(&self) -> Option<String> {
        self.state().watched.violation.clone()
    }

    /// Watches that every call of the process, from now on, leaves alone what `foreign` accepts. `foreign` gets the
    /// path of a directory and a name in it, and must not use the disk. It replaces the previous one.
    ///
    /// A call is a breach if it creates, removes, renames or replaces such a name or a directory above it, or if it
    /// changes the bytes or attributes of a file or directory with such a name, by whatever name it was reached. What
    /// `ext_` methods do is no breach.
    pub fn protect(&self, foreign: impl Fn(&Path, &OsStr) -> bool + Send + 'static) {
        self.state().watched.guard = Some(Guard::new(Box::new(foreign)));
    }

    /// Returns the first time that the process changed what [`protect`](Self::protect) watches: what it did, and in
    /// which call.
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
