//! The period of the live file by the wall clock: its name, its end, and that each end is acted on once.
//! `policy::schedule` knows the boundaries; the rotation itself is a job like any other (`job`).

use std::time::Duration;

use crate::model::slot::Stamp;
use crate::model::time::{Mono, Now, Wall};
use crate::policy::schedule::Calendar;

/// Later than the end of every period, so that the period is over whatever the clock says.
const PAST: Wall = Wall::from_unix_micros(i64::MIN);

#[derive(Debug, Default)]
pub(super) struct Period {
    calendar: Option<Calendar>,
    /// When the live file got the last record of its period or, before its first, when it was begun. For a file that
    /// was found, when it was last changed.
    held: Wall,
    /// When the live file's period ends.
    end: Option<Wall>,
    /// What the wall clock last showed.
    seen: Wall,
    /// When the wall clock will show the end, if it doesn't step.
    due: Option<Mono>,
}

impl Period {
    pub(super) fn new(calendar: Option<Calendar>) -> Self {
        Self { calendar, ..Self::default() }
    }

    fn boundary_after(&self, moment: Wall) -> Option<Wall> {
        self.calendar.as_ref()?.boundary_after(moment)
    }

    /// Returns the stamp of the period that the live file holds, or, given `standing`, of the one in which another file
    /// was last changed. Returns `None` without a schedule.
    pub(super) fn stamp(&self, standing: Option<Wall>, now: Now) -> Option<Stamp> {
        let calendar = self.calendar.as_ref()?;
        let held = standing.unwrap_or(self.held);
        // A moment far in the future comes from a clock that was wrong. As a name it would hold up all later ones,
        // since stamps only grow.
        let is_in_sight = calendar.period_end(held, now.wall).is_some_and(|end| held < end);
        calendar.stamp(if is_in_sight { held } else { now.wall })
    }

    /// Another file takes the records. Its period is that of its last change, `found`, or of now if it is empty.
    pub(super) fn begin(&mut self, found: Option<Wall>, now: Now) {
        self.held = found.unwrap_or(now.wall);
        let calendar = self.calendar.as_ref();
        self.end = calendar.and_then(|calendar| calendar.period_end(self.held, now.wall));
        self.seen = now.wall;
        self.aim(now);
    }

    /// Ends the period now, whatever the clock says.
    pub(super) fn end_now(&mut self, now: Now) {
        self.end = Some(PAST);
        self.aim(now);
    }

    /// Applies another schedule; the current period ends by it.
    pub(super) fn change(&mut self, calendar: Option<Calendar>, now: Now) {
        *self = Self { held: self.held, ..Self::new(calendar) };
        self.end = self.boundary_after(now.wall);
        self.seen = now.wall;
        self.aim(now);
    }

    /// Follows the wall clock. The period of an empty file moves on, and one that a wrong clock put far in the future
    /// comes nearer when the clock goes back. That alone never ends a period.
    pub(super) fn follow(&mut self, is_empty: bool, now: Now) {
        let Some(end) = self.end else { return };
        if now.wall < self.seen {
            if let Some(calendar) = &self.calendar {
                self.end = calendar.period_end(end, now.wall).map(|latest| latest.min(end)).or(Some(end));
            }
        }
        self.seen = now.wall;
        if is_empty {
            self.held = now.wall;
        }
        if end <= now.wall && is_empty {
            self.end = self.boundary_after(now.wall);
        }
        self.aim(now);
    }

    /// Notes that the live file got a record. Records that it gets after the end of its period, while a rotation fails,
    /// don't make it a file of the next period.
    pub(super) fn wrote(&mut self, now: Now) {
        if !self.is_over(now) {
            self.held = now.wall;
        }
    }

    /// Returns whether the clock shows the end.
    pub(super) fn is_over(&self, now: Now) -> bool {
        self.end.is_some_and(|end| end <= now.wall)
    }

    /// Returns the moment on the wall clock at which the period ends.
    pub(super) fn end(&self) -> Option<Wall> {
        self.end
    }

    /// Returns when the period ends, as far as can be told.
    pub(super) fn due(&self) -> Option<Mono> {
        self.due
    }

    fn aim(&mut self, now: Now) {
        let left = |end: Wall| u64::try_from(end.unix_micros().saturating_sub(now.wall.unix_micros()));
        self.due = self.end.map(|end| now.mono + left(end).map_or(Duration::ZERO, Duration::from_micros));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::model::schedule::Schedule;

    fn at(text: &str) -> Now {
        let wall = Wall::from_unix_micros(text.parse::<Timestamp>().unwrap().as_microsecond());
        Now { wall, ..Now::default() }
    }

    fn daily() -> Calendar {
        Calendar::new(Schedule::daily(), TimeZone::UTC)
    }

    /// A live file that was begun at noon of the 27th.
    fn begun() -> Period {
        let mut period = Period::new(Some(daily()));
        period.begin(None, at("2026-11-27T12:00:00Z"));
        period
    }

    fn stamp(period: &Period, now: &str) -> String {
        period.stamp(None, at(now)).unwrap().to_string()
    }

    #[test]
    fn a_period_is_named_by_what_it_holds() {
        let mut period = begun();
        assert_eq!(stamp(&period, "2026-11-28T00:00:01Z"), "2026-11-27");
        // Nothing was logged for two days.
        period.follow(true, at("2026-11-29T08:00:00Z"));
        period.wrote(at("2026-11-29T08:00:00Z"));
        period.follow(false, at("2026-11-30T00:00:01Z"));
        assert_eq!(stamp(&period, "2026-11-30T00:00:01Z"), "2026-11-29");
        // The rotation fails, and the file grows on.
        period.wrote(at("2026-11-30T00:10:00Z"));
        assert_eq!(stamp(&period, "2026-11-30T00:11:00Z"), "2026-11-29");
        let standing = Some(at("2026-11-28T09:00:00Z").wall);
        let stamp = period.stamp(standing, at("2026-11-30T00:11:00Z")).unwrap();
        assert_eq!(stamp.to_string(), "2026-11-28", "another file");
    }

    #[test]
    fn a_found_file_is_named_by_its_last_change() {
        let (found, start) = (at("2026-11-26T23:00:00Z").wall, "2026-11-27T07:00:00Z");
        let mut period = Period::new(Some(daily()));
        period.begin(Some(found), at(start));
        assert_eq!(stamp(&period, start), "2026-11-26");
        period.wrote(at(start));
        assert_eq!(stamp(&period, start), "2026-11-26", "it is over");
        period.end_now(at(start));
        assert_eq!(stamp(&period, start), "2026-11-26");
    }

    #[test]
    fn a_clock_that_was_wrong_names_nothing() {
        let start = "2026-11-27T07:00:00Z";
        let mut period = Period::new(Some(daily()));
        period.begin(Some(at("2038-01-01T00:00:00Z").wall), at(start));
        assert_eq!(stamp(&period, start), "2026-11-27");
        // A small step over midnight.
        let mut period = begun();
        period.wrote(at("2026-11-27T00:00:01Z"));
        period.follow(false, at("2026-11-26T23:59:58Z"));
        assert_eq!(stamp(&period, "2026-11-26T23:59:58Z"), "2026-11-27");
    }

    #[test]
    fn another_schedule_names_by_the_last_record() {
        let mut period = Period::new(None);
        period.begin(None, at("2026-11-20T12:00:00Z"));
        period.wrote(at("2026-11-25T12:00:00Z"));
        let now = "2026-11-27T12:00:00Z";
        assert_eq!(period.stamp(None, at(now)), None);
        period.change(Some(daily()), at(now));
        assert_eq!(stamp(&period, now), "2026-11-25");
        period.wrote(at(now));
        assert_eq!(stamp(&period, now), "2026-11-27");
    }
}
