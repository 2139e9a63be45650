//! The layer for files: lines of `tracing_spool_format`, without colours whatever other layers do. And the filter that
//! sheds records before they are formatted.

#[cfg(test)]
mod tests;

use std::fmt;

use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Interest, Metadata, Subscriber};
use tracing_spool_format::{
    Compact, Ids, Json, JsonFields, KeepScopes, Keys, Logfmt, LogfmtFields, Text, TextFields,
};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt as subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{FmtSpan, FormatEvent, FormatFields};
use tracing_subscriber::fmt::writer::Tee;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::{Extensions, LookupSpan};

use crate::account::rank::Rank;
use crate::writer::event_writer::Spool;

/// Formats events and sends them to the log. [`Spool::layer`] returns it.
///
/// The format is [`Text`], which is `fmt`'s default, until [`json`](Self::json), [`compact`](Self::compact) or
/// [`logfmt`](Self::logfmt) selects another one. Settings made before that call are kept.
#[must_use = "a layer does nothing before it is added to a subscriber"]
pub struct SpoolLayer<S, N = TextFields, E = Text, W = Spool> {
    lines: subscriber::Layer<S, N, E, W>,
    /// The longest record, in bytes.
    max_record: usize,
    /// The lines go to a stream or a writer, and to no file.
    is_console: bool,
}

impl Spool {
    /// Returns a layer that writes to this log, without colours and with [`EventTime`](crate::EventTime) in UTC.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// let lines = spool.layer().json().redact(["password"]);
    /// let subscriber = tracing_subscriber::registry().with(lines);
    /// tracing::subscriber::with_default(subscriber, || tracing::info!(order = 7, "shipped"));
    /// assert!(guard.shutdown(std::time::Duration::from_secs(5)).is_complete());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// An `Option` of a layer is a layer too, so a service can log to stderr when its log can't be opened:
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (file, guard, console) = match tracing_spool::Spool::builder(&path).open() {
    ///     Ok((spool, guard)) => (Some(spool.layer()), Some(guard), None),
    ///     Err(error) => {
    ///         eprintln!("{error}");
    ///         (None, None, Some(tracing_subscriber::fmt::layer().with_writer(std::io::stderr)))
    ///     }
    /// };
    /// let subscriber = tracing_subscriber::registry().with(file).with(console);
    /// # drop((subscriber, guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// For a format from another crate, use the spool as a `MakeWriter`: `fmt::layer().pretty().with_writer(spool)`.
    pub fn layer<S>(&self) -> SpoolLayer<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let lines = subscriber::layer()
            .with_ansi(false)
            .event_format(Text::new())
            .fmt_fields(TextFields::new())
            .with_writer(self.clone());
        let shared = self.shared();
        let is_console = !shared.described().output.target.is_files();
        SpoolLayer { lines, max_record: shared.queue.max_record(), is_console }
    }

    /// Returns a filter that sheds, before they are formatted, the events that the queue would refuse.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// let log = spool.layer().with_filter(spool.shedding());
    /// let subscriber = tracing_subscriber::registry().with(log);
    /// # drop((subscriber, guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn shedding(&self) -> Shedding {
        Shedding { spool: self.clone() }
    }
}

impl<S, N, E, W> SpoolLayer<S, N, E, W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    E: FormatEvent<S, N>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn map<E2: FormatEvent<S, N> + 'static>(self, change: impl FnOnce(E) -> E2) -> SpoolLayer<S, N, E2, W> {
        let Self { lines, max_record, is_console } = self;
        SpoolLayer { lines: lines.map_event_format(change), max_record, is_console }
    }

    /// Sets which span events are written as well: creation, entry, exit, close.
    ///
    /// Default: `FmtSpan::NONE`.
    pub fn with_span_events(mut self, events: FmtSpan) -> Self {
        self.lines.set_span_events(events);
        self
    }
}

impl<S, T, W> SpoolLayer<S, TextFields, Text<T>, W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    T: subscriber::time::FormatTime + 'static,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    /// Writes JSON, one object per line. No line is longer than the longest record: it is cut before that, and stays valid
    /// JSON ([`Json::max_line_bytes`]).
    ///
    /// Notices of the spool itself are JSON only if [`notices`](crate::SpoolBuilder::notices) says so.
    pub fn json(self) -> SpoolLayer<S, JsonFields, Json<T>, W> {
        let max_record = self.max_record;
        let changed = self.map(|text| Json::from(text).max_line_bytes(max_record).escape_controls(true));
        let SpoolLayer { lines, is_console, .. } = changed;
        SpoolLayer { lines: lines.map_fmt_fields(JsonFields::from), max_record, is_console }
    }

    /// Writes `fmt`'s compact format.
    pub fn compact(self) -> SpoolLayer<S, TextFields, Compact<T>, W> {
        self.map(Compact::from)
    }

    /// Writes logfmt: `key=value` pairs. No line is longer than the longest record ([`Logfmt::max_line_bytes`]).
    pub fn logfmt(self) -> SpoolLayer<S, LogfmtFields, Logfmt<T>, W> {
        let max_record = self.max_record;
        let changed = self.map(|text| Logfmt::from(text).max_line_bytes(max_record));
        let SpoolLayer { lines, is_console, .. } = changed;
        SpoolLayer { lines: lines.map_fmt_fields(LogfmtFields::from), max_record, is_console }
    }
}

impl<S, T, W> SpoolLayer<S, JsonFields, Json<T>, W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    T: subscriber::time::FormatTime + 'static,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    /// Sets the names of the keys. See [`Json::keys`].
    pub fn keys(self, keys: Keys) -> Self {
        self.map(|json| json.keys(keys))
    }

    /// Sets whether an event's fields stand at the top level. See [`Json::flatten_event`].
    pub fn flatten_event(self, is_flat: bool) -> Self {
        self.map(|json| json.flatten_event(is_flat))
    }

    /// Sets whether the current span is written. See [`Json::with_current_span`].
    pub fn with_current_span(self, is_shown: bool) -> Self {
        self.map(|json| json.with_current_span(is_shown))
    }

    /// Sets whether the list of all spans is written. See [`Json::with_span_list`].
    pub fn with_span_list(self, is_shown: bool) -> Self {
        self.map(|json| json.with_span_list(is_shown))
    }
}

macro_rules! setters {
    ($($format:ident $fields:ident),*) => { $(
        impl<S, T, W> SpoolLayer<S, $fields, $format<T>, W>
        where
            S: Subscriber + for<'span> LookupSpan<'span>,
            T: subscriber::time::FormatTime + 'static,
            W: for<'writer> MakeWriter<'writer> + 'static,
        {
            #[doc = concat!("Sets the clock that timestamps are made with. See [`", stringify!($format), "::with_timer`].")]
            pub fn with_timer<T2: subscriber::time::FormatTime + 'static>(self, timer: T2) -> SpoolLayer<S, $fields, $format<T2>, W> {
                self.map(|format| format.with_timer(timer))
            }

            #[doc = concat!("Leaves out the timestamp. See [`", stringify!($format), "::without_time`].")]
            pub fn without_time(self) -> SpoolLayer<S, $fields, $format<()>, W> {
                self.map($format::without_time)
            }

            #[doc = concat!("Sets whether the level is written. See [`", stringify!($format), "::with_level`].")]
            pub fn with_level(self, is_shown: bool) -> Self {
                self.map(|format| format.with_level(is_shown))
            }

            #[doc = concat!("Sets whether the target is written. See [`", stringify!($format), "::with_target`].")]
            pub fn with_target(self, is_shown: bool) -> Self {
                self.map(|format| format.with_target(is_shown))
            }

            #[doc = concat!("Sets whether the source file is written. See [`", stringify!($format), "::with_file`].")]
            pub fn with_file(self, is_shown: bool) -> Self {
                self.map(|format| format.with_file(is_shown))
            }

            #[doc = concat!("Sets whether the source line is written. See [`", stringify!($format), "::with_line_number`].")]
            pub fn with_line_number(self, is_shown: bool) -> Self {
                self.map(|format| format.with_line_number(is_shown))
            }

            #[doc = concat!("Sets whether the thread's name is written. See [`", stringify!($format), "::with_thread_names`].")]
            pub fn with_thread_names(self, are_shown: bool) -> Self {
                self.map(|format| format.with_thread_names(are_shown))
            }

            #[doc = concat!("Sets whether the thread's id is written. See [`", stringify!($format), "::with_thread_ids`].")]
            pub fn with_thread_ids(self, are_shown: bool) -> Self {
                self.map(|format| format.with_thread_ids(are_shown))
            }

            #[doc = concat!("Adds the trace and span ids that `find` returns for the event's span. See [`", stringify!($format), "::ids`].")]
            pub fn ids(self, find: impl Fn(&Extensions<'_>) -> Option<Ids> + Send + Sync + 'static) -> Self {
                self.map(|format| format.ids(find))
            }

            #[doc = concat!("Hides the values of fields with these names. See [`", stringify!($fields), "::redact`].")]
            pub fn redact(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
                Self { lines: self.lines.map_fmt_fields(|fields| fields.redact(names)), ..self }
            }

            #[doc = concat!("Hides the values of fields whose names `is_hidden` accepts. See [`", stringify!($fields), "::redact_where`].")]
            pub fn redact_where(self, is_hidden: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
                Self { lines: self.lines.map_fmt_fields(|fields| fields.redact_where(is_hidden)), ..self }
            }

            #[doc = concat!("Sets the longest value of a field, in bytes. See [`", stringify!($fields), "::max_field_bytes`].")]
            pub fn max_field_bytes(self, bytes: usize) -> Self {
                Self { lines: self.lines.map_fmt_fields(|fields| fields.max_field_bytes(bytes)), ..self }
            }
        }
    )* };
}

setters!(Text TextFields, Compact TextFields, Json JsonFields, Logfmt LogfmtFields);

/// Generates `tee` for each format, and `with_ansi` for those that have colours.
macro_rules! outputs {
    ($($format:ident $fields:ident $plain:expr),*) => { $(
        impl<S, T, W> SpoolLayer<S, $fields, $format<T>, W>
        where
            S: Subscriber + for<'span> LookupSpan<'span>,
            T: subscriber::time::FormatTime + 'static,
            W: for<'writer> MakeWriter<'writer> + 'static,
        {
            /// Sends each line to another log too.
            ///
            /// The line is formatted once, without colours. Each log has its own queue, thread and counters, so a stdout
            /// reader that stops reading doesn't hold up the file. For JSON and logfmt, the smaller `max_record_bytes` of
            /// the two bounds the line.
            ///
            /// With a format from another crate, write `fmt::layer().with_writer(stdout.and(file))`, with
            /// `tracing_subscriber`'s [`MakeWriterExt`](tracing_subscriber::fmt::writer::MakeWriterExt).
            ///
            /// ```
            /// # let dir = tempfile::tempdir()?;
            /// # let path = dir.path().join("app.log");
            /// use tracing_spool::Spool;
            /// use tracing_subscriber::prelude::*;
            ///
            /// let (stdout, _console) = Spool::stdout().open()?;
            /// let (file, guard) = Spool::builder(&path).open()?;
            /// let subscriber = tracing_subscriber::registry().with(stdout.layer().tee(&file));
            /// tracing::subscriber::with_default(subscriber, || tracing::info!("in both"));
            /// assert_eq!(guard.shutdown(std::time::Duration::from_secs(5)).written, 1);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn tee(self, other: &Spool) -> SpoolLayer<S, $fields, $format<T>, Tee<W, Spool>> {
                let max_record = self.max_record.min(other.shared().queue.max_record());
                let SpoolLayer { lines, .. } = self.map(|format| $plain(format, max_record));
                let lines = lines.map_writer(|writer| Tee::new(writer, other.clone()));
                SpoolLayer { lines, max_record, is_console: false }
            }
        }
    )* };
    (@colours $($format:ident),*) => { $(
        impl<S, T, W> SpoolLayer<S, TextFields, $format<T>, W>
        where
            S: Subscriber + for<'span> LookupSpan<'span>,
            T: subscriber::time::FormatTime + 'static,
            W: for<'writer> MakeWriter<'writer> + 'static,
        {
            #[doc = concat!("Sets whether lines have colours, if the log is a stream or a writer; a log of files never has any. See [`", stringify!($format), "::with_ansi`].")]
            pub fn with_ansi(self, has_colours: bool) -> Self {
                let has_colours = has_colours && self.is_console;
                self.map(|format| format.with_ansi(has_colours))
            }
        }
    )* };
}

outputs!(Text TextFields |text: Text<T>, _| text.with_ansi(false));
outputs!(Compact TextFields |compact: Compact<T>, _| compact.with_ansi(false));
outputs!(Json JsonFields Json::max_line_bytes, Logfmt LogfmtFields Logfmt::max_line_bytes);
outputs!(@colours Text, Compact);

impl<S, N, E, W> Layer<S> for SpoolLayer<S, N, E, W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    E: FormatEvent<S, N> + 'static,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        KeepScopes.on_new_span(attributes, id, ctx.clone());
        self.lines.on_new_span(attributes, id, ctx);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        self.lines.on_record(id, values, ctx);
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        self.lines.on_event(event, ctx);
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        self.lines.on_enter(id, ctx);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        self.lines.on_exit(id, ctx);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        self.lines.on_close(id, ctx);
    }
}

impl<S, N, E, W> fmt::Debug for SpoolLayer<S, N, E, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolLayer").field("max_record", &self.max_record).finish_non_exhaustive()
    }
}

/// Sheds events that the queue would refuse, before they are formatted. [`Spool::shedding`] returns it, for `with_filter`.
///
/// TRACE and DEBUG are shed from 80 % of the queue on, INFO from 95 %, WARN from 98 %, and ERROR when the queue is full.
///
/// A shed event counts like a record that the queue refused: by reason and level in [`Stats`](crate::Stats), and in the log
/// at the place where it is missing. If callers wait for room ([`Overflow`](crate::Overflow)), this filter sheds nothing.
///
/// Because it counts, it must be the last of several filters to decide: `env_filter.and(spool.shedding())`, or
/// `.with_filter(spool.shedding())` followed by `.with_filter(env_filter)`. Don't use it under `not` or `or`. A layer that
/// vetoes events for all layers ([`Layer::event_enabled`](tracing_subscriber::Layer::event_enabled)) must be added after
/// this one, so that it is asked first; otherwise this filter counts events that the layer then vetoes.
///
/// Like every filter whose answer changes, it makes `tracing` ask at each event. It pays off if the queue does overflow and
/// formatting is expensive.
#[derive(Clone, Debug)]
pub struct Shedding {
    spool: Spool,
}

impl<S> Filter<S> for Shedding {
    /// Always true: the decision is counted, so it must be made once, at the event. Spans and callers that only ask are
    /// never refused.
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    /// Never cached: an answer about an event that another layer then vetoed would be reused for the next event.
    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let shared = self.spool.shared();
        let rank = Rank::of(*event.metadata().level());
        let foreseen = shared.foresee(rank);
        if let Err(refusal) = foreseen {
            shared.refuse(rank, refusal);
        }
        foreseen.is_ok()
    }

    /// Not `None`: combined with another filter, that would hide the other filter's level.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}
