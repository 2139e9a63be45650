//! The layer that suits a file: no colours, whatever other layers do, and records that would be dropped are shed before
//! they are formatted. How a record travels is `queue`'s; what it looks like is `tracing_subscriber`'s.

#[cfg(test)]
mod tests;

use std::fmt;

use tracing_core::{Event, Interest, Metadata};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt as subscriber;
use tracing_subscriber::fmt::format::{DefaultFields, Format, FormatFields, Full, Writer};
use tracing_subscriber::layer::{Context, Filter};

use crate::account::rank::Rank;
use crate::writer::event_time::EventTime;
use crate::writer::event_writer::Spool;

/// What [`Spool::layer`] returns: a [`tracing_subscriber::fmt::Layer`], with all its methods.
pub type SpoolLayer<S> = subscriber::Layer<S, PlainFields, Format<Full, EventTime>, Spool>;

impl Spool {
    /// A `fmt` layer into this log: without colours, with [`EventTime`] in UTC, and with [`PlainFields`], so that no
    /// colour of a console layer beside it gets into the file. `.json()`, `.compact()`, `.with_timer()` and the rest
    /// are there as on any `fmt` layer.
    ///
    /// After `.pretty()`, which has fields of its own, say `.fmt_fields(PlainFields::new())`.
    ///
    /// A layer in an `Option` is a layer too, so a service can log to stderr where its log cannot be opened:
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
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// let subscriber = tracing_subscriber::registry().with(spool.layer().compact());
    /// tracing::subscriber::with_default(subscriber, || tracing::info!(order = 7, "shipped"));
    /// assert!(guard.shutdown(std::time::Duration::from_secs(5)).is_complete());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn layer<S>(&self) -> SpoolLayer<S>
    where
        S: tracing_core::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
    {
        subscriber::layer()
            .with_ansi(false)
            .with_timer(EventTime::utc())
            .fmt_fields(PlainFields::new())
            .with_writer(self.clone())
    }

    /// A filter for this log's layer that sheds what the queue would refuse, before it is formatted.
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

/// Formats the fields of spans and events as `tracing_subscriber`'s own default does, under a name of its own.
///
/// `tracing_subscriber` keeps the formatted fields of a span once for each *type* of field formatter. Two layers with
/// the same one share them, and a layer for a file finds what a coloured layer for a console has put there.
///
/// ```
/// let fields = tracing_spool::PlainFields::new();
/// let layer = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>().fmt_fields(fields);
/// # drop(layer);
/// ```
#[derive(Debug, Default)]
pub struct PlainFields(DefaultFields);

impl PlainFields {
    /// The formatter; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<'writer> FormatFields<'writer> for PlainFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

/// Sheds events that the queue would refuse, before they are formatted: TRACE and DEBUG from 80 % of the queue on, INFO
/// from 95 %, WARN from 98 %, ERROR when it is full. Made by [`Spool::shedding`], for `with_filter`.
///
/// What it sheds is counted like a record that the queue refused: by reason and level in [`Stats`](crate::Stats), and in
/// the log where it is missing. Where callers wait for room ([`Overflow`](crate::Overflow)), nothing is shed here.
///
/// With other filters it is the last word: `env_filter.and(spool.shedding())`, or `.with_filter(spool.shedding())` and
/// then `.with_filter(env_filter)`; never under `not` or `or`, for it counts. So is a layer that vetoes events for all layers
/// ([`Layer::event_enabled`](tracing_subscriber::Layer::event_enabled)) to be added after this one, and is then asked
/// first: of one that was added before, events are counted here that it would have vetoed. Its price, as that of every filter whose
/// answer changes: `tracing` asks at each event. It pays where the queue does overflow and formatting is dear.
#[derive(Clone, Debug)]
pub struct Shedding {
    spool: Spool,
}

impl<S> Filter<S> for Shedding {
    /// Spans, and whoever only asks, are never turned away: a decision that is counted is made once, at the event.
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    /// Never cached: what this filter said of an event that another layer then vetoed would be said of the next one.
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

    /// Not "unknown": combined with another filter, that would hide the other's level.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}
