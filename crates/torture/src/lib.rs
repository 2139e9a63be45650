//! What the spool is put through in real processes on real disks: a driver that logs checksummed lines, a checker that
//! reads what is left, and the kills, faults and hours in between. It shares no code with what it judges but the names.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it is the outside world, and opens files to look at them"
)]

pub mod account;
pub mod checker;
pub mod driver;
pub mod kill;
pub mod kill_drawn;
pub mod kill_durable;
pub mod line;
pub mod manner;
pub mod page;
pub mod set;
pub mod shim;
pub mod sift;
pub mod soak;
pub mod streams;
pub mod sweep;
pub mod wild;
