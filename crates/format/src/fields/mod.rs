//! The fields of events and spans, as each format writes them.

pub(crate) mod escape;
pub(crate) mod json;
pub(crate) mod kind;
pub(crate) mod logfmt;
#[cfg(all(tracing_unstable, feature = "valuable"))]
mod nested;
pub(crate) mod rules;
pub(crate) mod text;

/// Returns whether a field carries metadata of a `log` record, which is shown elsewhere in the line.
#[inline]
pub(crate) fn is_of_log(name: &str) -> bool {
    cfg!(feature = "log") && name.starts_with("log.")
}

/// Returns the name without the `r#` of a raw identifier.
#[inline]
pub(crate) fn bare(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// How a visitor writes numbers and booleans, which no format quotes.
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
