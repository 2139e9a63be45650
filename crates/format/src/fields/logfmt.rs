//! Writes fields as logfmt: `key=value`, quoted if the value contains a space, a quote or an equals sign.

use std::fmt;

use tracing_core::field::{Field, Visit};
use tracing_core::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

use super::text::TextFields;
use super::{bare, is_of_log, plain_values};
use crate::fields::escape::{Escape, Value, escape_controls, has_controls, push_int, push_json_string};
use crate::fields::rules::{REDACTED, Rules, is_hidden_in, setters};
use crate::line::scope;

/// Writes fields as logfmt, for [`Logfmt`](crate::Logfmt).
///
/// ```
/// use tracing_spool_format::{Logfmt, LogfmtFields};
/// let lines = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>()
///     .event_format(Logfmt::new())
///     .fmt_fields(LogfmtFields::new().redact(["password"]));
/// # drop(lines);
/// ```
#[derive(Clone, Debug, Default)]
pub struct LogfmtFields {
    pub(super) rules: Rules,
}

setters!(LogfmtFields);

/// Keeps the rules.
impl From<TextFields> for LogfmtFields {
    fn from(fields: TextFields) -> Self {
        Self { rules: fields.rules }
    }
}

/// Appends the fields as pairs, with a space before each except the first of a line.
pub(crate) fn push_pairs(line: &mut String, rules: &Rules, fields: &impl RecordFields) {
    fields.record(&mut Visitor { line, rules, is_added: false });
}

impl<'writer> FormatFields<'writer> for LogfmtFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut pairs = String::new();
        push_pairs(&mut pairs, &self.rules, &fields);
        writer.write_str(&pairs)
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        fields.record(&mut Visitor { line: &mut current.fields, rules: &self.rules, is_added: true });
        scope::a_span_changed();
        Ok(())
    }
}

/// Appends a pair. `key` must not contain a space, a quote or an equals sign.
pub(crate) fn push_pair(line: &mut String, key: &str, value: &str) {
    push_key(line, key);
    push_value(line, value);
}

fn push_key(line: &mut String, key: &str) {
    if !line.is_empty() {
        line.push(' ');
    }
    let is_plain =
        |character: char| character > ' ' && character != '=' && character != '"' && character != '\x7f';
    if !key.is_empty() && key.chars().all(is_plain) {
        line.push_str(key);
    } else {
        line.extend(key.chars().map(|character| if is_plain(character) { character } else { '_' }));
        if key.is_empty() {
            line.push('_');
        }
    }
    line.push('=');
}

fn push_value(line: &mut String, value: &str) {
    let begun = line.len();
    line.push_str(value);
    quote_from(line, begun);
}

/// Quotes the value that begins at `begun` and ends the line, if it needs quotes.
pub(crate) fn quote_from(line: &mut String, begun: usize) {
    let value = &line[begun..];
    let is_escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if value.bytes().any(is_escaped) || has_controls(value) {
        let value = line.split_off(begun);
        let mut quoted = String::with_capacity(value.len() + 8);
        push_json_string(&mut quoted, &value);
        escape_controls(&mut quoted);
        line.push_str(&quoted);
    } else if value.is_empty() || value.bytes().any(|byte| byte == b' ' || byte == b'=') {
        line.insert(begun, '"');
        line.push('"');
    }
}

struct Visitor<'a> {
    line: &'a mut String,
    rules: &'a Rules,
    /// Whether the pairs are appended to what is kept for a span.
    is_added: bool,
}

impl Visitor<'_> {
    #[inline]
    fn begin(&mut self, field: &Field) -> bool {
        let name = field.name();
        if is_of_log(name) {
            return false;
        }
        let hides = self.rules.hides(bare(name)) || (self.is_added && is_hidden_in(self.line, bare(name)));
        push_key(self.line, if name == "message" { "msg" } else { bare(name) });
        if hides {
            push_value(self.line, REDACTED);
            return false;
        }
        true
    }

    fn value(&mut self, write: impl FnOnce(&mut Value<'_>)) {
        let begun = self.line.len();
        let mut to = Value::new(self.line, Escape::Nothing, self.rules.max_bytes);
        write(&mut to);
        to.finish();
        quote_from(self.line, begun);
    }
}

impl Visit for Visitor<'_> {
    plain_values!();

    fn record_str(&mut self, field: &Field, value: &str) {
        if self.begin(field) {
            self.value(|to| to.push(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.begin(field) {
            self.value(|to| to.words(format_args!("{value:?}")));
        }
    }
}
