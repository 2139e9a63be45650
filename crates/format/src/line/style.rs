//! Colours for a terminal, as in `fmt`. Only what a text format writes around the fields is coloured, so that what is
//! kept for a span holds no escapes when other layers use it.

use tracing_core::Level;

pub(crate) const BOLD: &str = "\x1b[1m";
pub(crate) const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

pub(crate) fn of_level(level: Level) -> &'static str {
    match level {
        Level::TRACE => "\x1b[35m",
        Level::DEBUG => "\x1b[34m",
        Level::INFO => "\x1b[32m",
        Level::WARN => "\x1b[33m",
        Level::ERROR => "\x1b[31m",
    }
}

/// Appends what `push` does, in this style if colours are on.
#[inline]
pub(crate) fn styled<R>(
    line: &mut String,
    ansi: bool,
    style: &str,
    push: impl FnOnce(&mut String) -> R,
) -> R {
    if !ansi {
        return push(line);
    }
    line.push_str(style);
    let pushed = push(line);
    line.push_str(PLAIN);
    pushed
}

/// The setter of the formats that have colours.
macro_rules! with_ansi {
    ($format:ident) => {
        impl<T> $format<T> {
            /// Sets whether time, level, spans and target are coloured, for a terminal.
            ///
            /// Fields are never coloured, so a layer beside this one that writes to a file has no escapes in its lines.
            /// The format doesn't follow `fmt::Layer::with_ansi`, because that is on by default for files too.
            ///
            /// Default: `false`.
            ///
            /// ```
            /// use std::io::IsTerminal;
            #[doc = concat!("use tracing_spool_format::{", stringify!($format), ", TextFields};")]
            /// use tracing_subscriber::prelude::*;
            ///
            #[doc = concat!("let format = ", stringify!($format), "::new().with_ansi(std::io::stdout().is_terminal());")]
            /// let console = tracing_subscriber::fmt::layer().event_format(format).fmt_fields(TextFields::new());
            /// # drop(tracing_subscriber::registry().with(console));
            /// ```
            #[must_use]
            pub fn with_ansi(mut self, has_colours: bool) -> Self {
                self.options = self.options.renewed();
                self.options.ansi = has_colours;
                self
            }
        }
    };
}
pub(crate) use with_ansi;
