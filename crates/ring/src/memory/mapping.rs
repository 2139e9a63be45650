//! Maps anonymous memory and files, faults pages in, and unmaps them. It never looks at what the pages hold.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use tracing_spool_process::ClearedInChildren;

use super::held::Held;
use crate::memory::{Backing, FileState, Memory, PAGE, READY_AT_START, Shape};
use crate::platform;
use crate::word::GRANULE;

/// A mapping, until dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: NonZeroUsize,
    /// Everything that was mapped; larger than the part in use if the base had to be aligned.
    whole: (NonNull<u8>, usize),
    /// For a file: without this, a forked child would keep the mapping and with it the file's lock. Dropped before the
    /// unmapping.
    cleared: Option<ClearedInChildren>,
    /// Keeps the file locked as long as it is mapped.
    held: Option<Arc<Held>>,
}

// SAFETY: it owns its memory and does nothing with it but unmap it.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

const ACCESS: ProtFlags = ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE);

impl Mapping {
    pub(crate) fn of_file(held: &Arc<Held>, shape: Shape) -> Result<Self, Errno> {
        let len = NonZeroUsize::new(shape.bytes()).ok_or(Errno::EINVAL)?;
        // SAFETY: a new mapping, at an address that the kernel chooses. `memory` argues why nobody cuts the file short
        // meanwhile (7).
        let base = unsafe { mmap(None, len, ACCESS, MapFlags::MAP_SHARED, held.file(), 0)? };
        // SAFETY: the mapping is new, and only `drop` unmaps it. No call of this package reads it in a child (`memory`,
        // 7), and what is read from it is never trusted.
        let cleared = unsafe { ClearedInChildren::new(base.cast(), len.get()) };
        let (base, held) = (base.cast(), Some(Arc::clone(held)));
        Ok(Self { base, len, whole: (base, len.get()), cleared: Some(cleared), held })
    }
}

/// Bytes that one call faults in. While it runs, no other thread of the process can map memory.
const CHUNK: usize = 1 << 20;
const LARGE_PAGE: usize = 1 << 21;

impl Backing for Mapping {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn file_state(&self) -> FileState {
        self.held.as_ref().map_or(FileState::InPlace, |held| held.state())
    }

    fn remove_file(&self) {
        if let Some(held) = &self.held {
            held.remove();
        }
    }

    fn is_allocated(&self) -> bool {
        self.held.is_some()
    }

    fn bring(&self, bytes: Range<usize>) -> bool {
        let end = bytes.end.min(self.len.get());
        let start = (bytes.start & !(PAGE - 1)).min(end);
        (start..end).step_by(CHUNK).all(|from| {
            // SAFETY: `from` is below `end`, which is within our own mapping.
            unsafe { platform::bring(self.base.add(from).cast(), CHUNK.min(end - from)) }
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.cleared = None;
        // SAFETY: mapped with this length, and all references are gone, since they borrowed the `Memory`.
        let _ = unsafe { munmap(self.whole.0.cast(), self.whole.1) };
    }
}

/// Maps anonymous memory. If `are_large`, everything behind the granules that are made ready at the start uses huge pages
/// where the system has them: a caller who gets there before the reader has made the memory ready meets few page faults,
/// and a quiet ring never gets there.
pub(crate) fn anonymous(shape: Shape, are_large: bool) -> Result<Memory, Errno> {
    let len = NonZeroUsize::new(shape.bytes()).ok_or(Errno::EINVAL)?;
    let slack = NonZeroUsize::new(len.get().checked_add(2 * LARGE_PAGE).ok_or(Errno::ENOMEM)?)
        .ok_or(Errno::EINVAL)?;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let whole: NonNull<u8> = unsafe { mmap_anonymous(None, slack, ACCESS, MapFlags::MAP_PRIVATE)? }.cast();
    let quiet = (shape.data() + READY_AT_START as usize * GRANULE) & !(PAGE - 1);
    let end = whole.as_ptr() as usize + quiet;
    let skip = (end.next_multiple_of(LARGE_PAGE) - end) & !(PAGE - 1);
    // SAFETY: `skip` is less than a huge page, and two of those were mapped beyond `len`.
    let base = unsafe { whole.add(skip) };
    let quiet = len.get().min(quiet);
    // SAFETY: within our own mapping, as `quiet` is at most `len`, and a huge page follows behind that.
    unsafe {
        platform::large_pages(whole.cast(), skip + quiet, false);
        let rest = (len.get() - quiet).next_multiple_of(LARGE_PAGE);
        platform::large_pages(base.add(quiet).cast(), rest, are_large);
    }
    let mapping = Mapping { base, len, whole: (whole, slack.get()), cleared: None, held: None };
    // SAFETY: it has the shape's size, is zeroed, and only `mapping` refers to it.
    Ok(unsafe { Memory::new(shape, Box::new(mapping)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory of a system that cannot be asked for pages.
    #[derive(Debug)]
    struct Mute(Mapping);

    impl Backing for Mute {
        fn base(&self) -> NonNull<u8> {
            self.0.base()
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn pages_that_are_touched_are_there_to_be_written() {
        use nix::sys::resource::{UsageWho, getrusage};
        if cfg!(miri) {
            return; // the interpreter has no pages
        }
        let faults = || getrusage(UsageWho::RUSAGE_THREAD).unwrap().minor_page_faults();
        let shape = Shape::new(1 << 14).unwrap();
        let len = NonZeroUsize::new(shape.bytes()).unwrap();
        // SAFETY: new memory, at an address that the system chooses.
        let base = unsafe { mmap_anonymous(None, len, ACCESS, MapFlags::MAP_PRIVATE).unwrap() };
        let base = base.cast();
        let mapping = Mapping { base, len, whole: (base, len.get()), cleared: None, held: None };
        // SAFETY: it has the shape's bytes, zeroed, and only `mapping` knows them.
        let memory = unsafe { Memory::new(shape, Box::new(Mute(mapping))) };
        assert_eq!(memory.begin(10), 1 << 14, "all, as it cannot be asked for the rest later");
        let before = faults();
        for granule in 0..1 << 14 {
            memory.tag(granule).store(1, std::sync::atomic::Ordering::Relaxed);
            // SAFETY: this is the only thread.
            unsafe { memory.write(granule, 0, b"x") };
        }
        assert_eq!(faults() - before, 0);
    }
}
