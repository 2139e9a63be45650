//! What users hold of an open log: the spool as a `MakeWriter`, the writer of one event, the layer, the guard, and the
//! handle with its metrics and signals.

pub(crate) mod event_writer;
pub(crate) mod guard;
pub(crate) mod handle;
pub(crate) mod layer;
pub(crate) mod lines;
pub(crate) mod metrics;
mod record;
#[cfg(feature = "signals")]
mod signals;
