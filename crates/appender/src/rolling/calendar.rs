//! Which period contains a moment, and when the next one begins, in one time zone. `zone` has the zone's rules; this reads
//! no clock.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::rotation::Rotation;
use super::stamp::Stamp;

/// The due time if nothing is ever due.
pub(super) const NEVER: i64 = i64::MAX;

/// A rotation by the clock of a time zone. Moments are in seconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    rotation: Rotation,
    zone: TimeZone,
}

impl Calendar {
    pub(super) fn new(rotation: Rotation, zone: TimeZone) -> Self {
        Self { rotation, zone }
    }

    /// Returns the period that contains `second`.
    pub(super) fn period(&self, second: i64) -> Stamp {
        let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let time = Timestamp::from_second(second.clamp(first, last)).unwrap_or_default();
        self.rotation.period(self.zone.to_datetime(time))
    }

    /// Returns when the period after `period` begins, which is always later than `now`, or [`NEVER`].
    ///
    /// The beginning after an hour that a clock shows twice comes twice. Once the first is over, the second counts:
    /// otherwise a file would be due at every call until the clock has caught up.
    pub(super) fn next(&self, period: Stamp, now: i64) -> i64 {
        let Some(begin) = self.rotation.next(period) else { return NEVER };
        let moments = self.zone.to_ambiguous_timestamp(begin);
        let later_than_now = |moment: &i64| *moment > now;
        let first = moments.compatible().map(Timestamp::as_second).ok().filter(later_than_now);
        let second = || moments.later().map(Timestamp::as_second).ok().filter(later_than_now);
        match first.or_else(second) {
            Some(moment) => moment,
            None if now < Timestamp::MAX.as_second() => now.saturating_add(1),
            None => NEVER,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Rotation; 5] =
        [Rotation::MINUTELY, Rotation::HOURLY, Rotation::DAILY, Rotation::WEEKLY, Rotation::NEVER];

    /// Zones by rule, so that no database is needed: Berlin, New York, Lord Howe (half an hour), Beirut (at midnight).
    const ZONES: [&str; 5] = [
        "UTC0",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "EET-2EEST,M3.5.0/0,M10.5.0/0",
    ];

    fn calendar(rotation: &Rotation, zone: &str) -> Calendar {
        Calendar::new(rotation.clone(), TimeZone::posix(zone).unwrap())
    }

    fn second(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    /// The periods that an appender goes through between two moments, and how many hours each lasts.
    fn periods(calendar: &Calendar, from: &str, to: &str) -> Vec<(String, i64)> {
        let (mut now, to) = (second(from), second(to));
        let mut found = Vec::new();
        while now < to {
            let period = calendar.period(now);
            let next = calendar.next(period, now);
            found.push((period.to_string(), (next - now) / 3_600));
            now = next;
        }
        found
    }

    #[test]
    fn a_day_has_as_many_hours_as_its_clock() {
        let berlin = calendar(&Rotation::DAILY, ZONES[1]);
        let of = |day: &str, hours| (day.to_owned(), hours);
        assert_eq!(
            periods(&berlin, "2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z"),
            [of("2026-03-28", 24), of("2026-03-29", 23), of("2026-03-30", 24)]
        );
        assert_eq!(
            periods(&berlin, "2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z"),
            [of("2026-10-24", 24), of("2026-10-25", 25), of("2026-10-26", 24)]
        );
        let weekly = calendar(&Rotation::WEEKLY, ZONES[1]);
        assert_eq!(
            periods(&weekly, "2026-10-24T22:00:00Z", "2026-10-31T23:00:00Z"),
            [of("2026-10-25", 7 * 24 + 1)]
        );
    }

    #[test]
    fn an_hour_that_comes_twice_is_one_period() {
        let berlin = calendar(&Rotation::HOURLY, ZONES[1]);
        let of = |hour: &str, hours| (hour.to_owned(), hours);
        assert_eq!(
            periods(&berlin, "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z"),
            [of("2026-10-25-01", 1), of("2026-10-25-02", 2), of("2026-10-25-03", 1)]
        );
        assert_eq!(
            periods(&berlin, "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"),
            [of("2026-03-29-01", 1), of("2026-03-29-03", 1)],
            "and one that does not come is none"
        );
    }

    #[test]
    fn who_starts_in_the_second_pass_of_an_hour_is_not_due_at_each_call() {
        let berlin = calendar(&Rotation::MINUTELY, ZONES[1]);
        let now = second("2026-10-25T01:30:10Z"); // 02:30:10, for the second time
        let period = berlin.period(now);
        assert_eq!(period.to_string(), "2026-10-25-02-30");
        assert_eq!(berlin.next(period, now), second("2026-10-25T01:31:00Z"));
    }

    proptest! {
        #[test]
        fn the_next_period_is_later_by_both_clocks(
            now in -3_000_000_000_i64..20_000_000_000, rotation in 0_usize..4, zone in 0_usize..ZONES.len()
        ) {
            let calendar = calendar(&ALL[rotation], ZONES[zone]);
            let period = calendar.period(now);
            let next = calendar.next(period, now);
            prop_assert!(next > now);
            prop_assert!(calendar.period(next) > period);
            // It begins there, and no sooner: the second before is in none that is later.
            prop_assert!(calendar.period(next - 1) <= period);
        }

        #[test]
        fn any_moment_has_a_period(now in any::<i64>(), rotation in 0_usize..5) {
            let calendar = calendar(&ALL[rotation], "UTC0");
            let period = calendar.period(now);
            prop_assert!(!period.to_string().is_empty());
            prop_assert!(calendar.next(period, now) > now || now == i64::MAX);
        }
    }
}
