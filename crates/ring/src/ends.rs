//! Creates both ends of a ring together: in anonymous memory, or over memory from a file.

use std::sync::Arc;

use nix::errno::Errno;

use crate::memory::Memory;
use crate::reader::Reader;
use crate::ring::{Limits, Ring};

impl Ring {
    /// Creates a ring in anonymous memory and returns both of its ends.
    ///
    /// The first pages are faulted in here; [`Reader::make_ready`] faults in the rest ahead of need.
    ///
    /// # Errors
    ///
    /// Returns the system's error if it can't map the memory, and an error if `limits` are beyond what a ring can hold.
    ///
    /// ```
    /// use tracing_spool_ring::{Limits, Ring};
    /// let limits = Limits { bytes: 1 << 20, records: 10_000, shares: [80, 80, 95, 98, 100] };
    /// let (ring, _reader) = Ring::in_memory(limits)?;
    /// assert_eq!(ring.longest(), (1 << 20) - 16);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn in_memory(limits: Limits) -> std::io::Result<(Arc<Self>, Reader)> {
        Self::in_pages(limits, true)
    }

    /// Creates a ring in anonymous memory without huge pages, and returns both of its ends.
    ///
    /// Use it for a queue that often fills. The page fault that brings a huge page is rare, but it takes milliseconds if
    /// the system has to assemble the page first. Faulting in a small page takes a microsecond, on the first lap only.
    ///
    /// # Errors
    ///
    /// Returns the system's error if it can't map the memory, and an error if `limits` are beyond what a ring can hold.
    ///
    /// ```
    /// use tracing_spool_ring::{Limits, Ring};
    /// let limits = Limits { bytes: 1 << 20, records: 10_000, shares: [80, 80, 95, 98, 100] };
    /// let (_ring, _reader) = Ring::in_small_pages(limits)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn in_small_pages(limits: Limits) -> std::io::Result<(Arc<Self>, Reader)> {
        Self::in_pages(limits, false)
    }

    #[cfg_attr(any(loom, shuttle, miri), expect(unused_variables, reason = "there are no pages"))]
    fn in_pages(limits: Limits, are_large: bool) -> std::io::Result<(Arc<Self>, Reader)> {
        let shape = limits.shape().ok_or(Errno::ENOMEM)?;
        #[cfg(not(any(loom, shuttle, miri)))]
        let memory = crate::memory::mapping::anonymous(shape, are_large)?;
        #[cfg(any(loom, shuttle, miri))]
        let memory = Memory::heap(shape);
        Ok(Self::new(memory, limits))
    }

    /// Creates both ends over `memory`, which is zeroed or adopted from a file.
    pub(crate) fn new(memory: Memory, limits: Limits) -> (Arc<Self>, Reader) {
        let ring = Self::over(memory, limits);
        let reader = Reader::new(Arc::clone(&ring));
        (ring, reader)
    }
}
