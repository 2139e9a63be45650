//! The fields of events and spans, in the form of each format.

pub(crate) mod escape;
pub(crate) mod json;
pub(crate) mod logfmt;
#[cfg(all(tracing_unstable, feature = "valuable"))]
mod nested;
pub(crate) mod rules;
pub(crate) mod text;

use std::any::Any;

use tracing_core::Subscriber;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::FormatFields;
use tracing_subscriber::registry::LookupSpan;

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

/// Shows `push` the field formatter of a layer, if it is one of this kind, and else one without rules.
pub(crate) fn of<S, N, F: Default + 'static, R>(ctx: &FmtContext<'_, S, N>, push: impl FnOnce(&F) -> R) -> R
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    let fields: &dyn Any = ctx.field_format();
    match fields.downcast_ref::<F>() {
        Some(fields) => push(fields),
        None => push(&F::default()),
    }
}
