//! The simulated disk itself: inodes, names, what of them is durable, limits, locks, and the gate that every call
//! of the process passes. How a call looks to the engine is in `handle`; how a test sets the scene, in `disk`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use super::clock::SimClock;
use super::crash::{Survive, When, after_power_cut};
use super::fault::{Action, Fault};
use super::journal::Entry;
use super::names::{Change, Ino, Tree};
use crate::effect::fs::Outcome;
use crate::model::error::{Op, OsError};
use crate::model::inventory::{FileId, FileKind, Meta};
use crate::model::time::Wall;

/// The user to whom everything belongs that nobody gave away.
pub(super) const USER: u32 = 1000;

#[derive(Debug)]
pub(super) struct Inode {
    pub(super) kind: FileKind,
    pub(super) owner: u32,
    pub(super) live: Vec<u8>,
    /// When that last changed, by the clock that was set.
    pub(super) modified: Wall,
    /// What a power cut leaves.
    durable: Vec<u8>,
    /// Where a symlink leads.
    pub(super) target: PathBuf,
    /// How many descriptors keep it alive.
    pub(super) open: usize,
    /// A sync has failed: the kernel has called its pages clean, and no later sync will write them.
    sync_lost: bool,
}

/// Who has a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockOwner {
    /// The process under test.
    Process,
    /// Another one.
    Other,
}

#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) capacity: Option<u64>,
    pub(super) file: Option<u64>,
    pub(super) write: Option<usize>,
    pub(super) read_only: bool,
}

/// What the files of one directory may hold together.
pub(super) struct Cap {
    pub(super) dir: PathBuf,
    pub(super) names: Box<dyn Fn(&OsStr) -> bool + Send>,
    pub(super) bytes: u64,
    /// The files that count, as of a version of the names.
    pub(super) members: Vec<Ino>,
    pub(super) names_version: u64,
}

impl fmt::Debug for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} bytes in {}", self.bytes, self.dir.display())
    }
}

/// A call that asks to be let in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) op: Op,
    pub(super) path: &'a Path,
    pub(super) to: Option<&'a Path>,
    pub(super) bytes: u64,
    /// The open file it is about.
    pub(super) ino: Option<Ino>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) inodes: BTreeMap<Ino, Inode>,
    last_ino: Ino,
    pub(super) tree: Tree,
    /// Grows with every change of `tree`.
    names_version: u64,
    durable: Tree,
    /// Changes that are in `tree` and not yet in `durable`, in order.
    pending: Vec<Change>,
    pub(super) limits: Limits,
    pub(super) locks: BTreeMap<Ino, LockOwner>,
    pub(super) generation: u64,
    pub(super) crash: Option<(u64, When)>,
    pub(super) crashed: bool,
    pub(super) faults: Vec<Fault>,
    pub(super) journal: Vec<Entry>,
    pub(super) keeps_journal: bool,
    pub(super) count: u64,
    pub(super) clock: Option<SimClock>,
    pub(super) caps: Vec<Cap>,
    pub(super) violation: Option<String>,
}

impl State {
    pub(super) fn new() -> Self {
        let mut state = Self { keeps_journal: true, ..Self::default() };
        let root = state.add(FileKind::Directory);
        state.link(Path::new("/"), root);
        state.settle();
        state
    }

    // --- the gate ---

    /// Lets one call of the process through: counts it, fails it by script, kills the process if its time has
    /// come, writes it down. The body is told how many bytes it may take at most, and says how many it took.
    pub(super) fn call<T>(
        &mut self,
        generation: u64,
        request: Request<'_>,
        body: impl FnOnce(&mut Self, Option<usize>) -> Outcome<(T, u64)>,
    ) -> Outcome<T> {
        if self.crashed || generation != self.generation {
            return Err(OsError::EIO); // the dead do not count
        }
        self.count += 1;
        let dies = self.crash.filter(|(seq, _)| *seq == self.count).map(|(_, when)| when);
        let (action, entry) = self.strike(request);
        let result = match (dies, action) {
            (Some(When::Before), _) => Err(OsError::EIO),
            (_, Some(Action::Fail(error))) => {
                self.note_failed_sync(request, error);
                Err(error)
            }
            (_, Some(Action::Short(most))) => body(self, Some(most)),
            (_, None) => body(self, None),
        };
        self.crashed = dies.is_some();
        let exceeded = self.exceeded_cap(request.op);
        if exceeded.is_some() || self.keeps_journal {
            let mut entry = entry.unwrap_or_else(|| self.entry(request));
            entry.result = result.as_ref().map_or_else(|error| Err(*error), |_| Ok(()));
            entry.taken = result.as_ref().map_or(0, |(_, taken)| *taken);
            self.write_down(entry, exceeded);
        }
        if self.crashed { Err(OsError::EIO) } else { result.map(|(value, _)| value) }
    }

    fn entry(&self, request: Request<'_>) -> Entry {
        let now_called = request.ino.and_then(|ino| self.tree.name_of(ino));
        Entry {
            seq: self.count,
            op: request.op,
            path: now_called.unwrap_or(request.path).to_owned(),
            to: request.to.map(Path::to_owned),
            bytes: request.bytes,
            taken: 0,
            result: Ok(()),
            at: self.clock.as_ref().map(|clock| clock.now().mono),
        }
    }

    /// What the script does to the call; and its entry, if that had to be made for it or is kept.
    fn strike(&mut self, request: Request<'_>) -> (Option<Action>, Option<Entry>) {
        let is_seen = self.keeps_journal || self.faults.iter().any(|fault| fault.looks(request.op));
        let entry = is_seen.then(|| self.entry(request));
        let seq = self.count;
        let action = self.faults.iter_mut().find_map(|fault| fault.strike(request.op, seq, entry.as_ref()));
        (action, entry)
    }

    fn note_failed_sync(&mut self, request: Request<'_>, error: OsError) {
        let lost = request.op == Op::Sync && error == OsError::EIO;
        if let Some(file) = request.ino.filter(|_| lost).and_then(|ino| self.inodes.get_mut(&ino)) {
            file.sync_lost = true;
        }
    }

    /// The first cap that is exceeded, as its number and the sum. Only calls that can add to a sum are looked at.
    fn exceeded_cap(&mut self, op: Op) -> Option<(usize, u64)> {
        if !matches!(op, Op::Write | Op::Rename | Op::Replace | Op::Truncate) || self.violation.is_some() {
            return None;
        }
        for cap in self.caps.iter_mut().filter(|cap| cap.names_version != self.names_version) {
            let names = self.tree.children(&cap.dir);
            cap.members.clear();
            cap.members.extend(names.filter(|(name, _)| (cap.names)(name)).map(|(_, ino)| ino));
            cap.names_version = self.names_version;
        }
        let sum = |cap: &Cap| -> u64 {
            let files = cap.members.iter().filter_map(|ino| self.inodes.get(ino));
            files.filter(|file| file.kind == FileKind::File).map(Inode::bytes).sum()
        };
        self.caps
            .iter()
            .enumerate()
            .map(|(at, cap)| (at, sum(cap)))
            .find(|(at, sum)| *sum > self.caps[*at].bytes)
    }

    fn write_down(&mut self, entry: Entry, exceeded: Option<(usize, u64)>) {
        if let Some((cap, bytes)) = exceeded {
            self.violation = Some(format!("{bytes} bytes, {:?}, after {entry:?}", self.caps[cap]));
        }
        if self.keeps_journal {
            self.journal.push(entry);
        }
    }

    // --- names ---

    pub(super) fn kind(&self, ino: Ino) -> Option<FileKind> {
        self.inodes.get(&ino).map(|inode| inode.kind)
    }

    pub(super) fn children<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = (&'a OsStr, &'a Inode)> {
        self.tree.children(dir).filter_map(|(name, ino)| self.inodes.get(&ino).map(|inode| (name, inode)))
    }

    pub(super) fn link(&mut self, path: &Path, ino: Ino) {
        let kind = self.kind(ino).unwrap_or(FileKind::Other);
        self.change(Change::Link(path.as_os_str().into(), ino, kind));
    }

    pub(super) fn change(&mut self, change: Change) {
        self.names_version += 1;
        self.tree.apply(&change);
        self.pending.push(change);
    }

    /// A name that others made before everything that is not yet synced, if nothing is.
    pub(super) fn link_before(&mut self, path: &Path, ino: Ino) {
        let settled = self.pending.is_empty();
        self.link(path, ino);
        if settled {
            self.sync_names();
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    // --- files ---

    /// A new inode without a name.
    pub(super) fn add(&mut self, kind: FileKind) -> Ino {
        self.last_ino += 1;
        let inode = Inode {
            kind,
            owner: USER,
            live: Vec::new(),
            modified: self.wall(),
            durable: Vec::new(),
            target: PathBuf::new(),
            open: 0,
            sync_lost: false,
        };
        self.inodes.insert(self.last_ino, inode);
        self.last_ino
    }

    /// A new inode as others left it: durable, and leading to `target` if it is a symlink.
    pub(super) fn add_durable(&mut self, kind: FileKind, bytes: &[u8], target: &Path) -> Ino {
        let ino = self.add(kind);
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.live = bytes.to_vec();
            inode.durable = bytes.to_vec();
            inode.target = target.to_owned();
        }
        ino
    }

    pub(super) fn inode(&mut self, ino: Ino) -> Outcome<&mut Inode> {
        self.inodes.get_mut(&ino).ok_or(OsError::EIO)
    }

    pub(super) fn meta(&self, ino: Ino) -> Outcome<Meta> {
        let inode = self.inodes.get(&ino).ok_or(OsError::EIO)?;
        let id = FileId { device: 1, inode: ino };
        let links = self.tree.links(ino);
        let (kind, owner, modified) = (inode.kind, inode.owner, inode.modified);
        Ok(Meta { id, kind, bytes: inode.bytes(), links, owner, modified })
    }

    /// Bytes that still fit.
    pub(super) fn free(&self) -> u64 {
        let Some(capacity) = self.limits.capacity else { return u64::MAX };
        let held = self.inodes.iter().filter(|(ino, inode)| inode.open > 0 || self.tree.links(**ino) > 0);
        capacity.saturating_sub(held.map(|(_, inode)| inode.bytes()).sum())
    }

    /// Appends what fits, and says how much that was.
    pub(super) fn append(&mut self, ino: Ino, bytes: &[u8], most: Option<usize>) -> Outcome<usize> {
        let (free, file_max) = (self.free(), self.limits.file);
        let (write_max, wall) = (self.limits.write.map(|most| most.max(1)), self.wall());
        let inode = self.inode(ino)?;
        let mut room = u64::MAX;
        if !bytes.is_empty() && inode.kind == FileKind::File {
            let below = file_max.map_or(u64::MAX, |max| max.saturating_sub(inode.bytes()));
            if below == 0 {
                return Err(OsError::EFBIG);
            }
            if free == 0 {
                return Err(OsError::ENOSPC);
            }
            room = below.min(free);
        }
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let taken =
            bytes.len().min(room).min(write_max.unwrap_or(usize::MAX)).min(most.unwrap_or(usize::MAX));
        if inode.kind == FileKind::File {
            inode.live.extend_from_slice(&bytes[..taken]);
            inode.modified = wall;
        }
        Ok(taken)
    }

    /// What the clock on the wall shows; the start of 1970 where none was set.
    pub(super) fn wall(&self) -> Wall {
        self.clock.as_ref().map_or(Wall::default(), |clock| clock.now().wall)
    }

    pub(super) fn writable(&self) -> Outcome<()> {
        if self.limits.read_only { Err(OsError::EROFS) } else { Ok(()) }
    }

    // --- what is durable ---

    pub(super) fn sync_data(&mut self, ino: Ino) -> Outcome<()> {
        let inode = self.inode(ino)?;
        if !inode.sync_lost {
            inode.durable.clone_from(&inode.live);
        }
        Ok(())
    }

    /// Makes every name durable: a journal commits in order, so that one directory takes the others with it.
    pub(super) fn sync_names(&mut self) {
        for change in self.pending.drain(..) {
            self.durable.apply(&change);
        }
        self.forget_unreachable();
    }

    pub(super) fn settle(&mut self) {
        for inode in self.inodes.values_mut() {
            inode.durable.clone_from(&inode.live);
        }
        self.sync_names();
    }

    /// The next process: what the last one had open is closed, and of the disk stays what survives.
    pub(super) fn restart(&mut self, survive: Survive) {
        self.generation += 1;
        (self.crash, self.crashed) = (None, false);
        self.faults.clear();
        self.inodes.values_mut().for_each(|inode| inode.open = 0);
        match survive {
            Survive::Live => self.locks.retain(|_, owner| *owner == LockOwner::Other),
            Survive::Durable { names, pages } => {
                self.locks.clear();
                for change in self.pending.drain(..).take(names) {
                    self.durable.apply(&change);
                }
                self.tree = self.durable.clone();
                self.names_version += 1;
                self.forget_unreachable();
                let mut bit = 0;
                for inode in self.inodes.values_mut() {
                    let kept = || {
                        bit += 1;
                        pages >> ((bit - 1) % 64) & 1 == 1
                    };
                    inode.live = after_power_cut(&inode.durable, &inode.live, kept);
                    inode.durable.clone_from(&inode.live);
                    inode.sync_lost = false;
                }
            }
        }
    }

    fn forget_unreachable(&mut self) {
        if self.pending.is_empty() {
            let (live, durable) = (&self.tree, &self.durable);
            let is_named = |ino| live.links(ino) > 0 || durable.links(ino) > 0;
            self.inodes.retain(|ino, inode| inode.open > 0 || is_named(*ino));
        }
    }
}

impl Inode {
    pub(super) fn bytes(&self) -> u64 {
        let length =
            if self.kind == FileKind::Symlink { self.target.as_os_str().len() } else { self.live.len() };
        u64::try_from(length).unwrap_or(u64::MAX)
    }
}
