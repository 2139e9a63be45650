//! The spans around an event, rendered once and kept in the innermost of them if [`KeepScopes`] has made a place for
//! that when the span was created. Without such a place, each event walks over its spans.
//!
//! What is kept belongs to one formatter, because two layers may see different spans. It is valid until the fields of
//! any span change.

use std::any::TypeId;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_core::Subscriber;
use tracing_core::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::FormatFields;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::line::options::LayerId;

/// The initial capacity for what precedes the fields of an event, which suffices as a rule.
const FIRST_BYTES: usize = 128;

/// Counts how often the fields of any span have changed.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// Records that the fields of a span have changed. Call it after the change and before anybody else can read them.
pub(crate) fn a_span_changed() {
    CHANGES.fetch_add(1, Ordering::Release);
}

/// A layer that lets the formats of this crate keep what they have rendered of a span, so an event doesn't have to walk
/// over its spans. It writes nothing itself.
///
/// Add it before the layers that format.
///
/// ```
/// use tracing_spool_format::{KeepScopes, Text, TextFields};
/// use tracing_subscriber::prelude::*;
///
/// let lines = tracing_subscriber::fmt::layer().event_format(Text::new()).fmt_fields(TextFields::new());
/// let subscriber = tracing_subscriber::registry().with(KeepScopes).with(lines);
/// # drop(subscriber);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepScopes;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for KeepScopes {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if extensions.get_mut::<Place>().is_none() {
            extensions.insert(Place::default());
        }
    }
}

/// Where a span keeps rendered scopes.
#[derive(Debug, Default)]
struct Place(Mutex<Vec<Kept>>);

/// The spans from the root to this one, as one formatter shows them.
#[derive(Debug)]
struct Kept {
    layer: u64,
    fields: TypeId,
    changes: u64,
    scope: Scope,
}

/// What precedes and follows the fields of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) before: String,
    pub(crate) behind: String,
}

/// Passes the scope of a span to `read`: the kept one, or one that `push` builds from each span, beginning with the
/// root. `keeps` tells whether the field formatter reports changes, without which a scope can't be kept.
pub(crate) fn with<S, N, R>(
    span: &SpanRef<'_, S>,
    layer: &LayerId,
    keeps: bool,
    push: impl Fn(&mut Scope, &str, &str),
    read: impl FnOnce(&Scope) -> R,
) -> R
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    let changes = CHANGES.load(Ordering::Acquire);
    let (layer, fields) = (layer.number(), TypeId::of::<N>());
    let is_same = |kept: &Kept| kept.layer == layer && kept.fields == fields;
    // Don't wait for another thread that looks at the same span.
    {
        let extensions = span.extensions();
        if let Some(kept) = extensions.get::<Place>().and_then(|place| place.0.try_lock().ok()) {
            if let Some(kept) = kept.iter().find(|kept| is_same(kept) && kept.changes == changes) {
                return read(&kept.scope);
            }
        }
    }
    let mut scope = Scope { before: String::with_capacity(FIRST_BYTES), behind: String::new() };
    let mut is_whole = keeps;
    for span in span.scope().from_root() {
        let extensions = span.extensions();
        let fields = extensions.get::<FormattedFields<N>>();
        is_whole &= fields.is_some();
        push(&mut scope, span.name(), fields.map_or("", |fields| &fields.fields));
    }
    let shown = read(&scope);
    if is_whole {
        let extensions = span.extensions();
        if let Some(mut kept) = extensions.get::<Place>().and_then(|place| place.0.try_lock().ok()) {
            kept.retain(|kept| !is_same(kept));
            kept.push(Kept { layer, fields, changes, scope });
        }
    }
    shown
}
