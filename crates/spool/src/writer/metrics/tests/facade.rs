//! Tests what a recorder of the `metrics` facade receives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
};

use crate::account::metric_table::METRICS;
use crate::writer::event_writer::Spool;

type Values = Arc<Mutex<BTreeMap<String, f64>>>;

/// Keeps the last value of each series.
#[derive(Default)]
struct Book {
    values: Values,
    units: Mutex<BTreeMap<String, Option<metrics::Unit>>>,
}

struct Series(Values, String);

impl Series {
    fn of(book: &Book, key: &Key) -> Arc<Self> {
        let words = key.labels().filter(|label| label.key() != "log").map(metrics::Label::value);
        let words: Vec<&str> = std::iter::once(key.name()).chain(words).collect();
        Arc::new(Self(Arc::clone(&book.values), words.join(" ")))
    }
}

impl CounterFn for Series {
    fn increment(&self, _: u64) {
        panic!("a counter of ours is absolute: {}", self.1);
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn absolute(&self, value: u64) {
        self.set(value as f64);
    }
}

impl GaugeFn for Series {
    fn increment(&self, _: f64) {
        panic!("a gauge of ours is set: {}", self.1);
    }

    fn decrement(&self, _: f64) {
        panic!("a gauge of ours is set: {}", self.1);
    }

    fn set(&self, value: f64) {
        self.0.lock().unwrap().insert(self.1.clone(), value);
    }
}

impl Recorder for Book {
    fn describe_counter(&self, name: KeyName, unit: Option<metrics::Unit>, _: SharedString) {
        self.units.lock().unwrap().insert(name.as_str().to_owned(), unit);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<metrics::Unit>, _: SharedString) {
        self.units.lock().unwrap().insert(name.as_str().to_owned(), unit);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<metrics::Unit>, _: SharedString) {
        panic!("no histogram is ours: {name:?}");
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Series::of(self, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Series::of(self, key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        panic!("no histogram is ours: {key:?}");
    }
}

#[test]
fn a_recorder_hears_every_metric_with_its_unit() {
    let dir = tempfile::tempdir().unwrap();
    let (_spool, guard) = Spool::builder(dir.path().join("app.log")).queue_records(1_000).open().unwrap();
    let book = Book::default();
    metrics::with_local_recorder(&book, || guard.handle().record_metrics());
    let (values, units) = (book.values.lock().unwrap(), book.units.lock().unwrap());
    for metric in METRICS {
        assert!(units.contains_key(metric.name), "{} is not described", metric.name);
        assert!(values.keys().any(|key| key.starts_with(metric.name)), "{} has no value", metric.name);
    }
    assert_eq!(units["tracing_spool_queue_bytes"], Some(metrics::Unit::Bytes));
    assert_eq!(values["tracing_spool_queue_limit_records"], 1_000.0);
    assert_eq!(values["tracing_spool_condition writing"], 1.0);
    assert_eq!(values["tracing_spool_records_dropped_total queue_full DEBUG"], 0.0);
}
