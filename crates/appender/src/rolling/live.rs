//! A live file: room is reserved before a write, and a record is written whole, or what is missing of it is reported. The
//! appender decides when to start a new file.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::disk::{self, Appending};
use super::names::Segment;

/// A flag in the word of the length: no more room is given.
const SEALED: u64 = 1 << 63;

/// An open file.
#[derive(Debug)]
pub(super) struct LiveFile {
    /// None if it couldn't be opened.
    file: Option<Appending>,
    segment: Segment,
    /// Whether it ends in the middle of a record whose rest won't come.
    is_torn: AtomicBool,
    /// Bytes that are in it or reserved, and the flag `SEALED`.
    length: AtomicU64,
    /// The largest size it may have, except for its first record.
    max_bytes: u64,
    /// What the other files leave of the budget.
    budget: AtomicU64,
}

/// Why there is no room for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// This file is full; the next one would have room.
    File,
    /// The budget is used up; there would be room without older files.
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

    /// Returns a file that takes nothing.
    pub(super) fn missing(segment: Segment) -> Self {
        let (is_torn, length) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { file: None, segment, is_torn, length, max_bytes: u64::MAX, budget: AtomicU64::new(u64::MAX) }
    }

    pub(super) fn segment(&self) -> Segment {
        self.segment
    }

    /// Returns its length, including bytes on their way into it.
    pub(super) fn length(&self) -> u64 {
        self.length.load(Ordering::Acquire) & !SEALED
    }

    /// Returns whether not even one byte has room.
    pub(super) fn is_full(&self) -> bool {
        self.length() >= self.max_bytes
    }

    /// Counts what another process, or another appender on the same log, has appended by now. Done only where it matters.
    pub(super) fn measure(&self) {
        if self.max_bytes == u64::MAX {
            return;
        }
        let Some(end) = self.file.as_ref().and_then(disk::end) else { return };
        // Bytes that our own threads have reserved and not yet written may hide some of it, until the next check.
        let longer = |length: u64| (end > length & !SEALED).then_some(end | (length & SEALED));
        let _is_longer = self.length.fetch_update(Ordering::AcqRel, Ordering::Acquire, longer);
    }

    /// Sets how much of the budget it may use.
    pub(super) fn set_budget(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::Release);
    }

    /// Stops giving room, so that its length, once counted, stays true.
    pub(super) fn seal(&self) {
        self.length.fetch_or(SEALED, Ordering::AcqRel);
    }

    /// Gives room again.
    pub(super) fn unseal(&self) {
        self.length.fetch_and(!SEALED, Ordering::AcqRel);
    }

    /// Reserves room for a record. Threads that reserve concurrently can't get more than there is.
    pub(super) fn reserve(&self, bytes: usize) -> Result<(), Full> {
        self.reserve_up_to(bytes, self.max_bytes)
    }

    /// Reserves room in a full file because no next one can be started: an over-long file beats a lost record.
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

    /// Appends records whose room is reserved. After a torn record it writes a newline first, so that nothing is glued to
    /// it.
    pub(super) fn append(&self, records: &[u8]) -> Result<(), Cut> {
        if self.is_torn.load(Ordering::Acquire) {
            self.write(b"\n").inspect_err(|_| self.give_back(records.len()))?;
            self.is_torn.store(false, Ordering::Release);
        }
        self.write(records).inspect_err(|cut| {
            let is_torn = records[..cut.written].last().is_some_and(|last| *last != b'\n');
            self.is_torn.fetch_or(is_torn, Ordering::AcqRel);
            // A torn record keeps the room for its newline.
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
}
