//! A look at the files from outside, again and again while the service runs: how large were they at most?
//! It asks the directory, not the spool, and takes the spool's word for nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Anything;

const PAUSE: Duration = Duration::from_micros(500);

/// What stood in the directory: name, and size in bytes.
pub(crate) type Files = Vec<(String, u64)>;

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Looks that counted.
    pub(crate) looks: u64,
    /// The largest sum of sizes.
    pub(crate) largest: u64,
    /// The files at the end.
    pub(crate) files: Files,
}

/// A thread that looks.
pub(crate) struct Sampler {
    log: PathBuf,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<(u64, u64)>>,
}

impl Sampler {
    /// Begins to look at the file set of `log`.
    pub(crate) fn start(log: &Path) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (path, flag) = (log.to_owned(), Arc::clone(&stop));
        let looking = move || {
            let (mut looks, mut largest) = (0, 0);
            while !flag.load(Ordering::Relaxed) {
                if let Some(total) = look(&path)? {
                    looks += 1;
                    largest = total.max(largest);
                }
                thread::sleep(PAUSE);
            }
            Ok((looks, largest))
        };
        let thread = thread::Builder::new().name("sampler".into()).spawn(looking)?;
        Ok(Self { log: log.to_owned(), stop, thread })
    }

    /// Ends the looking, and looks a last time.
    pub(crate) fn stop(self) -> Result<Seen, Anything> {
        self.stop.store(true, Ordering::Relaxed);
        let (looks, largest) = self.thread.join().map_err(|_| "the sampler panicked")??;
        let mut files: Files = list(&self.log)?.into_iter().map(|(name, (_, size))| (name, size)).collect();
        // As `ls -v` has it: by the number at the end, not by its first digit.
        files.sort_by_key(|(name, _)| {
            (name.rsplit('.').next().and_then(|end| end.parse::<u32>().ok()), name.clone())
        });
        let total = files.iter().map(|(_, size)| size).sum();
        Ok(Seen { looks: looks + 1, largest: largest.max(total), files })
    }
}

/// The sum of all sizes; none where the set changed under the look. Sizes are not read at one instant: a file removed
/// meanwhile and one grown in its place would be counted both. If the same files stand under the same names before
/// and after, they can only have grown, and the sum is no more than what stood there at the end.
fn look(log: &Path) -> io::Result<Option<u64>> {
    let first = list(log)?;
    let again = list(log)?;
    let same =
        first.len() == again.len() && first.iter().zip(&again).all(|(a, b)| a.0 == b.0 && a.1.0 == b.1.0);
    Ok(same.then(|| first.values().map(|(_, size)| size).sum()))
}

/// Inode and size of each file of the set: live, backups, and the hidden new one. Lock and alert file stand outside
/// of the budget.
fn list(log: &Path) -> io::Result<BTreeMap<String, (u64, u64)>> {
    let mut files = BTreeMap::new();
    let name = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let hidden = format!(".{name}.new");
    for entry in fs::read_dir(log.parent().unwrap_or(log))? {
        let entry = entry?;
        let found = entry.file_name().to_string_lossy().into_owned();
        if !found.starts_with(&name) && found != hidden {
            continue;
        }
        match entry.metadata() {
            Ok(meta) => files.insert(found, (meta.ino(), meta.size())),
            // Renamed or removed since it was listed: the second list will differ.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
    }
    Ok(files)
}
