//! Rings in files: finding, making, refusing and setting them aside.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the ring's file is opened, made and set aside here and nowhere else"
)]

pub(crate) mod adopt;
mod error;
pub(crate) mod header;
mod locked;
mod look;
mod open;
mod options;

pub use adopt::Found;
pub use error::OpenError;
pub use header::Damage;
pub use look::Sight;
pub use open::Opened;
pub use options::Options;
