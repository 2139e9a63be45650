//! Which backup of a set: by number, or by the moment at which it was made.
//! How a slot is written as a name is `name`'s; which slot is free is `policy::plan`'s.

use std::cmp::Reverse;
use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::time::Wall;

/// The last sequence number within a second.
const SEQUENCE_MAX: u16 = 9_999;

/// A second, and which backup of that second: `20261123T181911Z`, `20261123T181911Z-0001` and on.
///
/// ```
/// use tracing_spool_fileset::model::slot::Stamp;
/// let stamp = Stamp::parse("20261123T181911Z-0002").unwrap();
/// assert_eq!((stamp.to_string(), stamp.sequence()), ("20261123T181911Z-0002".to_owned(), 2));
/// assert_eq!(Stamp::parse("20261123T181960Z"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    second: i64,
    sequence: u16,
}

impl Stamp {
    /// The first stamp that is later than `newest` and not earlier than `now`, so that stamps grow whatever the clock
    /// does.
    #[must_use]
    pub fn after(newest: Option<Self>, now: Wall) -> Self {
        let first = Self { second: now.unix_micros().div_euclid(1_000_000), sequence: 0 };
        match newest {
            Some(Self { second, sequence }) if second >= first.second => match sequence {
                SEQUENCE_MAX => Self { second: second + 1, sequence: 0 },
                sequence => Self { second, sequence: sequence + 1 },
            },
            _ => first,
        }
    }

    /// Reads what [`Display`](fmt::Display) writes, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (time, sequence) = match text.split_once('-') {
            Some((time, sequence)) => (time, Some(sequence)),
            None => (text, None),
        };
        let sequence = match sequence {
            Some(digits) if digits.len() == 4 => number(digits).filter(|sequence| *sequence > 0)?,
            Some(_) => return None,
            None => 0,
        };
        if time.len() != "20261123T181911Z".len() || !time.is_ascii() {
            return None;
        }
        let (date, time) = time.strip_suffix('Z')?.split_once('T')?;
        if date.len() != 8 {
            return None;
        }
        let part = |digits: &str| number(digits).and_then(|number| i8::try_from(number).ok());
        let year = number(&date[..4]).and_then(|year| i16::try_from(year).ok())?;
        let (month, day) = (part(&date[4..6])?, part(&date[6..])?);
        let (hour, minute, second) = (part(&time[..2])?, part(&time[2..4])?, part(&time[4..])?);
        let moment = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let moment = TimeZone::UTC.to_timestamp(moment).ok()?;
        Some(Self { second: moment.as_second(), sequence: u16::try_from(sequence).ok()? })
    }

    /// Which one it is within its second; 0 is the first.
    #[must_use]
    pub const fn sequence(self) -> u16 {
        self.sequence
    }
}

fn number(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_second(self.second).unwrap_or_default();
        write!(f, "{}", moment.strftime("%Y%m%dT%H%M%SZ"))?;
        if self.sequence > 0 { write!(f, "-{:04}", self.sequence) } else { Ok(()) }
    }
}

/// A backup's place in the set. They are ordered from the newest to the oldest; numbers, where there are both kinds,
/// are older than stamps: they are from before the set was told to use stamps.
///
/// ```
/// use tracing_spool_fileset::model::slot::{Slot, Stamp};
/// let early = Slot::from(Stamp::parse("20261123T181911Z").unwrap());
/// let late = Slot::from(Stamp::parse("20261124T000000Z").unwrap());
/// assert!(late < early && early < Slot::Number(1) && Slot::Number(1) < Slot::Number(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// `app.log.20261123T181911Z`.
    Stamp(Reverse<Stamp>),
    /// `app.log.3`: the third newest.
    Number(u32),
}

impl Slot {
    /// Its number, if it has one.
    #[must_use]
    pub const fn number(self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(number),
            Self::Stamp(_) => None,
        }
    }

    /// Its stamp, if it has one.
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

/// As in the name of a file, behind the dot.
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

    fn at(seconds: i64) -> Wall {
        Wall::from_unix_micros(seconds * 1_000_000 + 999_999)
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
        assert_eq!(Stamp::parse("20240229T000000Z").unwrap().to_string(), "20240229T000000Z");
        assert_eq!(Stamp::parse("20230229T000000Z"), None);
    }

    #[test]
    fn stamps_grow_whatever_the_clock_does() {
        let first = Stamp::after(None, at(1_000));
        assert_eq!(first, Stamp { second: 1_000, sequence: 0 });
        let second = Stamp::after(Some(first), at(1_000));
        assert_eq!(second, Stamp { second: 1_000, sequence: 1 });
        assert_eq!(
            Stamp::after(Some(second), at(10)),
            Stamp { second: 1_000, sequence: 2 },
            "the clock went back"
        );
        assert_eq!(Stamp::after(Some(second), at(1_001)), Stamp { second: 1_001, sequence: 0 });
        let last = Stamp { second: 1_000, sequence: SEQUENCE_MAX };
        assert_eq!(Stamp::after(Some(last), at(1_000)), Stamp { second: 1_001, sequence: 0 });
    }

    proptest! {
        #[test]
        fn stamps_round_trip_and_are_in_the_order_of_their_names(
            one in (0_i64..250_000_000_000, 0_u16..=SEQUENCE_MAX),
            two in (0_i64..250_000_000_000, 0_u16..=SEQUENCE_MAX),
        ) {
            let [one, two] = [one, two].map(|(second, sequence)| Stamp { second, sequence });
            prop_assert_eq!(Stamp::parse(&one.to_string()), Some(one));
            prop_assert_eq!(one.cmp(&two), one.to_string().cmp(&two.to_string()));
            prop_assert_eq!(Slot::from(one).cmp(&Slot::from(two)), two.cmp(&one), "the newest comes first");
        }
    }
}
