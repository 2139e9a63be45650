//! The spool's metrics for the `metrics` facade, when the program asks. No thread, no timer, and no exporter.

use metrics::Label;

use crate::handle::SpoolHandle;
use crate::metric::{Kind, METRICS, Metric, Unit};

impl SpoolHandle {
    /// Tells the recorder that the program has installed all metrics of this spool: names, units and help, then the
    /// values of [`stats`](Self::stats) and [`health`](Self::health). Call it every few seconds, or before each scrape.
    /// Without a recorder it does nothing. Every sample carries the path of the log as the label `log`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// guard.handle().record_metrics();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn record_metrics(&self) {
        let reading = self.reading();
        for metric in METRICS {
            describe(metric);
            (metric.read)(&reading, &mut |labels, value| {
                let words = labels.iter().map(|(label, word)| Label::new(*label, (*word).to_owned()));
                let mut labels = vec![Label::new("log", reading.log.clone())];
                labels.extend(words);
                record(metric, labels, value);
            });
        }
    }
}

fn describe(metric: &Metric) {
    let unit = match metric.unit {
        Unit::Count => metrics::Unit::Count,
        Unit::Bytes => metrics::Unit::Bytes,
        Unit::Seconds => metrics::Unit::Seconds,
    };
    match metric.kind {
        Kind::Counter => metrics::describe_counter!(metric.name, unit, metric.help),
        Kind::Gauge => metrics::describe_gauge!(metric.name, unit, metric.help),
    }
}

fn record(metric: &Metric, labels: Vec<Label>, value: u64) {
    match metric.kind {
        Kind::Counter => metrics::counter!(metric.name, labels).absolute(value),
        #[expect(clippy::cast_precision_loss, reason = "a gauge of the facade is a float, exact up to 2^53")]
        Kind::Gauge => metrics::gauge!(metric.name, labels).set(value as f64),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
    };

    use crate::metric::METRICS;
    use crate::writer::Spool;

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
}
