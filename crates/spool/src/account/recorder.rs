//! Metrics for the `metrics` facade. It has no thread, no timer and no exporter.

use metrics::Label;

use crate::account::metric_table::{Kind, METRICS, Metric, Reading, Unit};

/// Reports every metric, with its description, to the recorder that the program has installed.
pub(crate) fn record_all(reading: &Reading) {
    for metric in METRICS {
        describe(metric);
        (metric.read)(reading, &mut |labels, value| {
            let words = labels.iter().map(|(label, word)| Label::new(*label, (*word).to_owned()));
            let mut labels = vec![Label::new("log", reading.log.clone())];
            labels.extend(words);
            record(metric, labels, value);
        });
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
