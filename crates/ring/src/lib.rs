//! A byte ring for many producers and one consumer, in memory or in a file that outlives the process. It is the queue
//! between callers and the writer thread in [`tracing-spool`](https://docs.rs/tracing-spool).
//!
//! A record is a run of bytes with a level. Records come out in the order in which their room was reserved, and that
//! order is total. A producer performs one compare-and-swap, which both admits the record and reserves its room, and
//! after that only stores: it takes no lock and allocates nothing. The consumer takes records out and gives their room
//! back in a separate step, so an accepted record stays in the ring until its consumer knows that it is safe elsewhere.
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
//! // A record counts until its room is given back.
//! assert_eq!(ring.fill().records(), 1);
//! reader.give_back(record.granules, 1);
//! ring.close();
//! assert_eq!(ring.offer(2, b"late", 0).err(), Some(Refused::Closed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A ring in a file ([`Ring::open`]) survives its process. The next process finds every record whose room was not given
//! back, and a [`Stamp`] that tells what the previous consumer was doing with them.
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
pub use file::{Damage, Found, OpenError, Opened, Options, Sight};
#[cfg(not(any(loom, shuttle)))]
pub use memory::FileState;
pub use reader::{Reader, Take, Taken};
pub use ring::{Counter, LEVELS, Limits, MOST_BYTES, MOST_RECORDS, Ring};
pub use stamp::{Checksum, MOST_TEXT, Stamp, Task};
pub use word::{Admitted, Fill, GRANULE, Refused};

/// Runs the README's example as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
