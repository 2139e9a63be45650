//! The commands that print records: all that there are, and those that come.

pub(crate) mod cat;
pub(crate) mod follow;
mod from_the_end;
