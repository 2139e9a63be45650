//! Time stamps in RFC 3339 with microseconds, which `fmt` asks for at each event on the caller's thread. Each thread
//! keeps the text of the current second, so the calendar is consulted once a second.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// Writes the time of an event for `tracing_subscriber::fmt`, faster than `fmt`'s own timers:
/// `2026-11-23T18:19:11.000250Z`.
///
/// The clock is read at every event and shown in microseconds. Only the text of the second is kept.
///
/// ```
/// use tracing_spool_format::EventTime;
/// let subscriber = tracing_subscriber::fmt().with_timer(EventTime::utc()).with_writer(std::io::sink).finish();
/// tracing::subscriber::with_default(subscriber, || tracing::info!("stamped"));
/// ```
#[derive(Clone, Debug)]
pub struct EventTime {
    zone: TimeZone,
    /// Tells the text kept for this zone from that kept for another; 0 is UTC, written as `Z`.
    id: u32,
    /// Whether the zone is unknown, so that the offset is written as `-00:00`.
    is_unknown: bool,
}

/// The error for a time zone that can't be used. Its message says which zone was looked for and why it was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneError(String);

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ZoneError {}

impl EventTime {
    /// Returns a timer that writes UTC.
    ///
    /// ```
    /// let time = tracing_spool_format::EventTime::utc();
    /// ```
    #[must_use]
    pub const fn utc() -> Self {
        Self { zone: TimeZone::UTC, id: 0, is_unknown: false }
    }

    /// Returns a timer that writes the system's local time with its offset: `2026-11-23T19:19:11.000250+01:00`.
    ///
    /// The zone is looked up once, here. If the system names a zone that can't be read (`TZ` names one that doesn't
    /// exist, for example), times are in UTC with the offset `-00:00`, which in RFC 3339 means that the local offset is
    /// unknown. Use [`try_local`](Self::try_local) to notice that.
    ///
    /// ```
    /// let time = tracing_spool_format::EventTime::local();
    /// ```
    #[must_use]
    pub fn local() -> Self {
        Self::try_local().unwrap_or_else(|_| Self { is_unknown: true, ..Self::of(TimeZone::UTC) })
    }

    /// Returns a timer that writes the system's local time, like [`local`](Self::local).
    ///
    /// # Errors
    ///
    /// Returns an error if the system names a zone that can't be read.
    ///
    /// ```
    /// match tracing_spool_format::EventTime::try_local() {
    ///     Ok(time) => drop(time),
    ///     Err(error) => eprintln!("times are in UTC: {error}"),
    /// }
    /// ```
    pub fn try_local() -> Result<Self, ZoneError> {
        let named = std::env::var("TZ").ok().filter(|name| !name.is_empty());
        let zone = TimeZone::try_system().map_err(|error| {
            let name = named.as_deref().unwrap_or("the system's");
            ZoneError(format!("the time zone {name} cannot be read: {error}"))
        })?;
        Ok(Self::of(zone))
    }

    /// Returns a timer that writes the time of the zone with this IANA name, with its offset.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such zone on this system.
    ///
    /// ```
    /// let time = tracing_spool_format::EventTime::in_zone("Europe/Berlin");
    /// assert!(tracing_spool_format::EventTime::in_zone("Europe/Atlantis").is_err());
    /// # drop(time);
    /// ```
    pub fn in_zone(name: &str) -> Result<Self, ZoneError> {
        let zone = TimeZone::get(name);
        zone.map(Self::of)
            .map_err(|error| ZoneError(format!("the time zone {name:?} cannot be used: {error}")))
    }

    fn of(zone: TimeZone) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self { zone, id: NEXT.fetch_add(1, Ordering::Relaxed), is_unknown: false }
    }

    fn write(&self, micros: i64, to: &mut impl fmt::Write) -> fmt::Result {
        let (second, rest) = (micros.div_euclid(MICROS), micros.rem_euclid(MICROS));
        let slot = if self.id == 0 { &UTC } else { &LOCAL };
        // A thread that is ending may have nowhere to keep the text.
        let kept = slot.try_with(Cell::get).ok().filter(|kept| (kept.zone, kept.second) == (self.id, second));
        let mut text = match kept {
            Some(text) => text,
            None => {
                let Some(text) = self.text_of(second) else {
                    return write!(to, "{micros} µs since 1970");
                };
                let _ = slot.try_with(|slot| slot.set(text));
                text
            }
        };
        to.write_str(text.with_micros(rest))
    }

    /// Returns the text of a second, or `None` if it is beyond the calendar.
    fn text_of(&self, second: i64) -> Option<Text> {
        use std::io::Write as _;
        let time = Timestamp::from_second(second).ok()?.to_zoned_datetime(self.zone.clone());
        let mut text = Text { zone: self.id, second, ..Text::NONE };
        let mut rest = text.bytes.as_mut_slice();
        // This runs on a caller once a second, so render in place instead of through a `String`.
        let written = if self.id == 0 {
            write!(rest, "{}Z", time.strftime(SECOND))
        } else if self.is_unknown {
            write!(rest, "{}-00:00", time.strftime(SECOND))
        } else {
            write!(rest, "{}{}", time.strftime(SECOND), time.strftime("%:z"))
        };
        written.ok()?;
        let left = rest.len();
        text.len = text.bytes.len() - left;
        text.fraction = text.bytes.iter().position(|&byte| byte == b'.')? + 1;
        Some(text)
    }
}

impl Default for EventTime {
    /// Returns [`EventTime::utc`].
    fn default() -> Self {
        Self::utc()
    }
}

impl FormatTime for EventTime {
    #[expect(clippy::disallowed_methods, reason = "this is the clock of events; the engine has its own")]
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        self.write(micros, writer)
    }
}

const MICROS: i64 = 1_000_000;
const DIGITS: usize = 6;
const SECOND: &str = "%Y-%m-%dT%H:%M:%S.000000";

thread_local! {
    static UTC: Cell<Text> = const { Cell::new(Text::NONE) };
    static LOCAL: Cell<Text> = const { Cell::new(Text::NONE) };
}

/// The text of one second in one zone.
#[derive(Clone, Copy, Debug)]
struct Text {
    zone: u32,
    second: i64,
    bytes: [u8; 40],
    len: usize,
    /// Where the microseconds begin.
    fraction: usize,
}

impl Text {
    const NONE: Self = Self { zone: u32::MAX, second: i64::MIN, bytes: [0; 40], len: 0, fraction: 0 };

    fn with_micros(&mut self, micros: i64) -> &str {
        let mut rest = micros;
        for digit in self.bytes[self.fraction..self.fraction + DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(time: &EventTime, micros: i64) -> String {
        let mut text = String::new();
        time.write(micros, &mut text).unwrap();
        text
    }

    #[test]
    fn utc_is_exact_to_the_microsecond() {
        let utc = EventTime::utc();
        assert_eq!(shown(&utc, 1_795_544_351_000_250), "2026-11-24T18:19:11.000250Z");
        assert_eq!(shown(&utc, 1_795_544_351_999_999), "2026-11-24T18:19:11.999999Z", "from the text kept");
        assert_eq!(shown(&utc, 1_795_544_352_000_000), "2026-11-24T18:19:12.000000Z");
        assert_eq!(shown(&utc, -1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(shown(&utc, i64::MAX), format!("{} µs since 1970", i64::MAX));
    }

    #[test]
    fn zones_follow_their_clocks_and_do_not_mix() {
        // Berlin goes from +02:00 to +01:00 at 01:00 UTC.
        let berlin = EventTime::of(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        let tokyo = EventTime::of(TimeZone::posix("JST-9").unwrap());
        let change = 1_792_890_000_000_000;
        for _ in 0..2 {
            assert_eq!(shown(&berlin, change - 1), "2026-10-25T02:59:59.999999+02:00");
            assert_eq!(shown(&tokyo, change - 1), "2026-10-25T09:59:59.999999+09:00");
            assert_eq!(shown(&EventTime::utc(), change - 1), "2026-10-25T00:59:59.999999Z");
            assert_eq!(shown(&berlin, change), "2026-10-25T02:00:00.000000+01:00");
        }
    }

    #[test]
    fn a_zone_that_is_not_known_is_said_by_its_offset() {
        let unknown = EventTime { is_unknown: true, ..EventTime::of(TimeZone::UTC) };
        assert_eq!(shown(&unknown, 0), "1970-01-01T00:00:00.000000-00:00");
        let error = EventTime::in_zone("Europe/Atlantis").unwrap_err().to_string();
        assert!(error.contains("\"Europe/Atlantis\""), "{error}");
    }

    proptest! {
        #[test]
        fn says_what_jiff_says(micros in -62_135_596_800_000_000_i64..253_402_207_200_000_000) {
            let jiff = Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(shown(&EventTime::utc(), micros), format!("{jiff:.6}"));
        }
    }
}
