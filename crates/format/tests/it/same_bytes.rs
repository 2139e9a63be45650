//! Proves that the bytes are those of `tracing_subscriber::fmt`: for generated callsites, spans, values and options,
//! two layers of one subscriber write, and their output is compared.

use proptest::prelude::*;
use tracing::{Id, Span};
use tracing_core::{Kind, Subscriber};
use tracing_spool_format::{Compact, Json, JsonFields, KeepScopes, Text, TextFields};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::draw::{Fields, Place, fields, metadata, place, send, with_values};
use crate::world::{Noon, Page};

/// What is shown.
#[derive(Clone, Copy, Debug)]
struct Show {
    time: bool,
    level: bool,
    target: bool,
    file: bool,
    line: bool,
    thread_names: bool,
    thread_ids: bool,
    flat: bool,
    current: bool,
    list: bool,
    span_events: bool,
    keeps: bool,
}

#[derive(Clone, Debug)]
struct Drawn {
    show: Show,
    /// From the root; each is entered, and after that other fields may be recorded.
    spans: Vec<(Place, Fields, bool)>,
    events: Vec<(Place, Fields)>,
    /// Of the last event: none, no parent, or one of the spans.
    parent: Option<Option<usize>>,
}

fn show() -> impl Strategy<Value = Show> {
    any::<[bool; 12]>().prop_map(
        |[
            time,
            level,
            target,
            file,
            line,
            thread_names,
            thread_ids,
            flat,
            current,
            list,
            span_events,
            keeps,
        ]| Show {
            time,
            level,
            target,
            file,
            line,
            thread_names,
            thread_ids,
            flat,
            current,
            list,
            span_events,
            keeps,
        },
    )
}

fn drawn(is_json: bool) -> impl Strategy<Value = Drawn> {
    let spans = prop::collection::vec((place(), fields(is_json), any::<bool>()), 0..4);
    let events = prop::collection::vec((place(), fields(false)), 1..4);
    let parent = prop::option::of(prop::option::of(0..3_usize));
    (show(), spans, events, parent).prop_map(|(show, spans, events, parent)| Drawn {
        show,
        spans,
        events,
        parent,
    })
}

/// Does what was drawn, under a subscriber.
fn act(drawn: &Drawn, uses_parent: bool) {
    let mut entered = Vec::new();
    for (place, fields, records_later) in &drawn.spans {
        let names: Vec<&'static str> = fields.iter().map(|(name, _)| *name).collect();
        let metadata = metadata(place, &names, Kind::SPAN);
        let (now, later) =
            if *records_later { fields.split_at(fields.len() / 2) } else { (&fields[..], &[][..]) };
        let span = with_values(metadata, &now.to_vec(), |values| Span::new(metadata, values));
        let span = span.entered();
        if let Some((place, fields)) = drawn.events.first() {
            send(place, fields, None);
        }
        if !later.is_empty() {
            with_values(metadata, &later.to_vec(), |values| span.record_all(values));
        }
        entered.push(span);
    }
    for (place, fields) in &drawn.events {
        send(place, fields, None);
    }
    if let (true, Some(parent), Some((place, fields))) = (uses_parent, drawn.parent, drawn.events.last()) {
        let parent = parent.and_then(|index| entered.get(index)).and_then(|span| span.id());
        send(place, fields, Some(parent));
    }
    while entered.pop().is_some() {}
}

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

macro_rules! shown {
    ($layer:expr, $show:expr) => {
        $layer
            .with_level($show.level)
            .with_target($show.target)
            .with_file($show.file)
            .with_line_number($show.line)
            .with_thread_names($show.thread_names)
            .with_thread_ids($show.thread_ids)
    };
}

/// Both layers' pages.
fn pages<A, B>(drawn: &Drawn, uses_parent: bool, theirs: A, ours: B) -> (String, String)
where
    A: FnOnce(Page) -> Boxed<Registered>,
    B: FnOnce(Page) -> Boxed<Registered2>,
{
    let (page, other) = (Page::default(), Page::default());
    let keeps = drawn.show.keeps.then_some(KeepScopes);
    let subscriber =
        tracing_subscriber::registry().with(keeps).with(theirs(page.clone())).with(ours(other.clone()));
    tracing::subscriber::with_default(subscriber, || act(drawn, uses_parent));
    (page.text(), other.text())
}

type Registered = tracing_subscriber::layer::Layered<Option<KeepScopes>, Registry>;
type Registered2 = tracing_subscriber::layer::Layered<Boxed<Registered>, Registered>;

fn events_of(show: Show) -> FmtSpan {
    // Not of closing: that has times in it.
    if show.span_events { FmtSpan::NEW | FmtSpan::ACTIVE } else { FmtSpan::NONE }
}

fn layer<S, N, E>(fields: N, event: E, show: Show, page: Page) -> Boxed<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> fmt::FormatFields<'w> + Send + Sync + 'static,
    E: fmt::FormatEvent<S, N> + Send + Sync + 'static,
{
    let layer = fmt::layer::<S>().with_ansi(false).with_span_events(events_of(show));
    layer.fmt_fields(fields).event_format(event).with_writer(page).boxed()
}

/// A layer of this format, with what is shown.
macro_rules! layer_of {
    ($format:expr, $fields:expr, $show:expr, $page:expr) => {{
        let format = shown!($format, $show).with_timer(Noon);
        if $show.time {
            layer($fields, format, $show, $page)
        } else {
            layer($fields, format.without_time(), $show, $page)
        }
    }};
}

macro_rules! json_of {
    ($format:expr, $show:expr) => {
        $format.flatten_event($show.flat).with_current_span($show.current).with_span_list($show.list)
    };
}

proptest! {
    #[test]
    fn text_is_as_fmt_has_it(drawn in drawn(false)) {
        let show = drawn.show;
        let (theirs, ours) = pages(
            &drawn,
            true,
            |page| layer_of!(fmt::format(), fmt::format::DefaultFields::new(), show, page),
            |page| layer_of!(Text::new(), TextFields::new(), show, page),
        );
        prop_assert_eq!(theirs, ours);
    }

    #[test]
    fn compact_is_as_fmt_has_it(drawn in drawn(false)) {
        let show = drawn.show;
        let (theirs, ours) = pages(
            &drawn,
            false,
            |page| layer_of!(fmt::format().compact(), fmt::format::DefaultFields::new(), show, page),
            |page| layer_of!(Compact::new(), TextFields::new(), show, page),
        );
        prop_assert_eq!(theirs, ours);
    }

    #[test]
    fn json_is_as_fmt_has_it(mut drawn in drawn(true)) {
        // Of a span's own events, whose parent is explicit, `fmt` lists the spans that the thread is in.
        drawn.show.list &= !drawn.show.span_events;
        // Fields that are recorded later are lost there, where an earlier one has a name that JSON escapes.
        for (_, fields, records_later) in &mut drawn.spans {
            *records_later &= fields.iter().all(|(name, _)| !name.contains('"'));
        }
        let show = drawn.show;
        let (theirs, ours) = pages(
            &drawn,
            false,
            |page| layer_of!(json_of!(fmt::format().json(), show), fmt::format::JsonFields::new(), show, page),
            |page| layer_of!(json_of!(Json::new(), show), JsonFields::new(), show, page),
        );
        prop_assert_eq!(theirs, ours);
    }
}

/// A record of the `log` crate shows its own target, file and line.
#[test]
fn records_of_the_log_crate_are_as_fmt_has_them() {
    let _ = tracing_log::LogTracer::init();
    let (page, other) = (Page::default(), Page::default());
    let theirs = fmt::layer().with_ansi(false).without_time().with_file(true).with_line_number(true);
    let json = fmt::layer().json().without_time().with_file(true);
    let (json_page, json_other) = (Page::default(), Page::default());
    let subscriber = tracing_subscriber::registry()
        .with(theirs.with_writer(page.clone()))
        .with(json.with_writer(json_page.clone()))
        .with(
            fmt::layer()
                .event_format(Text::new().without_time().with_file(true).with_line_number(true))
                .fmt_fields(TextFields::new())
                .with_writer(other.clone()),
        )
        .with(
            fmt::layer()
                .event_format(Json::new().without_time().with_file(true))
                .fmt_fields(JsonFields::new())
                .with_writer(json_other.clone()),
        );
    tracing::subscriber::with_default(subscriber, || log::warn!(target: "old", "from the {} crate", "log"));
    assert!(page.text().contains("old: ") && page.text().contains("from the log crate"), "{}", page.text());
    assert_eq!((page.text(), json_page.text()), (other.text(), json_other.text()));
}

// What the differential tests leave out, because there the line is right and `fmt`'s is not.

#[test]
fn an_event_shows_the_spans_of_its_own_parent() {
    let (page, json) = (Page::default(), Page::default());
    let layer = fmt::layer().event_format(Compact::new().without_time()).fmt_fields(TextFields::new());
    let lines = fmt::layer().event_format(Json::new().with_current_span(false)).fmt_fields(JsonFields::new());
    let subscriber = tracing_subscriber::registry()
        .with(layer.with_writer(page.clone()))
        .with(lines.with_writer(json.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let other = tracing::info_span!("other", of = 1);
        let _current = tracing::info_span!("current").entered();
        tracing::info!(parent: None::<Id>, "nowhere");
        tracing::info!(parent: &other, "elsewhere");
    });
    let target = module_path!();
    assert_eq!(page.text(), format!(" INFO {target}: nowhere\n INFO other: {target}: elsewhere of=1\n"));
    let json = json.text();
    let (nowhere, elsewhere) = json.split_once('\n').unwrap();
    assert!(
        !nowhere.contains("current") && elsewhere.contains("\"spans\":[{\"of\":1,\"name\":\"other\"}]"),
        "{json}"
    );
}

#[test]
fn a_span_in_json_has_what_was_recorded_later_and_all_digits() {
    let page = Page::default();
    let layer = fmt::layer().event_format(Json::new().with_span_list(false)).fmt_fields(JsonFields::new());
    let subscriber = tracing_subscriber::registry().with(layer.with_writer(page.clone()));
    // Parsed and written again, as it is in `fmt`, it may come out as another.
    let digits = 0.1 + 0.2;
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!("s", "a\"b" = digits, late = tracing::field::Empty);
        span.record("late", true);
        let _entered = span.entered();
        tracing::info!("said");
    });
    let line: serde_json::Value = serde_json::from_str(&page.text()).unwrap();
    assert_eq!(
        (&line["span"]["late"], page.text().contains("\"a\\\"b\":0.30000000000000004")),
        (&true.into(), true)
    );
}
