//! One file that takes records: room is reserved before a write, and a record goes in whole, or what is missing of it is said.
//! When a new file is begun is the appender's.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::disk::{self, Appending};
use super::names::Segment;

/// A bit of the length that is none: no more room is given.
const SEALED: u64 = 1 << 63;

/// An open file.
#[derive(Debug)]
pub(super) struct LiveFile {
    /// None where it could not be opened.
    file: Option<Appending>,
    segment: Segment,
    /// It ends in the middle of a record whose rest will not come.
    is_torn: AtomicBool,
    /// Bytes that are in it or have their room reserved, and `SEALED`.
    length: AtomicU64,
    /// As long as it may become, but for its first record.
    max_bytes: u64,
    /// What the files beside it leave of the budget.
    budget: AtomicU64,
}

/// Why there is no room for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The next file would have room.
    File,
    /// There would be room if older files went.
    Budget,
}

/// A write that ended early.
#[derive(Debug)]
pub(super) struct Cut {
    /// Bytes of it that are in the file.
    pub(super) written: usize,
    pub(super) error: io::Error,
}

impl LiveFile {
    pub(super) fn new((file, length): (Appending, u64), segment: Segment, max_bytes: Option<u64>) -> Self {
        let (is_torn, length) = (AtomicBool::new(false), AtomicU64::new(length));
        let (max_bytes, budget) = (max_bytes.unwrap_or(u64::MAX), AtomicU64::new(u64::MAX));
        Self { file: Some(file), segment, is_torn, length, max_bytes, budget }
    }

    /// A file that takes nothing.
    pub(super) fn missing(segment: Segment) -> Self {
        let (is_torn, length) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { file: None, segment, is_torn, length, max_bytes: u64::MAX, budget: AtomicU64::new(u64::MAX) }
    }

    pub(super) fn segment(&self) -> Segment {
        self.segment
    }

    /// With what is on its way into it.
    pub(super) fn length(&self) -> u64 {
        self.length.load(Ordering::Acquire) & !SEALED
    }

    /// Whether not even one byte has room.
    pub(super) fn is_full(&self) -> bool {
        self.length() >= self.max_bytes
    }

    /// Counts what others have appended by now: another process, or another appender on the same log. Only where it matters.
    pub(super) fn measure(&self) {
        if self.max_bytes == u64::MAX {
            return;
        }
        let Some(end) = self.file.as_ref().and_then(disk::end) else { return };
        // What our own threads have reserved and not written yet may hide some of it, until the next look.
        let longer = |length: u64| (end > length & !SEALED).then_some(end | (length & SEALED));
        let _is_longer = self.length.fetch_update(Ordering::AcqRel, Ordering::Acquire, longer);
    }

    /// What it may have of all files' bytes.
    pub(super) fn set_budget(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::Release);
    }

    /// Gives no more room: what is counted from now on stays true.
    pub(super) fn seal(&self) {
        self.length.fetch_or(SEALED, Ordering::AcqRel);
    }

    /// Gives room again.
    pub(super) fn unseal(&self) {
        self.length.fetch_and(!SEALED, Ordering::AcqRel);
    }

    /// Reserves room for a record. Threads that reserve at once cannot get more than there is.
    pub(super) fn reserve(&self, bytes: usize) -> Result<(), Full> {
        self.reserve_up_to(bytes, self.max_bytes)
    }

    /// Reserves room in a file that is long enough, as no next one can be begun: an overlong file beats a lost record.
    pub(super) fn reserve_overlong(&self, bytes: usize) -> Result<(), Full> {
        self.reserve_up_to(bytes, u64::MAX)
    }

    fn reserve_up_to(&self, bytes: usize, max_bytes: u64) -> Result<(), Full> {
        let mut refusal = Full::File;
        let reserve = |length: u64| {
            let after = length.saturating_add(bytes as u64);
            let is_sealed = length & SEALED != 0;
            let is_full = is_sealed || (length > 0 && after > max_bytes);
            refusal = if is_full { Full::File } else { Full::Budget };
            (!is_full && after <= self.budget.load(Ordering::Acquire)).then_some(after)
        };
        self.length.fetch_update(Ordering::AcqRel, Ordering::Acquire, reserve).map(drop).map_err(|_| refusal)
    }

    /// Appends records whose room is reserved. Behind one that was torn before comes a newline, so that nothing is glued to it.
    pub(super) fn append(&self, records: &[u8]) -> Result<(), Cut> {
        if self.is_torn.load(Ordering::Acquire) {
            self.write(b"\n").inspect_err(|_| self.give_back(records.len()))?;
            self.is_torn.store(false, Ordering::Release);
        }
        self.write(records).inspect_err(|cut| {
            let is_torn = records[..cut.written].last().is_some_and(|last| *last != b'\n');
            self.is_torn.fetch_or(is_torn, Ordering::AcqRel);
            // A torn record keeps the room of its newline.
            self.give_back(records.len() - cut.written - usize::from(is_torn));
        })
    }

    fn give_back(&self, bytes: usize) {
        self.length.fetch_sub(bytes as u64, Ordering::AcqRel);
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Cut> {
        let mut written = 0;
        let Some(mut file) = self.file.as_ref() else {
            return Err(Cut { written, error: io::ErrorKind::NotConnected.into() });
        };
        while written < bytes.len() {
            let error = match file.write(&bytes[written..]) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(more) => {
                    written += more;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            return Err(Cut { written, error });
        }
        Ok(())
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |mut file| file.flush())
    }
}
