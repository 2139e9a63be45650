//! Rules for the fields of events and spans: which are hidden, and how long a value may be.

use std::fmt;
use std::sync::Arc;

use super::bare;

/// What stands in the place of a value that is hidden.
pub(crate) const REDACTED: &str = "[REDACTED]";

type IsHidden = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Whether what is kept of a span hides this field already, by the rules of a layer that was added before.
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
    /// Nothing is hidden or bounded.
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
            /// A name is the whole name: `password` hides no `user.password`, nor a part of a nested value. A raw identifier is
            /// hidden with its `r#` and without.
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

            /// Hides the values of all fields for whose name, without `r#`, `is_hidden` returns true. It is called for each field,
            /// so it should be quick.
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
