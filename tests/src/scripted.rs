//! The real disk behind a script: chosen calls fail with a chosen errno, writes can be held, every call is noted with
//! its time. Nothing is simulated: what is not made to fail happens to the machine's own files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_spool_fileset::effect::fs::{Follow, Lock, LockRefusal, Outcome};
use tracing_spool_fileset::model::inventory::Meta;
use tracing_spool_fileset::{Clock, Disk, Fs, Holder, LogFile, Op, OsError};

/// One call of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// When, since the clock's start.
    pub at: Duration,
    /// What.
    pub op: Op,
    /// Of which path.
    pub path: PathBuf,
    /// For a rename: to which.
    pub to: Option<PathBuf>,
    /// For a write: how many bytes were taken.
    pub bytes: usize,
    /// The errno that the script, not the disk, gave it.
    pub error: Option<OsError>,
}

impl Call {
    /// The file name of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The file name of where it renames to.
    #[must_use]
    pub fn to_name(&self) -> &str {
        let to = self.to.as_ref().and_then(|to| to.file_name());
        to.and_then(|name| name.to_str()).unwrap_or_default()
    }
}

type Choice = Box<dyn Fn(&Call) -> bool + Send>;

struct Rule {
    chosen: Choice,
    error: OsError,
    /// None: until cleared.
    left: Option<u32>,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    calls: Vec<Call>,
    held: bool,
    /// Writes that wait to be let go.
    waiting: u32,
}

/// The script, and the notes. Clones share both; each [`fs`](Self::fs) follows it.
#[derive(Clone)]
pub struct Script {
    clock: Arc<dyn Clock>,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Script {
    /// An empty script: every call goes to the disk. Times are `clock`'s.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// The disk that follows this script.
    #[must_use]
    pub fn fs(&self) -> Box<dyn Fs> {
        Box::new(ScriptedFs { script: self.clone() })
    }

    /// The next `times` calls (none: all, until [`clear`](Self::clear)) that are `chosen` fail. `chosen` may panic,
    /// which then is a panic of the file system.
    pub fn fail(&self, error: OsError, times: Option<u32>, chosen: impl Fn(&Call) -> bool + Send + 'static) {
        self.state().rules.push(Rule { chosen: Box::new(chosen), error, left: times });
    }

    /// Nothing fails any more.
    pub fn clear(&self) {
        self.state().rules.clear();
    }

    /// The calls so far, in order. Looks that `open` takes are among them.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Forgets them.
    pub fn forget_calls(&self) {
        self.state().calls.clear();
    }

    /// From now on a write does not return before [`let_go`](Self::let_go): a disk that hangs.
    pub fn hold_writes(&self) {
        self.state().held = true;
    }

    /// Returns when a write hangs.
    pub fn wait_for_held_write(&self) {
        let told = &self.state.1;
        drop(
            told.wait_while(self.state(), |state| state.waiting == 0).unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Ends [`hold_writes`](Self::hold_writes).
    pub fn let_go(&self) {
        self.state().held = false;
        self.state.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call; the errno that it is to fail with, if it is.
    fn enter(&self, op: Op, path: &Path, to: Option<&Path>, bytes: usize) -> Outcome<()> {
        let at = self.clock.now().mono.since_start();
        let mut call = Call { at, op, path: path.to_owned(), to: to.map(Path::to_owned), bytes, error: None };
        let mut state = self.state();
        if op == Op::Write && state.held {
            state.waiting += 1;
            self.state.1.notify_all();
            state =
                self.state.1.wait_while(state, |state| state.held).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        let rule = state.rules.iter_mut().find(|rule| rule.left != Some(0) && (rule.chosen)(&call));
        if let Some(rule) = rule {
            rule.left = rule.left.map(|left| left - 1);
            call.error = Some(rule.error);
        }
        let error = call.error;
        state.calls.push(call);
        error.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct ScriptedFs {
    script: Script,
}

#[derive(Debug)]
struct ScriptedFile {
    file: Box<dyn LogFile>,
    path: PathBuf,
    script: Script,
}

impl ScriptedFs {
    fn file(&self, path: &Path, file: Box<dyn LogFile>) -> Box<dyn LogFile> {
        Box::new(ScriptedFile { file, path: path.to_owned(), script: self.script.clone() })
    }
}

impl Fs for ScriptedFs {
    fn stat(&self, path: &Path) -> Outcome<Meta> {
        self.script.enter(Op::Stat, path, None, 0)?;
        Disk.stat(path)
    }
    fn open(&self, path: &Path, follow: Follow) -> Outcome<Box<dyn LogFile>> {
        self.script.enter(Op::Open, path, None, 0)?;
        Ok(self.file(path, Disk.open(path, follow)?))
    }
    fn create(&self, path: &Path, mode: u32) -> Outcome<Box<dyn LogFile>> {
        self.script.enter(Op::Create, path, None, 0)?;
        Ok(self.file(path, Disk.create(path, mode)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> Outcome<()> {
        self.script.enter(Op::Rename, from, Some(to), 0)?;
        Disk.rename(from, to)
    }
    fn replace(&self, from: &Path, to: &Path) -> Outcome<()> {
        self.script.enter(Op::Replace, from, Some(to), 0)?;
        Disk.replace(from, to)
    }
    fn unlink(&self, path: &Path) -> Outcome<()> {
        self.script.enter(Op::Unlink, path, None, 0)?;
        Disk.unlink(path)
    }
    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()> {
        self.script.enter(Op::MakeDir, path, None, 0)?;
        Disk.make_dir(path, mode)
    }
    fn sync_dir(&self, path: &Path) -> Outcome<()> {
        self.script.enter(Op::SyncDir, path, None, 0)?;
        Disk.sync_dir(path)
    }
    fn space(&self, path: &Path) -> Outcome<u64> {
        self.script.enter(Op::Space, path, None, 0)?;
        Disk.space(path)
    }
    fn access(&self, path: &Path) -> Outcome<()> {
        self.script.enter(Op::Access, path, None, 0)?;
        Disk.access(path)
    }
    fn resolve(&self, path: &Path) -> Outcome<PathBuf> {
        Disk.resolve(path)
    }
    fn read_head(&self, path: &Path, max: usize) -> Outcome<Vec<u8>> {
        self.script.enter(Op::Read, path, None, 0)?;
        Disk.read_head(path, max)
    }
    fn lock(&self, path: &Path, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal> {
        self.script.enter(Op::Lock, path, None, 0).map_err(LockRefusal::Failed)?;
        Disk.lock(path, mode, text)
    }
    fn lock_holder(&self, path: &Path) -> Outcome<Option<Holder>> {
        Disk.lock_holder(path)
    }
    fn user(&self) -> u32 {
        Disk.user()
    }
}

impl LogFile for ScriptedFile {
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        self.script.enter(Op::Write, &self.path, None, bytes.len())?;
        self.file.write(bytes)
    }
    fn stat(&self) -> Outcome<Meta> {
        self.file.stat()
    }
    fn sync(&mut self) -> Outcome<()> {
        self.script.enter(Op::Sync, &self.path, None, 0)?;
        self.file.sync()
    }
    fn truncate(&mut self, bytes: u64) -> Outcome<()> {
        self.script.enter(Op::Truncate, &self.path, None, 0)?;
        self.file.truncate(bytes)
    }
    fn last_byte(&self) -> Outcome<Option<u8>> {
        self.file.last_byte()
    }
}
