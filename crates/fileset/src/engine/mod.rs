//! The engine: one state machine and its parts. It never sleeps, starts no thread and prints nothing.

mod adopt;
mod alert_file;
mod append;
mod compress_orders;
mod compression;
mod desk;
mod enter_directory;
mod foresight;
mod ground;
mod job;
mod limits;
mod link;
mod look;
mod machine;
mod moments;
mod period;
mod refused;
mod relocation;
mod resume;
mod retention;
mod rotate;
mod start;
mod state;
mod sync;
mod tailers;
mod watch;
mod witness;
mod writing;

pub use foresight::Foresight;
pub use machine::Engine;
pub use moments::Moments;
pub use state::{BlockReason, CloseReport, Counters, State};
pub use witness::{Resumed, Unfinished, Witness};
