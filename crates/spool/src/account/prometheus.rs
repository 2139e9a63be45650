//! Metrics in the Prometheus text format. `metric_table` lists them.

use std::fmt::Write as _;

use crate::account::metric_table::{Kind, METRICS, Reading};

/// Returns the metrics of several readings as one text.
pub(crate) fn text_of(readings: &[Reading]) -> String {
    let mut text = String::new();
    for metric in METRICS {
        let (name, help) = (metric.name, metric.help);
        let kind = if metric.kind == Kind::Counter { "counter" } else { "gauge" };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for reading in readings {
            (metric.read)(reading, &mut |labels, value| {
                let _ = write!(text, "{name}{{log=\"{}\"", escaped(&reading.log));
                for (label, word) in labels {
                    let _ = write!(text, ",{label}=\"{}\"", escaped(word));
                }
                let _ = writeln!(text, "}} {value}");
            });
        }
    }
    text
}

/// Escapes a label's value for use between quotes.
pub(crate) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
