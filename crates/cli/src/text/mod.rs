//! What lines say of themselves: when they were written and at which level, whatever format they have; where a record begins
//! and ends; and which records are wanted. It opens no files.

pub(crate) mod backward;
pub(crate) mod filter;
pub(crate) mod level;
pub(crate) mod moment;
pub(crate) mod notice;
pub(crate) mod records;
pub(crate) mod time;
