//! The formats: in which order a line says what, and how JSON is bounded.

pub(crate) mod compact;
mod fit;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod logfmt;
pub(crate) mod text;
