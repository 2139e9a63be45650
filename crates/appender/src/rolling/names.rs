//! The names of an appender's files: which name a segment has, and which names in a directory are the appender's own. It
//! touches no file.

use super::stamp::Stamp;

/// Extensions that tools append when they compress a file.
const COMPRESSED: [&str; 7] = [".gz", ".zst", ".xz", ".bz2", ".lz4", ".Z", ".zip"];

/// Numbers of eight or more digits are dates and times that others have written.
const NUMBER_MAX: u32 = 9_999_999;

/// The time whose records a file holds. Periods are ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Period {
    /// From this date on.
    Of(Stamp),
    /// Without rotation, under a name without a date. It is later than every dated one, which stem from before rotation was
    /// turned off.
    Endless,
}

/// A segment: one file of a period's log. Segments are ordered by age, the older one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) period: Period,
    /// How many segments of its period came before. 0 isn't written into the name.
    number: u32,
}

impl Segment {
    /// Returns the first segment of a period.
    pub(super) const fn first(period: Period) -> Self {
        Self { period, number: 0 }
    }

    /// Returns the next segment, as long as there are numbers.
    pub(super) fn next(self) -> Option<Self> {
        Some(Self { number: self.number + 1, ..self }).filter(|next| next.number <= NUMBER_MAX)
    }
}

/// A file of ours, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Own {
    pub(super) segment: Segment,
    pub(super) is_compressed: bool,
}

/// The parts of the names. A part is empty only if the prefix ended with a slash.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    /// Whether files are started because of the time.
    pub(super) rotates: bool,
    /// Whether files are started because of their size. If neither holds, `app.log.1` is logrotate's.
    pub(super) has_segments: bool,
}

impl Names {
    /// Returns the period of a moment for which the rotation writes `stamp`.
    pub(super) fn period(&self, stamp: Stamp) -> Period {
        // A file must have a name.
        let is_dated = self.rotates || (self.prefix.is_none() && self.suffix.is_none());
        if is_dated { Period::Of(stamp) } else { Period::Endless }
    }

    /// Returns the name: prefix, date, number and suffix, as far as there are any.
    pub(super) fn name(&self, segment: Segment) -> String {
        let stamp = match segment.period {
            Period::Of(stamp) => Some(stamp.to_string()),
            Period::Endless => None,
        };
        let number = Some(segment.number).filter(|number| *number > 0).map(|number| number.to_string());
        let parts = [self.prefix.as_deref(), stamp.as_deref(), number.as_deref(), self.suffix.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(".")
    }

    /// Parses a name of any rotation, compressed or not. Returns none if it isn't ours.
    pub(super) fn read(&self, name: &str) -> Option<Own> {
        let plain = self.segment(name).map(|segment| Own { segment, is_compressed: false });
        let compressed = || {
            let name = COMPRESSED.iter().find_map(|end| name.strip_suffix(end))?;
            Some(Own { segment: self.segment(name)?, is_compressed: true })
        };
        plain.or_else(compressed)
    }

    /// Returns whether a file of ours may be removed for a limit: only if tracing-appender would have counted it, or
    /// couldn't know it. A user who compressed `app.2026-11-28.log` and kept it under another extension keeps it. Without
    /// prefix and suffix, a date of another form than that of `live` is nobody's.
    pub(super) fn is_bounded(&self, own: Own, name: &str, live: &str) -> bool {
        let form = |name: &str| name.bytes().filter(|byte| *byte == b'-').count();
        match (&self.prefix, &self.suffix) {
            (_, Some(suffix)) => name.ends_with(suffix.as_str()),
            (Some(_), None) => true,
            (None, None) => !own.is_compressed && form(name) == form(live),
        }
    }

    fn segment(&self, name: &str) -> Option<Segment> {
        let between = name.strip_prefix(self.prefix.as_deref().unwrap_or_default())?;
        let between = between.strip_suffix(self.suffix.as_deref().unwrap_or_default())?;
        let mut parts = between.split('.').filter(|part| !part.is_empty());
        let mut part = parts.next();
        let stamp = part.and_then(Stamp::read);
        if stamp.is_some() {
            part = parts.next();
        }
        let number = part.map_or(Some(0), |number| number.parse().ok())?;
        let segment = Segment { period: stamp.map_or(Period::Endless, Period::Of), number };
        let is_possible = match segment.period {
            Period::Of(_) => true,
            Period::Endless => !self.rotates && (self.has_segments || number == 0),
        };
        // Reject dots in the wrong places, left-over parts, `+1` for 1: only what we would write is ours.
        let is_ours = is_possible && number <= NUMBER_MAX && self.name(segment) == name;
        is_ours.then_some(segment)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Keeps the part after the slash of a prefix `below/`, although it is empty.
    fn names(rotates: bool, prefix: &str, suffix: &str) -> Names {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let behind = prefix.strip_prefix("below/").map(str::to_owned);
        Names { rotates, prefix: behind.or_else(|| part(prefix)), suffix: part(suffix), has_segments: true }
    }

    fn stamp(text: &str) -> Stamp {
        Stamp::read(text).unwrap()
    }

    /// The first three segments.
    fn three(rotates: bool, prefix: &str, suffix: &str) -> [String; 3] {
        let names = names(rotates, prefix, suffix);
        let first = Segment::first(names.period(stamp("2020-02-01")));
        let second = first.next().unwrap();
        [first, second, second.next().unwrap()].map(|segment| names.name(segment))
    }

    #[test]
    fn names_are_prefix_date_number_and_suffix() {
        let day = "2020-02-01";
        let one = ["app.2020-02-01.log", "app.2020-02-01.1.log", "app.2020-02-01.2.log"];
        assert_eq!(three(true, "app", "log"), one);
        assert_eq!(
            three(true, "app.log", ""),
            ["app.log.2020-02-01", "app.log.2020-02-01.1", "app.log.2020-02-01.2"]
        );
        assert_eq!(three(true, "", "log"), ["2020-02-01.log", "2020-02-01.1.log", "2020-02-01.2.log"]);
        for rotates in [true, false] {
            assert_eq!(
                three(rotates, "", ""),
                [day, "2020-02-01.1", "2020-02-01.2"],
                "it has to have a name"
            );
        }
        assert_eq!(three(false, "app", "log"), ["app.log", "app.1.log", "app.2.log"]);
        assert_eq!(three(false, "app.log", ""), ["app.log", "app.log.1", "app.log.2"]);
        assert_eq!(three(false, "", "log"), ["log", "1.log", "2.log"]);
        assert_eq!(three(true, "below/", ""), [".2020-02-01", ".2020-02-01.1", ".2020-02-01.2"]);
        assert_eq!(three(false, "below/", "log"), [".log", ".1.log", ".2.log"]);
    }

    #[test]
    fn names_of_any_rotation_are_ours_and_compressed_ones_too() {
        let ours = names(true, "app", "log");
        for (name, is_compressed) in [
            ("app.2020-02-01.log", false),
            ("app.2020-02-01-10.log", false),
            ("app.2020-02-01-10-59.7.log", false),
            ("app.2020-02-01.log.gz", true),
            ("app.2020-02-01.1.log.zst", true),
            ("app.2020-02-01.log.Z", true),
        ] {
            assert_eq!(ours.read(name).map(|own| own.is_compressed), Some(is_compressed), "{name}");
        }
        let endless = names(false, "app", "log");
        let [dated, first, tenth] =
            ["app.2020-02-01.log", "app.log", "app.10.log"].map(|name| endless.read(name));
        assert!(dated.is_some() && dated < first && first < tenth, "dated ones are from before");
    }

    #[test]
    fn no_name_but_our_own_is_ours() {
        let ours = names(true, "app", "log");
        for foreign in [
            "app.log",
            "app.1.log",
            "app.2020-02-01.log.bak",
            "app.2020-02-01.log.gz.gz",
            "app.2020-02-01.0.log",
            "app.2020-02-01.01.log",
            "app.2020-02-01.+1.log",
            "app.2020-02-01.1.1.log",
            "app.2020-02-01.20200201.log",
            "app.2020-02-01..log",
            "app.2020-02-30.log",
            "application.2020-02-01.log",
            "app2020-02-01.log",
            "app.2020-02-01log",
            "app..log",
            "app.config.log",
            "2020-02-01.log",
            "app.2020-02-01",
        ] {
            assert_eq!(ours.read(foreign), None, "{foreign}");
        }
        let rotated_by_others = Names { has_segments: false, ..names(false, "app.log", "") };
        assert!(rotated_by_others.read("app.log").is_some());
        assert_eq!(rotated_by_others.read("app.log.1"), None, "logrotate's newest would be our oldest");
    }

    #[test]
    fn numbers_end_where_dates_begin() {
        let last = Segment { period: Period::Endless, number: NUMBER_MAX };
        assert_eq!(last.next(), None);
    }

    fn segments() -> impl Strategy<Value = (bool, Segment)> {
        let date = (1970_i16..2200, 1_i8..13, 1_i8..29, 0_i8..24, 0_i8..60, 0_usize..3).prop_map(
            |(year, month, day, hour, minute, grain)| {
                let date = format!("{year:04}-{month:02}-{day:02}");
                let times = [String::new(), format!("-{hour:02}"), format!("-{hour:02}-{minute:02}")];
                stamp(&format!("{date}{}", times[grain]))
            },
        );
        (any::<bool>(), date, 0..=NUMBER_MAX, any::<bool>()).prop_map(|(rotates, stamp, number, is_dated)| {
            let period = if rotates || is_dated { Period::Of(stamp) } else { Period::Endless };
            (rotates, Segment { period, number })
        })
    }

    proptest! {
        #[test]
        fn a_name_is_read_as_what_it_was_written_for(
            (rotates, segment) in segments(), prefix in "(below/)?[a.\\-12]{0,6}", suffix in "[a.\\-12]{0,6}",
            compressed in 0..COMPRESSED.len()
        ) {
            let is_named = !(["", "below/"].contains(&&*prefix) && suffix.is_empty());
            prop_assume!(is_named || matches!(segment.period, Period::Of(_)));
            let names = names(rotates, &prefix, &suffix);
            let name = names.name(segment);
            prop_assert_eq!(names.read(&name), Some(Own { segment, is_compressed: false }));
            let packed = names.read(&format!("{name}{}", COMPRESSED[compressed]));
            prop_assert_eq!(packed, Some(Own { segment, is_compressed: true }));
        }

        #[test]
        fn what_is_read_would_be_written_so(
            rotates in any::<bool>(), prefix in "(app)?", suffix in "(log|1)?",
            name in "(app)?[.]?(2020-02-0[1-3](-1[0-9])?)?[.]?[0-9+]{0,3}[.]?(log|1)?([.]gz)?"
        ) {
            let names = names(rotates, &prefix, &suffix);
            if let Some(own) = names.read(&name) {
                let written = names.name(own.segment);
                prop_assert!(name == written || (own.is_compressed && name.starts_with(&written)));
            }
        }
    }
}
