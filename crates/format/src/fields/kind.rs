//! Whose formatter of fields a layer has: one of ours, `fmt`'s, or somebody else's.

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

/// The rules of a layer's formatter of fields: those of one of ours, none of one of `fmt`'s. Another hides what it hides by itself, so
/// its own words have to stand in the line.
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

/// Whether fields of this type are kept as an object of JSON.
#[inline]
pub(crate) fn are_json<N: 'static>() -> bool {
    TypeId::of::<N>() == TypeId::of::<JsonFields>() || is_json_of_fmt::<N>()
}

/// Whether fields of this type say when those of a span have changed.
#[inline]
pub(crate) fn are_ours<N: 'static>() -> bool {
    let fields = TypeId::of::<N>();
    [TypeId::of::<TextFields>(), TypeId::of::<JsonFields>(), TypeId::of::<LogfmtFields>()].contains(&fields)
}

/// `fmt`'s own is there with a feature that this package does not ask for. Were it called otherwise, it would be taken for
/// somebody else's.
#[inline]
fn is_json_of_fmt<N>() -> bool {
    std::any::type_name::<N>() == "tracing_subscriber::fmt::format::json::JsonFields"
}

/// What a formatter of fields that is none of ours makes of an event.
pub(crate) fn in_its_words<S, N>(ctx: &FmtContext<'_, S, N>, event: &Event<'_>) -> Result<String, fmt::Error>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    let mut words = String::new();
    ctx.format_fields(Writer::new(&mut words), event)?;
    Ok(words)
}
