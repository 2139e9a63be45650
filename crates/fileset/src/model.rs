//! Plain data that every layer shares. No decisions, no effects.

pub mod alert;
pub mod batch;
pub mod compression;
pub mod error;
pub mod inventory;
pub mod name;
pub mod render;
pub mod schedule;
pub mod settings;
pub mod slot;
pub mod time;
