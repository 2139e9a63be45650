//! Decisions: values in, values out. Nothing here touches the outside world, or knows how a decision is carried out.

pub(crate) mod adoption;
pub mod backoff;
pub mod budget;
pub mod compression;
pub(crate) mod forecast;
pub(crate) mod foresight;
pub mod plan;
pub mod relocation;
pub mod retention;
pub mod rotation;
pub(crate) mod schedule;
