//! Whether accepted records survive the process, as a value. `open::ends` acts on it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tracing_spool_fileset::internal::name::{ALERT_FILE, Names};
use tracing_spool_fileset::{Fault, Fs, Settings};
use tracing_spool_ring::Checksum;

/// The variable in which systemd passes a service its runtime directories, separated by colons. We use the first.
pub(crate) const RUNTIME_DIRECTORY: &str = "RUNTIME_DIRECTORY";

/// Whether queued records survive the process, whatever ends it, SIGKILL included.
///
/// A durable queue is a ring in a file. The next process that opens the log with the same file writes the records it finds
/// there, each exactly once.
///
/// Default: [`automatic`](Self::automatic).
///
/// By default the file must be on tmpfs: it is memory, so no disk can hold up a caller.
/// [`on_any_file_system`](Self::on_any_file_system) lifts that. The records don't survive a power cut, nor the removal of
/// the directory: systemd removes a `RuntimeDirectory=` when the service ends, unless `RuntimeDirectoryPreserve=restart` or
/// `yes` is set.
///
/// ```no_run
/// use tracing_spool::{Durable, Overflow, Spool};
/// let (spool, guard) = Spool::builder("/var/log/shop/shop.log")
///     .durable(Durable::at("/run/shop/log.ring").or_memory())
///     .overflow(Overflow::Block)
///     .open()?;
/// println!("{}", guard.recovered());
/// # Ok::<(), tracing_spool::OpenError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "give it to `SpoolBuilder::durable`"]
pub struct Durable {
    pub(crate) place: Place,
    pub(crate) or_memory: bool,
    pub(crate) on_any_file_system: bool,
    /// Whether the claim of whoever feeds the ring stays: see `account::claim`.
    pub(crate) keeps_claim: bool,
}

/// Where the queue is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the runtime directory, if systemd provides one.
    #[default]
    Automatic,
    Memory,
    At(PathBuf),
}

impl Durable {
    /// Puts the queue into a file in `$RUNTIME_DIRECTORY`, which systemd sets for a unit with `RuntimeDirectory=`, and
    /// otherwise into memory.
    ///
    /// The file is named after the log (`shop.log.1f2e3d4c.ring`). The queue is in memory, without an alert, if the
    /// directory isn't on tmpfs, if this process may not write to it, or if a log of this process that was shut down still
    /// has the file. Any other failure raises an alert, and the queue is in memory too.
    ///
    /// ```
    /// assert_eq!(tracing_spool::Durable::automatic(), tracing_spool::Durable::default());
    /// ```
    pub fn automatic() -> Self {
        Self::default()
    }

    /// Puts the queue into the file at `path`. If the file can't be created, [`open`](crate::SpoolBuilder::open) returns an
    /// error.
    ///
    /// The file takes `queue_bytes`, rounded up to a power of two, plus an eighth. It stays locked until the last clone of
    /// the [`Spool`](crate::Spool) is gone.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::At(path.into()), ..Self::default() }
    }

    /// Keeps the queue in memory: queued records are lost with the process.
    pub fn off() -> Self {
        Self { place: Place::Memory, ..Self::default() }
    }

    /// Falls back to memory, with an alert, if the file of [`at`](Self::at) can't be created, instead of an error from
    /// `open`. A file that is in use, or belongs to another log, is still an error.
    pub fn or_memory(mut self) -> Self {
        self.or_memory = true;
        self
    }

    /// Allows a file on any file system, at a price.
    ///
    /// A failing file system can end the process by SIGBUS: a full one of the kind that can't reserve space for good
    /// (btrfs, NFS), or an xfs that was shut down. A frozen one, during a snapshot for example, holds up every caller until
    /// it is thawed.
    pub fn on_any_file_system(mut self) -> Self {
        self.on_any_file_system = true;
        self
    }

    /// Returns the absolute path of the file, or none for memory.
    pub(crate) fn path(&self, log: &Path, runtime_directory: Option<OsString>) -> Option<PathBuf> {
        match &self.place {
            Place::Memory => None,
            Place::At(path) => Some(absolute(path)),
            Place::Automatic => {
                let given = runtime_directory?;
                let first = std::env::split_paths(&given).find(|dir| dir.is_absolute())?;
                let log = absolute(log);
                let mut name = log.file_name()?.to_owned();
                // Logs of the same name in different directories need rings of their own.
                let sum = Checksum::of(log.as_os_str().as_encoded_bytes()) & u64::from(u32::MAX);
                name.push(format!(".{sum:08x}.ring"));
                Some(first.join(name))
            }
        }
    }

    /// Returns a fault if the file is one that the log itself uses.
    pub(crate) fn fault(&self, settings: &Settings, fs: &dyn Fs) -> Option<Fault> {
        let Place::At(path) = &self.place else { return None };
        let wanted = if path.as_os_str().is_empty() {
            "must be the path of a file, such as /run/shop/log.ring"
        } else if is_of_the_log(&absolute(path), settings, fs) {
            "must not be the log, nor a name that the log uses: it is a file of its own, such as /run/shop/log.ring"
        } else {
            return None;
        };
        Some(Fault::new("durable", path.display(), wanted))
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Returns whether a path matches the naming grammar of the set.
fn is_of_the_log(path: &Path, settings: &Settings, fs: &dyn Fs) -> bool {
    let log = absolute(&settings.path);
    let (Some(names), Some(name), Some(dir)) = (Names::new(&log), path.file_name(), path.parent()) else {
        return false;
    };
    let archive = settings.archive_dir.as_deref().map(absolute);
    let names = match archive {
        Some(archive) => names.with_archive(archive),
        None => names,
    }
    .with_periods(true);
    let is_in_it = [names.dir(), names.archive()].into_iter().any(|own| is_same_dir(own, dir, fs));
    let alert = settings.alert_file.as_deref().map_or_else(|| names.dir().join(ALERT_FILE), absolute);
    let others = [Some(alert), settings.latest_link.as_deref().map(absolute)];
    let is_other = |other: &PathBuf| {
        other.file_name() == Some(name) && other.parent().is_some_and(|own| is_same_dir(own, dir, fs))
    };
    (is_in_it && names.role(name).is_some()) || others.iter().flatten().any(is_other)
}

/// Returns whether two paths lead to the same directory. If one doesn't exist yet, only the paths can be compared.
fn is_same_dir(one: &Path, other: &Path, fs: &dyn Fs) -> bool {
    let identity = |path: &Path| fs.look(path).ok().map(|meta| meta.id);
    one == other || identity(one).is_some_and(|id| identity(other) == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn automatic(dirs: &str) -> Option<PathBuf> {
        Durable::automatic().path(Path::new("/var/log/shop.log"), Some(dirs.into()))
    }

    #[test]
    fn the_automatic_file_is_in_the_first_runtime_directory_and_named_for_its_log() {
        let path = automatic("/run/shop:/run/other").unwrap();
        assert_eq!(path.parent(), Some(Path::new("/run/shop")));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("shop.log.") && name.ends_with(".ring") && name.len() == 22, "{name}");
        let other = Durable::automatic().path(Path::new("/srv/shop.log"), Some("/run/shop".into()));
        assert_ne!(other, Some(path));
        assert_eq!((automatic(""), automatic("relative")), (None, None));
        assert_eq!(Durable::automatic().path(Path::new("/l"), None), None);
        assert_eq!(Durable::off().path(Path::new("/l"), Some("/run".into())), None);
    }
}
