//! Writes fields as `fmt` does by default: `message key=value key="text"`.

use std::any::Any;
use std::error::Error;
use std::fmt;

use tracing_core::field::{Field, Visit};
use tracing_core::span::Record;
use tracing_core::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::{bare, is_of_log, plain_values};
use crate::fields::escape::{Escape, Value, push_int, push_quoted};
use crate::fields::rules::{REDACTED, Rules, is_hidden_in, setters};
use crate::line::scope;

/// Writes fields as `fmt` does by default, for [`Text`](crate::Text) and [`Compact`](crate::Compact).
///
/// This is a type of its own, so a layer for a file never sees what a coloured `fmt` layer for a console has kept for a
/// span.
///
/// ```
/// use tracing_spool_format::{Text, TextFields};
/// let lines = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>()
///     .event_format(Text::new())
///     .fmt_fields(TextFields::new().max_field_bytes(4_096));
/// # drop(lines);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TextFields {
    pub(super) rules: Rules,
}

setters!(TextFields);

impl TextFields {
    /// Appends fields. If `sanitizes`, control characters in messages are escaped. If `is_added`, the fields are
    /// appended to what is kept for a span.
    fn push(&self, line: &mut String, sanitizes: bool, is_added: bool, fields: &impl RecordFields) {
        let escape = if sanitizes { Escape::Terminal } else { Escape::Nothing };
        fields.record(&mut Visitor { line, rules: &self.rules, escape, is_first: true, is_added });
    }
}

impl<'writer> FormatFields<'writer> for TextFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = String::new();
        self.push(&mut line, writer.sanitizes_ansi_escapes(), false, &fields);
        writer.write_str(&line)
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let sanitizes = current.as_writer().sanitizes_ansi_escapes();
        if !current.fields.is_empty() {
            current.fields.push(' ');
        }
        self.push(&mut current.fields, sanitizes, true, fields);
        scope::a_span_changed();
        Ok(())
    }
}

/// Appends the fields of an event with the layer's field formatter, whichever that is.
pub(crate) fn push_fields<S, N>(
    line: &mut String,
    ctx: &FmtContext<'_, S, N>,
    sanitizes: bool,
    event: &Event<'_>,
) -> fmt::Result
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    let fields: &dyn Any = ctx.field_format();
    match fields.downcast_ref::<TextFields>() {
        Some(fields) => {
            fields.push(line, sanitizes, false, event);
            Ok(())
        }
        None => ctx.format_fields(Writer::new(line), event),
    }
}

struct Visitor<'a> {
    line: &'a mut String,
    rules: &'a Rules,
    /// How messages and errors are escaped.
    escape: Escape,
    is_first: bool,
    /// Whether the fields are appended to what is kept for a span.
    is_added: bool,
}

impl Visitor<'_> {
    /// Writes the separator and the name of a field. Returns `false` if the value must not be written.
    #[inline]
    fn begin(&mut self, field: &Field) -> bool {
        let name = field.name();
        if is_of_log(name) {
            return false;
        }
        let hides = self.rules.hides(bare(name)) || (self.is_added && is_hidden_in(self.line, bare(name)));
        if !std::mem::take(&mut self.is_first) {
            self.line.push(' ');
        }
        if name != "message" {
            self.line.push_str(bare(name));
            self.line.push('=');
        }
        if hides {
            self.line.push_str(REDACTED);
            return false;
        }
        true
    }

    fn value(&mut self, escape: Escape, value: fmt::Arguments<'_>) {
        let mut to = Value::new(self.line, escape, self.rules.max_bytes);
        to.words(value);
        to.finish();
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if !self.begin(field) {
            return;
        }
        if field.name() == "message" {
            let mut to = Value::new(self.line, self.escape, self.rules.max_bytes);
            to.push(value);
            to.finish();
        } else if self.rules.max_bytes.is_none_or(|max| value.len() < max) {
            push_quoted(self.line, value);
        } else {
            self.value(Escape::Nothing, format_args!("{value:?}"));
        }
    }

    plain_values!();

    fn record_i128(&mut self, field: &Field, value: i128) {
        if self.begin(field) {
            push_int(self.line, value);
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        if self.begin(field) {
            push_int(self.line, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let name = field.name();
        if !self.begin(field) {
            return;
        }
        self.value(self.escape, format_args!("{value}"));
        let Some(source) = value.source() else { return };
        self.line.push(' ');
        self.line.push_str(name);
        self.line.push_str(".sources=[");
        let mut next = Some(source);
        while let Some(error) = next {
            self.value(self.escape, format_args!("{error}"));
            next = error.source();
            if next.is_some() {
                self.line.push_str(", ");
            }
        }
        self.line.push(']');
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.begin(field) {
            let escape = if field.name() == "message" { self.escape } else { Escape::Nothing };
            self.value(escape, format_args!("{value:?}"));
        }
    }
}
