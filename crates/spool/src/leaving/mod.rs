//! The ways a process ends, and what is still written then: `flush_all`, `exit`, panics, signals.

pub(crate) mod exit;
pub(crate) mod outputs;
pub(crate) mod panic_hook;
#[cfg(feature = "signals")]
pub(crate) mod signals;
