//! Proves that what is kept of spans is what they say now: after `Span::record`, on other threads, in async code, with
//! several layers and filters of their own.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tracing::Instrument as _;
use tracing_spool_format::{Json, JsonFields, KeepScopes, Text, TextFields};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::world::Page;

fn text<S>(page: &Page) -> impl Layer<S> + use<S>
where
    S: tracing_core::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let format = Text::new().without_time().with_level(false).with_target(false);
    fmt::layer().event_format(format).fmt_fields(TextFields::new()).with_writer(page.clone())
}

/// The page of a program under one layer.
fn said(program: impl FnOnce()) -> String {
    let page = Page::default();
    let subscriber = tracing_subscriber::registry().with(KeepScopes).with(text(&page));
    tracing::subscriber::with_default(subscriber, program);
    page.text()
}

#[test]
fn fields_recorded_later_are_shown_at_once_in_inner_spans_too() {
    let said = said(|| {
        let outer = tracing::info_span!("outer", a = 1, b = tracing::field::Empty);
        let outer = outer.entered();
        let _inner = tracing::info_span!("inner").entered();
        tracing::info!("before");
        tracing::info!("again");
        outer.record("b", 2);
        tracing::info!("after");
    });
    assert_eq!(said, "outer{a=1}:inner: before\nouter{a=1}:inner: again\nouter{a=1 b=2}:inner: after\n");
}

#[test]
fn threads_share_what_is_kept_and_see_every_change() {
    const ROUNDS: u64 = 500;
    let said = said(|| {
        let span = tracing::info_span!("shared", n = tracing::field::Empty);
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let (span, dispatch) = (span.clone(), dispatch.clone());
                scope.spawn(move || {
                    tracing::dispatcher::with_default(&dispatch, || {
                        for round in 0..ROUNDS {
                            span.record("n", round);
                            let _entered = span.enter();
                            tracing::info!(round, "here");
                        }
                    });
                });
            }
        });
    });
    // The fields add up: of each line, the last one recorded by its own thread is among them.
    assert_eq!(said.lines().count() as u64, 3 * ROUNDS);
    for line in said.lines() {
        let (spans, round) = line.split_once(": here round=").unwrap();
        let is_shown =
            spans.trim_end_matches('}').split(' ').any(|field| field.ends_with(&format!("n={round}")));
        assert!(is_shown, "{round} is not in {spans}");
    }
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// Is ready the second time.
async fn step_aside() {
    let mut is_second = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut is_second, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn tasks_that_take_turns_show_their_own_spans() {
    let said = said(|| {
        let task = |name: u64| {
            async move {
                tracing::info!("one");
                step_aside().await;
                tracing::info!("two");
            }
            .instrument(tracing::info_span!("task", name))
        };
        let (mut a, mut b) = (pin!(task(1)), pin!(task(2)));
        let waker = Waker::from(Arc::new(Nobody));
        let mut context = Context::from_waker(&waker);
        for _ in 0..2 {
            let _ = a.as_mut().poll(&mut context);
            let _ = b.as_mut().poll(&mut context);
        }
    });
    assert_eq!(said, "task{name=1}: one\ntask{name=2}: one\ntask{name=1}: two\ntask{name=2}: two\n");
}

#[test]
fn layers_with_filters_of_their_own_keep_their_own() {
    let (all, some, json) = (Page::default(), Page::default(), Page::default());
    let hides = filter_fn(|meta| meta.name() != "hidden");
    let format = Json::new().without_time().with_level(false).with_target(false).with_current_span(false);
    let subscriber = tracing_subscriber::registry()
        .with(KeepScopes)
        .with(text(&all))
        .with(text(&some).with_filter(hides))
        .with(fmt::layer().event_format(format).fmt_fields(JsonFields::new()).with_writer(json.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let _outer = tracing::info_span!("outer").entered();
        let _hidden = tracing::info_span!("hidden", a = 1).entered();
        let _inner = tracing::info_span!("inner").entered();
        for _ in 0..2 {
            tracing::info!("here");
        }
    });
    assert_eq!(all.text(), "outer:hidden{a=1}:inner: here\n".repeat(2));
    assert_eq!(some.text(), "outer:inner: here\n".repeat(2));
    let line = r#"{"fields":{"message":"here"},"spans":[{"name":"outer"},{"a":1,"name":"hidden"},{"name":"inner"}]}"#;
    assert_eq!(json.text(), format!("{line}\n").repeat(2));
}

#[test]
fn a_clone_of_a_format_is_another_layer() {
    let format = Text::new().without_time().with_level(false).with_target(false);
    let layer = |page: &Page| {
        fmt::layer().event_format(format.clone()).fmt_fields(TextFields::new()).with_writer(page.clone())
    };
    let (all, some) = (Page::default(), Page::default());
    let subscriber = Registry::default().with(KeepScopes).with(layer(&all)).with(
        fmt::layer()
            .event_format(format.clone())
            .fmt_fields(TextFields::new())
            .with_writer(some.clone())
            .with_filter(filter_fn(|meta| meta.name() != "hidden")),
    );
    tracing::subscriber::with_default(subscriber, || {
        let _hidden = tracing::info_span!("hidden").entered();
        let _inner = tracing::info_span!("inner").entered();
        tracing::info!("here");
    });
    assert_eq!((&*all.text(), &*some.text()), ("hidden:inner: here\n", "inner: here\n"));
}
