//! Plain data that every layer shares. No decisions, no effects.

pub(crate) mod alert;
pub(crate) mod batch;
pub mod class;
pub(crate) mod compression;
pub(crate) mod errno;
pub(crate) mod error;
mod faults;
pub mod guest;
pub(crate) mod header;
pub mod inventory;
pub mod name;
pub(crate) mod naming;
pub(crate) mod owner;
pub(crate) mod removal;
pub mod render;
pub mod schedule;
pub mod settings;
pub mod slot;
pub(crate) mod time;
