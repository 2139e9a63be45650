//! Takes registered descriptors and mappings away from a forked child before its `fork` returns. Which ones
//! those are is up to whoever opens them.
//!
//! A child inherits every descriptor and with it the lock that the descriptor holds, so the log of a dead
//! process stays locked until its last child ends. Each registered descriptor that still refers to the same
//! file is therefore replaced by `/dev/null` in the child. It is replaced rather than closed because the
//! child's copy of the owner may close the number later, when it could already refer to another file. A file
//! mapping keeps the file open, lock included, just as a descriptor does: it is replaced in place by zeroed
//! private memory, so that references into it stay valid.
//!
//! The handler runs in a process with a single thread, with memory in whatever state the parent's other
//! threads left it. It must not allocate or lock, and may make only async-signal-safe calls. The table is a
//! list of blocks that are never freed. A slot lies within one page, so the child sees the stores to it in
//! the order in which they were made.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering, fence};

use nix::errno::Errno;
use nix::libc::{self, c_int};

use crate::system;

/// Slots in a block.
const SLOTS: usize = 63;

/// In place of a descriptor number: the slot is free.
const FREE: c_int = -1;
/// The slot is being filled.
const TAKEN: c_int = -2;
/// The slot belongs to a registration of the parent's and means nothing in this process.
const PARENTS: c_int = -3;
/// The slot describes memory: `device` holds its address, `inode` its length in bytes.
const MEMORY: c_int = -4;

/// One registered descriptor.
#[repr(align(32))]
struct Slot {
    /// The descriptor number, or one of the constants above. Stored last, so a reader that sees it sees the
    /// rest.
    number: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

impl Slot {
    const fn new() -> Self {
        Self { number: AtomicI32::new(FREE), device: AtomicU64::new(0), inode: AtomicU64::new(0) }
    }
}

/// One block of the table.
struct Block {
    slots: [Slot; SLOTS],
    next: AtomicPtr<Block>,
}

impl Block {
    const fn new() -> Self {
        Self { slots: [const { Slot::new() }; SLOTS], next: AtomicPtr::new(ptr::null_mut()) }
    }

    fn next(&self) -> Option<&'static Self> {
        // SAFETY: null, or a block that `grow` leaked for this purpose.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }

    /// Returns the next block, allocating it if there is none.
    fn grow(&self) -> &'static Self {
        if let Some(next) = self.next() {
            return next;
        }
        let new = Box::into_raw(Box::new(Self::new()));
        match self.next.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: just allocated, and shared for ever from now on.
            Ok(_) => unsafe { &*new },
            Err(theirs) => {
                // SAFETY: no other thread has seen our block.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: another thread's block, leaked as ours would have been.
                unsafe { &*theirs }
            }
        }
    }
}

static FIRST: Block = Block::new();

/// The number of forks that have begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);
/// The number of forks that have ended, as seen by the parent.
static ENDED: AtomicU64 = AtomicU64::new(0);

/// Keeps a descriptor out of children that are forked while this value lives.
///
/// In a child, the descriptor number refers to `/dev/null` (close-on-exec) instead. If the child can't open
/// `/dev/null`, it closes the number. A number that refers to a different file by the time of the fork is
/// left alone.
///
/// This value does not own the descriptor. Drop it before closing the descriptor.
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
    /// `None` for a descriptor that was not open when it was registered.
    slot: Option<&'static Slot>,
}

impl ClosedInChildren {
    /// Registers `descriptor` together with the file that it currently refers to.
    #[must_use = "dropping it ends the registration"]
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

/// Replaces a mapping with zeroed private memory in children that are forked while this value lives.
///
/// This value does not own the mapping. Drop it before unmapping.
pub struct ClearedInChildren {
    slot: &'static Slot,
}

impl ClearedInChildren {
    /// Registers `len` bytes of mapped memory, beginning at `base`.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    /// use tracing_spool_process::ClearedInChildren;
    /// const LEN: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();
    /// let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    /// // SAFETY: a new mapping, at an address that the kernel chooses.
    /// let base = unsafe { mmap_anonymous(None, LEN, access, MapFlags::MAP_SHARED)? };
    /// // SAFETY: the mapping is ours, and no child reads it.
    /// let cleared = unsafe { ClearedInChildren::new(base.cast(), LEN.get()) };
    /// drop(cleared);
    /// // SAFETY: nothing refers to the mapping.
    /// unsafe { munmap(base, LEN.get())? };
    /// # Ok::<(), nix::errno::Errno>(())
    /// ```
    ///
    /// # Safety
    ///
    /// The memory begins at a page boundary, is writable, and belongs to the caller until this value is
    /// dropped. Nothing in a child relies on its contents.
    #[must_use = "dropping it ends the registration"]
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

/// Detects whether a fork may have happened between two points in time. If one happens between opening a
/// descriptor and registering it, for example, the child keeps the descriptor.
///
/// ```
/// # use std::fs::File;
/// use tracing_spool_process::{ClosedInChildren, ForkWatch};
/// let watch = ForkWatch::start();
/// let file = File::open("/dev/null")?;
/// let closed = ClosedInChildren::new(&file);
/// assert!(!watch.saw_one()); // no child has the file
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ForkWatch(u64);

impl ForkWatch {
    /// Starts watching.
    #[must_use]
    pub fn start() -> Self {
        watch();
        Self(ENDED.load(Ordering::SeqCst))
    }

    /// Returns whether a fork was under way at any time since [`start`](Self::start).
    #[must_use]
    pub fn saw_one(&self) -> bool {
        // Every fork that is not counted below sees what was registered before this fence.
        fence(Ordering::SeqCst);
        BEGUN.load(Ordering::SeqCst) != self.0
    }
}

/// The life number used by `fork` where the kernel can't wipe a page; cleared here in each child.
pub(crate) static UNWIPED: AtomicU64 = AtomicU64::new(0);

/// Starts watching the forks of this process.
pub(crate) fn watch() {
    static IS_WATCHED: AtomicBool = AtomicBool::new(false);
    if cfg!(miri) || IS_WATCHED.load(Ordering::Acquire) {
        return;
    }
    // Two threads may both register the handlers: running them twice has the same effect as once. A lock here
    // could be held at the time of a fork and then never be released in the child.
    // SAFETY: three functions of this program that are sound to call at any time. The last makes only
    // async-signal-safe calls.
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
