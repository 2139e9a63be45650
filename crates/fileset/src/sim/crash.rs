//! What a crash leaves of a file's bytes, and the types that describe crashes. What it leaves of the names is in
//! `state`.

/// Whether the process dies before or after a call takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// The call has no effect.
    Before,
    /// The call has its effect, but its result reaches nobody.
    After,
}

/// What survives until the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Survive {
    /// Everything: the process died, and the kernel lived. The process's open files are closed and its locks are
    /// released.
    Live,
    /// Only what was synced, and as much of the rest as this says: the power was cut.
    Durable {
        /// How many of the unsynced changes of names survive, beginning with the first
        /// ([`SimDisk::unsynced_names`](super::SimDisk::unsynced_names) returns how many there are).
        names: usize,
        /// Which unsynced pages of 4 KiB survive: the `k`th, counted over all files in the order of their creation, if
        /// bit `k % 64` is set. 0 means none, `u64::MAX` all.
        pages: u64,
    },
}

/// Unit in which unsynced bytes reach the disk.
pub(super) const PAGE_BYTES: usize = 4096;

/// What a power cut leaves of a file: its durable bytes, with those unsynced pages that `kept` answers for.
/// Below a page that is kept, one that is not holds its durable bytes and zeros, as on a real disk.
pub(super) fn after_power_cut(durable: &[u8], live: &[u8], mut kept: impl FnMut() -> bool) -> Vec<u8> {
    // Shortening is one change of the file's size, not many of its pages.
    let cut = live.len() < durable.len() && kept();
    let durable = if cut { &durable[..live.len()] } else { durable };
    let mut left = durable.to_vec();
    for (index, page) in live.chunks(PAGE_BYTES).enumerate() {
        let start = index * PAGE_BYTES;
        let end = start + page.len();
        if durable.get(start..end) != Some(page) && kept() {
            left.resize(left.len().max(end), 0);
            left[start..end].copy_from_slice(page);
        }
    }
    left
}
