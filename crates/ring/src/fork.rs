//! Whether this is a forked child: a page of our own that the system wipes in a child, so that looking costs a load.
//! It decides nothing.

use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use crate::platform;
use crate::sync::{AtomicU64, Ordering};

const PAGE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// The page: 1 in the process that made it, 0 in its children.
#[derive(Debug)]
pub(crate) struct Origin {
    page: NonNull<u64>,
    /// Where the system wipes nothing: the process that made it.
    process: Option<u32>,
}

// SAFETY: the page is reached by an atomic only, and freed once, by `Drop`.
unsafe impl Send for Origin {}
// SAFETY: as above.
unsafe impl Sync for Origin {}

impl Origin {
    pub(crate) fn here() -> Result<Self, Errno> {
        // SAFETY: new memory, at an address that the system chooses.
        let page = unsafe {
            mmap_anonymous(None, PAGE, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE)?
        };
        // SAFETY: our own page, which holds nothing yet.
        let is_wiped = unsafe { platform::wipe_on_fork(page, PAGE) };
        let origin = Self { page: page.cast(), process: (!is_wiped).then(std::process::id) };
        origin.word().store(1, Ordering::Relaxed);
        Ok(origin)
    }

    /// Whether this process is a child of the one that made it.
    #[inline]
    pub(crate) fn is_forked(&self) -> bool {
        self.word().load(Ordering::Relaxed) == 0
            || self.process.is_some_and(|process| process != std::process::id())
    }

    fn word(&self) -> &AtomicU64 {
        // SAFETY: the page is there until `Drop`, aligned, and reached by this atomic only; wiping it in a child is the
        // system's and happens before the child runs.
        unsafe { AtomicU64::from_ptr(self.page.as_ptr()) }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // SAFETY: mapped with this length in `here`, and nobody has a reference any more.
        let _ = unsafe { munmap(self.page.cast(), PAGE.get()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_page_or_another_process_says_so() {
        let mut origin = Origin::here().unwrap();
        assert!(!origin.is_forked());
        origin.process = Some(std::process::id());
        assert!(!origin.is_forked());
        origin.process = Some(0);
        assert!(origin.is_forked(), "where the system wipes nothing");
        origin.process = None;
        origin.word().store(0, Ordering::Relaxed);
        assert!(origin.is_forked(), "as the system wipes it in a child");
    }
}
