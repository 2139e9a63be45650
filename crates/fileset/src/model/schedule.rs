//! Describes when the live file is rotated by the clock, and what can be wrong with a description. `policy::schedule`
//! says when it is due next; `effect::zone` looks up the rules of a zone.

use std::fmt;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Monday" => Self::Monday,
            "Tuesday" => Self::Tuesday,
            "Wednesday" => Self::Wednesday,
            "Thursday" => Self::Thursday,
            "Friday" => Self::Friday,
            "Saturday" => Self::Saturday,
            "Sunday" => Self::Sunday,
            _ => return None,
        })
    }
}

fn two_digits(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// How often a file is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Every {
    Minute,
    Hour,
    Day,
    Week,
}

/// Whose clock the schedule follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    Utc,
    Local,
    Named(String),
}

/// When the live file is rotated by the wall clock: each minute, hour, day or week, at a time of day, in a time zone.
///
/// If the clock goes forward and skips the time, it counts as reached at the skip. If the clock goes back and shows the
/// time twice, the first counts. With [`hourly`](Self::hourly), each of two equal hours is an hour of its own.
///
/// With [`Naming::Timestamped`](crate::Naming::Timestamped), a backup is named by the time at which its period began in
/// the zone: `app.log.2026-11-27` for a day. With `daily().at(3, 30)`, that file holds the records from 03:30 on the
/// 27th to 03:30 on the 28th.
///
/// ```
/// use tracing_spool_fileset::internal::schedule::{Schedule, Weekday};
/// let nightly = Schedule::daily().at(3, 30).in_zone("Europe/Berlin");
/// assert_eq!(nightly.to_string(), "daily at 03:30 in Europe/Berlin");
/// let weekly = Schedule::weekly().on(Weekday::Sunday);
/// assert_eq!(weekly.to_string(), "weekly on Sunday at 00:00 in UTC");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    every: Every,
    at: Option<(u8, u8)>,
    on: Option<Weekday>,
    zone: Zone,
}

impl Schedule {
    const fn every(every: Every) -> Self {
        Self { every, at: None, on: None, zone: Zone::Utc }
    }

    /// Rotates at each full minute.
    ///
    /// ```
    /// assert_eq!(tracing_spool_fileset::Schedule::minutely().to_string(), "minutely in UTC");
    /// ```
    #[must_use]
    pub const fn minutely() -> Self {
        Self::every(Every::Minute)
    }

    /// Rotates at each full hour of the zone's clock.
    ///
    /// ```
    /// assert_eq!(tracing_spool_fileset::Schedule::hourly().to_string(), "hourly in UTC");
    /// ```
    #[must_use]
    pub const fn hourly() -> Self {
        Self::every(Every::Hour)
    }

    /// Rotates each day, at midnight unless [`at`](Self::at) says otherwise.
    ///
    /// ```
    /// assert_eq!(tracing_spool_fileset::Schedule::daily().to_string(), "daily at 00:00 in UTC");
    /// ```
    #[must_use]
    pub const fn daily() -> Self {
        Self::every(Every::Day)
    }

    /// Rotates each week, on Monday at midnight unless [`on`](Self::on) and [`at`](Self::at) say otherwise.
    ///
    /// ```
    /// let weekly = tracing_spool_fileset::Schedule::weekly();
    /// assert_eq!(weekly.to_string(), "weekly on Monday at 00:00 in UTC");
    /// ```
    #[must_use]
    pub const fn weekly() -> Self {
        Self::every(Every::Week)
    }

    /// Sets the time of day for daily and weekly rotation: an hour from 0 to 23 and a minute from 0 to 59. Values out
    /// of range are a fault of the settings, reported when the log is opened.
    ///
    /// Default: 00:00.
    ///
    /// ```
    /// let schedule = tracing_spool_fileset::Schedule::daily().at(23, 5);
    /// assert_eq!(schedule.to_string(), "daily at 23:05 in UTC");
    /// ```
    #[must_use]
    pub const fn at(mut self, hour: u8, minute: u8) -> Self {
        self.at = Some((hour, minute));
        self
    }

    /// Sets the day for weekly rotation.
    ///
    /// Default: Monday.
    ///
    /// ```
    /// use tracing_spool_fileset::{Schedule, Weekday};
    /// let schedule = Schedule::weekly().on(Weekday::Friday);
    /// assert_eq!(schedule.to_string(), "weekly on Friday at 00:00 in UTC");
    /// ```
    #[must_use]
    pub const fn on(mut self, day: Weekday) -> Self {
        self.on = Some(day);
        self
    }

    /// Follows the clock of the time zone with this IANA name.
    ///
    /// The zone is looked up once, in the system's database or in one that the program brings along (jiff's feature
    /// `tzdb-bundle-always`). An unknown name is a fault of the settings.
    ///
    /// Default: UTC.
    ///
    /// ```
    /// let schedule = tracing_spool_fileset::Schedule::hourly().in_zone("Asia/Kolkata");
    /// assert_eq!(schedule.to_string(), "hourly in Asia/Kolkata");
    /// ```
    #[must_use]
    pub fn in_zone(mut self, name: impl Into<String>) -> Self {
        self.zone = Zone::Named(name.into());
        self
    }

    /// Follows the clock of the system's time zone (`TZ`, `/etc/localtime`) as it is when the log is opened. If the
    /// system has none, that is UTC.
    ///
    /// ```
    /// let schedule = tracing_spool_fileset::Schedule::daily().local();
    /// assert_eq!(schedule.to_string(), "daily at 00:00 in local time");
    /// ```
    #[must_use]
    pub fn local(mut self) -> Self {
        self.zone = Zone::Local;
        self
    }

    /// Parses what [`Display`](fmt::Display) writes. The day, the time and the zone may be left out, and `local` is
    /// short for `local time`. Returns `None` for any other text. A schedule that can't be followed still parses, and
    /// is a fault of the settings.
    ///
    /// ```
    /// use tracing_spool_fileset::Schedule;
    /// let nightly = Schedule::parse("daily at 03:30 in Europe/Berlin").unwrap();
    /// assert_eq!(nightly, Schedule::daily().at(3, 30).in_zone("Europe/Berlin"));
    /// assert_eq!(Schedule::parse("weekly on Friday"), Some(Schedule::weekly().on(tracing_spool_fileset::Weekday::Friday)));
    /// assert_eq!(Schedule::parse("now and then"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rule, zone) = match text.split_once(" in ") {
            Some((rule, zone)) => (rule, zone.trim()),
            None => (text, "UTC"),
        };
        let mut words = rule.split_whitespace();
        let mut schedule = match words.next()? {
            "minutely" => Self::minutely(),
            "hourly" => Self::hourly(),
            "daily" => Self::daily(),
            "weekly" => Self::weekly(),
            _ => return None,
        };
        while let Some(word) = words.next() {
            schedule = match (word, words.next()?) {
                ("on", day) => schedule.on(Weekday::parse(day)?),
                ("at", time) => {
                    let (hour, minute) = time.split_once(':')?;
                    schedule.at(two_digits(hour)?, two_digits(minute)?)
                }
                _ => return None,
            };
        }
        Some(match zone {
            "" => return None,
            "UTC" => schedule,
            "local" | "local time" => schedule.local(),
            name => schedule.in_zone(name),
        })
    }

    pub(crate) const fn period(&self) -> Every {
        self.every
    }

    pub(crate) const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Returns hour and minute.
    pub(crate) fn time(&self) -> (u8, u8) {
        self.at.unwrap_or((0, 0))
    }

    pub(crate) fn weekday(&self) -> Weekday {
        self.on.unwrap_or(Weekday::Monday)
    }

    /// Returns what a schedule that can't be followed must be instead.
    pub(crate) fn objection(&self) -> Option<&'static str> {
        match (self.every, self.at, self.on) {
            (Every::Minute | Every::Hour, Some(_), _) => {
                Some("must be daily or weekly to have a time of day")
            }
            (Every::Minute | Every::Hour | Every::Day, _, Some(_)) => {
                Some("must be weekly to have a weekday")
            }
            (_, Some((hour, minute)), _) if hour > 23 || minute > 59 => {
                Some("must have a time of day from 00:00 to 23:59")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.every {
            Every::Minute => "minutely",
            Every::Hour => "hourly",
            Every::Day => "daily",
            Every::Week => "weekly",
        })?;
        if self.every == Every::Week || self.on.is_some() {
            write!(f, " on {:?}", self.weekday())?;
        }
        if matches!(self.every, Every::Day | Every::Week) || self.at.is_some() {
            let (hour, minute) = self.time();
            write!(f, " at {hour:02}:{minute:02}")?;
        }
        match &self.zone {
            Zone::Utc => f.write_str(" in UTC"),
            Zone::Local => f.write_str(" in local time"),
            Zone::Named(name) => write!(f, " in {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for schedule in [
            Schedule::minutely(),
            Schedule::hourly().local(),
            Schedule::daily().at(3, 30).in_zone("America/Argentina/Buenos_Aires"),
            Schedule::weekly().on(Weekday::Sunday).at(23, 59),
            Schedule::daily().on(Weekday::Friday).at(24, 0),
        ] {
            let read = Schedule::parse(&schedule.to_string()).unwrap();
            assert_eq!(read.to_string(), schedule.to_string());
        }
        assert_eq!(Schedule::parse("hourly in local"), Some(Schedule::hourly().local()));
        for bad in [
            "",
            "dayly",
            "daily at",
            "daily at 3:30",
            "daily at 03:30:00",
            "weekly on friday",
            "daily in ",
            "daily 03:30",
        ] {
            assert_eq!(Schedule::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        assert_eq!(Schedule::weekly().on(Weekday::Sunday).at(23, 59).local().objection(), None);
        for (bad, words) in [
            (Schedule::hourly().at(3, 0), "daily or weekly"),
            (Schedule::minutely().on(Weekday::Friday), "weekly"),
            (Schedule::daily().on(Weekday::Friday), "weekly"),
            (Schedule::daily().at(24, 0), "23:59"),
            (Schedule::weekly().at(0, 60), "23:59"),
        ] {
            assert!(bad.objection().is_some_and(|wanted| wanted.contains(words)), "{bad}");
        }
        assert_eq!(
            Schedule::daily().on(Weekday::Friday).at(24, 0).to_string(),
            "daily on Friday at 24:00 in UTC"
        );
    }
}
