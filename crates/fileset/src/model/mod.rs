//! Plain data that every room shares. It makes no decision and touches nothing.

pub(crate) mod alert;
pub(crate) mod batch;
pub(crate) mod compression;
mod cut;
pub(crate) mod errno;
pub mod errno_class;
pub(crate) mod error;
mod faults;
pub mod guest;
pub(crate) mod header;
pub mod inventory;
pub mod lock_note;
pub mod name;
pub(crate) mod naming;
pub(crate) mod owner;
pub(crate) mod removal;
pub mod render;
mod rules;
pub mod schedule;
pub mod settings;
pub mod slot;
pub(crate) mod time;
