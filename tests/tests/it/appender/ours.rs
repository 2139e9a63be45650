//! The same file with one name replaced.

use tracing_spool_appender as appender;

#[expect(clippy::duplicate_mod, reason = "the same file against both is the point")]
#[path = "surface.rs"]
mod surface;
