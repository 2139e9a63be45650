//! The formats of [`fmt`](mod@tracing_subscriber::fmt) for lines that go to files and collectors: the same bytes, appended
//! straight to one buffer, for a third of the time as text and a sixth as JSON; and what `fmt` lacks.
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
//! | format | with | as |
//! |---|---|---|
//! | [`Text`] | [`TextFields`] | `fmt::format()` |
//! | [`Compact`] | [`TextFields`] | `fmt::format().compact()` |
//! | [`Json`] | [`JsonFields`] | `fmt::format().json()`, or keys of your own |
//! | [`Logfmt`] | [`LogfmtFields`] | `key=value`, for Loki and others |
//!
//! They need no other part of tracing-spool, and work with any `MakeWriter`.
//!
//! # Where the bytes differ from `fmt`'s
//!
//! - Colours only where [`Text::with_ansi`] asks for them, and never in fields: a line for a file has none, whatever a layer
//!   beside it does.
//! - An event with an explicit parent, or with none (`parent: None`), shows the spans of that parent in JSON and compact lines.
//!   `fmt` shows those of the thread's current span.
//! - A field recorded later is shown in JSON, whatever the names of the span's other fields. `fmt` loses it where one of those has
//!   a quote or a backslash in it.
//! - A float in a span's JSON has its own digits. `fmt` parses them again, and may change the last.
//! - A value whose `Debug` or `Display` fails is shown as far as it came, with `[could not be formatted]` behind it. `fmt` leaves
//!   the event out; of a span it prints all fields to stderr, and its JSON panics.
//!
//! # Features
//!
//! `log`, on by default: records of the `log` crate are shown with their own target, file and line.
//!
//! `valuable`: values of the `valuable` crate are nested JSON. As in `tracing` itself, it needs
//! `RUSTFLAGS="--cfg tracing_unstable"` too.
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

/// The examples of the README are doc tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
