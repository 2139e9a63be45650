//! `fmt`'s compact format: `TIME LEVEL span:span: target: message key=value spanfield=value`.

use std::fmt;

use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::registry::LookupSpan;

use crate::fields::escape::push_int;
use crate::fields::kind;
use crate::fields::text::push_fields;
use crate::formats::text::Text;
use crate::line::buffer;
use crate::line::options::{Options, push_head, setters, with_metadata};
use crate::line::scope;
use crate::line::style::{BOLD, DIM, styled, with_ansi};
use crate::time::EventTime;

/// Writes the same bytes as `fmt`'s compact format, without colours: the names of the spans come before the target,
/// their fields at the end of the line.
///
/// ```
/// use tracing_spool_format::{Compact, TextFields};
/// let lines = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>()
///     .event_format(Compact::new())
///     .fmt_fields(TextFields::new());
/// # drop(lines);
/// ```
#[derive(Clone, Debug)]
pub struct Compact<T = EventTime> {
    options: Options<T>,
}

impl Compact {
    /// Creates the format with time, level, spans, target and fields.
    #[must_use]
    pub fn new() -> Self {
        Self { options: Options::new(EventTime::utc()) }
    }
}

impl Default for Compact {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps the options.
impl<T> From<Text<T>> for Compact<T> {
    fn from(text: Text<T>) -> Self {
        Self { options: text.options.renewed() }
    }
}

setters!(Compact {});
with_ansi!(Compact);

impl<S, N, T> FormatEvent<S, N> for Compact<T>
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
        let sanitizes = writer.sanitizes_ansi_escapes();
        let options = &self.options;
        buffer::line(&mut writer, |line, behind| {
            with_metadata!(event, |meta| {
                push_head(line, options, *meta.level());
                let span = ctx.parent_span();
                if let Some(span) = &span {
                    scope::with::<S, N, _>(
                        span,
                        &options.layer,
                        kind::are_ours::<N>(),
                        push_span(options.ansi),
                        |scope| {
                            line.push_str(&scope.before);
                            behind.push_str(&scope.behind);
                        },
                    );
                    line.push(' ');
                }
                let file = meta.file().filter(|_| options.file);
                let number = meta.line().filter(|_| options.line_number);
                if options.target {
                    styled(line, options.ansi, DIM, |line| {
                        line.push_str(meta.target());
                        line.push(':');
                    });
                }
                if let Some(file) = file {
                    if options.target {
                        line.push(' ');
                    }
                    line.push_str(file);
                    line.push(':');
                }
                if let Some(number) = number {
                    push_int(line, number);
                    line.push(':');
                }
                if options.target || file.is_some() || number.is_some() {
                    line.push(' ');
                }
                push_fields(line, ctx, sanitizes, event)?;
                line.push_str(behind);
                if let Some(ids) = span.as_ref().and_then(|span| options.ids.of(span)) {
                    ids.push_text(line);
                }
                line.push('\n');
                Ok(())
            })
        })
    }
}

fn push_span(ansi: bool) -> impl Fn(&mut scope::Scope, &str, &str) {
    move |scope, name, fields| {
        styled(&mut scope.before, ansi, BOLD, |before| before.push_str(name));
        scope.before.push(':');
        if !fields.is_empty() {
            scope.behind.push(' ');
            scope.behind.push_str(fields);
        }
    }
}
