//! The tools of the torture at work: short forms of what `just kill`, `just sweep` and `just soak` do for long.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test is part of the outside world, and fails by panics"
)]

mod checker;
mod drawn;
mod short;
