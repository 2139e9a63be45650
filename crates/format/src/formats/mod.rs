//! The line formats, and how lines of JSON and logfmt are bounded.

pub(crate) mod compact;
mod fit;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod logfmt;
pub(crate) mod text;
