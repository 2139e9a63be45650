//! Which records are wanted: by time, level and a regular expression.

use regex::bytes::{Regex, RegexBuilder};

use super::level::{Level, level_of};
use super::moment;
use super::records::Record;

/// The records that are wanted. Without any of these, all are.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only records from this moment on: 2h, 30m, 2026-11-29T06:00:00Z, "2026-11-29 06:00", 22:00, yesterday
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    pub(crate) since: Option<i64>,

    /// Only records before this moment
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    pub(crate) until: Option<i64>,

    /// Only records at this level or above
    #[arg(long, short, value_name = "LEVEL", value_enum, ignore_case = true)]
    pub(crate) level: Option<Level>,

    /// Only records in which this regular expression matches; ^ and $ match at each of their lines
    #[arg(long, short, value_name = "REGEX", value_parser = expression)]
    pub(crate) grep: Option<Regex>,
}

impl Filter {
    /// Returns whether all records are wanted.
    pub(crate) fn is_empty(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.level.is_none() && self.grep.is_none()
    }

    /// Returns whether times matter.
    pub(crate) fn has_times(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// Returns whether a record is wanted. One without a time is neither since nor until anything, and one without a level
    /// is of none.
    pub(crate) fn takes(&self, record: Record<'_>) -> bool {
        let time = record.time;
        self.since.is_none_or(|since| time.is_some_and(|time| time >= since))
            && self.until.is_none_or(|until| time.is_some_and(|time| time < until))
            && self.level.is_none_or(|least| level_of(record.text).is_some_and(|level| level >= least))
            && self.grep.as_ref().is_none_or(|regex| regex.is_match(record.text))
    }
}

/// Parses a regular expression.
fn expression(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).multi_line(true).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(filter: &Filter, text: &str, time: Option<i64>) -> bool {
        filter.takes(Record { text: text.as_bytes(), time })
    }

    #[test]
    fn everything_that_is_given_must_hold() {
        let all = Filter::default();
        assert!(all.is_empty() && takes(&all, "x", None));
        let times = Filter { since: Some(10), until: Some(20), ..Filter::default() };
        let within = [9, 10, 19, 20].map(|time| takes(&times, "x", Some(time)));
        assert_eq!((within, takes(&times, "x", None)), ([false, true, true, false], false));
        let level = Filter { level: Some(Level::Warn), ..Filter::default() };
        let levels = ["INFO a", "WARN a", "ERROR a", "a"].map(|text| takes(&level, text, None));
        assert_eq!(levels, [false, true, true, false]);
        let grep = Filter { grep: Some(Regex::new("order [0-9]+").unwrap()), ..level };
        assert!(takes(&grep, "WARN order 7", None) && !takes(&grep, "WARN order", None));
        assert!(!takes(&grep, "INFO order 7", None));
    }
}
