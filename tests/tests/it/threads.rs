//! Proves the rows of the museum on threads and on leaving, with real threads, real processes and the real disk.
//! That a thread cannot be spawned (T2) cannot be had from outside: it is proved in `crates/spool/src/open/builder/tests.rs`.

mod durable;
pub(crate) mod exits;
mod leaving;
mod opens;
mod outputs;
mod records;
mod writer_thread;
