//! An in-memory disk and clock for testing what you build on the engine (feature `sim`): scripted faults, a full disk,
//! crashes at any call, power cuts, and others who move, replace and close what the process works on. It decides
//! nothing, and never touches the machine.
//!
//! ```
//! use std::path::Path;
//! use std::time::Duration;
//! use tracing_spool_fileset::sim::{Fault, SimClock, SimDisk, Survive};
//! use tracing_spool_fileset::{Clock, Fs, LogFile, Op, OsError};
//!
//! let (disk, clock) = (SimDisk::new(), SimClock::new());
//! disk.mkdir_all("/log");
//! disk.set_clock(&clock);
//! disk.fault(Fault::on(Op::Write).nth(2).fails(OsError::ENOSPC));
//!
//! let dir = disk.open_dir(Path::new("/log"))?;
//! let mut file = disk.create(&dir.at("app.log"), 0o640)?;
//! assert_eq!(file.write(b"one\n")?, 4);
//! clock.advance(Duration::from_secs(1));
//! assert_eq!(file.write(b"two\n"), Err(OsError::ENOSPC));
//! assert_eq!(disk.journal()[3].at, Some(clock.now().mono));
//!
//! file.sync()?;
//! disk.sync_dir(&dir)?;
//! file.write(b"three\n")?;
//! disk.restart(Survive::Durable { names: 0, pages: 0 });
//! // What was not synced is gone.
//! assert_eq!(disk.read("/log/app.log").as_deref(), Some(&b"one\n"[..]));
//! # Ok::<(), OsError>(())
//! ```

mod change;
mod clock;
#[cfg(test)]
mod conformance;
mod crash;
mod descriptors;
mod disk;
mod fault;
mod file;
mod gate;
mod guard;
mod handle;
mod journal;
mod names;
mod open;
mod others;
mod state;
#[cfg(test)]
mod tests;
mod walk;
mod watch;

pub use clock::SimClock;
pub use crash::{Survive, When};
pub use disk::SimDisk;
pub use fault::Fault;
pub use journal::Entry;
