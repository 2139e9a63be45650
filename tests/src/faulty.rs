//! The real disk, of which a test says what fails, what is cut short and what is slow; every call is written down.
//! It decides nothing: a call that no slip strikes is the disk's own.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_spool_fileset::{
    At, Clock, Dir, Disk, Follow, Fs, Holder, Lock, LockRefusal, LogFile, Meta, Mono, Op, OsError, Outcome,
    Space, Wall,
};

/// One call of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was asked.
    pub op: Op,
    /// Of which name, without its directory. For an open file: the name under which it was opened.
    pub name: String,
    /// The second name, where the operation has two.
    pub to: Option<String>,
    /// For a write: how many bytes it was given.
    pub bytes: usize,
    /// Whether it failed, by the script or by itself.
    pub result: Result<(), OsError>,
    /// When, if there is a clock.
    pub at: Option<Mono>,
}

impl Call {
    /// `rename app.log.1 app.log.2`, with the errno behind it if it failed.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = format!("{} {}", self.op, self.name);
        for more in self.to.iter().cloned().chain(self.result.err().map(|error| format!("{error:?}"))) {
            words.push(' ');
            words.push_str(&more);
        }
        words
    }
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Fail(OsError),
    Short(usize),
    Slow(Duration, usize),
}

/// One line of the script. Unless told otherwise it strikes every call that fits, until cleared.
#[derive(Clone)]
pub struct Slip {
    op: Op,
    names: Arc<dyn Fn(&Call) -> bool + Send + Sync>,
    action: Action,
    skip: u32,
    left: Option<u32>,
}

impl Slip {
    fn of(op: Op, action: Action) -> Self {
        Self { op, names: Arc::new(|_| true), action, skip: 0, left: None }
    }

    /// Calls of this kind fail.
    #[must_use]
    pub fn fail(op: Op, error: OsError) -> Self {
        Self::of(op, Action::Fail(error))
    }

    /// A write takes at most so many bytes.
    #[must_use]
    pub fn short(bytes: usize) -> Self {
        Self::of(Op::Write, Action::Short(bytes))
    }

    /// A call of this kind takes so long.
    #[must_use]
    pub fn slow(op: Op, time: Duration) -> Self {
        Self::of(op, Action::Slow(time, usize::MAX))
    }

    /// Only where `names` accepts the call.
    #[must_use]
    pub fn only(mut self, names: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        self.names = Arc::new(names);
        self
    }

    /// Only on this name.
    #[must_use]
    pub fn of_name(self, name: &str) -> Self {
        let name = name.to_owned();
        self.only(move |call| call.name == name)
    }

    /// A write that is slow also takes at most so many bytes.
    #[must_use]
    pub fn taking(mut self, bytes: usize) -> Self {
        if let Action::Slow(_, most) = &mut self.action {
            *most = bytes;
        }
        self
    }

    /// So many fitting calls, and no more.
    #[must_use]
    pub fn times(mut self, calls: u32) -> Self {
        self.left = Some(calls);
        self
    }

    /// So many fitting calls are let through first.
    #[must_use]
    pub fn after(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }
}

#[derive(Default)]
struct State {
    slips: Vec<Slip>,
    journal: Vec<Call>,
    clock: Option<Arc<dyn Clock>>,
    stalled: bool,
    /// Writes that hang.
    hanging: u32,
}

impl fmt::Debug for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slip").field("op", &self.op).field("action", &self.action).finish_non_exhaustive()
    }
}

/// A disk that fails when told to. Clones share script and journal.
#[derive(Clone, Default)]
pub struct Faulty {
    state: Arc<(Mutex<State>, Condvar)>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").finish_non_exhaustive()
    }
}

impl Faulty {
    /// A disk without a fault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same disk, for an owner of its own.
    #[must_use]
    pub fn fs(&self) -> Box<dyn Fs> {
        Box::new(self.clone())
    }

    /// Calls from now on are noted with the time of this clock.
    pub fn set_clock(&self, clock: impl Clock + 'static) {
        self.lock().clock = Some(Arc::new(clock));
    }

    /// Adds a line to the script. Of several that fit a call the first counts it and strikes.
    pub fn slip(&self, slip: Slip) {
        self.lock().slips.push(slip);
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.lock().slips.clear();
    }

    /// Writes hang from now on, until [`release`](Self::release).
    pub fn stall(&self) {
        self.lock().stalled = true;
    }

    /// Lets the writes that hang, and those to come, go on.
    pub fn release(&self) {
        self.lock().stalled = false;
        self.state.1.notify_all();
    }

    /// Returns when a write hangs.
    pub fn wait_for_stalled_write(&self) {
        let none = |state: &mut State| state.hanging == 0;
        drop(self.state.1.wait_while(self.lock(), none).unwrap_or_else(PoisonError::into_inner));
    }

    /// Every call so far.
    #[must_use]
    pub fn journal(&self) -> Vec<Call> {
        self.lock().journal.clone()
    }

    /// Every call so far; forgets them.
    pub fn take_journal(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().journal)
    }

    /// Calls so far of these kinds, in words; forgets all.
    pub fn take_words(&self, ops: &[Op]) -> Vec<String> {
        self.take_journal().iter().filter(|call| ops.contains(&call.op)).map(Call::words).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strike(&self, call: &Call) -> Option<Action> {
        let mut state = self.lock();
        let slip = state
            .slips
            .iter_mut()
            .find(|slip| slip.op == call.op && slip.left != Some(0) && (slip.names)(call))?;
        if slip.skip > 0 {
            slip.skip -= 1;
            return None;
        }
        if let Some(left) = &mut slip.left {
            *left -= 1;
        }
        Some(slip.action)
    }

    /// Waits while writes hang.
    fn hang(&self) {
        let mut state = self.lock();
        if !state.stalled {
            return;
        }
        state.hanging += 1;
        self.state.1.notify_all();
        let stalled = |state: &mut State| state.stalled;
        state = self.state.1.wait_while(state, stalled).unwrap_or_else(PoisonError::into_inner);
        state.hanging -= 1;
    }

    fn call<T>(&self, op: Op, path: &Path, body: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        self.call_for(op, path, None, 0, |_| body())
    }

    fn call_at<T>(&self, op: Op, at: &At, body: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        self.call(op, Path::new(&at.name), body)
    }

    /// One call with two names.
    fn call_between<T>(&self, op: Op, from: &At, to: &Path, body: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        self.call_for(op, Path::new(&from.name), Some(to), 0, |_| body())
    }

    /// One call with so many bytes, which is given how many of them it may write.
    fn call_for<T>(
        &self,
        op: Op,
        path: &Path,
        to: Option<&Path>,
        bytes: usize,
        body: impl FnOnce(usize) -> Outcome<T>,
    ) -> Outcome<T> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut call = Call { op, name: name(path), to: to.map(name), bytes, result: Ok(()), at: None };
        let outcome = match self.strike(&call) {
            Some(Action::Fail(error)) => Err(error),
            Some(Action::Short(bytes)) => body(bytes),
            Some(Action::Slow(time, most)) => {
                thread::sleep(time); // this is the slow disk
                body(most)
            }
            None => body(usize::MAX),
        };
        call.result = outcome.as_ref().map(|_| ()).map_err(|error| *error);
        let mut state = self.lock();
        call.at = state.clock.as_ref().map(|clock| clock.now().mono);
        state.journal.push(call);
        outcome
    }

    fn file(&self, at: &At, file: Box<dyn LogFile>) -> Box<dyn LogFile> {
        Box::new(FaultyFile { disk: self.clone(), name: PathBuf::from(&at.name), file })
    }
}

// What is asked of a file or directory that is open is the disk's own, and is not written down: nor is the lock.
impl Fs for Faulty {
    fn look(&self, path: &Path) -> Outcome<Meta> {
        self.call(Op::Stat, path, || Disk.look(path))
    }
    fn resolve(&self, path: &Path) -> Outcome<PathBuf> {
        Disk.resolve(path)
    }
    fn access(&self, path: &Path) -> Outcome<()> {
        self.call(Op::Access, path, || Disk.access(path))
    }
    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()> {
        self.call(Op::MakeDir, path, || Disk.make_dir(path, mode))
    }
    fn open_dir(&self, path: &Path) -> Outcome<Dir> {
        self.call(Op::OpenDir, path, || Disk.open_dir(path))
    }
    fn stat_dir(&self, dir: &Dir) -> Outcome<Meta> {
        Disk.stat_dir(dir)
    }
    fn sync_dir(&self, dir: &Dir) -> Outcome<()> {
        self.call(Op::SyncDir, dir.path(), || Disk.sync_dir(dir))
    }
    fn set_dir_owner(&self, dir: &Dir, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        self.call(Op::SetOwner, dir.path(), || Disk.set_dir_owner(dir, user, group))
    }
    fn space(&self, dir: &Dir) -> Outcome<Space> {
        self.call(Op::Space, dir.path(), || Disk.space(dir))
    }
    fn name_max(&self, dir: &Dir) -> Outcome<usize> {
        Disk.name_max(dir)
    }
    fn list(&self, dir: &Dir) -> Outcome<Vec<OsString>> {
        self.call(Op::List, dir.path(), || Disk.list(dir))
    }
    fn mount_of_dir(&self, dir: &Dir) -> Outcome<Option<u64>> {
        Disk.mount_of_dir(dir)
    }
    fn mount_of(&self, at: &At) -> Outcome<Option<u64>> {
        self.call_at(Op::Stat, at, || Disk.mount_of(at))
    }
    fn stat(&self, at: &At) -> Outcome<Meta> {
        self.call_at(Op::Stat, at, || Disk.stat(at))
    }
    fn open(&self, at: &At, follow: Follow) -> Outcome<Box<dyn LogFile>> {
        self.call_at(Op::Open, at, || Disk.open(at, follow)).map(|file| self.file(at, file))
    }
    fn open_to_read(&self, at: &At) -> Outcome<Box<dyn LogFile>> {
        self.call_at(Op::Open, at, || Disk.open_to_read(at)).map(|file| self.file(at, file))
    }
    fn create(&self, at: &At, mode: u32) -> Outcome<Box<dyn LogFile>> {
        self.call_at(Op::Create, at, || Disk.create(at, mode)).map(|file| self.file(at, file))
    }
    fn rename(&self, from: &At, to: &At) -> Outcome<()> {
        self.call_between(Op::Rename, from, Path::new(&to.name), || Disk.rename(from, to))
    }
    fn replace(&self, from: &At, to: &At) -> Outcome<()> {
        self.call_between(Op::Replace, from, Path::new(&to.name), || Disk.replace(from, to))
    }
    fn symlink(&self, target: &Path, at: &At) -> Outcome<()> {
        self.call_between(Op::Link, at, target, || Disk.symlink(target, at))
    }
    fn read_link(&self, at: &At) -> Outcome<PathBuf> {
        self.call_at(Op::Stat, at, || Disk.read_link(at))
    }
    fn unlink(&self, at: &At) -> Outcome<()> {
        self.call_at(Op::Unlink, at, || Disk.unlink(at))
    }
    fn read_head(&self, at: &At, max: usize) -> Outcome<Vec<u8>> {
        self.call_at(Op::Read, at, || Disk.read_head(at, max))
    }
    fn lock(&self, at: &At, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal> {
        Disk.lock(at, mode, text)
    }
    fn lock_holder(&self, at: &At) -> Outcome<Option<Holder>> {
        Disk.lock_holder(at)
    }
    fn user(&self) -> u32 {
        Disk.user()
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: Faulty,
    name: PathBuf,
    file: Box<dyn LogFile>,
}

impl LogFile for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let Self { disk, name, file } = self;
        disk.hang();
        disk.call_for(Op::Write, name, None, bytes.len(), |most| file.write(&bytes[..bytes.len().min(most)]))
    }
    fn stat(&self) -> Outcome<Meta> {
        self.file.stat()
    }
    fn sync(&mut self) -> Outcome<()> {
        self.disk.call(Op::Sync, &self.name, || self.file.sync())
    }
    fn truncate(&mut self, bytes: u64) -> Outcome<()> {
        self.disk.call(Op::Truncate, &self.name, || self.file.truncate(bytes))
    }
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize> {
        self.disk.call(Op::Read, &self.name, || self.file.read_at(offset, bytes))
    }
    fn set_modified(&mut self, modified: Wall) -> Outcome<()> {
        self.disk.call(Op::SetTime, &self.name, || self.file.set_modified(modified))
    }
    fn set_mode(&mut self, mode: u32) -> Outcome<()> {
        self.disk.call(Op::SetMode, &self.name, || self.file.set_mode(mode))
    }
    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        self.disk.call(Op::SetOwner, &self.name, || self.file.set_owner(user, group))
    }
}
