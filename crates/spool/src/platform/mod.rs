//! The foundation: what threads share and wait with, on which thread code runs, descriptors that are written to without
//! waiting, and the one door to stderr. It knows nothing of logs.

pub(crate) mod answer;
pub(crate) mod descriptor;
pub(crate) mod inside;
pub(crate) mod ours;
pub(crate) mod stderr;
pub(crate) mod sync;
