//! The simulated disk itself: inodes, names, what of them is durable, limits, locks. The gate that every call passes is
//! in `gate`, the calls that the engine makes are in `handle`, and the ones that a test makes in `disk`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::clock::SimClock;
use super::crash::{Survive, When, after_power_cut};
use super::fault::Fault;
use super::journal::Entry;
use super::names::{Change, Ino, Place, TOP, Tree};
use super::open::Opened;
use super::watch::{Cap, Guard};
use crate::effect::fs::Outcome;
use crate::model::error::OsError;
use crate::model::inventory::{FileId, FileKind, Meta};
use crate::model::time::Wall;

/// The user to whom everything belongs that nobody gave away, and who runs the process.
pub(super) const USER: u32 = 1000;

/// The group of everything that nobody gave away: the one that the process is in.
pub(super) const GROUP: u32 = 1000;

/// The mount of everything that is not below another.
const MOUNT: u64 = 1;

#[derive(Debug)]
pub(super) struct Inode {
    pub(super) kind: FileKind,
    pub(super) owner: u32,
    pub(super) group: u32,
    pub(super) mode: u32,
    pub(super) live: Vec<u8>,
    /// When that last changed, by the clock that was set.
    pub(super) modified: Wall,
    /// What a power cut leaves.
    durable: Vec<u8>,
    /// Where a symlink leads.
    pub(super) target: PathBuf,
    /// How many descriptors of the process keep it alive.
    pub(super) open: usize,
    /// How many descriptors of others do.
    pub(super) read: usize,
    /// As `chattr +i` makes it.
    pub(super) immovable: bool,
    /// A sync has failed: the kernel has called its pages clean, and no later sync will write them.
    pub(super) sync_lost: bool,
}

/// Who has a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockOwner {
    /// The process under test.
    Process,
    /// Another one.
    Other,
}

#[derive(Debug)]
pub(super) struct Limits {
    pub(super) capacity: Option<u64>,
    pub(super) file: Option<u64>,
    pub(super) write: Option<usize>,
    /// The longest name, in bytes.
    pub(super) name: usize,
    pub(super) read_only: bool,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) inodes: BTreeMap<Ino, Inode>,
    last_ino: Ino,
    pub(super) tree: Tree,
    /// Grows with every change of `tree`.
    pub(super) names_version: u64,
    durable: Tree,
    /// Changes that are in `tree` and not yet in `durable`, in order.
    pending: Vec<Change>,
    pub(super) limits: Limits,
    pub(super) locks: BTreeMap<Ino, LockOwner>,
    /// Grows with every change of `locks`, and of names that lead to other names or are locked.
    pub(super) places_version: u64,
    pub(super) mounts: Mounts,
    pub(super) process: Process,
    pub(super) opened: Opened,
    pub(super) script: Script,
    pub(super) calls: Calls,
    pub(super) watched: Watched,
}

#[derive(Debug)]
pub(super) struct Mounts {
    /// Files and directories that are mount points, and of which mount.
    pub(super) points: BTreeMap<Ino, u64>,
    /// Whether the system says which mount something is on.
    pub(super) are_told: bool,
}

/// The process that runs.
#[derive(Debug)]
pub(super) struct Process {
    /// The how manieth it is.
    pub(super) generation: u64,
    /// Whose it is.
    pub(super) user: u32,
    /// Where its paths start.
    pub(super) root: Ino,
}

/// What goes wrong, as the test says.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) crash: Option<(u64, When)>,
    pub(super) crashed: bool,
    pub(super) faults: Vec<Fault>,
}

/// The calls that were made.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) journal: Vec<Entry>,
    pub(super) are_kept: bool,
    pub(super) count: u64,
    pub(super) clock: Option<SimClock>,
}

/// What must hold after each change.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) caps: Vec<Cap>,
    pub(super) violation: Option<String>,
    pub(super) guard: Option<Guard>,
    pub(super) breach: Option<String>,
}

impl State {
    pub(super) fn new() -> Self {
        let limits = Limits { capacity: None, file: None, write: None, name: 255, read_only: false };
        let mut state = Self {
            inodes: BTreeMap::new(),
            last_ino: 0,
            tree: Tree::new(),
            names_version: 1,
            durable: Tree::new(),
            pending: Vec::new(),
            limits,
            locks: BTreeMap::new(),
            places_version: 0,
            mounts: Mounts { points: BTreeMap::new(), are_told: true },
            process: Process { generation: 0, user: USER, root: TOP },
            opened: Opened::default(),
            script: Script::default(),
            calls: Calls { journal: Vec::new(), are_kept: true, count: 0, clock: None },
            watched: Watched::default(),
        };
        state.add(FileKind::Directory, 0o755); // the first inode is the topmost directory
        state
    }

    // --- names ---

    pub(super) fn kind(&self, ino: Ino) -> Option<FileKind> {
        self.inodes.get(&ino).map(|inode| inode.kind)
    }

    pub(super) fn children(&self, dir: Ino) -> impl Iterator<Item = (&OsStr, &Inode)> {
        self.tree.children(dir).filter_map(|(name, ino)| self.inodes.get(&ino).map(|inode| (name, inode)))
    }

    pub(super) fn link(&mut self, place: Place, ino: Ino) {
        let kind = self.kind(ino).unwrap_or(FileKind::Other);
        self.change(Change::Link(place, ino, kind));
    }

    pub(super) fn change(&mut self, change: Change) {
        self.guard_names(&change);
        self.names_version += 1;
        self.places_version += u64::from(self.is_of_place(&change));
        self.tree.apply(&change);
        self.pending.push(change);
    }

    /// Whether a change is about more than a file of its own.
    fn is_of_place(&self, change: &Change) -> bool {
        let of = |ino: Ino| self.kind(ino) != Some(FileKind::File) || self.locks.contains_key(&ino);
        let at = |place: &Place| self.tree.get(place.dir, &place.name).is_some_and(of);
        match change {
            Change::Link(place, ino, _) => of(*ino) || at(place),
            Change::Unlink(place) => at(place),
            Change::Move(from, to) => at(from) || at(to),
        }
    }

    /// A name that others made before everything that is not yet synced, if nothing is.
    pub(super) fn link_before(&mut self, place: Place, ino: Ino) {
        let settled = self.pending.is_empty();
        self.link(place, ino);
        if settled {
            self.sync_names();
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Which mount a directory is on.
    pub(super) fn mount(&self, dir: Ino) -> u64 {
        if self.mounts.points.is_empty() {
            return MOUNT;
        }
        let mut upward = std::iter::successors(Some(dir), |at| self.tree.above(*at));
        upward.find_map(|at| self.mounts.points.get(&at).copied()).unwrap_or(MOUNT)
    }

    // --- files ---

    /// A new inode without a name.
    pub(super) fn add(&mut self, kind: FileKind, mode: u32) -> Ino {
        self.last_ino += 1;
        let inode = Inode {
            kind,
            owner: self.process.user,
            group: GROUP,
            mode: mode & 0o7777,
            live: Vec::new(),
            modified: self.wall(),
            durable: Vec::new(),
            target: PathBuf::new(),
            open: 0,
            read: 0,
            immovable: false,
            sync_lost: false,
        };
        self.inodes.insert(self.last_ino, inode);
        self.last_ino
    }

    /// A new inode as others left it: durable, and leading to `target` if it is a symlink.
    pub(super) fn add_durable(&mut self, kind: FileKind, bytes: &[u8], target: &Path) -> Ino {
        let ino = self.add(kind, if kind == FileKind::Directory { 0o755 } else { 0o640 });
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

    /// The inode, to change it in the name of the process.
    pub(super) fn written(&mut self, ino: Ino) -> Outcome<&mut Inode> {
        self.guard_inode(ino);
        self.inode(ino)
    }

    pub(super) fn meta(&self, ino: Ino) -> Outcome<Meta> {
        let inode = self.inodes.get(&ino).ok_or(OsError::EIO)?;
        Ok(Meta {
            id: id_of(ino),
            kind: inode.kind,
            bytes: inode.bytes(),
            links: self.tree.links(ino),
            owner: inode.owner,
            group: inode.group,
            mode: inode.mode,
            allocated: inode.allocated(),
            modified: inode.modified,
        })
    }

    /// Replaces the text of a lock file, or leaves none.
    pub(super) fn set_lock_text(&mut self, ino: Ino, text: &str) -> Outcome<()> {
        self.written(ino)?.live.clear();
        match self.append(ino, text.as_bytes(), None) {
            Ok(taken) if taken == text.len() => Ok(()),
            failed => {
                self.inode(ino)?.live.clear();
                failed.and(Err(OsError::ENOSPC))
            }
        }
    }

    /// Bytes that still fit.
    pub(super) fn free(&self) -> u64 {
        let Some(capacity) = self.limits.capacity else { return u64::MAX };
        let held = self.inodes.iter().filter(|(ino, inode)| self.is_kept(**ino, inode));
        capacity.saturating_sub(held.map(|(_, inode)| inode.bytes()).sum())
    }

    /// Whether a name or a descriptor keeps it alive.
    fn is_kept(&self, ino: Ino, inode: &Inode) -> bool {
        inode.open > 0 || inode.read > 0 || self.tree.links(ino) > 0 || self.opened.stands_for(ino)
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
        if inode.kind == FileKind::File && taken > 0 {
            inode.live.extend_from_slice(&bytes[..taken]);
            inode.modified = wall;
            self.guard_inode(ino);
        }
        Ok(taken)
    }

    /// What the clock on the wall shows; the start of 1970 where none was set.
    pub(super) fn wall(&self) -> Wall {
        self.calls.clock.as_ref().map_or(Wall::default(), |clock| clock.now().wall)
    }

    pub(super) fn writable(&self) -> Outcome<()> {
        if self.limits.read_only { Err(OsError::EROFS) } else { Ok(()) }
    }

    /// Whether the inode may be changed: its attributes, its names, and the names in it.
    pub(super) fn changeable(&self, ino: Ino) -> Outcome<()> {
        self.writable()?;
        let is_immovable = self.inodes.get(&ino).is_some_and(|inode| inode.immovable);
        if is_immovable { Err(OsError::EPERM) } else { Ok(()) }
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
        self.process.generation += 1;
        self.process.root = TOP;
        (self.script.crash, self.script.crashed) = (None, false);
        self.script.faults.clear();
        self.close_all();
        if let Survive::Durable { names, pages } = survive {
            self.cut_power(names, pages);
        }
    }

    fn cut_power(&mut self, names: usize, pages: u64) {
        self.locks.clear();
        for change in self.pending.drain(..).take(names) {
            self.durable.apply(&change);
        }
        self.tree = self.durable.clone();
        self.names_version += 1;
        self.places_version += 1;
        self.inodes.values_mut().for_each(|inode| inode.read = 0);
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

    fn forget_unreachable(&mut self) {
        if self.pending.is_empty() {
            let mut inodes = std::mem::take(&mut self.inodes);
            inodes.retain(|ino, inode| self.is_kept(*ino, inode) || self.durable.links(*ino) > 0);
            self.inodes = inodes;
        }
    }
}

impl Inode {
    pub(super) fn bytes(&self) -> u64 {
        let length =
            if self.kind == FileKind::Symlink { self.target.as_os_str().len() } else { self.live.len() };
        u64::try_from(length).unwrap_or(u64::MAX)
    }

    /// What it takes of the capacity, which counts bytes and no blocks.
    fn allocated(&self) -> u64 {
        if self.kind == FileKind::File { self.bytes() } else { 0 }
    }
}

/// The identity of an inode: all are on one device.
pub(super) fn id_of(ino: Ino) -> FileId {
    FileId { device: 1, inode: ino }
}
