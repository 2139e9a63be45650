//! Rows F1 and F2 of the museum: a JSON line stays JSON however long its event is, and a `Display` that panics leaves
//! no half-written line.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing_spool_format::{Json, JsonFields, Text, TextFields};
use tracing_subscriber::prelude::*;

use crate::world::Page;

#[test]
fn museum_f1_an_event_longer_than_the_limit_is_valid_json() {
    let page = Page::default();
    let format = Json::new().max_line_bytes(400);
    let layer = tracing_subscriber::fmt::layer().event_format(format).fmt_fields(JsonFields::new());
    let subscriber = tracing_subscriber::registry().with(layer.with_writer(page.clone()));
    let long = "a \"quoted\" line\n".repeat(1_000);
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("request", id = 7, body = long).entered();
        tracing::info!(order = 7, body = long, "{long}");
        tracing::info!("short");
    });
    let lines: Vec<serde_json::Value> =
        page.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(page.text().lines().all(|line| line.len() < 400));
    assert!(lines[0]["truncated_bytes"].as_u64().unwrap() > 40_000, "{}", lines[0]);
    assert_eq!((&lines[0]["level"], lines[0]["timestamp"].is_string()), (&"INFO".into(), true));
    assert_eq!(lines[1]["fields"]["message"], "short");
}

/// Panics behind its first half.
struct Bad;

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        panic!("in the middle of an event");
    }
}

#[test]
fn museum_f2_a_display_that_panics_leaves_no_half_of_a_line() {
    let (text, json) = (Page::default(), Page::default());
    let subscriber = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .event_format(Text::new().without_time())
                .fmt_fields(TextFields::new())
                .with_writer(text.clone()),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .event_format(Json::new().without_time())
                .fmt_fields(JsonFields::new())
                .with_writer(json.clone()),
        );
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..2 {
            let panicked = catch_unwind(AssertUnwindSafe(|| tracing::info!(a = 1, "{Bad}")));
            assert!(panicked.is_err());
            tracing::info!("whole");
        }
    });
    let target = module_path!();
    assert_eq!(text.text(), format!(" INFO {target}: whole\n").repeat(2));
    let line =
        format!("{{\"level\":\"INFO\",\"fields\":{{\"message\":\"whole\"}},\"target\":\"{target}\"}}\n");
    assert_eq!(json.text(), line.repeat(2));
}
