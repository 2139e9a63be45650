//! Which backup of a set: by number, by the second at which it was made, or by the period that it holds. `name` writes
//! a slot as a file name, `policy::plan` chooses a free slot, and `policy::schedule` knows when a period begins.

use std::cmp::Reverse;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::time::Wall;

/// The last sequence number within a second, or a period.
const SEQUENCE_MAX: u16 = 9_999;

/// The digits of a sequence number. No part of a date or time behind a hyphen has as many, so neither is taken for the
/// other.
const SEQUENCE_DIGITS: usize = 4;

/// How precise a stamp is. If two stamps show the same moment, the one with the shorter period is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    /// `2026-11-27`.
    Day,
    /// `2026-11-27-18`.
    Hour,
    /// `2026-11-27-18-19`.
    Minute,
    /// `20261127T181911Z`.
    Second,
}

impl Form {
    const ALL: [Self; 4] = [Self::Day, Self::Hour, Self::Minute, Self::Second];

    /// Describes the text: each of `YMDhms` stands for a digit, anything else for itself.
    const fn layout(self) -> &'static str {
        match self {
            Self::Day => "YYYY-MM-DD",
            Self::Hour => "YYYY-MM-DD-hh",
            Self::Minute => "YYYY-MM-DD-hh-mm",
            Self::Second => "YYYYMMDDThhmmssZ",
        }
    }

    /// Returns the layout as a `strftime` pattern.
    const fn pattern(self) -> &'static str {
        match self {
            Self::Day => "%Y-%m-%d",
            Self::Hour => "%Y-%m-%d-%H",
            Self::Minute => "%Y-%m-%d-%H-%M",
            Self::Second => "%Y%m%dT%H%M%SZ",
        }
    }

    /// Returns the seconds from one stamp of this form to the next.
    const fn seconds(self) -> i64 {
        match self {
            Self::Day => 86_400,
            Self::Hour => 3_600,
            Self::Minute => 60,
            Self::Second => 1,
        }
    }

    /// Parses the moment that `text` shows in this form. Every digit must be there, and the moment must exist.
    fn read(self, text: &str) -> Option<i64> {
        let layout = self.layout();
        if text.len() != layout.len() {
            return None;
        }
        let mut parts = [0_i16; 6];
        for (mark, byte) in layout.bytes().zip(text.bytes()) {
            match b"YMDhms".iter().position(|part| *part == mark) {
                Some(part) if byte.is_ascii_digit() => {
                    parts[part] = parts[part] * 10 + i16::from(byte - b'0');
                }
                None if byte == mark => {}
                _ => return None,
            }
        }
        let part = |part: usize| i8::try_from(parts[part]).ok();
        let shown = DateTime::new(parts[0], part(1)?, part(2)?, part(3)?, part(4)?, part(5)?, 0).ok()?;
        as_utc(shown)
    }
}

/// Returns the seconds since 1970 of what a clock shows, as if it showed UTC.
fn as_utc(shown: DateTime) -> Option<i64> {
    TimeZone::UTC.to_timestamp(shown).ok().map(Timestamp::as_second)
}

/// The time stamp in a backup's name. It is the second at which the backup was made (`20261123T181911Z`, in UTC) or the
/// period that it holds (`2026-11-23`, `2026-11-23-18`, `2026-11-23-18-19`, in the schedule's zone), and a sequence
/// number for all but the first in that second or period (`-0001` and so on).
///
/// Stamps are ordered by the time that they show, whatever the zone, then by form, then by sequence.
///
/// ```
/// use tracing_spool_fileset::internal::slot::Stamp;
/// let stamp = Stamp::parse("20261123T181911Z-0002").unwrap();
/// assert_eq!((stamp.to_string(), stamp.sequence()), ("20261123T181911Z-0002".to_owned(), 2));
/// assert_eq!(Stamp::parse("20261123T181960Z"), None);
/// assert!(Stamp::parse("2026-11-23").unwrap() < stamp);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Seconds since 1970; for a period, the civil time at which it began, as if it were UTC.
    moment: i64,
    form: Form,
    sequence: u16,
}

impl Stamp {
    /// Returns the stamp of the second that holds `now`.
    ///
    /// ```
    /// use tracing_spool_fileset::{Stamp, Wall};
    /// let stamp = Stamp::second(Wall::from_unix_micros(1_795_544_351_000_250));
    /// assert_eq!(stamp.to_string(), "20261124T181911Z");
    /// ```
    #[must_use]
    pub const fn second(now: Wall) -> Self {
        Self { moment: now.unix_micros().div_euclid(1_000_000), form: Form::Second, sequence: 0 }
    }

    /// Returns the stamp of a period that began when the zone's clock showed `begin`, or `None` if its year hasn't four
    /// digits or no clock reaches it.
    pub(crate) fn period(form: Form, begin: DateTime) -> Option<Self> {
        let moment = as_utc(begin).filter(|_| begin.year() >= 0)?;
        Some(Self { moment: moment - moment.rem_euclid(form.seconds()), form, sequence: 0 })
    }

    /// Returns the first stamp that is later than `newest` and not earlier than `wanted`, so that stamps grow whatever
    /// the clock does.
    #[must_use]
    pub fn after(newest: Option<Self>, wanted: Self) -> Self {
        match newest {
            Some(newest) if newest >= wanted => newest.next(),
            _ => wanted,
        }
    }

    /// Returns the next stamp in the same second or period or, if there are too many of them, the first of the next.
    const fn next(self) -> Self {
        match self.sequence {
            SEQUENCE_MAX => Self { moment: self.moment + self.form.seconds(), sequence: 0, ..self },
            sequence => Self { sequence: sequence + 1, ..self },
        }
    }

    /// Parses what [`Display`](fmt::Display) writes, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (time, sequence) = match text.rsplit_once('-') {
            Some((time, digits)) if digits.len() == SEQUENCE_DIGITS => (time, sequence(digits)?),
            _ => (text, 0),
        };
        Form::ALL.into_iter().find_map(|form| form.read(time).map(|moment| Self { moment, form, sequence }))
    }

    /// Returns the sequence number within the second or period; the first is 0.
    #[must_use]
    pub const fn sequence(self) -> u16 {
        self.sequence
    }

    /// Returns whether the stamp names the period that the backup holds, not the second at which it was made.
    #[must_use]
    pub const fn is_of_period(self) -> bool {
        !matches!(self.form, Form::Second)
    }
}

/// Parses a sequence number as we write it. The first has none.
fn sequence(digits: &str) -> Option<u16> {
    let sequence = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
    sequence.filter(|sequence| *sequence > 0)
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = Timestamp::from_second(self.moment).unwrap_or_default();
        write!(f, "{}", moment.strftime(self.form.pattern()))?;
        if self.sequence > 0 { write!(f, "-{:0SEQUENCE_DIGITS$}", self.sequence) } else { Ok(()) }
    }
}

/// A backup's place in the set. Slots are ordered from the newest to the oldest. If a set has both kinds, numbers are
/// older than stamps, since they are from before the set was told to use stamps.
///
/// ```
/// use tracing_spool_fileset::internal::slot::{Slot, Stamp};
/// let early = Slot::from(Stamp::parse("20261123T181911Z").unwrap());
/// let late = Slot::from(Stamp::parse("20261124T000000Z").unwrap());
/// assert!(late < early && early < Slot::Number(1) && Slot::Number(1) < Slot::Number(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// A time stamp: `app.log.20261123T181911Z` or `app.log.2026-11-23`.
    Stamp(Reverse<Stamp>),
    /// A number: `app.log.3` is the third newest.
    Number(u32),
}

impl Slot {
    /// Returns the number, if the slot has one.
    #[must_use]
    pub const fn number(self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(number),
            Self::Stamp(_) => None,
        }
    }

    /// Returns the stamp, if the slot has one.
    #[must_use]
    pub const fn stamp(self) -> Option<Stamp> {
        match self {
            Self::Stamp(Reverse(stamp)) => Some(stamp),
            Self::Number(_) => None,
        }
    }
}

impl From<u32> for Slot {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<Stamp> for Slot {
    fn from(stamp: Stamp) -> Self {
        Self::Stamp(Reverse(stamp))
    }
}

impl PartialEq<u32> for Slot {
    fn eq(&self, number: &u32) -> bool {
        self.number() == Some(*number)
    }
}

/// Writes the slot as in a file name, without the dot before it.
impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stamp(Reverse(stamp)) => stamp.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Stamp {
        Stamp::second(Wall::from_unix_micros(seconds * 1_000_000 + 999_999))
    }

    fn stamp(text: &str) -> Stamp {
        Stamp::parse(text).unwrap()
    }

    #[test]
    fn only_what_we_write_is_a_stamp() {
        for text in [
            "",
            "20261123T181911",
            "20261123T181911Z-",
            "20261123T181911Z-0000",
            "20261123T181911Z-1",
            "20261123T181911Z-00001",
            "20261123T181911Z-000a",
            "20261123T181911Z-+001",
            "20261123t181911Z",
            "20261123T181911z",
            "20261131T181911Z",
            "20261323T181911Z",
            "20261123T241911Z",
            "2026112T3181911Z",
            "+0261123T181911Z",
            "2026112éT18191Z",
            "20261123T181911Z.gz",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
        assert_eq!(stamp("20240229T000000Z").to_string(), "20240229T000000Z");
        assert_eq!(Stamp::parse("20230229T000000Z"), None);
    }

    #[test]
    fn only_a_whole_period_is_a_stamp() {
        for text in [
            "2026",
            "2026-11",
            "2026-11-",
            "2026-1-27",
            "2026-11-7",
            "2026-11-27-",
            "2026-11-27-1",
            "2026-11-27-001",
            "2026-11-27-00001",
            "2026-11-27-0000",
            "2026-11-27-18-0000",
            "2026-11-27-18-19-0000",
            "2026-11-27-18-1",
            "2026-11-27-18-19-11",
            "2026-11-27-0001-0002",
            "2026-11-27-+001",
            "2026-11-27-24",
            "2026-11-27-23-60",
            "2026-11-31",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-11-00",
            "+026-11-27",
            "-026-11-27",
            "12026-11-27",
            "2026_11_27",
            "2026-11-27T18",
            "2026-11-27Z",
            "20261127",
            "2026-11-é7",
            "2026-11-27.gz",
            " 2026-11-27",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
        for (text, form, sequence) in [
            ("2026-11-27", Form::Day, 0),
            ("2024-02-29", Form::Day, 0),
            ("2026-11-27-1819", Form::Day, 1_819),
            ("2026-11-27-18", Form::Hour, 0),
            ("2026-11-27-00-0018", Form::Hour, 18),
            ("2026-11-27-18-19", Form::Minute, 0),
            ("2026-11-27-18-19-9999", Form::Minute, SEQUENCE_MAX),
        ] {
            let stamp = stamp(text);
            assert_eq!((stamp.form, stamp.sequence), (form, sequence), "{text}");
            assert_eq!(stamp.to_string(), text);
            assert!(stamp.is_of_period());
        }
        assert!(!stamp("20261127T181911Z-0001").is_of_period());
    }

    #[test]
    fn a_period_is_named_by_the_time_at_which_it_began() {
        let begin = jiff::civil::datetime(2026, 11, 27, 18, 19, 11, 1);
        let named = |form| Stamp::period(form, begin).unwrap().to_string();
        assert_eq!(named(Form::Day), "2026-11-27");
        assert_eq!(named(Form::Hour), "2026-11-27-18");
        assert_eq!(named(Form::Minute), "2026-11-27-18-19");
        let early = jiff::civil::datetime(1969, 12, 31, 23, 59, 59, 0);
        assert_eq!(Stamp::period(Form::Day, early), Some(stamp("1969-12-31")));
        assert_eq!(Stamp::period(Form::Day, DateTime::MIN), None);
        assert_eq!(Stamp::period(Form::Day, DateTime::MAX), None);
    }

    #[test]
    fn stamps_grow_whatever_the_clock_does() {
        let first = Stamp::after(None, at(1_000));
        assert_eq!(first, at(1_000));
        let second = Stamp::after(Some(first), at(1_000));
        assert_eq!(second, Stamp { sequence: 1, ..first });
        assert_eq!(Stamp::after(Some(second), at(10)), Stamp { sequence: 2, ..first }, "the clock went back");
        assert_eq!(Stamp::after(Some(second), at(1_001)), at(1_001));
        let last = Stamp { sequence: SEQUENCE_MAX, ..first };
        assert_eq!(Stamp::after(Some(last), at(1_000)), at(1_001));
    }

    #[test]
    fn stamps_of_periods_grow_too() {
        for (newest, wanted, next) in [
            ("2026-11-26", "2026-11-27", "2026-11-27"),
            ("2026-11-27", "2026-11-27", "2026-11-27-0001"),
            ("2026-11-27-0009", "2026-11-27", "2026-11-27-0010"),
            ("2026-11-27", "2026-11-26", "2026-11-27-0001"),
            ("2026-12-31-9999", "2026-12-31", "2027-01-01"),
            ("2026-12-31-23-9999", "2026-12-31-23", "2027-01-01-00"),
            ("2026-12-31-23-59-9999", "2026-12-31-23-59", "2027-01-01-00-00"),
            // The schedule has changed.
            ("2026-11-27-0003", "2026-11-27-18", "2026-11-27-18"),
            ("2026-11-27-0003", "2026-11-27-00", "2026-11-27-00"),
            ("2026-11-27-18", "2026-11-27", "2026-11-27-18-0001"),
            ("2026-11-27-00", "2026-11-27", "2026-11-27-00-0001"),
            ("20261127T181911Z", "2026-11-27", "20261127T181911Z-0001"),
            ("20261127T181911Z", "2026-11-28", "2026-11-28"),
            ("2026-11-28", "20261127T181911Z", "2026-11-28-0001"),
        ] {
            let chosen = Stamp::after(Some(stamp(newest)), stamp(wanted));
            assert_eq!(chosen.to_string(), next, "{newest} {wanted}");
        }
    }

    fn any_stamp() -> impl Strategy<Value = Stamp> {
        let form = proptest::sample::select(&Form::ALL[..]);
        let moment = prop_oneof![0_i64..250_000_000_000, 1_800_000_000_i64..1_800_200_000];
        let sequence = prop_oneof![0_u16..=2, 0_u16..=SEQUENCE_MAX];
        (form, moment, sequence).prop_map(|(form, moment, sequence)| Stamp {
            moment: moment - moment % form.seconds(),
            form,
            sequence,
        })
    }

    proptest! {
        #[test]
        fn stamps_round_trip_and_are_in_the_order_of_their_names(one in any_stamp(), two in any_stamp()) {
            prop_assert_eq!(Stamp::parse(&one.to_string()), Some(one));
            if one.form == two.form {
                prop_assert_eq!(one.cmp(&two), one.to_string().cmp(&two.to_string()));
            }
            prop_assert_eq!(one == two, one.to_string() == two.to_string());
            prop_assert_eq!(Slot::from(one).cmp(&Slot::from(two)), two.cmp(&one), "the newest comes first");
        }

        #[test]
        fn the_next_stamp_is_later_and_can_be_read(newest in any_stamp(), wanted in any_stamp()) {
            let next = Stamp::after(Some(newest), wanted);
            prop_assert!(next > newest && next >= wanted);
            prop_assert_eq!(Stamp::parse(&next.to_string()), Some(next));
        }

        #[test]
        fn a_text_that_is_a_stamp_is_written_so(text in "(2026-?[01][0-9]-?[0-3][0-9](T[0-9]{6}Z)?)(-[0-9]{1,4}){0,3}") {
            if let Some(stamp) = Stamp::parse(&text) {
                prop_assert_eq!(stamp.to_string(), text);
            }
        }
    }
}
