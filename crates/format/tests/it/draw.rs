//! Generates events and spans: callsites made while the test runs, with arbitrary names and values.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use proptest::prelude::*;
use tracing_core::callsite::{Callsite, Identifier};
use tracing_core::field::{self, FieldSet, Value};
use tracing_core::subscriber::Interest;
use tracing_core::{Event, Kind, Level, Metadata};

/// How many fields a callsite has at most.
const FIELDS: usize = 4;

/// A callsite that is never forgotten.
#[derive(Debug)]
struct Site(OnceLock<Metadata<'static>>);

impl Callsite for Site {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().unwrap()
    }
}

fn leak<T: ?Sized>(value: Box<T>) -> &'static T {
    Box::leak(value)
}

/// A callsite as it is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) level: usize,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) enum Drawn {
    Str(String),
    Debug(String),
    Display(String),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    Error(Vec<String>),
}

/// An error with the errors behind it.
#[derive(Debug)]
struct Chain {
    words: String,
    source: Option<Box<Chain>>,
}

impl Chain {
    fn of(words: &[String]) -> Self {
        let source = (words.len() > 1).then(|| Box::new(Self::of(&words[1..])));
        Self { words: words.first().cloned().unwrap_or_default(), source }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for Chain {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// In pieces, as derived implementations write.
struct Shown(String);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| write!(f, "{character}"))
    }
}

impl Drawn {
    fn value(&self) -> Box<dyn Value> {
        match self {
            Self::Str(text) => Box::new(text.clone()),
            Self::Debug(text) => Box::new(field::debug(Shown(text.clone()))),
            Self::Display(text) => Box::new(field::display(text.clone())),
            Self::I64(number) => Box::new(*number),
            Self::U64(number) => Box::new(*number),
            Self::I128(number) => Box::new(*number),
            Self::U128(number) => Box::new(*number),
            Self::F64(number) => Box::new(*number),
            Self::Bool(flag) => Box::new(*flag),
            Self::Bytes(bytes) => Box::new(bytes.clone().into_boxed_slice()) as Box<dyn Value>,
            Self::Error(words) => {
                let error: Box<dyn Error + 'static> = Box::new(Chain::of(words));
                Box::new(error)
            }
        }
    }
}

pub(crate) type Fields = Vec<(&'static str, Drawn)>;

/// Metadata of a callsite with fields of these names.
pub(crate) fn metadata(place: &Place, names: &[&'static str], kind: Kind) -> &'static Metadata<'static> {
    const LEVELS: [Level; 5] = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
    let site: &'static Site = leak(Box::new(Site(OnceLock::new())));
    let text = |text: &str| leak(text.to_owned().into_boxed_str());
    let names: &'static [&'static str] = leak(names.to_vec().into_boxed_slice());
    let metadata = Metadata::new(
        text(&place.name),
        text(&place.target),
        LEVELS[place.level],
        place.file.as_deref().map(text),
        place.line,
        None,
        FieldSet::new(names, Identifier(site)),
        kind,
    );
    site.0.set(metadata).unwrap();
    tracing_core::callsite::register(site);
    site.0.get().unwrap()
}

/// Calls `use_values` with the values of these fields, of a callsite that has them and perhaps others.
pub(crate) fn with_values<R>(
    metadata: &'static Metadata<'static>,
    fields: &Fields,
    use_values: impl FnOnce(&field::ValueSet<'_>) -> R,
) -> R {
    let known: Vec<field::Field> =
        fields.iter().map(|(name, _)| metadata.fields().field(name).unwrap()).collect();
    let values: Vec<Box<dyn Value>> = fields.iter().map(|(_, drawn)| drawn.value()).collect();
    let filler = metadata.fields().iter().next();
    let slot = |index: usize| -> (Option<&field::Field>, Option<&dyn Value>) {
        (known.get(index).or(filler.as_ref()), values.get(index).map(|value| value.as_ref()))
    };
    let slots: Vec<_> = (0..FIELDS).map(slot).collect();
    match slots[..] {
        [(Some(a), av), (Some(b), bv), (Some(c), cv), (Some(d), dv)] => {
            use_values(&metadata.fields().value_set(&[(a, av), (b, bv), (c, cv), (d, dv)]))
        }
        _ => use_values(&metadata.fields().value_set(&[])),
    }
}

/// Sends an event.
pub(crate) fn send(place: &Place, fields: &Fields, parent: Option<Option<tracing::Id>>) {
    let names: Vec<&'static str> = fields.iter().map(|(name, _)| *name).collect();
    let metadata = metadata(place, &names, Kind::EVENT);
    with_values(metadata, fields, |values| match parent {
        None => Event::dispatch(metadata, values),
        Some(parent) => Event::child_of(parent, metadata, values),
    });
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ -~]{0,20}",
        1 => Just(String::new()),
        2 => ".{0,12}",
        1 => "[\\x00-\\x1f\\x7f-\\u{a0}\"\\\\é🦀]{0,8}",
        1 => "x{300}",
    ]
}

fn drawn(is_exact: bool) -> impl Strategy<Value = Drawn> {
    let float = if is_exact {
        any::<i32>().prop_map(|number| Drawn::F64(f64::from(number) / 8.0)).boxed()
    } else {
        prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(-0.0), Just(1e16), Just(1e-5)]
            .prop_map(Drawn::F64)
            .boxed()
    };
    prop_oneof![
        3 => text().prop_map(Drawn::Str),
        2 => text().prop_map(Drawn::Debug),
        2 => text().prop_map(Drawn::Display),
        1 => any::<i64>().prop_map(Drawn::I64),
        1 => any::<u64>().prop_map(Drawn::U64),
        1 => any::<i128>().prop_map(Drawn::I128),
        1 => any::<u128>().prop_map(Drawn::U128),
        2 => float,
        1 => any::<bool>().prop_map(Drawn::Bool),
        1 => prop::collection::vec(any::<u8>(), 0..5).prop_map(Drawn::Bytes),
        1 => prop::collection::vec(text(), 1..4).prop_map(Drawn::Error),
    ]
}

const NAMES: [&str; 12] =
    ["message", "a", "b", "r#type", "log.target", "name", "with space", "quote\"d", "", "é", "x.y", "level"];

/// Fields with names of their own. `is_exact`: floats are such as a JSON parser gives back.
pub(crate) fn fields(is_exact: bool) -> impl Strategy<Value = Fields> {
    prop::sample::subsequence(NAMES.to_vec(), 0..=FIELDS).prop_flat_map(move |names| {
        let values = prop::collection::vec(drawn(is_exact), names.len());
        values.prop_map(move |values| names.iter().copied().zip(values).collect())
    })
}

pub(crate) fn place() -> impl Strategy<Value = Place> {
    (text(), text(), 0..5_usize, prop::option::of(text()), prop::option::of(any::<u32>()))
        .prop_map(|(name, target, level, file, line)| Place { name, target, level, file, line })
}
