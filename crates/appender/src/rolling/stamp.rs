//! The date in a file's name: the start of its period, as precise as its rotation needs. It knows no time zone and reads no
//! clock.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};

/// How precise a stamp is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grain {
    Day,
    Hour,
    Minute,
}

/// The date in a name. Stamps are ordered by time, whatever their rotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    begin: DateTime,
    grain: Grain,
}

impl Stamp {
    /// Returns the stamp of a period that begins in the day, hour or minute of `at`.
    pub(super) fn new(at: DateTime, grain: Grain) -> Self {
        let (hour, minute) = match grain {
            Grain::Day => (0, 0),
            Grain::Hour => (at.hour(), 0),
            Grain::Minute => (at.hour(), at.minute()),
        };
        Self { begin: at.date().at(hour, minute, 0, 0), grain }
    }

    /// Returns the start of its period, by the clock that names follow.
    pub(super) fn begin(&self) -> DateTime {
        self.begin
    }

    /// Parses the stamp of any rotation.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let date =
            Date::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let hour: Option<i8> = parts.next().map(str::parse).transpose().ok()?;
        let minute: Option<i8> = parts.next().map(str::parse).transpose().ok()?;
        let grain = match (hour, minute) {
            (None, _) => Grain::Day,
            (Some(_), None) => Grain::Hour,
            (Some(_), Some(_)) => Grain::Minute,
        };
        let time = Time::new(hour.unwrap_or(0), minute.unwrap_or(0), 0, 0).ok()?;
        let stamp = Self::new(date.ok()?.to_datetime(time), grain);
        // Numbers parse in more forms than we write, such as `+5`. Only what we would write is a stamp.
        (stamp.to_string() == text).then_some(stamp)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.begin;
        write!(f, "{:04}-{:02}-{:02}", at.year(), at.month(), at.day())?;
        match self.grain {
            Grain::Day => Ok(()),
            Grain::Hour => write!(f, "-{:02}", at.hour()),
            Grain::Minute => write!(f, "-{:02}-{:02}", at.hour(), at.minute()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_would_not_write_is_no_stamp() {
        for stamp in ["2026-11-25", "2026-11-25-18", "2026-11-25-18-19"] {
            assert_eq!(Stamp::read(stamp).map(|read| read.to_string()).as_deref(), Some(stamp));
        }
        for stamp in [
            "",
            "bak",
            "2026-11",
            "2026-11-25-24",
            "2026-11-25-18-60",
            "2026-11-25-18-19-20",
            "2026-11-31",
            "2026-1-25",
            "02026-11-25",
            "+2026-11-25",
            "2026-11-+5",
            "2026-11-25-",
            " 2026-11-25",
            "2026-11-25.gz",
        ] {
            assert_eq!(Stamp::read(stamp), None, "{stamp}");
        }
    }

    #[test]
    fn stamps_of_all_rotations_are_in_the_order_of_time() {
        let read = |text| Stamp::read(text).unwrap();
        let mut stamps = ["2026-11-26", "2026-11-25-18-19", "2026-11-25", "2026-11-25-18"].map(read);
        stamps.sort_unstable();
        let texts = stamps.map(|stamp| stamp.to_string());
        assert_eq!(texts, ["2026-11-25", "2026-11-25-18", "2026-11-25-18-19", "2026-11-26"]);
    }
}
