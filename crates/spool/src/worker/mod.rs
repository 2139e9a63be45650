//! The writer thread: its round, the requests to it, what it reports in the log and outside it, and what it shares with
//! callers. The engine decides about files.

pub(crate) mod compressor;
pub(crate) mod control;
pub(crate) mod fork_notice;
pub(crate) mod gap;
pub(crate) mod hooks;
pub(crate) mod late;
mod limits;
pub(crate) mod notice;
pub(crate) mod notice_queue;
pub(crate) mod pace;
pub(crate) mod requests;
pub(crate) mod ring_stamps;
#[cfg(not(shuttle))]
pub(crate) mod ring_watch;
pub(crate) mod round;
pub(crate) mod shared;
pub(crate) mod tray;
