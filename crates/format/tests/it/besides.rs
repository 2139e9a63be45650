//! Tests what the formats add to `fmt`'s: redaction, bounds, keys of your own, logfmt.

use tracing_spool_format::{
    Compact, EventTime, Ids, Json, JsonFields, Keys, Logfmt, LogfmtFields, Text, TextFields,
};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, fmt};

use crate::world::{Noon, Page};

/// The page of a program, whose events and spans have secrets.
macro_rules! said {
    ($format:expr, $fields:expr, $program:expr) => {{
        let page = Page::default();
        let layer =
            fmt::layer().with_ansi(false).event_format($format).fmt_fields($fields).with_writer(page.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, $program);
        page.text()
    }};
}

fn secrets() {
    let span = tracing::info_span!("login", user = "ann", password = "hunter2", pin = tracing::field::Empty);
    let _span = span.clone().entered();
    span.record("pin", 1234);
    tracing::info!(password = "hunter3", tries = 2, "refused");
}

#[test]
fn fields_are_hidden_in_events_and_in_spans_in_every_format() {
    let text = said!(
        Text::new().without_time().with_target(false),
        TextFields::new().redact(["password"]).redact_where(|name| name == "pin"),
        secrets
    );
    assert_eq!(
        text,
        " INFO login{user=\"ann\" password=[REDACTED] pin=[REDACTED]}: refused password=[REDACTED] tries=2\n"
    );
    let json = said!(
        Json::new().without_time().with_target(false).with_span_list(false),
        JsonFields::new().redact(["password", "pin"]),
        secrets
    );
    assert_eq!(
        json,
        "{\"level\":\"INFO\",\"fields\":{\"message\":\"refused\",\"password\":\"[REDACTED]\",\"tries\":2},\
         \"span\":{\"password\":\"[REDACTED]\",\"pin\":\"[REDACTED]\",\"user\":\"ann\",\"name\":\"login\"}}\n"
    );
    let logfmt = said!(
        Logfmt::new().without_time().with_target(false),
        LogfmtFields::new().redact_where(|name| ["password", "pin"].contains(&name)),
        secrets
    );
    assert_eq!(
        logfmt,
        "level=info span=login msg=refused password=[REDACTED] tries=2 user=ann password=[REDACTED] pin=[REDACTED]\n"
    );
}

#[test]
fn long_values_are_cut_and_say_so() {
    let program =
        || tracing::info!(body = "ü".repeat(10), shown = ?"x".repeat(10), n = 7, "{}", "m".repeat(10));
    let text = said!(
        Text::new().without_time().with_level(false).with_target(false),
        TextFields::new().max_field_bytes(5),
        program
    );
    assert_eq!(text, "mmmmm…[+5 bytes] body=\"üü…[+17 bytes] shown=\"xxxx…[+7 bytes] n=7\n");
    let json = said!(
        Json::new().without_time().with_level(false).with_target(false),
        JsonFields::new().max_field_bytes(5),
        program
    );
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&line["fields"]["body"], &line["fields"]["n"]), (&"üü…[+16 bytes]".into(), &7.into()));
}

#[test]
fn logfmt_parts_its_pairs() {
    let said = said!(
        Logfmt::new().with_timer(Noon).with_thread_ids(false).with_file(false),
        LogfmtFields::new(),
        || {
            let _outer = tracing::info_span!("outer", a = 1).entered();
            let _inner = tracing::info_span!("inner").entered();
            tracing::warn!(
                empty = "",
                blank = "a b",
                quote = "say \"hi\"",
                equals = "a=b",
                line = "a\nb",
                plain = "x/y:z",
                flag = true,
                share = 0.5,
                "two words"
            );
        }
    );
    let target = module_path!();
    assert_eq!(
        said,
        format!(
            "ts=\"12:00 \\\"noon\\\"\" level=warn span=outer:inner target={target} msg=\"two words\" empty=\"\" \
             blank=\"a b\" quote=\"say \\\"hi\\\"\" equals=\"a=b\" line=\"a\\nb\" plain=x/y:z flag=true share=0.5 a=1\n"
        )
    );
}

#[test]
fn json_has_keys_of_ones_own() {
    let program = || {
        let _request = tracing::info_span!("request", id = 7).entered();
        tracing::warn!(order = 7, "shipped");
    };
    let own = said!(
        Json::new()
            .with_timer(Noon)
            .with_current_span(false)
            .with_span_list(false)
            .keys(Keys::fmt().flatten().timestamp("ts").level("lvl").message("msg").lowercase_levels()),
        JsonFields::new(),
        program
    );
    let target = module_path!();
    assert_eq!(
        own,
        format!(
            "{{\"ts\":\"12:00 \\\"noon\\\"\",\"lvl\":\"warn\",\"msg\":\"shipped\",\"order\":7,\"target\":\"{target}\"}}\n"
        )
    );
    let ecs = said!(
        Json::new().keys(Keys::ecs().constant("service.name", "shop")).with_file(true).with_line_number(true),
        JsonFields::new(),
        program
    );
    let ecs: serde_json::Value = serde_json::from_str(&ecs).unwrap();
    for (key, value) in
        [("log.level", "warn"), ("message", "shipped"), ("service.name", "shop"), ("ecs.version", "8.11.0")]
    {
        assert_eq!(ecs[key], value, "{ecs}");
    }
    assert!(
        ecs["@timestamp"].is_string() && ecs["log.origin.file.line"].is_number() && ecs["order"] == 7,
        "{ecs}"
    );
    let gcp = said!(
        Json::new().keys(Keys::gcp()).with_file(true).with_line_number(true),
        JsonFields::new(),
        program
    );
    let gcp: serde_json::Value = serde_json::from_str(&gcp).unwrap();
    assert_eq!((&gcp["severity"], &gcp["message"]), (&"WARNING".into(), &"shipped".into()));
    let source = &gcp["logging.googleapis.com/sourceLocation"];
    assert!(source["file"].is_string() && source["line"].is_string(), "{gcp}");
}

#[test]
fn another_formatter_of_fields_is_used_where_it_is_the_layers_own() {
    let own = fmt::format::debug_fn(|writer, field, value| write!(writer, "<{field}|{value:?}>"));
    let said = said!(Text::new().without_time().with_target(false), own, || tracing::info!(a = 1, "b"));
    assert_eq!(said, " INFO <message|b><a|1>\n");
    let json = said!(
        Json::new().without_time().with_target(false).with_span_list(false),
        fmt::format::DefaultFields::new(),
        || {
            let _span = tracing::info_span!("s", a = 1).entered();
            tracing::info!("b");
        }
    );
    assert_eq!(
        json,
        "{\"level\":\"INFO\",\"fields\":{\"message\":\"b\"},\"span\":{\"fields\":\"a=1\",\"name\":\"s\"}}\n"
    );
}

#[test]
fn a_console_has_colours_and_the_file_beside_it_none() {
    let (console, compact, file) = (Page::default(), Page::default(), Page::default());
    let layer = fmt::layer().fmt_fields(TextFields::new());
    let subscriber = tracing_subscriber::registry()
        .with(
            fmt::layer()
                .event_format(Text::new().with_timer(Noon).with_ansi(true))
                .fmt_fields(TextFields::new())
                .with_writer(console.clone()),
        )
        .with(
            fmt::layer()
                .event_format(Compact::new().without_time().with_ansi(true))
                .fmt_fields(TextFields::new())
                .with_writer(compact.clone()),
        )
        .with(layer.event_format(Text::new().without_time()).with_writer(file.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("request", id = 7).entered();
        tracing::warn!(target: "shop", order = 1, "late");
        tracing::trace!(target: "shop", "asked");
    });
    let noon = "12:00 \"noon\"";
    assert_eq!(
        console.text(),
        format!(
            "\x1b[2m{noon}\x1b[0m \x1b[33m WARN\x1b[0m \x1b[1mrequest\x1b[0m{{id=7}}: \x1b[2mshop:\x1b[0m late order=1\n\
             \x1b[2m{noon}\x1b[0m \x1b[35mTRACE\x1b[0m \x1b[1mrequest\x1b[0m{{id=7}}: \x1b[2mshop:\x1b[0m asked\n"
        )
    );
    assert_eq!(
        compact.text(),
        "\x1b[33m WARN\x1b[0m \x1b[1mrequest\x1b[0m: \x1b[2mshop:\x1b[0m late order=1 id=7\n\
         \x1b[35mTRACE\x1b[0m \x1b[1mrequest\x1b[0m: \x1b[2mshop:\x1b[0m asked id=7\n"
    );
    assert_eq!(file.text(), " WARN request{id=7}: shop: late order=1\nTRACE request{id=7}: shop: asked\n");
}

#[test]
fn controls_in_json_are_as_fmt_has_them_or_escaped() {
    let say = || tracing::info!(key = "\u{7f}", "\u{9b}31m £ \u{a0}\u{7f}");
    let format = || Json::new().without_time().with_target(false);
    let text = said!(format(), JsonFields::new(), say);
    assert_eq!(
        text,
        "{\"level\":\"INFO\",\"fields\":{\"message\":\"\u{9b}31m £ \u{a0}\u{7f}\",\"key\":\"\u{7f}\"}}\n"
    );
    let escaped = said!(format().escape_controls(true), JsonFields::new(), say);
    assert_eq!(
        escaped,
        "{\"level\":\"INFO\",\"fields\":{\"message\":\"\\u009b31m £ \u{a0}\\u007f\",\"key\":\"\\u007f\"}}\n"
    );
    let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    assert_eq!(read(&text), read(&escaped));
}

#[test]
fn logfmt_has_numbers_and_keys_that_are_one_word() {
    let said = said!(Logfmt::new().without_time().with_target(false), LogfmtFields::new(), || {
        tracing::info!("a b" = 1_u64, "c=d" = -2, "e\"f" = 1.5, "\u{7f}" = true, "g.h" = u128::MAX);
    });
    assert_eq!(said, format!("level=info a_b=1 c_d=-2 e_f=1.5 _=true g.h={}\n", u128::MAX));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this is the clock of events")]
fn the_time_of_an_event_is_that_of_the_clock() {
    let before = jiff::Timestamp::now();
    let said = said!(Text::new(), TextFields::new(), || tracing::info!("now"));
    let time: jiff::Timestamp = said.split(' ').next().unwrap().parse().unwrap();
    assert!(before.as_microsecond() <= time.as_microsecond() && time <= jiff::Timestamp::now(), "{said}");
}

#[test]
fn ids_have_the_names_that_collectors_want() {
    struct Known;
    struct Knows;
    impl<S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>> Layer<S> for Knows {
        fn on_new_span(
            &self,
            _: &tracing::span::Attributes<'_>,
            id: &tracing::span::Id,
            ctx: tracing_subscriber::layer::Context<'_, S>,
        ) {
            ctx.span(id).unwrap().extensions_mut().insert(Known);
        }
    }
    for (keys, trace, span) in [
        (Keys::fmt(), "trace_id", "span_id"),
        (Keys::ecs(), "trace.id", "span.id"),
        (Keys::gcp(), "logging.googleapis.com/trace", "logging.googleapis.com/spanId"),
        (Keys::fmt().ids("t", "s"), "t", "s"),
    ] {
        let page = Page::default();
        let format = Json::new().keys(keys).ids(|span| span.get::<Known>().map(|_| Ids::new("one", "two")));
        let layer = fmt::layer().event_format(format).fmt_fields(JsonFields::new()).with_writer(page.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Knows).with(layer), || {
            tracing::info_span!("known").in_scope(|| tracing::info!("in it"));
        });
        let line: serde_json::Value = serde_json::from_str(&page.text()).unwrap();
        assert_eq!((&line[trace], &line[span]), (&"one".into(), &"two".into()), "{line}");
    }
}

#[test]
fn a_thread_without_a_name_is_shown_as_fmt_shows_it() {
    let [text, text_of_fmt, json, json_of_fmt] = [(); 4].map(|()| Page::default());
    for shows_ids in [false, true] {
        let ours = Text::new().with_timer(Noon).with_thread_names(true).with_thread_ids(shows_ids);
        let lines = Json::new().with_timer(Noon).with_thread_names(true).with_thread_ids(shows_ids);
        let theirs = || {
            fmt::layer().with_ansi(false).with_timer(Noon).with_thread_names(true).with_thread_ids(shows_ids)
        };
        let layers: Vec<Box<dyn Layer<_> + Send + Sync>> = vec![
            theirs().with_writer(text_of_fmt.clone()).boxed(),
            theirs().json().with_writer(json_of_fmt.clone()).boxed(),
            fmt::layer().event_format(ours).fmt_fields(TextFields::new()).with_writer(text.clone()).boxed(),
            fmt::layer().event_format(lines).fmt_fields(JsonFields::new()).with_writer(json.clone()).boxed(),
        ];
        let subscriber = tracing_subscriber::registry().with(layers);
        let dispatch = tracing::Dispatch::new(subscriber);
        // Threads of a scope have no names.
        std::thread::scope(|scope| {
            scope.spawn(|| tracing::dispatcher::with_default(&dispatch, || tracing::info!("here")));
        });
    }
    assert_eq!(text.text(), text_of_fmt.text());
    assert_eq!(json.text(), json_of_fmt.text());
    assert_eq!(text.text().matches("ThreadId(").count(), 2);
}

/// In a process of its own, as the zone is the process's.
#[test]
fn a_zone_that_cannot_be_read_is_said() {
    const NAME: &str = "besides::a_zone_that_cannot_be_read_is_said";
    const CHILD: &str = "TRACING_SPOOL_TEST_ZONE";
    if std::env::var_os(CHILD).is_some() {
        let error = EventTime::try_local().unwrap_err().to_string();
        assert!(error.contains("Nowhere/Atlantis"), "{error}");
        let said =
            said!(Text::new().with_timer(EventTime::local()), TextFields::new(), || tracing::info!("now"));
        assert!(said.split(' ').next().unwrap().ends_with("-00:00"), "{said}");
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, "")
        .env("TZ", "Nowhere/Atlantis")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}
