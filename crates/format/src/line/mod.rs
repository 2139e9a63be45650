//! The line under construction, and what it shows of an event's surroundings: time, thread, spans, ids.

pub(crate) mod buffer;
pub(crate) mod ids;
pub(crate) mod options;
pub(crate) mod scope;
pub(crate) mod style;
