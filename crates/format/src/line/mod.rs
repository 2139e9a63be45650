//! A line in the making, and what of an event's surroundings is shown in it: time, thread, spans, ids.

pub(crate) mod buffer;
pub(crate) mod ids;
pub(crate) mod options;
pub(crate) mod scope;
pub(crate) mod style;
