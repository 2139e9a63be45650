//! How often a new file is begun: which moments those are, and how they are written in a name.
//! It reads no clock.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// The first Sunday after the beginning of 1970, which was a Thursday.
const A_SUNDAY: i64 = 3 * DAY;

/// How often a new file is begun. All times are UTC.
///
/// ```
/// use tracing_spool::compat::rolling::{RollingFileAppender, Rotation};
/// let builder = RollingFileAppender::builder().rotation(Rotation::HOURLY);
/// # drop(builder);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Never,
}

impl Rotation {
    /// Each minute: `app.log.2026-11-25-18-19`.
    pub const MINUTELY: Self = Self(Kind::Minutely);
    /// Each hour: `app.log.2026-11-25-18`.
    pub const HOURLY: Self = Self(Kind::Hourly);
    /// Each day: `app.log.2026-11-25`.
    pub const DAILY: Self = Self(Kind::Daily);
    /// Each Sunday at midnight, whose date the file has: `app.log.2026-11-22`.
    pub const WEEKLY: Self = Self(Kind::Weekly);
    /// One file for ever: `app.log`.
    pub const NEVER: Self = Self(Kind::Never);

    /// Length of a period and one moment at which a period begins, in seconds; none without rotation.
    fn period(&self) -> Option<(i64, i64)> {
        match self.0 {
            Kind::Minutely => Some((MINUTE, 0)),
            Kind::Hourly => Some((HOUR, 0)),
            Kind::Daily => Some((DAY, 0)),
            Kind::Weekly => Some((WEEK, A_SUNDAY)),
            Kind::Never => None,
        }
    }

    /// The beginning of the period that `second` lies in; without rotation, of its day. Seconds count from 1970.
    pub(super) fn begin(&self, second: i64) -> i64 {
        let (length, origin) = self.period().unwrap_or((DAY, 0));
        second.saturating_sub(second.saturating_sub(origin).rem_euclid(length))
    }

    /// The beginning of the next period, if there is one.
    pub(super) fn next(&self, second: i64) -> Option<i64> {
        let (length, _) = self.period()?;
        Some(self.begin(second).saturating_add(length))
    }

    /// How the period of `second` is written in a name.
    pub(super) fn stamp(&self, second: i64) -> String {
        let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let time = Timestamp::from_second(self.begin(second).clamp(first, last)).unwrap_or_default();
        let at = Offset::UTC.to_datetime(time);
        let date = format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day());
        match self.0 {
            Kind::Minutely => format!("{date}-{:02}-{:02}", at.hour(), at.minute()),
            Kind::Hourly => format!("{date}-{:02}", at.hour()),
            Kind::Daily | Kind::Weekly | Kind::Never => date,
        }
    }

    /// The beginning of the period that is written so; none if we would not write it so.
    pub(super) fn read_stamp(&self, stamp: &str) -> Option<i64> {
        let mut parts = stamp.split('-');
        let year: i16 = parts.next()?.parse().ok()?;
        let mut two = || parts.next().map_or(Some(0), |part| part.parse::<i8>().ok());
        let (month, day, hour, minute) = (two()?, two()?, two()?, two()?);
        let at =
            Date::new(year, month, day).ok()?.to_datetime(jiff::civil::Time::new(hour, minute, 0, 0).ok()?);
        let second = Offset::UTC.to_timestamp(at).ok()?.as_second();
        (self.stamp(second) == stamp).then_some(second)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Rotation; 5] =
        [Rotation::MINUTELY, Rotation::HOURLY, Rotation::DAILY, Rotation::WEEKLY, Rotation::NEVER];

    fn second(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn periods_begin_and_end_on_the_clock() {
        let now = second("2026-11-25T18:19:11Z"); // a Wednesday
        for (rotation, begin, next) in [
            (Rotation::MINUTELY, "2026-11-25T18:19:00Z", "2026-11-25T18:20:00Z"),
            (Rotation::HOURLY, "2026-11-25T18:00:00Z", "2026-11-25T19:00:00Z"),
            (Rotation::DAILY, "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"),
            (Rotation::WEEKLY, "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"),
        ] {
            assert_eq!((rotation.begin(now), rotation.next(now)), (second(begin), Some(second(next))));
            assert_eq!(rotation.begin(second(begin)), second(begin), "{rotation:?}");
            assert_eq!(rotation.begin(second(next) - 1), second(begin), "{rotation:?}");
        }
        assert_eq!(Rotation::NEVER.next(now), None);
    }

    #[test]
    fn a_week_goes_over_the_end_of_a_month_and_of_a_year() {
        for (day, sunday) in [
            ("2026-11-22T00:00:00Z", "2026-11-22"),
            ("2026-11-21T23:59:59Z", "2026-11-15"),
            ("2026-12-01T10:00:00Z", "2026-11-29"),
            ("2027-01-01T10:00:00Z", "2026-12-27"),
            ("1970-01-01T00:00:00Z", "1969-12-28"),
        ] {
            assert_eq!(Rotation::WEEKLY.stamp(second(day)), sunday);
        }
    }

    #[test]
    fn what_we_would_not_write_is_no_stamp() {
        for stamp in ["2026-11-25", "2026-11-22"] {
            assert!(Rotation::DAILY.read_stamp(stamp).is_some(), "{stamp}");
        }
        for stamp in [
            "",
            "bak",
            "2026-11",
            "2026-11-25-18",
            "2026-11-31",
            "2026-1-25",
            "02026-11-25",
            "+2026-11-25",
            "2026-11-+5",
            "2026-11-25-",
            " 2026-11-25",
            "2026-11-25.gz",
        ] {
            assert_eq!(Rotation::DAILY.read_stamp(stamp), None, "{stamp}");
        }
        assert_eq!(Rotation::WEEKLY.read_stamp("2026-11-25"), None, "no Sunday");
        assert_eq!(Rotation::HOURLY.read_stamp("2026-11-25-24"), None);
        assert_eq!(Rotation::HOURLY.read_stamp("2026-11-25"), None);
    }

    proptest! {
        #[test]
        fn stamps_round_trip(second in -30_000_000_000_i64..200_000_000_000, which in 0_usize..5) {
            let rotation = &ALL[which];
            let stamp = rotation.stamp(second);
            prop_assert_eq!(rotation.read_stamp(&stamp), Some(rotation.begin(second)));
            prop_assert!(rotation.begin(second) <= second);
            if let Some(next) = rotation.next(second) {
                prop_assert!(second < next);
                prop_assert_eq!(rotation.begin(next), next);
                prop_assert_ne!(rotation.stamp(next), stamp);
            }
        }

        #[test]
        fn any_moment_has_a_name(second in any::<i64>(), which in 0_usize..5) {
            prop_assert!(!ALL[which].stamp(second).is_empty());
            ALL[which].next(second);
        }
    }
}
