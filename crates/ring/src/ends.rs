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
        let shape = limits.shape().ok_or(Errno::ENOMEM)?;
        #[cfg(not(any(loom, shuttle, miri)))]
        let memory = crate::memory::mapping::anonymous(shape)?;
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
