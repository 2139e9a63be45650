//! How often a new file is started, and which dates that means on a calendar. It knows no time zone and reads no clock.

use jiff::ToSpan as _;
use jiff::civil::DateTime;

use super::stamp::{Grain, Stamp};

/// How often a new file is started, by the clock in UTC, or in local time with
/// [`Builder::local_time`](super::Builder::local_time).
///
/// ```
/// use tracing_spool_appender::rolling::{RollingFileAppender, Rotation};
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
    /// Starts a file each minute: `app.log.2026-11-25-18-19`.
    pub const MINUTELY: Self = Self(Kind::Minutely);
    /// Starts a file each hour: `app.log.2026-11-25-18`.
    pub const HOURLY: Self = Self(Kind::Hourly);
    /// Starts a file each day: `app.log.2026-11-25`.
    pub const DAILY: Self = Self(Kind::Daily);
    /// Starts a file each Sunday at midnight, and puts that date into the name: `app.log.2026-11-22`.
    pub const WEEKLY: Self = Self(Kind::Weekly);
    /// Never starts a file because of the time: `app.log`.
    pub const NEVER: Self = Self(Kind::Never);

    /// Returns the period that contains `at`; without rotation, its day.
    pub(super) fn period(&self, at: DateTime) -> Stamp {
        match self.0 {
            Kind::Minutely => Stamp::new(at, Grain::Minute),
            Kind::Hourly => Stamp::new(at, Grain::Hour),
            Kind::Daily | Kind::Never => Stamp::new(at, Grain::Day),
            Kind::Weekly => {
                let days = at.weekday().to_sunday_zero_offset();
                Stamp::new(at.saturating_sub(days.days()), Grain::Day)
            }
        }
    }

    /// Returns the start of the next period, if there is one.
    pub(super) fn next(&self, period: Stamp) -> Option<DateTime> {
        let length = match self.0 {
            Kind::Minutely => 1.minute(),
            Kind::Hourly => 1.hour(),
            Kind::Daily => 1.day(),
            Kind::Weekly => 1.week(),
            Kind::Never => return None,
        };
        period.begin().checked_add(length).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn periods_begin_and_end_on_the_clock() {
        let now = at("2026-11-25T18:19:11"); // a Wednesday
        for (rotation, begin, next) in [
            (Rotation::MINUTELY, "2026-11-25T18:19:00", "2026-11-25T18:20:00"),
            (Rotation::HOURLY, "2026-11-25T18:00:00", "2026-11-25T19:00:00"),
            (Rotation::DAILY, "2026-11-25T00:00:00", "2026-11-26T00:00:00"),
            (Rotation::WEEKLY, "2026-11-22T00:00:00", "2026-11-29T00:00:00"),
        ] {
            let period = rotation.period(now);
            assert_eq!((period.begin(), rotation.next(period)), (at(begin), Some(at(next))));
            assert_eq!(rotation.period(at(begin)), period, "{rotation:?}");
            assert_eq!(rotation.period(at(next).saturating_sub(1.nanosecond())), period, "{rotation:?}");
        }
        assert_eq!(Rotation::NEVER.next(Rotation::NEVER.period(now)), None);
    }

    #[test]
    fn a_week_goes_over_the_end_of_a_month_and_of_a_year() {
        for (day, sunday) in [
            ("2026-11-22T00:00:00", "2026-11-22"),
            ("2026-11-21T23:59:59", "2026-11-15"),
            ("2026-12-01T10:00:00", "2026-11-29"),
            ("2027-01-01T10:00:00", "2026-12-27"),
            ("1970-01-01T00:00:00", "1969-12-28"),
        ] {
            assert_eq!(Rotation::WEEKLY.period(at(day)).to_string(), sunday);
        }
    }
}
