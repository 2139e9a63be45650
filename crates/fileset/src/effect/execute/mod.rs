//! The executor: performs the steps of a plan on the files of a set, each with as few operations as possible. What to
//! do is decided elsewhere.

mod attributes;
mod compression;
mod open;
mod stage;
mod survey;
mod tail;
#[cfg(test)]
mod tests;

pub(crate) use attributes::{Attributes, give};
pub(crate) use compression::{Placed, is_lost};
pub(crate) use open::{is_shared, objection};
pub(crate) use stage::{Done, OpenFile, Place, Setback, Stage};
pub(crate) use survey::Picture;
