//! The settings of a log: the description as plain data, the one table of settings, how values are read, and where they
//! come from. This room opens nothing and starts nothing.

pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod choices;
pub(crate) mod config;
pub(crate) mod description;
pub(crate) mod durable;
mod nearest;
pub(crate) mod overflow;
pub(crate) mod parse;
pub(crate) mod table;
pub(crate) mod target;
pub(crate) mod variables;
