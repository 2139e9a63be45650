//! Rules for the fields of events and spans: which are hidden, and how long a value may be.

use std::fmt;
use std::sync::Arc;

/// What stands in the place of a value that is hidden.
pub(crate) const REDACTED: &str = "[REDACTED]";

type IsHidden = Arc<dyn Fn(&str) -> bool + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Rules {
    hidden: Vec<Box<str>>,
    is_hidden: Option<IsHidden>,
    pub(crate) max_bytes: Option<usize>,
}

impl Rules {
    pub(crate) fn hide(&mut self, names: impl IntoIterator<Item = impl Into<String>>) {
        self.hidden.extend(names.into_iter().map(|name| name.into().into_boxed_str()));
    }

    pub(crate) fn hide_where(&mut self, is_hidden: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.is_hidden = Some(match self.is_hidden.take() {
            Some(before) => Arc::new(move |name| before(name) || is_hidden(name)),
            None => Arc::new(is_hidden),
        });
    }

    /// Whether the value of a field is hidden.
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

/// The setters that the fields of all formats have.
macro_rules! setters {
    ($fields:ident) => {
        impl $fields {
            /// The formatter without rules.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            /// Hides the values of these fields, in events and in spans: `[REDACTED]` stands in their place. Several calls add
            /// up.
            ///
            /// Layers with the same type of fields share what is kept of a span: the one that was added first has written it,
            /// by its rules. Give such layers the same rules.
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

            /// Hides the values of all fields for whose name `is_hidden` returns true. It is called for each field, so it should
            /// be quick.
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

            /// Cuts values that are longer than this many bytes, at a character's boundary, with the mark `…[+N bytes]`.
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
