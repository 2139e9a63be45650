//! The file as it is written today, against tracing-appender: what it proves of ours is true of theirs.

use tracing_appender as appender;

#[expect(clippy::duplicate_mod, reason = "the same file against both is the point")]
#[path = "surface.rs"]
mod surface;
