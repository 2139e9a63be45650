//! Tests the formats beside foreign fields, layers and values: nothing hidden is shown, nothing kept is stale, JSON
//! stays JSON.

use std::fmt::{self, Debug};
use std::sync::Arc;

use tracing_spool_format::{Compact, Json, JsonFields, KeepScopes, Logfmt, LogfmtFields, Text, TextFields};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, layer};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry, reload};

use crate::world::Page;

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

fn run(layers: Vec<Boxed>, program: impl FnOnce()) {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layers), program);
}

fn read(page: &Page) -> Vec<serde_json::Value> {
    page.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn login() {
    let _span = tracing::info_span!("login", password = "hunter1").entered();
    tracing::info!(password = "hunter2", "refused");
}

/// Somebody's own type around ours.
struct Own(JsonFields);

impl<'writer> FormatFields<'writer> for Own {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

#[test]
fn rules_hold_whatever_type_of_fields_has_them() {
    let pages = [(); 6].map(|()| Page::default());
    let [a, b, c, d, e, f] = &pages;
    let (text, json) = (TextFields::new().redact(["password"]), JsonFields::new().redact(["password"]));
    let own = Own(json.clone());
    run(
        vec![layer().event_format(Json::new()).fmt_fields(text.clone()).with_writer(a.clone()).boxed()],
        login,
    );
    run(
        vec![layer().event_format(Logfmt::new()).fmt_fields(text.clone()).with_writer(b.clone()).boxed()],
        login,
    );
    run(
        vec![layer().event_format(Logfmt::new()).fmt_fields(json.clone()).with_writer(c.clone()).boxed()],
        login,
    );
    run(vec![layer().event_format(Json::new()).fmt_fields(own).with_writer(d.clone()).boxed()], login);
    let logfmt = LogfmtFields::new().redact(["password"]);
    run(vec![layer().event_format(Compact::new()).fmt_fields(logfmt).with_writer(e.clone()).boxed()], login);
    run(
        vec![layer().event_format(Logfmt::new()).fmt_fields(Own(json)).with_writer(f.clone()).boxed()],
        login,
    );
    for page in &pages {
        assert!(page.text().contains("[REDACTED]") && !page.text().contains("hunter"), "{}", page.text());
    }
    assert_eq!((read(a).len(), read(d).len()), (1, 1));
}

#[test]
fn what_the_first_layer_hides_no_later_one_shows() {
    let record = || {
        let span = tracing::info_span!("login", pin = 1, late = tracing::field::Empty);
        span.record("pin", 1234);
        span.record("late", 1234);
        let _entered = span.entered();
        tracing::info!("said");
    };
    macro_rules! beside {
        ($format:expr, $fields:expr) => {{
            let page = Page::default();
            let strict = layer().event_format($format).fmt_fields($fields.redact(["pin", "late"]));
            let other = layer().event_format($format).fmt_fields($fields).with_writer(std::io::sink);
            run(vec![strict.with_writer(page.clone()).boxed(), other.boxed()], record);
            page.text()
        }};
    }
    let said = [
        beside!(Json::new().without_time(), JsonFields::new()),
        beside!(Text::new().without_time(), TextFields::new()),
        beside!(Logfmt::new().without_time(), LogfmtFields::new()),
    ];
    for said in said {
        assert!(said.contains("[REDACTED]") && !said.contains("1234"), "{said}");
    }
}

#[test]
fn a_raw_name_is_hidden_as_it_stands_in_the_source() {
    let page = Page::default();
    let fields = JsonFields::new().redact(["r#type"]);
    run(vec![layer().event_format(Json::new()).fmt_fields(fields).with_writer(page.clone()).boxed()], || {
        let _span = tracing::info_span!("s", r#type = "secret").entered();
        tracing::info!(r#type = "secret", "said");
    });
    assert!(page.text().contains("[REDACTED]") && !page.text().contains("secret"), "{}", page.text());
}

/// Fails behind its first half.
struct Fails;

impl Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

#[test]
fn a_value_that_cannot_be_formatted_costs_no_other() {
    let [text, json, logfmt] = [(); 3].map(|()| Page::default());
    let layers = vec![
        layer().event_format(Text::new()).fmt_fields(TextFields::new()).with_writer(text.clone()).boxed(),
        layer().event_format(Json::new()).fmt_fields(JsonFields::new()).with_writer(json.clone()).boxed(),
        layer()
            .event_format(Logfmt::new())
            .fmt_fields(LogfmtFields::new())
            .with_writer(logfmt.clone())
            .boxed(),
    ];
    run(layers, || {
        let _span = tracing::info_span!("s", a = 1, bad = ?Fails, b = 2).entered();
        tracing::info!(c = 3, bad = ?Fails, d = 4, "said");
    });
    for page in [&text, &json, &logfmt] {
        assert!(page.text().matches("half[could not be formatted]").count() >= 2, "{}", page.text());
    }
    let line = &read(&json)[0];
    assert_eq!((&line["fields"]["d"], &line["span"]["b"]), (&4.into(), &2.into()));
}

#[test]
fn fields_of_fmt_are_never_stale() {
    let page = Page::default();
    let lines = layer().with_ansi(false).event_format(Text::new().without_time().with_target(false));
    let lines = lines.fmt_fields(DefaultFields::new()).with_writer(page.clone());
    run(vec![KeepScopes.boxed(), lines.boxed()], || {
        let span = tracing::info_span!("s", a = 1, b = tracing::field::Empty);
        let _entered = span.enter();
        tracing::info!("x");
        span.record("b", 2);
        tracing::info!("y");
    });
    assert_eq!(page.text(), " INFO s{a=1}: x\n INFO s{a=1 b=2}: y\n");
}

/// One format for several layers.
struct Shared(Arc<Text<()>>);

impl<S, N> FormatEvent<S, N> for Shared
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        self.0.format_event(ctx, writer, event)
    }
}

#[test]
fn one_format_in_two_layers_keeps_their_fields_apart() {
    let [open, strict] = [(); 2].map(|()| Page::default());
    let text = Arc::new(Text::new().without_time());
    let lines = layer().event_format(Shared(Arc::clone(&text))).fmt_fields(LogfmtFields::new());
    let hides = layer().event_format(Shared(text)).fmt_fields(TextFields::new().redact(["password"]));
    let layers = vec![
        KeepScopes.boxed(),
        lines.with_writer(open.clone()).boxed(),
        hides.with_writer(strict.clone()).boxed(),
    ];
    run(layers, login);
    assert!(open.text().contains("hunter1") && !strict.text().contains("hunter"), "{}", strict.text());
}

#[test]
fn a_format_that_is_changed_shows_open_spans_anew() {
    let page = Page::default();
    let format = Text::new().without_time().with_target(false).with_ansi(true);
    let lines = layer().event_format(format).fmt_fields(TextFields::new()).with_writer(page.clone());
    let (lines, handle) = reload::Layer::new(Some(lines));
    let subscriber = tracing_subscriber::registry().with(KeepScopes).with(lines);
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("s", a = 1).entered();
        tracing::info!("x");
        let plain = |text: Text<()>| text.with_ansi(false);
        handle.modify(|lines| *lines = lines.take().map(|lines| lines.map_event_format(plain))).unwrap();
        tracing::info!("y");
    });
    assert!(page.text().ends_with("\n INFO s{a=1}: y\n"), "{}", page.text());
}

#[test]
fn text_in_braces_is_no_json() {
    for message in ["{oops}", "{\"admin\":true}"] {
        let page = Page::default();
        let lines = layer().event_format(Json::new()).fmt_fields(TextFields::new()).with_writer(page.clone());
        run(vec![lines.boxed()], || {
            let _span = tracing::info_span!("s", "{message}").entered();
            tracing::info!("said");
        });
        let line = &read(&page)[0];
        assert_eq!((&line["span"]["fields"], &line["span"]["admin"]), (&message.into(), &().into()));
    }
}

#[test]
fn logfmt_escapes_as_json_does_and_closes_what_was_cut() {
    let page = Page::default();
    let format = Logfmt::new().without_time().with_level(false).with_target(false).max_line_bytes(80);
    let lines = layer().event_format(format).fmt_fields(LogfmtFields::new()).with_writer(page.clone());
    run(vec![lines.boxed()], || {
        tracing::info!(a = "x\u{7f} y", b = "p\u{85}q", c = "£5");
        for quotes in 20..60 {
            tracing::info!(text = "\"".repeat(quotes));
        }
    });
    let text = page.text();
    let mut lines = text.lines();
    assert_eq!(lines.next().unwrap(), "a=\"x\\u007f y\" b=\"p\\u0085q\" c=£5");
    let mut cut = 0;
    for line in lines {
        assert!(line.len() < 80, "{line}");
        let value = line.strip_prefix("text=").unwrap();
        let value = value.split_once(" truncated_bytes=").map_or(value, |(value, _)| {
            cut += 1;
            value
        });
        let _: String = serde_json::from_str(value).unwrap();
    }
    assert!(cut > 10);
}

#[test]
fn bytes_that_are_cut_say_so() {
    let page = Page::default();
    let fields = JsonFields::new().max_field_bytes(6);
    run(vec![layer().event_format(Json::new()).fmt_fields(fields).with_writer(page.clone()).boxed()], || {
        let _span =
            tracing::info_span!("s", few = [1_u8, 2].as_slice(), many = [200_u8; 10].as_slice()).entered();
        tracing::info!("said");
    });
    let line = &read(&page)[0];
    assert_eq!(line["span"]["few"], serde_json::json!([1, 2]));
    assert_eq!(line["span"]["many"], "[200,2…[+35 bytes]");
}

#[test]
fn a_field_recorded_twice_stands_once_in_json() {
    let page = Page::default();
    let lines = layer().event_format(Json::new()).fmt_fields(JsonFields::new()).with_writer(page.clone());
    run(vec![lines.boxed()], || {
        let span = tracing::info_span!("s", n = 1);
        span.record("n", 2);
        let _entered = span.entered();
        tracing::info!("said");
    });
    assert!(page.text().contains("\"span\":{\"n\":2,\"name\":\"s\"}"), "{}", page.text());
}
