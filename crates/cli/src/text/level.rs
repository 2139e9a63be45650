//! The level that a line states, as text, JSON or logfmt.

use clap::ValueEnum;
use memchr::{memchr, memchr2};

/// How far into a line a level is looked for.
pub(crate) const LOOK: usize = 512;
/// How far into a line a bare word counts. Further on it is more likely to be part of the message.
const WORD_WITHIN: usize = 96;
/// The keys of a level in JSON and logfmt.
const KEYS: [&[u8]; 4] = [b"level", b"lvl", b"severity", b"log.level"];

/// A level. The least important comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// Every level, the least important first.
    pub(crate) const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Returns its name in capitals.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    /// Parses a level as loggers write it, in capitals.
    fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"TRACE" => Self::Trace,
            b"DEBUG" => Self::Debug,
            b"INFO" | b"NOTICE" => Self::Info,
            b"WARN" | b"WARNING" => Self::Warn,
            b"ERROR" | b"FATAL" | b"CRITICAL" | b"CRIT" | b"ALERT" | b"EMERG" | b"EMERGENCY" | b"PANIC" => {
                Self::Error
            }
            _ => return None,
        })
    }
}

impl From<Level> for tracing_core::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::TRACE,
            Level::Debug => Self::DEBUG,
            Level::Info => Self::INFO,
            Level::Warn => Self::WARN,
            Level::Error => Self::ERROR,
        }
    }
}

/// Returns the level that a line states.
///
/// In JSON and logfmt it is the value of `level`, `lvl`, `severity` or `log.level`; in text, the first word in capitals that
/// is a level, near the beginning of the line. A message may contain either, so the form of the line decides which counts
/// first.
pub(crate) fn level_of(line: &[u8]) -> Option<Level> {
    let line = &line[..line.len().min(LOOK)];
    let near = &line[..line.len().min(WORD_WITHIN)];
    let token = near.split(|byte| *byte == b' ').next().unwrap_or_default();
    match line.first()? {
        b'{' => by_key(line),
        _ if memchr(b'=', token).is_some() => by_key(line).or_else(|| by_word(near)),
        _ => by_word(near).or_else(|| by_key(line)),
    }
}

fn by_key(line: &[u8]) -> Option<Level> {
    let mut rest = line;
    // The key is followed by `=` in logfmt, and by a quote and a colon in JSON.
    while let Some(at) = memchr2(b'=', b':', rest) {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let key = before.strip_suffix(b"\"").unwrap_or(before);
        let word = key.rsplit(|byte| !byte.is_ascii_alphabetic() && *byte != b'.').next();
        if word.is_some_and(|word| KEYS.iter().any(|known| word.eq_ignore_ascii_case(known))) {
            let value = after.trim_ascii_start();
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let end = value.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(value.len());
            if let Some(level) = Level::of(&value[..end].to_ascii_uppercase()) {
                return Some(level);
            }
        }
        rest = after;
    }
    None
}

fn by_word(line: &[u8]) -> Option<Level> {
    line.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| word.len() >= 4).find_map(Level::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_found_in_every_format() {
        for (line, level) in [
            ("2026-11-24T18:19:11.000250Z  INFO shop: an ERROR in words", Some(Level::Info)),
            ("2026-11-24T18:19:11.000250Z ERROR shop: failed", Some(Level::Error)),
            ("\u{1b}[2m2026-11-24T18:19:11Z\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m shop", Some(Level::Warn)),
            (
                "{\"timestamp\":\"2026-11-24T18:19:11Z\",\"level\":\"DEBUG\",\"fields\":{}}",
                Some(Level::Debug),
            ),
            ("{\"time\":\"x\",\"severity\": \"WARNING\"}", Some(Level::Warn)),
            ("{\"log.level\":\"trace\"}", Some(Level::Trace)),
            ("ts=2026-11-24T18:19:11Z level=error msg=\"a\"", Some(Level::Error)),
            ("2026-11-24 18:19:11,123 WARNING root: python", Some(Level::Warn)),
            ("[2026-11-29 06:45:35] ERROR in shop", Some(Level::Error)),
            ("2026-11-29T06:45:35Z  INFO shop: upstream said level=error", Some(Level::Info)),
            ("<6>INFO: up", Some(Level::Info)),
            ("{\"time\":\"06:45\",\"level\":\"warn\",\"message\":\"ERROR\"}", Some(Level::Warn)),
            ("ts=1 level=info msg=\"an ERROR\"", Some(Level::Info)),
            ("lvl=\"trace\" msg=x", Some(Level::Trace)),
            ("FATAL out of memory", Some(Level::Error)),
            ("INFORMATION", None),
            ("level=", None),
            ("level=7", None),
            ("\u{0}=:", None),
            ("no level at all, only an error in words", None),
            ("{\"msg\":\"INFO\"}", None),
            ("", None),
        ] {
            assert_eq!(level_of(line.as_bytes()), level, "{line}");
        }
    }

    #[test]
    fn levels_have_an_order() {
        assert!(Level::Warn > Level::Info && Level::Trace < Level::Debug);
    }
}
