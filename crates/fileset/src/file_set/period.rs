//! The period of the live file on the clock on the wall: when it ends, and that each end is acted on once.
//! When a boundary comes is `policy::schedule`'s; the rotation itself is a job like any other (`job`).

use std::time::Duration;

use super::FileSet;
use crate::effect::execute::Place;
use crate::effect::zone;
use crate::model::time::{Mono, Now, Wall};
use crate::policy::schedule::Calendar;

/// The end of every period: over whatever the clock says.
const PAST: Wall = Wall::from_unix_micros(i64::MIN);

#[derive(Debug, Default)]
pub(super) struct Period {
    calendar: Option<Calendar>,
    /// When the live file's period ends.
    end: Option<Wall>,
    /// What the clock on the wall said last.
    seen: Wall,
    /// When it will show the end, if it does not step.
    due: Option<Mono>,
}

impl Period {
    pub(super) fn new(calendar: Option<Calendar>) -> Self {
        Self { calendar, ..Self::default() }
    }

    fn boundary_after(&self, moment: Wall) -> Option<Wall> {
        self.calendar.as_ref()?.boundary_after(moment)
    }
}

impl FileSet {
    /// Another file takes the records: its period is that of its last change, or of now, if it is empty.
    pub(super) fn begin_period(&mut self, now: Now) {
        let found = self.stage.current.as_ref().filter(|file| file.bytes > 0).map(|file| file.modified);
        let calendar = self.period.calendar.as_ref();
        self.period.end =
            calendar.and_then(|calendar| calendar.period_end(found.unwrap_or(now.wall), now.wall));
        self.period.seen = now.wall;
        self.aim(now);
    }

    /// What is due with the first look at the live file.
    pub(super) fn rotate_at_start(&mut self, now: Now) {
        if self.settings.rotate_on_start && self.live_bytes() > 0 {
            self.period.end = Some(PAST);
        }
        if self.is_period_over(now) {
            self.start_rotation(now);
        }
        self.aim(now);
    }

    /// The settings have another schedule: the period in hand ends by it. Its zone is known, or they were refused.
    pub(super) fn change_schedule(&mut self, now: Now) {
        self.period = Period::new(zone::calendar(self.settings.rotate_every.as_ref()).unwrap_or(None));
        self.period.end = self.period.boundary_after(now.wall);
        self.period.seen = now.wall;
        self.aim(now);
    }

    /// Follows the clock on the wall: an empty file's period moves on, and one that a wrong clock has put far off
    /// comes nearer when the clock goes back. That alone never makes a period end.
    pub(super) fn mind_period(&mut self, now: Now) {
        let Some(end) = self.period.end else { return };
        if now.wall < self.period.seen {
            if let Some(calendar) = &self.period.calendar {
                self.period.end =
                    calendar.period_end(end, now.wall).map(|latest| latest.min(end)).or(Some(end));
            }
        }
        self.period.seen = now.wall;
        if end <= now.wall && self.live_bytes() == 0 {
            self.period.end = self.period.boundary_after(now.wall);
        }
        self.aim(now);
    }

    /// Whether the live file has content of a period that is over.
    pub(super) fn is_period_over(&self, now: Now) -> bool {
        self.can_end_period() && self.period.end.is_some_and(|end| end <= now.wall)
    }

    /// When the period of a live file with content ends, as far as can be told: nobody has to wake up for an empty one,
    /// and a rotation that is under way has deadlines of its own.
    pub(super) fn period_ends_at(&self) -> Option<Mono> {
        self.period.due.filter(|_| self.can_end_period() && self.tailers.silent_until().is_none())
    }

    fn can_end_period(&self) -> bool {
        let can_be_rotated = self
            .stage
            .current
            .as_ref()
            .is_some_and(|file| file.place == Place::Live && !file.special && file.bytes > 0);
        can_be_rotated && self.job.is_none() && !self.is_mid_record()
    }

    fn aim(&mut self, now: Now) {
        let left = |end: Wall| u64::try_from(end.unix_micros().saturating_sub(now.wall.unix_micros()));
        self.period.due =
            self.period.end.map(|end| now.mono + left(end).map_or(Duration::ZERO, Duration::from_micros));
    }
}
