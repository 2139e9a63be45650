//! Opens a ring file: continues the ring that it holds, makes a new one, refuses the file, or sets it aside. `locked`
//! opens and locks files, `memory::mapping` maps them, and `adopt` looks at what a ring holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::file::adopt::{self, Adopted, Found};
use crate::file::error::OpenError;
use crate::file::header::{self, Damage, Log};
use crate::file::locked::Locked;
use crate::file::options::Options;
use crate::memory::{COUNTERS, Memory, Shape};
use crate::reader::Reader;
use crate::ring::{Limits, Ring};
use crate::stamp::Task;
use crate::sync::Ordering;

/// A ring file that was opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The producers' end.
    pub ring: Arc<Ring>,
    /// The consumer's end.
    pub reader: Reader,
    /// What the ring held; `None` if the ring is new.
    pub found: Option<Found>,
    /// The path that an unusable file was renamed to, and why it could not be used.
    pub set_aside: Option<(PathBuf, Damage)>,
}

impl Ring {
    /// Opens the ring in the file at `path` with everything that it holds, or creates a new ring there.
    ///
    /// A ring whose size differs from what `limits` ask for is used as it is while it holds records, and is recreated
    /// otherwise. A ring that is damaged or has another version is renamed, and a new one takes its place. A file that
    /// is neither empty nor a ring, or that is the ring of another log, is refused.
    ///
    /// # Errors
    ///
    /// Returns an [`OpenError`]. An existing file is then unchanged, and no new one is left behind.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.ring");
    /// use tracing_spool_ring::{Limits, Options, Ring};
    /// let limits = Limits { bytes: 1 << 16, records: 1_000, shares: [80, 80, 95, 98, 100] };
    /// let mut options = Options::default();
    /// options.any_file_system = true; // a test may run anywhere
    /// let opened = Ring::open(&path, limits, options.clone())?;
    /// assert!(opened.ring.offer(4, b"the last words", 0).is_ok());
    /// drop(opened); // nobody has read the record
    /// let found = Ring::open(&path, limits, options)?.found.ok_or("nothing found")?;
    /// assert_eq!((found.records, found.bytes, found.process), (1, 14, std::process::id()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: &Path, limits: Limits, options: Options) -> Result<Opened, OpenError> {
        let shape = limits.shape().ok_or(OpenError::Limits)?;
        // Make the path absolute, so that later checks look at this file even if the process changes its directory.
        let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut file = Locked::take(path, &options)?;
        let (mut set_aside, mut carried) = (None, (0, Vec::new()));
        match look(&mut file, shape, &options.log)? {
            Standing::Usable(memory, adopted) => {
                adopt::own(&memory);
                let (ring, mut reader) = Self::new(memory, limits);
                reader.resume(adopted.holes_below, adopted.stamps);
                return Ok(Opened { ring, reader, found: Some(adopted.found), set_aside });
            }
            Standing::Nothing => {}
            Standing::Idle(admitted, counts) => carried = (admitted, counts),
            Standing::Damaged(damage) => {
                set_aside = Some((file.put_aside()?, damage));
                file = Locked::take(path, &options)?;
            }
        }
        let memory = file.make(shape, &Log::of(&options.log))?;
        adopt::count_from(&memory, carried.0);
        let (ring, reader) = Self::new(memory, limits);
        // The owner's counters come last: whoever keeps one there as a mark doesn't find it without the count of records.
        for (index, count) in carried.1.into_iter().enumerate() {
            ring.counter(index).store(count, Ordering::Release);
        }
        Ok(Opened { ring, reader, found: None, set_aside })
    }

    /// Opens a copy of a ring in memory, from the bytes of its file. Use it to look into a ring that was set aside.
    ///
    /// # Errors
    ///
    /// Returns [`Damage`] if the bytes are no usable ring.
    pub fn from_image(image: &[u8]) -> Result<Opened, Damage> {
        let header = header::decode(image)?;
        let shape = header.shape;
        if !header.is_made || shape.bytes() != image.len() {
            return Err(Damage::Size);
        }
        let mut memory = Memory::heap(shape);
        memory.fill_from(image);
        let adopted = adopt::adopt(&memory)?;
        let limits = Limits { bytes: u64::MAX, records: u64::MAX, shares: [100; crate::ring::LEVELS] };
        let (ring, mut reader) = Self::new(memory, limits);
        reader.resume(adopted.holes_below, adopted.stamps);
        Ok(Opened { ring, reader, found: Some(adopted.found), set_aside: None })
    }
}

/// What stands at the path of a ring.
enum Standing {
    /// Nothing worth keeping: an empty file, or a ring that was never completed.
    Nothing,
    /// A ring of another size that holds nothing but the count of its records and its owner's counters.
    Idle(u64, Vec<u64>),
    Usable(Memory, Adopted),
    Damaged(Damage),
}

/// Looks at the contents of a file. We hold the lock, so nobody changes them meanwhile.
fn look(file: &mut Locked, wanted: Shape, log: &Path) -> Result<Standing, OpenError> {
    let bytes = file.size()?;
    if bytes == 0 {
        return Ok(Standing::Nothing);
    }
    let header = match header::decode(&file.beginning()?) {
        Ok(header) => header,
        Err(Damage::Foreign) => return Err(OpenError::Foreign { path: file.path().to_owned() }),
        Err(damage) => return Ok(Standing::Damaged(damage)),
    };
    if header.log != Log::of(log) {
        let (path, wanted) = (file.path().to_owned(), log.to_owned());
        return Err(OpenError::OtherLog { path, log: header.log.path(), wanted });
    }
    file.is_ours = true;
    if !header.is_made {
        return Ok(Standing::Nothing);
    }
    if header.shape.bytes() as u64 != bytes {
        return Ok(Standing::Damaged(Damage::Size));
    }
    let memory = file.map(header.shape)?;
    Ok(match adopt::adopt(&memory) {
        Ok(adopted) => {
            let found = &adopted.found;
            let is_at_rest = found.stamp.as_ref().is_none_or(|stamp| !matches!(stamp.task, Task::Text(_)));
            if header.shape != wanted && found.records == 0 && is_at_rest {
                let count = |index| memory.counter(index).load(Ordering::Relaxed);
                Standing::Idle(adopted.admitted, (0..COUNTERS).map(count).collect())
            } else {
                Standing::Usable(memory, adopted)
            }
        }
        Err(damage) => Standing::Damaged(damage),
    })
}
