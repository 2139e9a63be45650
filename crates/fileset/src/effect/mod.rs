//! The outside world, and everything that touches it: few files, each with one subject.

pub(crate) mod clock;
mod codec;
pub(crate) mod compress;
pub(crate) mod disk;
pub(crate) mod execute;
pub(crate) mod fs;
pub(crate) mod home;
mod lock;
pub(crate) mod patient;
pub(crate) mod site;
pub mod whole;
pub(crate) mod zone;
