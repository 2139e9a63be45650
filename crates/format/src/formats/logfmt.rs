//! Logfmt: `ts=... level=info target=... msg="..." key=value`.

use std::fmt;

use tracing_core::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::registry::LookupSpan;

use crate::fields::kind;
use crate::fields::logfmt::{push_pair, push_pairs, quote_from};
use crate::formats::fit::fit_pairs;
use crate::formats::text::Text;
use crate::line::buffer;
use crate::line::options::{Options, setters, with_metadata, with_thread_words};
use crate::line::scope;
use crate::time::EventTime;

/// Writes logfmt, one `key=value` pair after the other:
///
/// ```text
/// ts=2026-11-23T18:19:11.000250Z level=info span=request target=shop::orders msg=shipped order=7 id=7
/// ```
///
/// The fields of the spans come last, beginning with the root's.
///
/// ```
/// use tracing_spool_format::{Logfmt, LogfmtFields};
/// let lines = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>()
///     .event_format(Logfmt::new())
///     .fmt_fields(LogfmtFields::new());
/// # drop(lines);
/// ```
#[derive(Clone, Debug)]
pub struct Logfmt<T = EventTime> {
    options: Options<T>,
    max_line_bytes: usize,
}

impl Logfmt {
    /// Creates the format with time, level, spans, target and fields.
    #[must_use]
    pub fn new() -> Self {
        Self { options: Options::new(EventTime::utc()), max_line_bytes: usize::MAX }
    }
}

impl Default for Logfmt {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps the options.
impl<T> From<Text<T>> for Logfmt<T> {
    fn from(text: Text<T>) -> Self {
        Self { options: text.options.renewed(), max_line_bytes: usize::MAX }
    }
}

setters!(Logfmt { max_line_bytes });

impl<T> Logfmt<T> {
    /// Sets the length of the longest line in bytes, including its newline. A longer line is cut, its quotes are
    /// closed, and the pair `truncated_bytes` says how many bytes went.
    ///
    /// Default: no limit; in `spool.layer().logfmt()`, the longest record.
    ///
    /// ```
    /// let logfmt = tracing_spool_format::Logfmt::new().max_line_bytes(16 * 1024);
    /// # drop(logfmt);
    /// ```
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

impl<S, N, T> FormatEvent<S, N> for Logfmt<T>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    T: FormatTime,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let options = &self.options;
        buffer::line(&mut writer, |line, behind| {
            with_metadata!(event, |meta| {
                if let Some(timer) = &options.timer {
                    line.push_str("ts=");
                    let begun = line.len();
                    if timer.format_time(&mut Writer::new(line)).is_err() {
                        line.truncate(begun);
                        line.push_str("unknown");
                    }
                    quote_from(line, begun);
                }
                if options.level {
                    push_pair(line, "level", word(*meta.level()));
                }
                with_thread_words(options, |name, id| {
                    for (key, word) in [("thread", name), ("thread_id", id)] {
                        word.into_iter().for_each(|word| push_pair(line, key, word));
                    }
                });
                let span = ctx.parent_span();
                if let Some(span) = &span {
                    scope::with::<S, N, _>(span, &options.layer, kind::are_ours::<N>(), push_span, |scope| {
                        push_pair(line, "span", &scope.before);
                        behind.push_str(&scope.behind);
                    });
                }
                if options.target {
                    push_pair(line, "target", meta.target());
                }
                if let Some(file) = meta.file().filter(|_| options.file) {
                    push_pair(line, "file", file);
                }
                if let Some(number) = meta.line().filter(|_| options.line_number) {
                    push_pair(line, "line", itoa::Buffer::new().format(number));
                }
                match kind::rules_of(ctx.field_format()) {
                    Some(rules) => push_pairs(line, rules, event),
                    None => push_pair(line, "fields", &kind::in_its_words(ctx, event)?),
                }
                line.push_str(behind);
                if let Some(ids) = span.as_ref().and_then(|span| options.ids.of(span)) {
                    push_pair(line, "trace_id", &ids.trace);
                    push_pair(line, "span_id", &ids.span);
                }
                line.push('\n');
                fit_pairs(line, self.max_line_bytes);
                Ok(())
            })
        })
    }
}

fn push_span(scope: &mut scope::Scope, name: &str, fields: &str) {
    if !scope.before.is_empty() {
        scope.before.push(':');
    }
    scope.before.push_str(name);
    if !fields.is_empty() {
        scope.behind.push(' ');
        scope.behind.push_str(fields);
    }
}
