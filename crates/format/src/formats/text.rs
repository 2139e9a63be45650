//! `fmt`'s default format: `TIME LEVEL span{fields}: target: message key=value`.

use std::fmt;

use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::registry::LookupSpan;

use crate::fields::escape::push_int;
use crate::fields::kind;
use crate::fields::text::push_fields;
use crate::line::buffer;
use crate::line::options::{Options, push_head, setters, with_metadata};
use crate::line::scope;
use crate::line::style::{BOLD, DIM, styled, with_ansi};
use crate::time::EventTime;

/// Writes the same bytes as `fmt`'s default format, without colours:
///
/// ```text
/// 2026-11-23T18:19:11.000250Z  INFO request{id=7}: shop::orders: shipped order=7
/// ```
///
/// ```
/// use tracing_spool_format::{Text, TextFields};
/// let lines = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>()
///     .event_format(Text::new().with_thread_names(true))
///     .fmt_fields(TextFields::new());
/// # drop(lines);
/// ```
#[derive(Clone, Debug)]
pub struct Text<T = EventTime> {
    pub(crate) options: Options<T>,
}

impl Text {
    /// Creates the format with time, level, spans, target and fields.
    #[must_use]
    pub fn new() -> Self {
        Self { options: Options::new(EventTime::utc()) }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

setters!(Text {});
with_ansi!(Text);

impl<S, N, T> FormatEvent<S, N> for Text<T>
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
        buffer::line(&mut writer, |line, _| {
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
                        },
                    );
                    line.push(' ');
                }
                if options.target {
                    styled(line, options.ansi, DIM, |line| {
                        line.push_str(meta.target());
                        line.push(':');
                    });
                    line.push(' ');
                }
                let number = meta.line().filter(|_| options.line_number);
                if let Some(file) = meta.file().filter(|_| options.file) {
                    line.push_str(file);
                    line.push_str(if number.is_some() { ":" } else { ": " });
                }
                if let Some(number) = number {
                    push_int(line, number);
                    line.push_str(": ");
                }
                push_fields(line, ctx, sanitizes, event)?;
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
        let line = &mut scope.before;
        styled(line, ansi, BOLD, |line| line.push_str(name));
        if !fields.is_empty() {
            line.push('{');
            line.push_str(fields);
            line.push('}');
        }
        line.push(':');
    }
}
