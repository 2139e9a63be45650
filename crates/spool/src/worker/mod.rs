//! The writer thread: its round, what it is asked, what it says in the log and beside it, and what it shares with callers.
//! About files the engine decides.

pub(crate) mod alerts;
pub(crate) mod control;
pub(crate) mod forked;
pub(crate) mod gap;
pub(crate) mod keeper;
pub(crate) mod late;
mod limits;
pub(crate) mod notice;
pub(crate) mod pace;
pub(crate) mod packer;
pub(crate) mod requests;
#[cfg(not(shuttle))]
pub(crate) mod ring_file;
pub(crate) mod round;
pub(crate) mod shared;
pub(crate) mod speech;
pub(crate) mod tray;
