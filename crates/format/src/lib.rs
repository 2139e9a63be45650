//! Event formats for [`tracing_subscriber::fmt`](mod@tracing_subscriber::fmt) that write the same bytes in a
//! fraction of the time, and that add what `fmt` lacks: redaction, bounded fields and lines, JSON keys
//! of your choice, logfmt and trace ids.
//!
//! Each format appends straight to one buffer per thread instead of going through `fmt::Formatter` for every piece.
//!
//! ```
//! use tracing_spool_format::{Json, JsonFields};
//! use tracing_subscriber::prelude::*;
//!
//! let json = tracing_subscriber::fmt::layer()
//!     .event_format(Json::new())
//!     .fmt_fields(JsonFields::new().redact(["password"]).max_field_bytes(4_096))
//!     .with_writer(std::io::sink);
//! let subscriber = tracing_subscriber::registry().with(json);
//! tracing::subscriber::with_default(subscriber, || tracing::info!(order = 7, password = "hunter2", "shipped"));
//! ```
//!
//! | format | fields | replaces |
//! |---|---|---|
//! | [`Text`] | [`TextFields`] | `fmt::format()` |
//! | [`Compact`] | [`TextFields`] | `fmt::format().compact()` |
//! | [`Json`] | [`JsonFields`] | `fmt::format().json()`, with keys of your own if you like |
//! | [`Logfmt`] | [`LogfmtFields`] | nothing in `fmt`: `key=value` pairs for Loki and others |
//!
//! The formats work with any `MakeWriter`, and don't depend on any other part of tracing-spool.
//!
//! # Where the bytes differ from `fmt`'s
//!
//! - Lines have colours only if [`Text::with_ansi`] asks for them, and fields never do. A line for a file has no
//!   escapes, whatever a layer beside it does.
//! - An event with an explicit parent, or with `parent: None`, shows the spans of that parent in JSON and compact
//!   lines. `fmt` shows those of the thread's current span.
//! - A field that is recorded later appears in JSON, whatever the span's other fields are called. `fmt` loses it if one
//!   of those names contains a quote or a backslash.
//! - A float in a span's JSON keeps its digits. `fmt` parses them again, and may change the last one.
//! - If the `Debug` or `Display` of a value fails, the line shows what it wrote until then, followed by `[could not be
//!   formatted]`. `fmt` leaves the event out; for a span it prints all fields to stderr, and its JSON panics.
//!
//! # Features
//!
//! - `log` (on by default): records of the `log` crate keep their own target, file and line.
//! - `valuable`: values of the `valuable` crate become nested JSON. As in `tracing` itself, this also needs
//!   `RUSTFLAGS="--cfg tracing_unstable"`.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod fields;
mod formats;
mod line;
mod time;

pub use fields::json::JsonFields;
pub use fields::logfmt::LogfmtFields;
pub use fields::text::TextFields;
pub use formats::compact::Compact;
pub use formats::json::Json;
pub use formats::keys::Keys;
pub use formats::logfmt::Logfmt;
pub use formats::text::Text;
pub use line::ids::Ids;
pub use line::scope::KeepScopes;
pub use time::{EventTime, ZoneError};

/// Runs the README's examples as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
