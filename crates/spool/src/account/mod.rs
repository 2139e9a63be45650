//! The account of a log: what was written, what was lost and why, how full the queue was, and the forms in which this is
//! reported. Nothing is decided here.

pub(crate) mod claim;
pub(crate) mod ledger;
pub(crate) mod losses;
pub(crate) mod metric_table;
pub(crate) mod peaks;
pub(crate) mod prometheus;
pub(crate) mod rank;
#[cfg(feature = "metrics")]
pub(crate) mod recorder;
pub(crate) mod recovered;
pub(crate) mod stats;
