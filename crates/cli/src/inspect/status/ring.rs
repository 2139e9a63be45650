//! The ring of a log, as `status` sees it: what waits in it, and whether its process lives.

use std::path::{Path, PathBuf};

use tracing_spool_ring::{OpenError, Ring as Queue, Sight};

use crate::inspect::shown;

#[derive(Debug)]
pub(super) struct Ring {
    pub(super) path: PathBuf,
    /// Records that wait.
    pub(super) records: u64,
    /// Their bytes. While the process lives: of the room that they take.
    pub(super) bytes: u64,
    pub(super) process: Option<u32>,
    pub(super) process_lives: bool,
    /// Why it can't be looked at.
    pub(super) problem: Option<String>,
}

impl Ring {
    pub(super) fn look(path: &Path) -> Self {
        let seen = Queue::look(path);
        let mut ring = Self {
            path: path.to_owned(),
            records: 0,
            bytes: 0,
            process: seen.as_ref().ok().and_then(|seen| seen.process),
            process_lives: seen.as_ref().is_ok_and(|seen| seen.is_in_use),
            problem: None,
        };
        match seen.and_then(|seen| waiting(&seen)) {
            Ok((records, bytes)) => (ring.records, ring.bytes) = (records, bytes),
            Err(error) => ring.problem = Some(shown::error(&error)),
        }
        ring
    }

    /// Returns what is wrong with it.
    pub(super) fn trouble(&self) -> Option<String> {
        let is_left = !self.process_lives && self.records > 0;
        is_left.then(|| {
            let records = shown::count(self.records, "record waits", "records wait");
            let path = self.path.display();
            format!(
                "{records} in {path}, and their process is gone: the next start writes them; tspool recover {path} \
                 prints them"
            )
        })
    }
}

/// Returns how many records wait, and their bytes. In the ring of a dead process they can be counted one by one.
fn waiting(seen: &Sight) -> Result<(u64, u64), OpenError> {
    let reserved = (seen.waiting.records(), seen.waiting.bytes());
    if seen.is_in_use {
        return Ok(reserved);
    }
    let found = Queue::from_image(&seen.image()?).ok().and_then(|opened| opened.found);
    Ok(found.map_or(reserved, |found| (found.records, found.bytes)))
}
