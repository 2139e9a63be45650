//! Shows trace and span ids in every line, taken from whatever a layer stores in a span.

use std::fmt;
use std::sync::Arc;

use tracing_subscriber::registry::{Extensions, LookupSpan, SpanRef};

/// The ids of the trace and the span that an event belongs to, as the line shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ids {
    /// The id of the trace.
    pub trace: String,
    /// The id of the span.
    pub span: String,
}

impl Ids {
    /// Creates both ids from anything that displays as them.
    ///
    /// ```
    /// let ids = tracing_spool_format::Ids::new("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    /// assert_eq!(ids.span, "00f067aa0ba902b7");
    /// ```
    #[must_use]
    pub fn new(trace: impl fmt::Display, span: impl fmt::Display) -> Self {
        Self { trace: trace.to_string(), span: span.to_string() }
    }

    /// Appends the ids behind the fields of a text line.
    pub(crate) fn push_text(&self, line: &mut String) {
        for (key, id) in [(" trace_id=", &self.trace), (" span_id=", &self.span)] {
            line.push_str(key);
            line.push_str(id);
        }
    }
}

type Find = dyn Fn(&Extensions<'_>) -> Option<Ids> + Send + Sync;

/// Finds the ids in the extensions of a span.
#[derive(Clone, Default)]
pub(crate) struct Finder(Option<Arc<Find>>);

impl Finder {
    pub(crate) fn new(find: impl Fn(&Extensions<'_>) -> Option<Ids> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(find)))
    }

    /// Returns the ids of a span.
    pub(crate) fn of<S: for<'a> LookupSpan<'a>>(&self, span: &SpanRef<'_, S>) -> Option<Ids> {
        self.0.as_ref().and_then(|find| find(&span.extensions()))
    }
}

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Finder").field(&self.0.is_some()).finish()
    }
}
