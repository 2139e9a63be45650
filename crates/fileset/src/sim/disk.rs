//! The disk in the hands of a test: setting the scene, interfering from outside, scripting, looking.
//! None of this counts as a call of the process under test; those are in `handle`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock::SimClock;
use super::crash::{Survive, When};
use super::fault::Fault;
use super::journal::Entry;
use super::names::Change;
use super::state::{Cap, LockOwner, State};
use crate::effect::fs::{Follow, Fs, Outcome};
use crate::model::error::OsError;
use crate::model::inventory::FileKind;
use crate::model::time::Wall;

/// A disk in memory. Clones are the same disk. It starts with an empty root directory, room without end, and
/// everything on it owned by the user of the process.
///
/// What a test puts there is durable as if it had been there for long; what the process or the `ext_` methods do
/// to names and bytes is durable when synced. Syncing any directory makes every change of names before it
/// durable, as a journal does; syncing a file makes its bytes durable, not its name.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
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
        let process = Some(self.state().generation);
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
        let mut state = self.state();
        let (_, ino) = state.find(path.as_ref(), Follow::Yes).ok()?;
        let inode = state.inode(ino).ok()?;
        (inode.kind == FileKind::File).then(|| inode.live.clone())
    }

    /// Names and sizes of what stands in a directory, in order of the names.
    #[must_use]
    pub fn list(&self, dir: impl AsRef<Path>) -> Vec<(OsString, u64)> {
        let state = self.state();
        let Ok((dir, _)) = state.find(dir.as_ref(), Follow::Yes) else { return Vec::new() };
        let children = state.children(&dir);
        children.map(|(name, inode)| (name.to_owned(), inode.bytes())).collect()
    }

    /// Whether anything stands at the path itself, be it a dangling symlink.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.state().find(path.as_ref(), Follow::No).is_ok()
    }

    /// How many changes of names are not yet durable: what a power cut may take.
    #[must_use]
    pub fn unsynced_names(&self) -> usize {
        self.state().pending()
    }

    // --- interference of others ---

    /// Somebody renames a file, over whatever stands there.
    ///
    /// # Errors
    /// The path that is missing.
    pub fn ext_rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let (from, _) = state.find(from.as_ref(), Follow::No)?;
        let to = state.walk(to.as_ref(), Follow::No)?.path;
        let (from, to) = (from.as_os_str().into(), to.as_os_str().into());
        state.change(Change::Move(from, to));
        Ok(())
    }

    /// Somebody renames a directory, with all that is in it.
    ///
    /// # Errors
    /// The path that is missing, or not a directory.
    pub fn ext_rename_dir(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Outcome<()> {
        self.must_be_dir(from.as_ref())?;
        self.ext_rename(from, to)
    }

    /// Somebody removes a name. Who has the file open goes on with it.
    ///
    /// # Errors
    /// The path that is missing.
    pub fn ext_unlink(&self, path: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let (path, _) = state.find(path.as_ref(), Follow::No)?;
        state.change(Change::Unlink(path.as_os_str().into()));
        Ok(())
    }

    /// Somebody removes a directory, with all that is in it.
    ///
    /// # Errors
    /// The path that is missing, or not a directory.
    pub fn ext_remove_dir_all(&self, path: impl AsRef<Path>) -> Outcome<()> {
        self.must_be_dir(path.as_ref())?;
        self.ext_unlink(path)
    }

    /// Somebody cuts a file.
    ///
    /// # Errors
    /// The path that is missing.
    pub fn ext_truncate(&self, path: impl AsRef<Path>, bytes: usize) -> Outcome<()> {
        let mut state = self.state();
        let (_, ino) = state.find(path.as_ref(), Follow::Yes)?;
        state.inode(ino)?.live.resize(bytes, 0);
        Ok(())
    }

    /// Somebody says when a file was last changed, as `touch` does.
    ///
    /// # Errors
    /// The path that is missing.
    pub fn ext_touch(&self, path: impl AsRef<Path>, modified: Wall) -> Outcome<()> {
        let mut state = self.state();
        let (_, ino) = state.find(path.as_ref(), Follow::Yes)?;
        state.inode(ino)?.modified = modified;
        Ok(())
    }

    /// Somebody appends to a file, whatever the limits of the disk.
    ///
    /// # Errors
    /// The path that is missing.
    pub fn ext_append(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Outcome<()> {
        let mut state = self.state();
        let (_, ino) = state.find(path.as_ref(), Follow::Yes)?;
        state.inode(ino)?.live.extend_from_slice(bytes.as_ref());
        Ok(())
    }

    /// Somebody gives a file a second name.
    ///
    /// # Errors
    /// The path that is missing.
    pub fn ext_hard_link(&self, path: impl AsRef<Path>, second: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let (_, ino) = state.find(path.as_ref(), Follow::No)?;
        let second = state.walk(second.as_ref(), Follow::No)?.path;
        state.link(&second, ino);
        Ok(())
    }

    /// Somebody gives a file away.
    ///
    /// # Errors
    /// The path that is missing.
    pub fn set_owner(&self, path: impl AsRef<Path>, user: u32) -> Outcome<()> {
        let mut state = self.state();
        let (_, ino) = state.find(path.as_ref(), Follow::No)?;
        state.inode(ino)?.owner = user;
        Ok(())
    }

    /// Another process takes the lock file at `path`, and writes `text` into it. It keeps it over a restart of
    /// the process, not over a power cut.
    pub fn hold_lock(&self, path: impl AsRef<Path>, text: &str) {
        let mut state = self.state();
        put(&mut state, path.as_ref(), FileKind::File, text.as_bytes(), Path::new(""));
        if let Ok((_, ino)) = state.find(path.as_ref(), Follow::No) {
            state.locks.insert(ino, LockOwner::Other);
        }
    }

    /// The other process lets the lock go. Its file stays.
    ///
    /// # Errors
    /// The path that is missing.
    pub fn release_lock(&self, path: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let (_, ino) = state.find(path.as_ref(), Follow::No)?;
        if state.locks.get(&ino) == Some(&LockOwner::Other) {
            state.locks.remove(&ino);
        }
        Ok(())
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

    /// While it is, everything that would change the disk gives `EROFS`, on files already open too.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().limits.read_only = read_only;
    }

    // --- script and journal ---

    /// Adds a fault. Of several that fit one call the first added strikes, and the others do not count the call.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Every call of the process so far, in order.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.state().journal.clone()
    }

    /// Forgets the entries; numbers go on.
    pub fn clear_journal(&self) {
        self.state().journal.clear();
    }

    /// Whether entries are kept, which takes memory and time in a long run. They are, unless this says otherwise.
    pub fn keep_journal(&self, keep: bool) {
        self.state().keeps_journal = keep;
    }

    /// How many calls there have been: the number of the last one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.state().count
    }

    /// Entries from now on say when, by this clock.
    pub fn set_clock(&self, clock: &SimClock) {
        self.state().clock = Some(clock.clone());
    }

    // --- crashes ---

    /// The process dies at call `seq` ([`Entry::seq`]): that call and all later ones give `EIO`, and the later
    /// ones have no effect and no entry.
    pub fn crash_at(&self, seq: u64, when: When) {
        self.state().crash = Some((seq, when));
    }

    /// Whether it has died, and has not been restarted.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.state().crashed
    }

    /// Ends the process, if it still runs, and begins the next, on what survives. Faults and a crash to come are
    /// cleared; limits, caps, clock and journal stay. What the last process had open gives `EIO`.
    pub fn restart(&self, survive: Survive) {
        self.state().restart(survive);
    }

    // --- caps ---

    /// Watches, after every call of the process that can add bytes or move names, that the regular files of `dir`
    /// whose names `names` accepts hold at most `cap_bytes` together. `names` must not use the disk.
    pub fn assert_total(
        &self,
        dir: impl Into<PathBuf>,
        names: impl Fn(&OsStr) -> bool + Send + 'static,
        cap_bytes: u64,
    ) {
        let (dir, names) = (dir.into(), Box::new(names));
        let cap = Cap { dir, names, bytes: cap_bytes, members: Vec::new(), names_version: 0 };
        self.state().caps.push(cap);
    }

    /// The first time that a cap was exceeded: by how much, and after which call.
    #[must_use]
    pub fn violation(&self) -> Option<String> {
        self.state().violation.clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn must_be_dir(&self, path: &Path) -> Outcome<()> {
        let state = self.state();
        let (_, ino) = state.find(path, Follow::No)?;
        if state.kind(ino) == Some(FileKind::Directory) { Ok(()) } else { Err(OsError::ENOTDIR) }
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
            .field("calls", &state.count)
            .field("crashed", &state.crashed);
        out.finish_non_exhaustive()
    }
}

fn mkdir_all(state: &mut State, path: &Path) {
    let mut above: Vec<&Path> = path.ancestors().collect();
    above.reverse();
    for dir in above {
        if let Ok(spot) = state.walk(dir, Follow::Yes) {
            if spot.ino.is_none() {
                let ino = state.add(FileKind::Directory);
                state.link_before(&spot.path, ino);
            }
        }
    }
}

fn put(state: &mut State, path: &Path, kind: FileKind, bytes: &[u8], target: &Path) {
    if let Some(dir) = path.parent() {
        mkdir_all(state, dir);
    }
    if let Ok(spot) = state.walk(path, Follow::No) {
        let ino = state.add_durable(kind, bytes, target);
        state.link_before(&spot.path, ino);
    }
}
