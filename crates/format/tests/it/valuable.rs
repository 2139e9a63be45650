//! Tests values of the `valuable` crate: nested JSON, the same bytes as `fmt`'s.

use tracing::field::valuable;
use tracing_spool_format::{Json, JsonFields};
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;
use valuable::Valuable;

use crate::world::{Noon, Page};

#[derive(Valuable)]
struct Order {
    number: u64,
    customer: Customer,
    items: Vec<Option<f64>>,
}

#[derive(Valuable)]
struct Customer {
    name: &'static str,
    city: &'static str,
}

fn order() -> Order {
    let customer = Customer { name: "ann \"the\" {first}", city: "a,b]" };
    Order { number: 7, customer, items: vec![Some(1.5), None, Some(f64::NAN)] }
}

/// What a program says through a layer.
macro_rules! said {
    ($layer:expr) => {{
        let page = Page::default();
        let subscriber = tracing_subscriber::registry().with($layer.with_writer(page.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let order = order();
            let span = tracing::info_span!("shop", order = valuable(&order), late = tracing::field::Empty);
            span.record("late", true);
            let _entered = span.enter();
            tracing::info!(order = valuable(&order), secret = valuable(&order), "shipped");
        });
        page.text()
    }};
}

#[test]
fn nested_values_are_those_of_fmt() {
    let ours = said!(fmt::layer().event_format(Json::new().with_timer(Noon)).fmt_fields(JsonFields::new()));
    assert!(ours.contains(r#""order":{"number":7,"customer":{"name":"ann"#), "{ours}");
    assert_eq!(ours, said!(fmt::layer().json().with_timer(Noon)));
}

#[test]
fn nested_values_that_are_bounded_or_hidden_are_json() {
    let rules = JsonFields::new().redact(["secret"]).max_field_bytes(20);
    let line = said!(fmt::layer().event_format(Json::new().with_timer(Noon)).fmt_fields(rules));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["fields"]["secret"], "[REDACTED]");
    assert!(line["fields"]["order"].as_str().unwrap().contains(" bytes]"));
    assert!(line["span"]["order"].as_str().unwrap().contains(" bytes]"));
}
