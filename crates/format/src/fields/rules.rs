//! Rules for the fields of events and spans: which values are hidden, and how long a value may be.

use std::fmt;
use std::sync::Arc;

use super::bare;

/// Replaces a hidden value.
pub(crate) const REDACTED: &str = "[REDACTED]";

type IsHidden = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Returns whether what is kept for a span hides this field already, because a layer that was added earlier has done
/// so.
pub(crate) fn is_hidden_in(kept: &str, name: &str) -> bool {
    kept.match_indices(REDACTED).any(|(at, _)| {
        let key = kept[..at].strip_suffix('=').and_then(|before| before.strip_suffix(name));
        key.is_some_and(|before| before.is_empty() || before.ends_with(' '))
    })
}

#[derive(Clone, Default)]
pub(crate) struct Rules {
    hidden: Vec<Box<str>>,
    is_hidden: Option<IsHidden>,
    pub(crate) max_bytes: Option<usize>,
}

impl Rules {
    /// Hides nothing and bounds nothing.
    pub(crate) const NONE: Self = Self { hidden: Vec::new(), is_hidden: None, max_bytes: None };

    pub(crate) fn hide(&mut self, names: impl IntoIterator<Item = impl Into<String>>) {
        self.hidden.extend(names.into_iter().map(|name| bare(&name.into()).into()));
    }

    pub(crate) fn hide_where(&mut self, is_hidden: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.is_hidden = Some(match self.is_hidden.take() {
            Some(before) => Arc::new(move |name| before(name) || is_hidden(name)),
            None => Arc::new(is_hidden),
        });
    }

    /// Returns whether the value of field `name` is hidden.
    #[inline]
    pub(crate) fn hides(&self, name: &str) -> bool {
        (!self.hidden.is_empty() && self.hidden.iter().any(|hidden| **hidden == *name))
            || self.is_hidden.as_ref().is_some_and(|is_hidden| is_hidden(name))
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("hidden", &self.hidden)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// The setters that all field formatters share.
macro_rules! setters {
    ($fields:ident) => {
        impl $fields {
            /// Creates a formatter that hides nothing and bounds nothing.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            /// Hides the values of the fields with these names, in events and in spans, and writes `[REDACTED]`
            /// instead. Several calls add up.
            ///
            /// Names are compared as a whole: `password` doesn't hide `user.password`, nor a part of a nested value. A
            /// raw identifier is hidden with and without its `r#`.
            ///
            /// Layers whose field formatters have the same type share what is kept for a span, and the layer that was
            /// added first writes it by its own rules. Give all such layers the same rules.
            ///
            /// Default: nothing is hidden.
            ///
            /// ```
            #[doc = concat!("use tracing_spool_format::", stringify!($fields), ";")]
            #[doc = concat!("let fields = ", stringify!($fields), "::new().redact([\"password\", \"token\"]);")]
            /// # drop(fields);
            /// ```
            #[must_use]
            pub fn redact(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
                self.rules.hide(names);
                self
            }

            /// Hides the values of all fields for whose name `is_hidden` returns `true`, and writes `[REDACTED]`
            /// instead. Several calls add up.
            ///
            /// The name comes without the `r#` of a raw identifier. `is_hidden` runs for every field, so it should be
            /// fast.
            ///
            /// Default: nothing is hidden.
            ///
            /// ```
            #[doc = concat!("use tracing_spool_format::", stringify!($fields), ";")]
            #[doc = concat!("let fields = ", stringify!($fields), "::new().redact_where(|name| name.ends_with(\"_secret\"));")]
            /// # drop(fields);
            /// ```
            #[must_use]
            pub fn redact_where(mut self, is_hidden: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
                self.rules.hide_where(is_hidden);
                self
            }

            /// Sets the longest value of a field, in bytes. A longer value is cut at a character boundary and ends with
            /// the mark `…[+N bytes]`.
            ///
            /// Default: no limit.
            ///
            /// ```
            #[doc = concat!("use tracing_spool_format::", stringify!($fields), ";")]
            #[doc = concat!("let fields = ", stringify!($fields), "::new().max_field_bytes(4_096);")]
            /// # drop(fields);
            /// ```
            #[must_use]
            pub fn max_field_bytes(mut self, bytes: usize) -> Self {
                self.rules.max_bytes = Some(bytes);
                self
            }
        }
    };
}
pub(crate) use setters;
