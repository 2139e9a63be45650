//! The fields of events and spans, in the form of each format.

pub(crate) mod escape;
pub(crate) mod json;
pub(crate) mod kind;
pub(crate) mod logfmt;
#[cfg(all(tracing_unstable, feature = "valuable"))]
mod nested;
pub(crate) mod rules;
pub(crate) mod text;

/// Whether a field is what the `log` crate's bridge says of a record, which stands elsewhere in the line.
#[inline]
pub(crate) fn is_of_log(name: &str) -> bool {
    cfg!(feature = "log") && name.starts_with("log.")
}

/// The name without the mark of a raw identifier.
#[inline]
pub(crate) fn bare(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// How a visitor that begins a field writes numbers and booleans, which no format quotes.
macro_rules! plain_values {
    () => {
        fn record_i64(&mut self, field: &Field, value: i64) {
            if self.begin(field) {
                push_int(self.line, value);
            }
        }

        fn record_u64(&mut self, field: &Field, value: u64) {
            if self.begin(field) {
                push_int(self.line, value);
            }
        }

        fn record_bool(&mut self, field: &Field, value: bool) {
            if self.begin(field) {
                self.line.push_str(if value { "true" } else { "false" });
            }
        }
    };
}
use plain_values;
