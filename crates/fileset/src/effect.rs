//! The outside world and everything that touches it: few files, each with one subject.

pub mod classify;
pub mod clock;
pub mod disk;
pub mod execute;
pub mod fs;
mod lock;
pub(crate) mod patient;
pub mod whole;
pub(crate) mod zone;
