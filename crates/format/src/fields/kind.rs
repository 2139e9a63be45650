//! Tells which field formatter a layer has: one of ours, one of `fmt`'s, or another.

use std::any::{Any, TypeId};
use std::fmt;

use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{DefaultFields, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::json::JsonFields;
use super::logfmt::LogfmtFields;
use super::rules::Rules;
use super::text::TextFields;

/// Returns the rules of a layer's field formatter: its own for one of ours, none for one of `fmt`'s. Any other
/// formatter hides fields in its own way, so the line has to show exactly what it writes.
#[inline]
pub(crate) fn rules_of<N: 'static>(fields: &N) -> Option<&Rules> {
    static NONE: Rules = Rules::NONE;
    let any: &dyn Any = fields;
    let ours = None
        .or_else(|| any.downcast_ref().map(|fields: &TextFields| &fields.rules))
        .or_else(|| any.downcast_ref().map(|fields: &JsonFields| &fields.rules))
        .or_else(|| any.downcast_ref().map(|fields: &LogfmtFields| &fields.rules));
    ours.or_else(|| (any.is::<DefaultFields>() || is_json_of_fmt::<N>()).then_some(&NONE))
}

/// Returns whether field formatter `N` keeps a span's fields as a JSON object.
#[inline]
pub(crate) fn are_json<N: 'static>() -> bool {
    TypeId::of::<N>() == TypeId::of::<JsonFields>() || is_json_of_fmt::<N>()
}

/// Returns whether field formatter `N` reports when a span's fields change.
#[inline]
pub(crate) fn are_ours<N: 'static>() -> bool {
    let fields = TypeId::of::<N>();
    [TypeId::of::<TextFields>(), TypeId::of::<JsonFields>(), TypeId::of::<LogfmtFields>()].contains(&fields)
}

/// Recognises `fmt`'s JSON field formatter by its name, because its type needs a feature that this package doesn't ask
/// for. If it were renamed, it would count as somebody else's.
#[inline]
fn is_json_of_fmt<N>() -> bool {
    std::any::type_name::<N>() == "tracing_subscriber::fmt::format::json::JsonFields"
}

/// Returns what a field formatter that isn't ours makes of an event.
pub(crate) fn in_its_words<S, N>(ctx: &FmtContext<'_, S, N>, event: &Event<'_>) -> Result<String, fmt::Error>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    let mut words = String::new();
    ctx.format_fields(Writer::new(&mut words), event)?;
    Ok(words)
}
