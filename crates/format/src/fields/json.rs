//! Writes fields as members of a JSON object: numbers and booleans as such, everything else as strings.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use tracing_core::field::{Field, Visit};
use tracing_core::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

#[cfg(all(tracing_unstable, feature = "valuable"))]
use super::nested;
use super::text::TextFields;
use super::{bare, is_of_log, plain_values};
use crate::fields::escape::{push_int, push_json_float, push_json_string, push_json_value};
use crate::fields::rules::{REDACTED, Rules, setters};
use crate::line::scope;

/// The initial capacity for a span's fields, which suffices as a rule.
const FIRST_BYTES: usize = 128;
const FIRST_FIELDS: usize = 4;

/// Writes fields as JSON, for [`Json`](crate::Json).
///
/// The fields of a span are kept as an object with its keys in alphabetical order, as in `fmt`.
///
/// ```
/// use tracing_spool_format::{Json, JsonFields};
/// let lines = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>()
///     .event_format(Json::new())
///     .fmt_fields(JsonFields::new().redact(["password"]));
/// # drop(lines);
/// ```
#[derive(Clone, Debug, Default)]
pub struct JsonFields {
    pub(super) rules: Rules,
}

setters!(JsonFields);

/// Keeps the rules.
impl From<TextFields> for JsonFields {
    fn from(fields: TextFields) -> Self {
        Self { rules: fields.rules }
    }
}

/// Appends the fields of an event as members, with a comma before each except the first of an object.
pub(crate) fn push_members(
    line: &mut String,
    rules: &Rules,
    is_first: bool,
    names: EventNames<'_>,
    fields: &impl RecordFields,
) {
    fields.record(&mut Members { line, rules, names, is_first });
}

/// How the fields of an event are named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventNames<'a> {
    pub(crate) message: &'a str,
    /// Whether the fields that the `log` bridge adds are shown, as in `fmt`.
    pub(crate) has_log_fields: bool,
}

impl<'writer> FormatFields<'writer> for JsonFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut object = String::new();
        self.merge(&mut object, &fields);
        writer.write_str(&object)
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        self.merge(&mut current.fields, fields);
        scope::a_span_changed();
        Ok(())
    }
}

impl JsonFields {
    /// Merges fields into an object, ordered by key. If a key occurs several times, the last one wins.
    fn merge(&self, object: &mut String, fields: &impl RecordFields) {
        let mut made = String::with_capacity(object.len() + FIRST_BYTES);
        made.push('{');
        let mut members = Collected {
            line: &mut made,
            places: Vec::with_capacity(FIRST_FIELDS),
            are_in_order: true,
            rules: &self.rules,
            hidden: Vec::new(),
        };
        for (key, value) in split(object) {
            if value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) == Some(REDACTED) {
                members.hidden.push(key.clone());
            }
            members.place(Cow::Owned(key), |line| line.push_str(value));
        }
        fields.record(&mut members);
        let Collected { mut places, are_in_order, .. } = members;
        if !are_in_order {
            // A stable sort keeps the last of several values for one key in last place.
            places.sort_by(|a, b| a.0.cmp(&b.0));
            let mut sorted = String::with_capacity(made.len() + 1);
            sorted.push('{');
            for (index, (key, member)) in places.iter().enumerate() {
                if places.get(index + 1).is_some_and(|next| next.0 == *key) {
                    continue;
                }
                if sorted.len() > 1 {
                    sorted.push(',');
                }
                sorted.push_str(&made[member.clone()]);
            }
            made = sorted;
        }
        made.push('}');
        *object = made;
    }
}

/// Splits an object that [`JsonFields::merge`] made into names and encoded values.
fn split(object: &str) -> Vec<(String, &str)> {
    let mut members = Vec::new();
    let mut rest = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    while let Some((key, behind)) = string_at(rest) {
        let Some(value) = behind.strip_prefix(':') else { break };
        let end = value_end(value);
        members.push((unescaped(key), &value[..end]));
        rest = value[end..].strip_prefix(',').unwrap_or_default();
    }
    members
}

/// Returns the inside of the string that `text` begins with, and the text behind it.
fn string_at(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((&inside[..end], &inside[end + 1..]))
}

/// Returns where the value ends that `text` begins with: at the first comma outside strings, lists and objects.
fn value_end(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => {
                at = string_at(&text[at..]).map_or(text.len(), |(_, behind)| text.len() - behind.len());
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Undoes the escapes of a key. Keys are field names, in which only what `serde_json` escapes is escaped.
fn unescaped(key: &str) -> String {
    let mut out = String::new();
    let mut characters = key.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('b') => out.push('\x08'),
            Some('f') => out.push('\x0c'),
            Some('u') => {
                let code: String = characters.by_ref().take(4).collect();
                let character = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                out.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// Visits the fields of an event and writes each as a member.
struct Members<'a> {
    line: &'a mut String,
    rules: &'a Rules,
    names: EventNames<'a>,
    is_first: bool,
}

impl Members<'_> {
    #[inline]
    fn begin(&mut self, field: &Field) -> bool {
        let name = field.name();
        if !self.names.has_log_fields && is_of_log(name) {
            return false;
        }
        if !std::mem::take(&mut self.is_first) {
            self.line.push(',');
        }
        push_json_string(self.line, if name == "message" { self.names.message } else { name });
        self.line.push(':');
        if self.rules.hides(bare(name)) {
            push_json_string(self.line, REDACTED);
            return false;
        }
        true
    }
}

impl Visit for Members<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if self.begin(field) {
            push_json_float(self.line, value);
        }
    }

    plain_values!();

    #[cfg(all(tracing_unstable, feature = "valuable"))]
    fn record_value(&mut self, field: &Field, value: valuable::Value<'_>) {
        if self.begin(field) {
            nested::push(self.line, self.rules.max_bytes, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if self.begin(field) {
            push_json_value(self.line, self.rules.max_bytes, |to| to.push(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.begin(field) {
            push_json_value(self.line, self.rules.max_bytes, |to| to.words(format_args!("{value:?}")));
        }
    }
}

/// Collects the fields of a span as members in the order they arrive, with the name and place of each.
struct Collected<'a> {
    line: &'a mut String,
    places: Vec<(Cow<'static, str>, Range<usize>)>,
    /// Whether every key sorts behind the one before it, so that none occurs twice.
    are_in_order: bool,
    rules: &'a Rules,
    /// Keys that a layer added earlier has hidden.
    hidden: Vec<String>,
}

impl Collected<'_> {
    fn place(&mut self, key: Cow<'static, str>, write: impl FnOnce(&mut String)) {
        if let Some((before, _)) = self.places.last() {
            self.are_in_order &= *before < key;
            self.line.push(',');
        }
        let begun = self.line.len();
        push_json_string(self.line, &key);
        self.line.push(':');
        write(self.line);
        self.places.push((key, begun..self.line.len()));
    }

    fn put(&mut self, name: &'static str, write: impl FnOnce(&mut String, Option<usize>)) {
        let rules = self.rules;
        let hides = rules.hides(bare(name)) || self.hidden.iter().any(|hidden| hidden == name);
        self.place(Cow::Borrowed(name), |line| {
            if hides {
                push_json_string(line, REDACTED);
            } else {
                write(line, rules.max_bytes);
            }
        });
    }
}

impl Visit for Collected<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), |line, _| push_json_float(line, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), |line, _| push_int(line, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), |line, _| push_int(line, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), |line, _| {
            line.push_str(if value { "true" } else { "false" });
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), |line, max_bytes| push_json_value(line, max_bytes, |to| to.push(value)));
    }

    #[cfg(all(tracing_unstable, feature = "valuable"))]
    fn record_value(&mut self, field: &Field, value: valuable::Value<'_>) {
        self.put(field.name(), |line, max_bytes| {
            nested::push_sorted(line, max_bytes, value);
        });
    }

    /// Writes a list of numbers.
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.put(field.name(), |line, max_bytes| {
            let begun = line.len();
            line.push('[');
            for (index, byte) in value.iter().enumerate() {
                if index > 0 {
                    line.push(',');
                }
                push_int(line, *byte);
            }
            line.push(']');
            if max_bytes.is_some_and(|max| line.len() - begun > max) {
                let list = line.split_off(begun);
                push_json_value(line, max_bytes, |to| to.push(&list));
            }
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !is_of_log(field.name()) {
            self.put(bare(field.name()), |line, max_bytes| {
                push_json_value(line, max_bytes, |to| to.words(format_args!("{value:?}")));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_split_as_it_was_made() {
        let object =
            r#"{"a":"x,\"}]","b\n\u0001\\":[1,2],"c":1.5,"d":null,"e":"\\","f":{"g":[{"h":"}]"},2]}}"#;
        let members = split(object);
        let keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, ["a", "b\n\u{1}\\", "c", "d", "e", "f"]);
        let values: Vec<&str> = members.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [r#""x,\"}]""#, "[1,2]", "1.5", "null", r#""\\""#, r#"{"g":[{"h":"}]"},2]}"#]);
        assert!(split("").is_empty() && split("{}").is_empty());
    }
}
