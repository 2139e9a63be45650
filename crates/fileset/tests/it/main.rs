//! The engine from outside, on a real disk and on `SimDisk`.
//! Each module says what it proves.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test looks at the disk itself, and fails by panicking"
)]

mod crash;
mod real_disk;
mod sweep;
mod world;
