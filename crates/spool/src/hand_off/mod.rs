//! The queue: what a caller does to hand over a record, what happens when the queue is full, and how the writer thread
//! takes records out and is woken. This room knows nothing of files.

pub(crate) mod back_pressure;
pub(crate) mod draft;
pub(crate) mod inbox;
pub(crate) mod queue;
pub(crate) mod rings;
pub(crate) mod run;
pub(crate) mod shedding;
pub(crate) mod wake;
