//! The outside world and everything that touches it: few files, each with one subject.

pub mod classify;
pub mod clock;
mod codec;
pub mod disk;
pub mod execute;
pub mod fs;
mod lock;
pub mod pack;
pub(crate) mod patient;
pub mod whole;
pub(crate) mod zone;
