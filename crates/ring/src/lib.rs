//! A byte ring for many producers and one consumer, in memory or in a file that outlives the process: the hand-off of
//! `tracing-spool`.
//!
//! Records are runs of bytes with a level. Their order is the order of reservation, which is total. A producer does
//! one compare-and-swap, which is its admission too, and from there on only stores; it takes no lock and no memory. The
//! consumer takes records, and gives their room back when it is told to: so a record that was accepted stays in the
//! ring until it is known to be elsewhere.
//!
//! ```
//! use tracing_spool_ring::{Limits, Refused, Ring, Take};
//!
//! let limits = Limits { bytes: 1 << 16, records: 1_000, shares: [80, 80, 95, 98, 100] };
//! let (ring, mut reader) = Ring::in_memory(limits)?;
//! ring.offer(2, b"a record", 0).map_err(|refused| format!("{refused:?}"))?;
//!
//! let mut space = [0; 100];
//! let Take::Record(record) = reader.take(&mut space) else { return Err("nothing there".into()) };
//! assert_eq!((record.level, &space[..record.len]), (2, &b"a record"[..]));
//! assert_eq!(ring.fill().records(), 1, "it counts until its room is given back");
//! reader.give_back(record.granules, 1);
//! ring.close();
//! assert_eq!(ring.offer(2, b"late", 0).err(), Some(Refused::Closed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In a file ([`Ring::open`]) the ring is found again by the next process, with all records whose room was not given
//! back, and with a [`Stamp`] that says what its owner was doing with them.
#![expect(unsafe_code, reason = "the one queue: `memory` argues why it is sound")]
#![expect(clippy::cast_possible_truncation, reason = "numbers without end are reduced to places on purpose")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ends;
#[cfg(not(any(loom, shuttle)))]
mod file;
#[cfg_attr(any(loom, shuttle), path = "memory/modelled.rs")]
mod memory;
#[cfg(not(any(loom, shuttle)))]
mod platform;
mod reader;
mod ring;
mod stamp;
mod sync;
mod tag;
#[cfg(test)]
mod tests;
mod word;

#[cfg(not(any(loom, shuttle)))]
pub use file::{Damage, Found, OpenError, Opened, Options};
#[cfg(not(any(loom, shuttle)))]
pub use memory::FileState;
pub use reader::{Reader, Take, Taken};
pub use ring::{Counter, LEVELS, Limits, MOST_BYTES, MOST_RECORDS, Ring};
pub use stamp::{Checksum, MOST_TEXT, Stamp, Task};
pub use word::{Admitted, Fill, GRANULE, Refused};
