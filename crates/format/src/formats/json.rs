//! `fmt`'s JSON, with its keys or with your own: one object per line.

use std::fmt;

use tracing_core::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::fields::escape::{escape_controls, push_int, push_json, push_json_string};
use crate::fields::json::{EventNames, push_members};
use crate::fields::kind;
use crate::formats::fit::fit_json;
use crate::formats::keys::{Keys, Source};
use crate::formats::text::Text;
use crate::line::buffer;
use crate::line::options::{Options, setters, with_metadata, with_thread_words};
use crate::line::scope;
use crate::time::EventTime;

/// Writes the same bytes as `fmt`'s JSON, or JSON with keys of your own. A line can be bounded and stays valid JSON.
///
/// ```
/// use tracing_spool_format::{Json, JsonFields};
/// let lines = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>()
///     .event_format(Json::new().flatten_event(true).with_span_list(false))
///     .fmt_fields(JsonFields::new());
/// # drop(lines);
/// ```
#[derive(Clone, Debug)]
pub struct Json<T = EventTime> {
    options: Options<T>,
    shape: Shape,
}

#[derive(Clone, Debug)]
struct Shape {
    keys: Keys,
    current_span: bool,
    span_list: bool,
    max_line_bytes: usize,
    escapes_controls: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            keys: Keys::fmt(),
            current_span: true,
            span_list: true,
            max_line_bytes: usize::MAX,
            escapes_controls: false,
        }
    }
}

impl Json {
    /// Creates the format with time, level, fields, target and spans.
    #[must_use]
    pub fn new() -> Self {
        Self { options: Options::new(EventTime::utc()), shape: Shape::default() }
    }
}

impl Default for Json {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps the options.
impl<T> From<Text<T>> for Json<T> {
    fn from(text: Text<T>) -> Self {
        Self { options: text.options.renewed(), shape: Shape::default() }
    }
}

setters!(Json { shape });

impl<T> Json<T> {
    /// Sets the names of the members of a line.
    ///
    /// Default: [`Keys::fmt`].
    #[must_use]
    pub fn keys(mut self, keys: Keys) -> Self {
        self.shape.keys = keys;
        self
    }

    /// Sets whether the fields of an event stand beside the other members instead of in an object of their own.
    ///
    /// Default: `false`.
    #[must_use]
    pub fn flatten_event(mut self, is_flat: bool) -> Self {
        let keys = &mut self.shape.keys;
        keys.fields = if is_flat { None } else { keys.fields.take().or(Keys::fmt().fields) };
        self
    }

    /// Sets whether the innermost span is shown.
    ///
    /// Default: `true`.
    #[must_use]
    pub fn with_current_span(mut self, is_shown: bool) -> Self {
        self.shape.current_span = is_shown;
        self
    }

    /// Sets whether all spans are shown, as a list that begins with the root.
    ///
    /// Default: `true`.
    #[must_use]
    pub fn with_span_list(mut self, is_shown: bool) -> Self {
        self.shape.span_list = is_shown;
        self
    }

    /// Sets whether DEL and the C1 controls are written as `\u007f` to `\u009f`. JSON allows them as they are, but
    /// terminals obey them. A writer that escapes them in its own way, as tracing-spool does, would break the JSON.
    ///
    /// Default: `false`, as in `fmt`; `true` in `spool.layer().json()`.
    #[must_use]
    pub fn escape_controls(mut self, are_escaped: bool) -> Self {
        self.shape.escapes_controls = are_escaped;
        self
    }

    /// Sets the length of the longest line in bytes, including its newline. A longer line is cut and stays valid JSON:
    /// its longest strings lose their ends, and the member `truncated_bytes` says how many bytes went.
    ///
    /// Default: no limit.
    ///
    /// ```
    /// let json = tracing_spool_format::Json::new().max_line_bytes(16 * 1024);
    /// # drop(json);
    /// ```
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.shape.max_line_bytes = bytes;
        self
    }
}

impl<S, N, T> FormatEvent<S, N> for Json<T>
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
        let Shape { keys, max_line_bytes, escapes_controls, .. } = &self.shape;
        buffer::line(&mut writer, |line, _| {
            with_metadata!(event, |meta| {
                line.push('{');
                self.push_begin(line, meta)?;
                if let Some(fields) = &keys.fields {
                    member(line, fields);
                    line.push('{');
                    members(line, ctx, true, keys, event)?;
                    line.push('}');
                } else {
                    let is_first = line.len() == 1;
                    members(line, ctx, is_first, keys, event)?;
                }
                self.push_origin(line, meta);
                if let Some(span) = ctx.parent_span() {
                    self.push_spans::<S, N>(line, &span);
                }
                self.push_thread(line);
                line.push_str("}\n");
                if *escapes_controls {
                    escape_controls(line);
                }
                fit_json(line, *max_line_bytes, &keys.names.truncated);
                Ok(())
            })
        })
    }
}

/// Appends the fields of the event by the rules of the layer's field formatter, or what a foreign field formatter makes
/// of them.
fn members<S, N>(
    line: &mut String,
    ctx: &FmtContext<'_, S, N>,
    is_first: bool,
    keys: &Keys,
    event: &Event<'_>,
) -> fmt::Result
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    if let Some(rules) = kind::rules_of(ctx.field_format()) {
        let names = EventNames { message: &keys.message, has_log_fields: keys.has_log_fields };
        push_members(line, rules, is_first, names, event);
    } else {
        line.push_str(if is_first { "\"fields\":" } else { ",\"fields\":" });
        push_json_string(line, &kind::in_its_words(ctx, event)?);
    }
    Ok(())
}

/// Appends the key of a member, with a comma before all but the first.
fn member(line: &mut String, key: &str) {
    if line.len() > 1 {
        line.push(',');
    }
    line.push_str(key);
}

impl<T: FormatTime> Json<T> {
    fn push_begin(&self, line: &mut String, meta: &Metadata<'_>) -> fmt::Result {
        let keys = &self.shape.keys;
        if let Some(timer) = &self.options.timer {
            member(line, &keys.names.timestamp);
            line.push('"');
            let begun = line.len();
            timer.format_time(&mut Writer::new(line))?;
            if line[begun..].bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
                let time = line.split_off(begun);
                push_json(line, &time);
            }
            line.push('"');
        }
        if self.options.level {
            member(line, &keys.names.level);
            line.push('"');
            line.push_str(keys.levels.word(*meta.level()));
            line.push('"');
        }
        if !keys.constants.is_empty() {
            member(line, &keys.constants);
        }
        Ok(())
    }

    fn push_origin(&self, line: &mut String, meta: &Metadata<'_>) {
        let keys = &self.shape.keys;
        if self.options.target {
            member(line, &keys.names.target);
            push_json_string(line, meta.target());
        }
        let file = meta.file().filter(|_| self.options.file);
        let number = meta.line().filter(|_| self.options.line_number);
        match keys.source {
            Source::Members => {
                if let Some(file) = file {
                    member(line, &keys.names.file);
                    push_json_string(line, file);
                }
                if let Some(number) = number {
                    member(line, &keys.names.line_number);
                    push_int(line, number);
                }
            }
            Source::Location if file.is_some() || number.is_some() => {
                member(line, &keys.names.file);
                line.push('{');
                if let Some(file) = file {
                    line.push_str("\"file\":");
                    push_json_string(line, file);
                }
                if let Some(number) = number {
                    line.push_str(if file.is_some() { ",\"line\":\"" } else { "\"line\":\"" });
                    push_int(line, number);
                    line.push('"');
                }
                line.push('}');
            }
            Source::Location => {}
        }
    }

    fn push_spans<S, N>(&self, line: &mut String, span: &SpanRef<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        N: for<'a> FormatFields<'a> + 'static,
    {
        let Shape { keys, current_span, span_list, .. } = &self.shape;
        if *current_span || *span_list {
            let keeps = kind::are_ours::<N>();
            scope::with::<S, N, _>(
                span,
                &self.options.layer,
                keeps,
                push_span(kind::are_json::<N>()),
                |scope| {
                    if *current_span {
                        member(line, &keys.names.span);
                        line.push_str(&scope.before);
                    }
                    if *span_list {
                        member(line, &keys.names.spans);
                        line.push('[');
                        line.push_str(&scope.behind);
                        line.push(']');
                    }
                },
            );
        }
        if let Some(ids) = self.options.ids.of(span) {
            for (key, id) in [(&keys.names.trace, &ids.trace), (&keys.names.trace_span, &ids.span)] {
                member(line, key);
                push_json_string(line, id);
            }
        }
    }

    fn push_thread(&self, line: &mut String) {
        let names = &self.shape.keys.names;
        with_thread_words(&self.options, |name, id| {
            for (key, word) in [(&names.thread_name, name), (&names.thread_id, id)] {
                if let Some(word) = word {
                    member(line, key);
                    push_json_string(line, word);
                }
            }
        });
    }
}

/// Puts the innermost span before the fields, and the list of all spans behind them.
fn push_span(are_json: bool) -> impl Fn(&mut scope::Scope, &str, &str) {
    const AROUND: usize = "{\"fields\":\"\",\"name\":\"\"},".len();
    move |scope, name, fields| {
        let bytes = fields.len() + name.len() + AROUND;
        scope.before.clear();
        scope.before.reserve(bytes);
        scope.behind.reserve(bytes);
        scope.before.push('{');
        let inside = fields.strip_prefix('{').and_then(|fields| fields.strip_suffix('}'));
        match inside.filter(|_| are_json) {
            Some(inside) => scope.before.push_str(inside),
            None if fields.is_empty() => {}
            None => {
                scope.before.push_str("\"fields\":");
                push_json_string(&mut scope.before, fields);
            }
        }
        if scope.before.len() > 1 {
            scope.before.push(',');
        }
        scope.before.push_str("\"name\":");
        push_json_string(&mut scope.before, name);
        scope.before.push('}');
        if !scope.behind.is_empty() {
            scope.behind.push(',');
        }
        scope.behind.push_str(&scope.before);
    }
}
