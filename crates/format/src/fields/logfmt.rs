//! Fields as logfmt: `key=value`, in quotes where a value has a blank, a quote or an equals sign.

use std::fmt::{self, Write as _};

use tracing_core::field::{Field, Visit};
use tracing_core::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

use super::text::TextFields;
use super::{bare, is_of_log};
use crate::fields::escape::{Escape, Value, push_int, push_json_string};
use crate::fields::rules::{REDACTED, Rules, setters};
use crate::line::scope;

/// Fields as logfmt, for [`Logfmt`](crate::Logfmt).
#[derive(Clone, Debug, Default)]
pub struct LogfmtFields {
    rules: Rules,
}

setters!(LogfmtFields);

/// With the same rules.
impl From<TextFields> for LogfmtFields {
    fn from(fields: TextFields) -> Self {
        Self { rules: fields.rules }
    }
}

impl LogfmtFields {
    /// Appends the pairs, each behind a blank but for the first of a line.
    pub(crate) fn push(&self, line: &mut String, fields: &impl RecordFields) -> fmt::Result {
        let mut visitor = Visitor { line, rules: &self.rules, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

impl<'writer> FormatFields<'writer> for LogfmtFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut pairs = String::new();
        self.push(&mut pairs, &fields)?;
        writer.write_str(&pairs)
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let added = self.push(&mut current.fields, fields);
        scope::a_span_changed();
        added
    }
}

/// Appends a pair. The key has no blank, quote or equals sign in it.
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

/// Puts the value that the line ends with into quotes, if it needs them.
pub(crate) fn quote_from(line: &mut String, begun: usize) {
    let value = &line[begun..];
    let is_escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    if value.bytes().any(is_escaped) {
        let value = line.split_off(begun);
        push_json_string(line, &value);
    } else if value.is_empty() || value.bytes().any(|byte| byte == b' ' || byte == b'=' || byte == 0x7f) {
        line.insert(begun, '"');
        line.push('"');
    }
}

struct Visitor<'a> {
    line: &'a mut String,
    rules: &'a Rules,
    result: fmt::Result,
}

impl Visitor<'_> {
    #[inline]
    fn begin(&mut self, field: &Field) -> bool {
        let name = field.name();
        if self.result.is_err() || is_of_log(name) {
            return false;
        }
        push_key(self.line, if name == "message" { "msg" } else { bare(name) });
        if self.rules.hides(bare(name)) {
            push_value(self.line, REDACTED);
            return false;
        }
        true
    }

    fn words(&mut self, write: impl FnOnce(&mut Value<'_>) -> fmt::Result) {
        let begun = self.line.len();
        let mut to = Value::new(self.line, Escape::Nothing, self.rules.max_bytes);
        self.result = write(&mut to);
        to.finish();
        quote_from(self.line, begun);
    }
}

impl Visit for Visitor<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        if self.begin(field) {
            push_int(self.line, value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if self.begin(field) {
            push_int(self.line, value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if self.begin(field) {
            self.line.push_str(if value { "true" } else { "false" });
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if self.begin(field) {
            self.words(|to| {
                to.push(value);
                Ok(())
            });
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.begin(field) {
            self.words(|to| write!(to, "{value:?}"));
        }
    }
}
