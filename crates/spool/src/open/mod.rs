//! How a log is opened: the builder, its checks, the two ends of the queue with what an earlier process left in it, and the
//! start of the threads.

pub(crate) mod builder;
pub(crate) mod configure;
mod ends;
pub(crate) mod error;
#[cfg(not(shuttle))]
pub(crate) mod leftover;
pub(crate) mod reconfigure;
#[cfg(not(shuttle))]
mod recovery;
mod spawn;
pub(crate) mod start;
#[cfg(test)]
pub(crate) mod test_spool;
