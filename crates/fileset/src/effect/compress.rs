//! The compression of one backup, as an order that any thread may perform: from one open file into another. It touches
//! no name; the file set chooses the backup and names the result on its own thread.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::codec;
use super::execute::{Attributes, give};
use super::fs::LogFile;
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{FileId, Meta};

/// Bytes that are read at a time. An order that was given up ends between two of these blocks.
const BLOCK_BYTES: usize = 64 * 1024;

/// The bit that forbids writing more.
const CLOSED: u64 = 1 << 63;

/// How much an order may write. It is shared with the file set, which can close it at any moment, and then knows the
/// largest size that the temporary has.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// Bytes claimed so far, and `CLOSED`.
    claimed: AtomicU64,
    limit: u64,
}

impl Allowance {
    fn new(limit: u64) -> Self {
        Self { claimed: AtomicU64::new(0), limit }
    }

    /// Closes it, and returns how many bytes may have been written.
    pub(crate) fn close(&self) -> u64 {
        self.claimed.fetch_or(CLOSED, Ordering::AcqRel) & !CLOSED
    }

    fn is_closed(&self) -> bool {
        self.claimed.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Claims bytes before they are written.
    fn claim(&self, bytes: u64) -> Result<(), Stop> {
        let within = |claimed: u64| {
            let sum = claimed.saturating_add(bytes);
            (claimed & CLOSED == 0 && sum <= self.limit).then_some(sum)
        };
        match self.claimed.fetch_update(Ordering::AcqRel, Ordering::Acquire, within) {
            Ok(_) => Ok(()),
            Err(claimed) if claimed & CLOSED != 0 => Err(Stop::GivenUp),
            Err(_) => Err(Stop::NotSmaller),
        }
    }
}

/// Why an order was not completed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The file set needs the room, or ends.
    GivenUp,
    /// The result would be no smaller.
    NotSmaller,
    /// Somebody has changed the backup.
    Changed,
    /// A call failed.
    Failed(Failure),
}

/// The order to compress one backup. [`Engine::take_order`](crate::Engine::take_order) hands it out, any thread may
/// perform it, and [`Engine::packed`](crate::Engine::packed) takes the result back.
#[derive(Debug)]
#[must_use = "an order that is dropped is a failure that is tried again later"]
pub struct PackOrder {
    pub(crate) source: Box<dyn LogFile>,
    pub(crate) source_path: PathBuf,
    pub(crate) meta: Meta,
    /// The attributes that the compressed file takes from the plain one.
    pub(crate) attributes: Attributes,
    pub(crate) temporary: Box<dyn LogFile>,
    pub(crate) temporary_path: PathBuf,
    pub(crate) compression: Compression,
    pub(crate) allowance: Arc<Allowance>,
}

/// The result of a [`PackOrder`].
#[derive(Debug)]
#[must_use = "the file set waits for it"]
pub struct Packed {
    pub(crate) source: Meta,
    pub(crate) compression: Compression,
    pub(crate) allowance: Arc<Allowance>,
    pub(crate) outcome: Result<Meta, Stop>,
}

impl PackOrder {
    pub(crate) fn allowance_for(bytes: u64) -> Arc<Allowance> {
        // A result that is no smaller is not worth it.
        Arc::new(Allowance::new(bytes.saturating_sub(1)))
    }

    /// Lowers the priority of the calling thread for good, where the system can (on Linux, to about a tenth of a normal
    /// thread's CPU time when both want to run). For a thread that does nothing but perform orders. A thread that is
    /// already that nice or nicer stays as it is.
    ///
    /// ```
    /// std::thread::spawn(tracing_spool_fileset::PackOrder::give_way);
    /// ```
    pub fn give_way() {
        tracing_spool_process::give_way();
    }

    /// Reads, compresses, writes and syncs. This takes as long as it takes, and ends early, between two blocks, if the
    /// file set gives the order up.
    pub fn perform(mut self) -> Packed {
        let outcome = self.pack();
        Packed { source: self.meta, compression: self.compression, allowance: self.allowance, outcome }
    }

    fn pack(&mut self) -> Result<Meta, Stop> {
        let path = &self.temporary_path;
        let failed = |op| move |error| Stop::Failed(Failure::new(op, path, error));
        let made = self.temporary.stat().map_err(failed(Op::Stat))?;
        self.encode(made.id)?;
        let path = &self.temporary_path;
        let failed = |op| move |error| Stop::Failed(Failure::new(op, path, error));
        // If attributes can't be set, the file is narrower, which does no harm.
        let _ = give(self.temporary.as_mut(), &made, self.attributes);
        self.temporary.set_modified(self.meta.modified).map_err(failed(Op::SetTime))?;
        self.temporary.sync().map_err(failed(Op::Sync))?;
        self.temporary.stat().map_err(failed(Op::Stat))
    }

    fn encode(&mut self, temporary_id: FileId) -> Result<(), Stop> {
        let Self { source, source_path, meta, temporary, temporary_path, compression, allowance, .. } = self;
        let mut stop = None;
        let file = temporary.as_mut();
        let mut sink = Sink { file, id: temporary_id, path: temporary_path, allowance, stop: None };
        let mut feed = |out: &mut dyn Write| {
            let mut block = vec![0; BLOCK_BYTES];
            let mut at = 0;
            while at < meta.bytes {
                let wanted = usize::try_from(meta.bytes - at).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
                let read = match source.read_at(at, &mut block[..wanted]) {
                    Ok(0) => Err(Stop::Changed),
                    Ok(_) if allowance.is_closed() => Err(Stop::GivenUp),
                    Ok(count) => Ok(count),
                    Err(error) => Err(Stop::Failed(Failure::new(Op::Read, &*source_path, error))),
                };
                let count = read.map_err(|why| {
                    stop = Some(why);
                    io::Error::from(io::ErrorKind::Other)
                })?;
                out.write_all(&block[..count])?;
                at += count as u64;
            }
            Ok(())
        };
        let outcome = codec::encode(*compression, &mut sink, &mut feed);
        let written = sink.stop.take();
        outcome.map_err(|error| {
            // Prefer our own error, if there is one: an encoder passes on what its reader and its writer reported.
            let other = || Stop::Failed(Failure::new(Op::Write, &*temporary_path, OsError::from(error)));
            stop.or(written).unwrap_or_else(other)
        })
    }
}

impl Packed {
    /// Returns the file that it was made from.
    pub(crate) fn source_id(&self) -> FileId {
        self.source.id
    }
}

/// The temporary as an encoder sees it: it accepts only what the allowance permits.
struct Sink<'a> {
    file: &'a mut dyn LogFile,
    id: FileId,
    path: &'a std::path::Path,
    allowance: &'a Allowance,
    stop: Option<Stop>,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let failed = || io::Error::from(io::ErrorKind::Other);
        if self.stop.is_some() {
            return Err(failed());
        }
        let mut rest = bytes;
        let mut outcome = self.allowance.claim(bytes.len() as u64);
        if outcome.is_ok() && self.file.stat().is_ok_and(|meta| meta.id != self.id) {
            // The number belongs to another file by now, and nothing of ours goes there.
            outcome = Err(Stop::Failed(Failure::new(Op::Write, self.path, OsError::EBADF)));
        }
        while outcome.is_ok() && !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => outcome = Err(Stop::Failed(Failure::new(Op::Write, self.path, OsError::EIO))),
                Ok(count) => rest = &rest[count.min(rest.len())..],
                Err(error) => outcome = Err(Stop::Failed(Failure::new(Op::Write, self.path, error))),
            }
        }
        outcome.map(|()| bytes.len()).map_err(|why| {
            self.stop = Some(why);
            failed()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sim::{Fault, SimDisk};

    #[test]
    fn nothing_is_claimed_beyond_the_limit_or_after_the_end() {
        let allowance = Allowance::new(10);
        assert!(allowance.claim(10).is_ok());
        assert!(matches!(allowance.claim(1), Err(Stop::NotSmaller)));
        assert_eq!(allowance.close(), 10);
        assert!(allowance.is_closed());
        assert!(matches!(allowance.claim(0), Err(Stop::GivenUp)));
        assert_eq!(allowance.close(), 10, "again");
    }

    /// An encoder that makes little out of much writes rarely, so the order must also end between two reads.
    #[test]
    fn an_order_that_was_given_up_reads_no_further() {
        let disk = SimDisk::new();
        disk.put("/source", vec![b'x'; 100 * BLOCK_BYTES]);
        let dir = disk.fs().open_dir(Path::new("/")).unwrap();
        let source = disk.fs().open_to_read(&dir.at("source")).unwrap();
        let meta = source.stat().unwrap();
        let temporary = disk.fs().create(&dir.at("temporary"), 0o600).unwrap();
        let allowance = PackOrder::allowance_for(meta.bytes);
        let (given_up, reads) = (Arc::clone(&allowance), Arc::new(AtomicU64::new(0)));
        let seen = Arc::clone(&reads);
        disk.fault(Fault::on(Op::Read).path_ends("source").matching(move |_| {
            if seen.fetch_add(1, Ordering::Relaxed) == 1 {
                given_up.close();
            }
            false
        }));
        let order = PackOrder {
            source,
            source_path: "/source".into(),
            meta,
            attributes: Attributes::of(&meta),
            temporary,
            temporary_path: "/temporary".into(),
            compression: Compression::Gzip,
            allowance,
        };
        assert!(matches!(order.perform().outcome, Err(Stop::GivenUp)));
        assert_eq!(reads.load(Ordering::Relaxed), 2);
    }
}
