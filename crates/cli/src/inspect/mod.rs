//! What is asked of a log without opening it, and of a ring whose process died: `status`, `plan` and `recover`.

mod limits;
mod log;
mod shown;

pub(crate) mod plan;
pub(crate) mod recover;
pub(crate) mod status;
