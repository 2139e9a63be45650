//! The tools of the torture at work: short forms of what `just kill`, `just sweep` and `just soak` do for long.

mod checker;
mod drawn;
mod short;
