//! Descriptors and mappings that a forked child must not keep: they are taken from it before its `fork` returns.
//! Which those are is said by whoever opens them.
//!
//! A child inherits every descriptor, and with it the lock that it holds: the log of a process that has died stays locked until
//! its last child ends. So each registered descriptor that still stands for the same file is replaced by `/dev/null` in the
//! child. Replaced and not closed, because the child's copy of its owner may close the number later, which must not have
//! become another file's by then. A mapping of a file holds the file open as a descriptor does, lock and all: it is replaced by
//! zeros of the child's own at the same place, so that whoever still refers to it there meets memory.
//!
//! The handler runs in a process that has one thread, in whatever state the other threads had left memory: it allocates
//! nothing, takes no lock, and makes only calls that are allowed in signal handlers. The table is a list of blocks that are
//! never freed; a slot lies within one page of memory, so that the child sees its stores in the order they were made.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering, fence};

use nix::errno::Errno;
use nix::libc::{self, c_int};

use crate::system;

/// Slots of a block.
const SLOTS: usize = 63;

/// In the place of a number: the slot is free.
const FREE: c_int = -1;
/// It is being filled.
const TAKEN: c_int = -2;
/// It is held by a registration of the parent's, which means nothing here.
const PARENTS: c_int = -3;
/// It is memory: `device` says from where on, `inode` how much.
const MEMORY: c_int = -4;

/// One registered descriptor.
#[repr(align(32))]
struct Slot {
    /// The descriptor's number, or a word from above. Stored last, so that the rest is there when it is.
    number: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

impl Slot {
    const fn new() -> Self {
        Self { number: AtomicI32::new(FREE), device: AtomicU64::new(0), inode: AtomicU64::new(0) }
    }
}

/// A part of the table.
struct Block {
    slots: [Slot; SLOTS],
    next: AtomicPtr<Block>,
}

impl Block {
    const fn new() -> Self {
        Self { slots: [const { Slot::new() }; SLOTS], next: AtomicPtr::new(ptr::null_mut()) }
    }

    fn next(&self) -> Option<&'static Self> {
        // SAFETY: null, or a block that `grow` has leaked for this.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }

    /// The block behind this one, which is made where there is none.
    fn grow(&self) -> &'static Self {
        if let Some(next) = self.next() {
            return next;
        }
        let new = Box::into_raw(Box::new(Self::new()));
        match self.next.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: just made, and shared from now on, for ever.
            Ok(_) => unsafe { &*new },
            Err(theirs) => {
                // SAFETY: ours was shown to nobody.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: another thread's block, leaked as ours would have been.
                unsafe { &*theirs }
            }
        }
    }
}

static FIRST: Block = Block::new();

/// Forks that have begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);
/// Forks that have ended, as their parent sees it.
static ENDED: AtomicU64 = AtomicU64::new(0);

/// Keeps a descriptor from children that are forked while this value lives. It does not own the descriptor: drop it before
/// closing that.
///
/// In a child the number stands for `/dev/null` then, close-on-exec; where that cannot be opened, for nothing. A number that
/// stands for another file by the time of the fork is left alone.
///
/// ```
/// # use std::fs::File;
/// use tracing_spool_process::ClosedInChildren;
/// let file = File::open("/dev/null")?;
/// let closed = ClosedInChildren::new(&file);
/// drop((closed, file));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ClosedInChildren {
    /// None for a descriptor that is not open.
    slot: Option<&'static Slot>,
}

impl ClosedInChildren {
    /// Registers a descriptor, with the file that it stands for.
    #[must_use = "dropping it takes it back"]
    pub fn new(descriptor: impl AsFd) -> Self {
        watch();
        let number = descriptor.as_fd().as_raw_fd();
        let slot = identity(number).map(|(device, inode)| {
            let slot = free_slot();
            slot.device.store(device, Ordering::Relaxed);
            slot.inode.store(inode, Ordering::Relaxed);
            slot.number.store(number, Ordering::Release);
            slot
        });
        Self { slot }
    }
}

impl Drop for ClosedInChildren {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            slot.number.store(FREE, Ordering::Release);
        }
    }
}

impl fmt::Debug for ClosedInChildren {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.slot.map(|slot| slot.number.load(Ordering::Relaxed));
        f.debug_struct("ClosedInChildren").field("number", &number).finish()
    }
}

/// Replaces a mapping by zeros in children that are forked while this value lives. It does not own the mapping: drop it before
/// that is unmapped.
pub struct ClearedInChildren {
    slot: &'static Slot,
}

impl ClearedInChildren {
    /// Registers a mapping.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    /// use tracing_spool_process::ClearedInChildren;
    /// const LEN: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();
    /// let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    /// // SAFETY: new memory, at an address that the system chooses.
    /// let base = unsafe { mmap_anonymous(None, LEN, access, MapFlags::MAP_SHARED)? };
    /// // SAFETY: it is ours, and nobody looks at it in a child.
    /// let cleared = unsafe { ClearedInChildren::new(base.cast(), LEN.get()) };
    /// drop(cleared);
    /// // SAFETY: nobody refers to it.
    /// unsafe { munmap(base, LEN.get())? };
    /// # Ok::<(), nix::errno::Errno>(())
    /// ```
    ///
    /// # Safety
    /// It begins at a page, may be written, and is the caller's own until this value is dropped; nothing in a child relies on
    /// what stood there.
    #[must_use = "dropping it takes it back"]
    pub unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        watch();
        let slot = free_slot();
        slot.device.store(base.as_ptr().expose_provenance() as u64, Ordering::Relaxed);
        slot.inode.store(len as u64, Ordering::Relaxed);
        slot.number.store(MEMORY, Ordering::Release);
        Self { slot }
    }
}

impl Drop for ClearedInChildren {
    fn drop(&mut self) {
        self.slot.number.store(FREE, Ordering::Release);
    }
}

impl fmt::Debug for ClearedInChildren {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClearedInChildren").field("len", &self.slot.inode.load(Ordering::Relaxed)).finish()
    }
}

/// Tells whether a fork may have come between two moments: between the opening of a descriptor and its registration, say,
/// where a child would keep it.
///
/// ```
/// # use std::fs::File;
/// use tracing_spool_process::{ClosedInChildren, ForkWatch};
/// let watch = ForkWatch::start();
/// let file = File::open("/dev/null")?;
/// let closed = ClosedInChildren::new(&file);
/// assert!(!watch.saw_one(), "no child has the file");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ForkWatch(u64);

impl ForkWatch {
    /// Looks from now on.
    #[must_use]
    pub fn start() -> Self {
        watch();
        Self(ENDED.load(Ordering::SeqCst))
    }

    /// Whether a fork was under way at any moment since.
    #[must_use]
    pub fn saw_one(&self) -> bool {
        // What was registered before is seen by every fork that is not counted here.
        fence(Ordering::SeqCst);
        BEGUN.load(Ordering::SeqCst) != self.0
    }
}

/// The word of `process` where the system wipes no page: cleared here, in each child.
pub(crate) static UNWIPED: AtomicU64 = AtomicU64::new(0);

/// Has forks of this process watched from now on.
pub(crate) fn watch() {
    static IS_WATCHED: AtomicBool = AtomicBool::new(false);
    if cfg!(miri) || IS_WATCHED.load(Ordering::Acquire) {
        return;
    }
    // Two threads may both do it: handlers that run twice do the same as once. A lock here could be left held by a fork.
    // SAFETY: three functions of the program that are sound to call at any time; the last makes only such calls as are
    // allowed in a child of a process with threads.
    let _ = unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child)) };
    // Without memory for it children keep what they inherit, as they would without this package.
    IS_WATCHED.store(true, Ordering::Release);
}

extern "C" fn before_fork() {
    BEGUN.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn after_fork() {
    ENDED.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn in_child() {
    let errno = Errno::last_raw();
    UNWIPED.store(0, Ordering::Relaxed);
    // Forks of the parent's other threads do not end here.
    ENDED.store(BEGUN.load(Ordering::SeqCst), Ordering::SeqCst);
    let mut null = Null::NotTried;
    for slot in blocks().flat_map(|block| &block.slots) {
        let number = slot.number.load(Ordering::Acquire);
        if number < 0 && number != MEMORY {
            continue;
        }
        let registered = (slot.device.load(Ordering::Relaxed), slot.inode.load(Ordering::Relaxed));
        slot.number.store(PARENTS, Ordering::Relaxed);
        if number == MEMORY {
            clear(registered);
        } else if identity(number) == Some(registered) {
            null.replace(number);
        }
    }
    null.close();
    Errno::set_raw(errno);
}

/// Puts zeros of this process's own in the place of a mapping. Where the system has no memory for that, it stays.
fn clear((base, len): (u64, u64)) {
    let (Ok(base), Ok(len)) = (usize::try_from(base), usize::try_from(len)) else { return };
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let how = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // SAFETY: whoever registered it owns this mapping and lets it be replaced in a child, where no other thread uses it.
    unsafe { libc::mmap(ptr::with_exposed_provenance_mut(base), len, access, how, -1, 0) };
}

fn blocks() -> impl Iterator<Item = &'static Block> {
    std::iter::successors(Some(&FIRST), |block| block.next())
}

/// A slot that is this caller's from now on.
fn free_slot() -> &'static Slot {
    let mut block = &FIRST;
    loop {
        let take = |slot: &&Slot| {
            slot.number.compare_exchange(FREE, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        if let Some(slot) = block.slots.iter().find(take) {
            return slot;
        }
        block = block.grow();
    }
}

/// `/dev/null`, opened for the first descriptor that needs it.
enum Null {
    NotTried,
    Open(c_int),
    Refused,
}

impl Null {
    /// Makes a number stand for it, or for nothing.
    fn replace(&mut self, number: c_int) {
        if let Self::NotTried = self {
            // SAFETY: a call with a string that ends in NUL.
            let opened = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
            *self = if opened < 0 { Self::Refused } else { Self::Open(opened) };
        }
        let is_replaced = matches!(self, Self::Open(null) if system::duplicate_onto(*null, number));
        if !is_replaced {
            // SAFETY: the number stands for what its owner has registered for just this, and the child has no other thread
            // that would use it meanwhile.
            unsafe { libc::close(number) };
        }
    }

    fn close(&self) {
        if let Self::Open(null) = self {
            // SAFETY: opened above, and known to nobody else.
            unsafe { libc::close(*null) };
        }
    }
}

/// Device and inode of what a number stands for. It makes one call of the system, and no more.
fn identity(number: c_int) -> Option<(u64, u64)> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the call writes to memory of the right size, or fails.
    if unsafe { libc::fstat(number, stat.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: it was filled.
    let stat = unsafe { stat.assume_init() };
    Some((wide(stat.st_dev), wide(stat.st_ino)))
}

/// The C types differ between systems; the numbers are compared, never counted with.
fn wide(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "a test needs an open file")]
mod tests {
    use std::fs::File;

    use super::*;

    fn number(registered: &ClosedInChildren) -> Option<c_int> {
        registered.slot.map(|slot| slot.number.load(Ordering::Relaxed))
    }

    #[test]
    fn slots_are_used_again_and_the_table_grows() {
        let file = File::open("/dev/null").unwrap();
        let many = 3 * SLOTS;
        let fill = || (0..many).map(|_| ClosedInChildren::new(&file)).collect::<Vec<_>>();
        let first = fill();
        assert!(first.iter().all(|registered| number(registered) == Some(file.as_raw_fd())));
        let grown = blocks().count();
        assert!(grown >= 3);
        drop(first);
        for _ in 0..10 {
            assert_eq!(fill().len(), many);
        }
        // The other test here holds up to 160 meanwhile; ten times as many as are held would be thirty blocks.
        assert!(blocks().count() <= grown + 3, "slots are used again");
    }

    #[test]
    fn a_slot_lies_within_one_page() {
        assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (32, 32));
    }

    #[test]
    fn threads_get_slots_of_their_own() {
        let file = File::open("/dev/null").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..if cfg!(miri) { 5 } else { 500 } {
                        let held: Vec<_> = (0..40).map(|_| ClosedInChildren::new(&file)).collect();
                        let mut slots: Vec<_> = held.iter().map(|one| one.slot.map(ptr::from_ref)).collect();
                        slots.sort_unstable();
                        slots.dedup();
                        assert_eq!(slots.len(), held.len());
                        assert!(held.iter().all(|one| number(one) == Some(file.as_raw_fd())));
                    }
                });
            }
        });
    }
}
