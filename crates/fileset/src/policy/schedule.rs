//! Decides when a period begins and ends: the last boundary before a moment and the first after it, in a zone whose
//! clock skips and repeats, and which stamp names the period. It reads no clock and looks up no zone.

use jiff::Timestamp;
use jiff::civil::{self, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::model::schedule::{Every, Schedule, Weekday};
use crate::model::slot::{Form, Stamp};
use crate::model::time::Wall;

const MICROS: i64 = 1_000_000;
/// The days before or after a moment that always contain a boundary: a week, and what a calendar may leave out.
const DAYS_LOOKED_AT: usize = 15;
/// The most changes of a zone's clock to look through for one that comes next.
const CHANGES_AHEAD: usize = 4;

/// A schedule with the rules of its zone.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    schedule: Schedule,
    zone: TimeZone,
}

impl Calendar {
    pub(crate) const fn new(schedule: Schedule, zone: TimeZone) -> Self {
        Self { schedule, zone }
    }

    /// Returns the first boundary after `moment`, always later than it, or `None` if it is beyond the calendar.
    pub(crate) fn boundary_after(&self, moment: Wall) -> Option<Wall> {
        let moment = Timestamp::from_microsecond(moment.unix_micros()).ok()?;
        let boundary = match self.schedule.period() {
            Every::Minute => self.full_step_after(moment, 60 * MICROS),
            Every::Hour => self.full_step_after(moment, 3_600 * MICROS),
            Every::Day => self.time_of_day_after(moment, None),
            Every::Week => self.time_of_day_after(moment, Some(weekday(self.schedule.weekday()))),
        };
        boundary.map(|boundary| Wall::from_unix_micros(boundary.as_microsecond()))
    }

    /// Returns when the period of a file that was written at `moment` ends. If `moment` is in the future, because the
    /// clock went back since, the end moves to the boundary after the next one at most. So no boundary comes twice
    /// because of a small step, and a clock that was wrong by years doesn't stop rotation for years.
    pub(crate) fn period_end(&self, moment: Wall, now: Wall) -> Option<Wall> {
        let next = self.boundary_after(now)?;
        let latest = self.boundary_after(next).unwrap_or(next);
        Some(self.boundary_after(moment).map_or(latest, |end| end.min(latest)))
    }

    /// Returns the stamp of the period that holds a moment: what the zone's clock showed when it began. Returns `None`
    /// beyond the calendar. Periods that the clock shows twice have the same stamp.
    pub(crate) fn stamp(&self, moment: Wall) -> Option<Stamp> {
        let moment = Timestamp::from_microsecond(moment.unix_micros()).ok()?;
        let form = match self.schedule.period() {
            Every::Minute => Form::Minute,
            Every::Hour => Form::Hour,
            Every::Day | Every::Week => Form::Day,
        };
        Stamp::period(form, self.zone.to_datetime(self.begin(moment)?))
    }

    /// Returns the last boundary at or before a moment.
    fn begin(&self, moment: Timestamp) -> Option<Timestamp> {
        match self.schedule.period() {
            Every::Minute => self.full_step_until(moment, 60 * MICROS),
            Every::Hour => self.full_step_until(moment, 3_600 * MICROS),
            Every::Day => self.time_of_day_until(moment, None),
            Every::Week => self.time_of_day_until(moment, Some(weekday(self.schedule.weekday()))),
        }
    }

    /// Returns the last full step of the zone's clock, or a later moment at which that clock jumped.
    fn full_step_until(&self, moment: Timestamp, step_micros: i64) -> Option<Timestamp> {
        let offset = self.zone.to_offset(moment);
        let shift = i64::from(offset.seconds()) * MICROS;
        let shown = moment.as_microsecond() + shift;
        let last = Timestamp::from_microsecond(shown - shown.rem_euclid(step_micros) - shift).ok()?;
        let behind = Timestamp::from_microsecond(moment.as_microsecond() + 1).ok()?;
        let changes = self.zone.preceding(behind).map(|change| change.timestamp());
        let is_jump = |at: &Timestamp| {
            let before = Timestamp::from_microsecond(at.as_microsecond() - 1);
            before.is_ok_and(|before| self.zone.to_offset(before) != offset)
        };
        Some(changes.take_while(|at| *at > last).find(is_jump).unwrap_or(last))
    }

    /// Returns the last moment at which the zone's clock showed the time of day, on that weekday or on any. It may be
    /// in tomorrow's date: a clock that goes back over midnight shows today again.
    fn time_of_day_until(&self, moment: Timestamp, day: Option<civil::Weekday>) -> Option<Timestamp> {
        let time = self.time_of_day()?;
        let tomorrow = self.zone.to_datetime(moment).date().tomorrow().ok()?;
        std::iter::successors(Some(tomorrow), |date| date.yesterday().ok())
            .take(DAYS_LOOKED_AT)
            .filter(|date| day.is_none_or(|day| date.weekday() == day))
            .filter_map(|date| self.first_moment(date.to_datetime(time)))
            .find(|boundary| *boundary <= moment)
    }

    fn time_of_day(&self) -> Option<Time> {
        let (hour, minute) = self.schedule.time();
        Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
    }

    /// Returns the next full step of the zone's clock, or an earlier moment at which that clock jumps: what it shows
    /// after the jump is another hour, even if it has the same name.
    fn full_step_after(&self, moment: Timestamp, step_micros: i64) -> Option<Timestamp> {
        let offset = self.zone.to_offset(moment);
        let shift = i64::from(offset.seconds()) * MICROS;
        let shown = moment.as_microsecond() + shift;
        let next = (shown.div_euclid(step_micros) + 1) * step_micros - shift;
        let next = Timestamp::from_microsecond(next).ok()?;
        let mut changes = self.zone.following(moment).map(|change| (change.timestamp(), change.offset()));
        let jump = changes.by_ref().take_while(|(at, _)| *at < next).find(|(_, after)| *after != offset);
        Some(jump.map_or(next, |(at, _)| at))
    }

    /// Returns the next moment at which the zone's clock shows the time of day, on that weekday or on any.
    fn time_of_day_after(&self, moment: Timestamp, day: Option<civil::Weekday>) -> Option<Timestamp> {
        let time = self.time_of_day()?;
        let today = self.zone.to_datetime(moment).date();
        std::iter::successors(Some(today), |date| date.tomorrow().ok())
            .take(DAYS_LOOKED_AT)
            .filter(|date| day.is_none_or(|day| date.weekday() == day))
            .filter_map(|date| self.first_moment(date.to_datetime(time)))
            .find(|boundary| *boundary > moment)
    }

    /// Returns the first moment at which the zone's clock shows this time or, if it skips it, the moment behind the
    /// gap.
    fn first_moment(&self, shown: DateTime) -> Option<Timestamp> {
        let seen = self.zone.to_ambiguous_timestamp(shown);
        let AmbiguousOffset::Gap { after, .. } = seen.offset() else { return seen.earlier().ok() };
        let before_the_jump = seen.earlier().ok()?;
        let mut changes = self.zone.following(before_the_jump).take(CHANGES_AHEAD);
        match changes.find(|change| change.offset() == after) {
            Some(jump) => Some(jump.timestamp()),
            None => seen.later().ok(),
        }
    }
}

fn weekday(day: Weekday) -> civil::Weekday {
    match day {
        Weekday::Monday => civil::Weekday::Monday,
        Weekday::Tuesday => civil::Weekday::Tuesday,
        Weekday::Wednesday => civil::Weekday::Wednesday,
        Weekday::Thursday => civil::Weekday::Thursday,
        Weekday::Friday => civil::Weekday::Friday,
        Weekday::Saturday => civil::Weekday::Saturday,
        Weekday::Sunday => civil::Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BERLIN: &str = "Europe/Berlin";
    const NEW_YORK: &str = "America/New_York";
    const LORD_HOWE: &str = "Australia/Lord_Howe";
    /// Its clock goes from 24:00 to 01:00, and from 24:00 back to 23:00.
    const SANTIAGO: &str = "America/Santiago";
    const APIA: &str = "Pacific/Apia";

    fn calendar(schedule: Schedule, zone: &str) -> Calendar {
        Calendar::new(schedule, TimeZone::get(zone).unwrap())
    }

    fn wall(text: &str) -> Wall {
        Wall::from_unix_micros(text.parse::<Timestamp>().unwrap().as_microsecond())
    }

    /// The boundaries after `from`, as that zone's clock shows them.
    fn boundaries(schedule: Schedule, zone: &str, from: &str, count: usize) -> Vec<String> {
        let calendar = calendar(schedule, zone);
        let shown = |wall: &Wall| {
            let time = Timestamp::from_microsecond(wall.unix_micros()).unwrap();
            let time = time.to_zoned_datetime(calendar.zone.clone());
            let (date, offset) = (time.datetime(), time.offset());
            format!("{} {offset}", date.strftime("%m-%d %H:%M"))
        };
        std::iter::successors(Some(wall(from)), |wall| calendar.boundary_after(*wall))
            .skip(1)
            .take(count)
            .map(|wall| shown(&wall))
            .collect()
    }

    #[test]
    fn without_jumps_boundaries_stand_on_the_clock() {
        let from = "2026-02-28T23:58:30.25Z";
        let utc = |schedule, count| boundaries(schedule, "UTC", from, count).join(", ");
        assert_eq!(utc(Schedule::minutely(), 2), "02-28 23:59 +00, 03-01 00:00 +00");
        assert_eq!(utc(Schedule::hourly(), 2), "03-01 00:00 +00, 03-01 01:00 +00");
        assert_eq!(utc(Schedule::daily(), 2), "03-01 00:00 +00, 03-02 00:00 +00");
        assert_eq!(utc(Schedule::daily().at(23, 59), 2), "02-28 23:59 +00, 03-01 23:59 +00");
        assert_eq!(utc(Schedule::daily().at(23, 58), 1), "03-01 23:58 +00");
        assert_eq!(utc(Schedule::weekly(), 2), "03-02 00:00 +00, 03-09 00:00 +00");
        let saturday = Schedule::weekly().on(Weekday::Saturday);
        assert_eq!(utc(saturday.clone().at(23, 59), 2), "02-28 23:59 +00, 03-07 23:59 +00");
        assert_eq!(utc(saturday.at(12, 0), 1), "03-07 12:00 +00");
        let kolkata = boundaries(Schedule::hourly(), "Asia/Kolkata", from, 2).join(", ");
        assert_eq!(kolkata, "03-01 06:00 +05:30, 03-01 07:00 +05:30");
    }

    #[test]
    fn a_boundary_is_later_than_the_moment_that_is_one() {
        for schedule in [Schedule::minutely(), Schedule::hourly(), Schedule::daily()] {
            let calendar = calendar(schedule, "UTC");
            let midnight = wall("2026-03-01T00:00:00Z");
            assert!(calendar.boundary_after(midnight).unwrap() > midnight);
            let just_before = Wall::from_unix_micros(midnight.unix_micros() - 1);
            assert_eq!(calendar.boundary_after(just_before), Some(midnight));
        }
    }

    #[test]
    fn a_time_that_the_clock_skips_comes_with_the_skip() {
        let berlin = |schedule, count| boundaries(schedule, BERLIN, "2026-03-28T12:00:00Z", count).join(", ");
        assert_eq!(berlin(Schedule::daily().at(2, 30), 2), "03-29 03:00 +02, 03-30 02:30 +02");
        assert_eq!(berlin(Schedule::daily(), 2), "03-29 00:00 +01, 03-30 00:00 +02");
        let hours = boundaries(Schedule::hourly(), BERLIN, "2026-03-29T00:10:00Z", 2).join(", ");
        assert_eq!(hours, "03-29 03:00 +02, 03-29 04:00 +02");
        let new_york = boundaries(Schedule::daily().at(2, 0), NEW_YORK, "2026-03-08T00:00:00Z", 2).join(", ");
        assert_eq!(new_york, "03-08 03:00 -04, 03-09 02:00 -04");
        // Half an hour is skipped: 02:00 becomes 02:30.
        let half = boundaries(Schedule::daily().at(2, 10), LORD_HOWE, "2026-10-03T12:00:00Z", 2).join(", ");
        assert_eq!(half, "10-04 02:30 +11, 10-05 02:10 +11");
        let hours = boundaries(Schedule::hourly(), LORD_HOWE, "2026-10-03T15:00:00Z", 2).join(", ");
        assert_eq!(hours, "10-04 02:30 +11, 10-04 03:00 +11");
        let midnight = boundaries(Schedule::daily(), SANTIAGO, "2026-09-05T12:00:00Z", 2).join(", ");
        assert_eq!(midnight, "09-06 01:00 -03, 09-07 00:00 -03");
        // A whole day was skipped: Friday, 30 December 2011.
        let day = boundaries(Schedule::daily().at(6, 0), APIA, "2011-12-29T12:00:00Z", 4).join(", ");
        assert_eq!(day, "12-29 06:00 -10, 12-31 00:00 +14, 12-31 06:00 +14, 01-01 06:00 +14");
        let friday = Schedule::weekly().on(Weekday::Friday);
        let friday = boundaries(friday, APIA, "2011-12-29T12:00:00Z", 2).join(", ");
        assert_eq!(friday, "12-31 00:00 +14, 01-06 00:00 +14");
    }

    #[test]
    fn of_a_time_that_comes_twice_the_first_counts_and_each_hour_is_an_hour() {
        let berlin = |schedule, count| boundaries(schedule, BERLIN, "2026-10-25T00:00:00Z", count).join(", ");
        assert_eq!(berlin(Schedule::daily().at(2, 30), 2), "10-25 02:30 +02, 10-26 02:30 +01");
        assert_eq!(berlin(Schedule::hourly(), 3), "10-25 02:00 +01, 10-25 03:00 +01, 10-25 04:00 +01");
        assert_eq!(berlin(Schedule::daily(), 1), "10-26 00:00 +01");
        let new_york =
            boundaries(Schedule::daily().at(1, 30), NEW_YORK, "2026-11-01T05:00:00Z", 2).join(", ");
        assert_eq!(new_york, "11-01 01:30 -04, 11-02 01:30 -05");
        // Half an hour comes twice: 02:00 becomes 01:30.
        let half = boundaries(Schedule::hourly(), LORD_HOWE, "2026-04-04T14:10:00Z", 3).join(", ");
        assert_eq!(half, "04-05 01:30 +10:30, 04-05 02:00 +10:30, 04-05 03:00 +10:30");
        // A clock that jumps between two full hours: a minute past midnight it goes back to a minute past eleven.
        let jump = |schedule, from| boundaries(schedule, "America/St_Johns", from, 3).join(", ");
        let back = jump(Schedule::hourly(), "2010-11-07T02:10:00Z");
        assert_eq!(back, "11-07 00:00 -02:30, 11-06 23:01 -03:30, 11-07 00:00 -03:30");
        let forward = jump(Schedule::hourly(), "2010-03-14T03:10:00Z");
        assert_eq!(forward, "03-14 00:00 -03:30, 03-14 01:01 -02:30, 03-14 02:00 -02:30");
        let midnights = jump(Schedule::daily(), "2010-11-07T02:10:00Z");
        assert_eq!(midnights, "11-07 00:00 -02:30, 11-08 00:00 -03:30, 11-09 00:00 -03:30");
        // 24:00 becomes 23:00: midnight comes once.
        let midnight = boundaries(Schedule::daily(), SANTIAGO, "2026-04-04T12:00:00Z", 2).join(", ");
        assert_eq!(midnight, "04-05 00:00 -04, 04-06 00:00 -04");
    }

    #[test]
    fn a_period_is_that_of_the_moment_and_ends_in_sight() {
        let hourly = calendar(Schedule::hourly(), "UTC");
        let end = |moment, now| hourly.period_end(wall(moment), wall(now)).unwrap();
        assert_eq!(end("2026-01-01T10:20:00Z", "2026-01-01T10:50:00Z"), wall("2026-01-01T11:00:00Z"));
        assert_eq!(end("2026-01-01T10:20:00Z", "2026-03-01T00:00:00Z"), wall("2026-01-01T11:00:00Z"), "over");
        // The clock went back a little over a boundary that was kept.
        assert_eq!(end("2026-01-01T11:00:01Z", "2026-01-01T10:59:58Z"), wall("2026-01-01T12:00:00Z"));
        // It was wrong by years.
        assert_eq!(end("2038-01-01T11:00:01Z", "2026-01-01T10:59:58Z"), wall("2026-01-01T12:00:00Z"));
        let beyond = Wall::from_unix_micros(i64::MAX);
        assert_eq!(
            hourly.period_end(beyond, wall("2026-01-01T10:30:00Z")),
            Some(wall("2026-01-01T12:00:00Z"))
        );
        assert_eq!(hourly.boundary_after(beyond), None);
    }

    fn stamp(schedule: Schedule, zone: &str, moment: &str) -> String {
        calendar(schedule, zone).stamp(wall(moment)).unwrap().to_string()
    }

    #[test]
    fn a_period_is_named_by_its_beginning() {
        let utc = |schedule, moment| stamp(schedule, "UTC", moment);
        let moment = "2026-11-27T02:19:11.5Z";
        assert_eq!(utc(Schedule::minutely(), moment), "2026-11-27-02-19");
        assert_eq!(utc(Schedule::hourly(), moment), "2026-11-27-02");
        assert_eq!(utc(Schedule::daily(), moment), "2026-11-27");
        assert_eq!(utc(Schedule::daily().at(2, 19), moment), "2026-11-27");
        assert_eq!(utc(Schedule::daily().at(3, 30), moment), "2026-11-26", "the day has not begun");
        // It is a Friday.
        assert_eq!(utc(Schedule::weekly(), moment), "2026-11-23");
        assert_eq!(utc(Schedule::weekly().on(Weekday::Friday), moment), "2026-11-27");
        assert_eq!(utc(Schedule::weekly().on(Weekday::Friday).at(3, 30), moment), "2026-11-20");
        assert_eq!(utc(Schedule::weekly().on(Weekday::Saturday), moment), "2026-11-21");
        // The moment of a boundary is the new period's.
        assert_eq!(utc(Schedule::daily(), "2026-11-27T00:00:00Z"), "2026-11-27");
        assert_eq!(utc(Schedule::daily(), "2026-11-26T23:59:59.999999Z"), "2026-11-26");
        assert_eq!(utc(Schedule::hourly(), "1969-12-31T23:30:00Z"), "1969-12-31-23");
        // The zone's clock counts, not UTC's.
        assert_eq!(stamp(Schedule::daily(), "Asia/Kolkata", "2026-11-26T20:00:00Z"), "2026-11-27");
        assert_eq!(stamp(Schedule::hourly(), "Asia/Kolkata", "2026-11-26T20:00:00Z"), "2026-11-27-01");
        assert_eq!(stamp(Schedule::daily(), NEW_YORK, "2026-11-27T02:00:00Z"), "2026-11-26");
        let beyond = Wall::from_unix_micros(i64::MAX);
        assert_eq!(calendar(Schedule::daily(), "UTC").stamp(beyond), None);
    }

    #[test]
    fn a_period_is_named_where_the_clock_jumps() {
        // 02:00 becomes 03:00.
        let berlin = |schedule, moment| stamp(schedule, BERLIN, moment);
        assert_eq!(berlin(Schedule::hourly(), "2026-03-29T00:59:59Z"), "2026-03-29-01");
        assert_eq!(berlin(Schedule::hourly(), "2026-03-29T01:00:00Z"), "2026-03-29-03");
        assert_eq!(berlin(Schedule::daily().at(2, 30), "2026-03-29T00:59:59Z"), "2026-03-28");
        assert_eq!(berlin(Schedule::daily().at(2, 30), "2026-03-29T01:00:00Z"), "2026-03-29");
        // 03:00 becomes 02:00: two hours and minutes have one name.
        for twice in ["2026-10-25T00:30:10Z", "2026-10-25T01:30:10Z"] {
            assert_eq!(berlin(Schedule::hourly(), twice), "2026-10-25-02");
            assert_eq!(berlin(Schedule::minutely(), twice), "2026-10-25-02-30");
            assert_eq!(berlin(Schedule::daily().at(2, 30), twice), "2026-10-25", "the first counts");
        }
        assert_eq!(berlin(Schedule::daily().at(2, 30), "2026-10-25T00:20:00Z"), "2026-10-24");
        assert_eq!(berlin(Schedule::daily().at(2, 30), "2026-10-25T01:20:00Z"), "2026-10-25");
        // Midnight is skipped: the day begins at 01:00.
        assert_eq!(stamp(Schedule::daily(), SANTIAGO, "2026-09-06T03:59:59Z"), "2026-09-05");
        assert_eq!(stamp(Schedule::daily(), SANTIAGO, "2026-09-06T04:00:00Z"), "2026-09-06");
        // A minute past midnight it is 23:01 again: the day has begun.
        let st_johns = |schedule, moment| stamp(schedule, "America/St_Johns", moment);
        assert_eq!(st_johns(Schedule::daily(), "2010-11-07T02:40:00Z"), "2010-11-07");
        assert_eq!(st_johns(Schedule::hourly(), "2010-11-07T02:40:00Z"), "2010-11-06-23");
        // A whole day is skipped: its period is a short one of the next.
        assert_eq!(stamp(Schedule::daily().at(6, 0), APIA, "2011-12-30T12:00:00Z"), "2011-12-31");
        assert_eq!(stamp(Schedule::daily().at(6, 0), APIA, "2011-12-30T09:59:59Z"), "2011-12-29");
    }

    fn any_calendar() -> impl Strategy<Value = Calendar> {
        const ZONES: &[&str] = &[
            "UTC",
            BERLIN,
            NEW_YORK,
            LORD_HOWE,
            SANTIAGO,
            APIA,
            "Asia/Kolkata",
            "Africa/Casablanca",
            "America/St_Johns",
        ];
        const DAYS: &[Weekday] = &[Weekday::Monday, Weekday::Friday, Weekday::Sunday];
        let schedule = (0_u8..4, 0_u8..24, 0_u8..60, proptest::sample::select(DAYS));
        (proptest::sample::select(ZONES), schedule).prop_map(|(zone, (every, hour, minute, day))| {
            let schedule = match every {
                0 => Schedule::minutely(),
                1 => Schedule::hourly(),
                2 => Schedule::daily().at(hour, minute),
                _ => Schedule::weekly().on(day).at(hour, minute),
            };
            calendar(schedule, zone)
        })
    }

    proptest! {
        #[test]
        fn boundaries_grow_and_none_is_passed_over(
            calendar in any_calendar(),
            // 1990 to 2060.
            start in 631_152_000_000_000_i64..2_840_140_800_000_000,
        ) {
            let longest = match calendar.schedule.period() {
                Every::Minute => 60,
                Every::Hour => 3_600,
                Every::Day => 49 * 3_600,
                Every::Week => 8 * 86_400,
            } * MICROS;
            let mut moment = Wall::from_unix_micros(start);
            for _ in 0..20 {
                let next = calendar.boundary_after(moment).unwrap();
                let length = next.unix_micros() - moment.unix_micros();
                prop_assert!(length > 0 && length <= longest, "{moment} {next}");
                // Every moment between two boundaries has the same end.
                for between in [moment.unix_micros() + length / 2, next.unix_micros() - 1] {
                    let between = Wall::from_unix_micros(between.max(moment.unix_micros()));
                    prop_assert_eq!(calendar.boundary_after(between), Some(next));
                }
                let end = calendar.period_end(moment, moment).unwrap();
                prop_assert_eq!(end, next);
                moment = next;
            }
        }

        #[test]
        fn a_period_begins_where_the_one_before_it_ends(
            calendar in any_calendar(),
            start in 631_152_000_000_000_i64..2_840_140_800_000_000,
        ) {
            let begin = |moment: Wall| {
                let moment = Timestamp::from_microsecond(moment.unix_micros()).unwrap();
                Wall::from_unix_micros(calendar.begin(moment).unwrap().as_microsecond())
            };
            let mut moment = Wall::from_unix_micros(start);
            for _ in 0..20 {
                let (begun, next) = (begin(moment), calendar.boundary_after(moment).unwrap());
                prop_assert!(begun <= moment && moment < next);
                prop_assert_eq!(calendar.boundary_after(begun), Some(next));
                let just_before = Wall::from_unix_micros(begun.unix_micros() - 1);
                prop_assert_eq!(calendar.boundary_after(just_before), Some(begun), "it is a boundary");
                prop_assert_eq!(begin(next), next);
                prop_assert_eq!(begin(Wall::from_unix_micros(next.unix_micros() - 1)), begun);
                prop_assert_eq!(calendar.stamp(begun), calendar.stamp(moment));
                moment = next;
            }
        }

        #[test]
        fn stamps_of_growing_periods_grow(
            calendar in any_calendar(),
            start in 631_152_000_000_000_i64..2_840_140_800_000_000,
        ) {
            let mut moment = Wall::from_unix_micros(start);
            let mut newest: Option<Stamp> = None;
            for _ in 0..20 {
                let stamp = Stamp::after(newest, calendar.stamp(moment).unwrap());
                prop_assert!(newest < Some(stamp));
                prop_assert_eq!(Stamp::parse(&stamp.to_string()), Some(stamp));
                newest = Some(stamp);
                moment = calendar.boundary_after(moment).unwrap();
            }
        }
    }
}
