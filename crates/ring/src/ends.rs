//! The two ends of a ring, made together: in memory of this process, or over memory that is given.

use std::sync::Arc;

use nix::errno::Errno;

use crate::memory::Memory;
use crate::reader::Reader;
use crate::ring::{Limits, Ring};

impl Ring {
    /// A ring in memory of this process. Its beginning is made ready, and the rest by [`Reader::make_ready`].
    ///
    /// # Errors
    /// The system's, where it gives no memory.
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

    /// The same in small pages alone. Where the queue often fills, no call should meet the fault that brings a large page: it is
    /// rare, but takes milliseconds where the system has to put one together first. Small ones cost a microsecond each, on the
    /// first lap.
    ///
    /// # Errors
    /// The system's, where it gives no memory.
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

    /// A ring in this memory, which is zeroed or adopted.
    pub(crate) fn new(memory: Memory, limits: Limits) -> (Arc<Self>, Reader) {
        let ring = Self::over(memory, limits);
        let reader = Reader::new(Arc::clone(&ring));
        (ring, reader)
    }
}
