//! `SpoolConfig` from and to any format that serde supports. Faults are collected, so that one error names all of them.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::SpoolConfig;
use crate::settings::parse::Value;
use crate::settings::table::{ROWS, place_of};

fn names() -> Vec<&'static str> {
    ROWS.iter().map(|row| row.setting.name).collect()
}

/// A value, or nothing if the format says so (`null`).
struct Maybe(Option<Value>);

impl<'de> Deserialize<'de> for Maybe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Maybe;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false, or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Maybe, E> {
        Ok(Maybe(Some(Value::Text(text.to_owned()))))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Maybe, E> {
        Ok(Maybe(Some(Value::Number(number))))
    }

    /// No setting takes a negative number; the setting's own error says so.
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Maybe, E> {
        Ok(Maybe(Some(u64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Number))))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Maybe, E> {
        Ok(Maybe(Some(Value::Text(number.to_string()))))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Maybe, E> {
        Ok(Maybe(Some(Value::Flag(flag))))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Maybe, E> {
        Ok(Maybe(None))
    }

    fn visit_none<E: de::Error>(self) -> Result<Maybe, E> {
        Ok(Maybe(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Maybe, D::Error> {
        Maybe::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Maybe, A::Error> {
        let mut words: Vec<String> = Vec::new();
        while let Some(word) = list.next_element()? {
            words.push(word);
        }
        Ok(Maybe(Some(Value::Text(words.join(",")))))
    }
}

impl<'de> Deserialize<'de> for SpoolConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ConfigVisitor)
    }
}

struct ConfigVisitor;

impl<'de> Visitor<'de> for ConfigVisitor {
    type Value = SpoolConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of a log, by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SpoolConfig, A::Error> {
        let mut config = SpoolConfig::default();
        let (mut faults, mut unknown) = (Vec::new(), false);
        while let Some(name) = map.next_key::<String>()? {
            let Some(place) = place_of(&name) else {
                map.next_value::<IgnoredAny>()?;
                unknown = true;
                faults.push(format!("unknown field `{name}`"));
                continue;
            };
            if config.given.contains_key(&place) {
                map.next_value::<IgnoredAny>()?;
                faults.push(format!("duplicate field `{name}`"));
                continue;
            }
            let Maybe(Some(value)) = map.next_value()? else { continue };
            if let Err(wanted) = config.take(place, value.clone(), None) {
                faults.push(format!("{name} = {value}: {wanted}"));
            }
        }
        if unknown {
            faults.push(format!("the fields are {}", names().join(", ")));
        }
        if faults.is_empty() { Ok(config) } else { Err(de::Error::custom(faults.join("; "))) }
    }
}

/// Serializes what was given, as it was given.
impl Serialize for SpoolConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.given.len()))?;
        for (place, given) in &self.given {
            let Some(row) = ROWS.get(*place) else { continue };
            let name = row.setting.name;
            match &given.value {
                Value::Text(text) => map.serialize_entry(name, text)?,
                Value::Number(number) => map.serialize_entry(name, number)?,
                Value::Flag(flag) => map.serialize_entry(name, flag)?,
            }
        }
        map.end()
    }
}
