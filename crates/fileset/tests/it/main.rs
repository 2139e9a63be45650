//! Tests the engine from outside, on a real disk and on `SimDisk`. Each module says what it proves.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test looks at the disk itself, says where it stands, and fails by panicking"
)]

mod clockwork;
mod crash;
mod faults;
mod foresight;
mod found;
mod interference;
mod life;
mod link;
mod many;
mod model;
mod museum;
mod naming;
mod packing;
mod real_disk;
mod reconfigure;
mod records;
mod resume;
mod simulate;
mod standalone;
mod sweep;
mod syncs;
mod tailers;
mod territory;
mod trouble;
mod upheaval;
mod world;
