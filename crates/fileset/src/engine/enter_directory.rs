//! Enters another directory that the path of the set leads to.

use super::adopt;
use super::desk::Turn;
use super::machine::Engine;
use super::relocation::{Relocation, Stay};
use super::writing::BLOCKED;
use crate::effect::execute::{Picture, Place};
use crate::effect::home::{Home, Refusal};
use crate::effect::site::{Which, make_dirs};
use crate::model::alert::{Event, Trouble};
use crate::model::settings::BLOCKED_PROBE;
use crate::model::time::Now;
use crate::policy::backoff::Prospect;
use crate::policy::relocation::{Course, course};

impl Engine {
    /// Looks where the paths of the directories lead, and goes there if possible.
    pub(super) fn mind_directories(&mut self, now: Now) {
        let courses: Vec<(Which, Course)> = self
            .stage
            .site
            .leads()
            .into_iter()
            .map(|(which, ours, lead)| (which, course(ours, lead)))
            .filter(|(_, course)| *course != Course::Stay)
            .collect();
        if courses.is_empty() {
            if self.relocation.since.is_some() {
                self.relocation = Relocation::default();
                self.clear(Trouble::Directory, now);
            }
            return;
        }
        if self.relocation.due.is_some_and(|due| now.mono < due) {
            return;
        }
        match self.enter(&courses, now) {
            Ok(()) => {
                self.relocation = Relocation::default();
                self.clear(Trouble::Directory, now);
            }
            Err(stay) => self.stay(stay, now),
        }
    }

    fn stay(&mut self, stay: Stay, now: Now) {
        self.desk.counters.failures += u64::from(stay.failure.is_some());
        let verdict = self.relocation.retry.failed(stay.prospect, &super::desk::backoff(&self.settings));
        // Without a file that has a name there is nothing to go on with: probe, as always when records wait.
        let is_homeless = self.stage.current.as_ref().is_none_or(|file| file.place == Place::Nameless);
        let delay = if is_homeless { verdict.delay.min(BLOCKED_PROBE) } else { verdict.delay };
        self.relocation.due = Some(now.mono + delay);
        let since = *self.relocation.since.get_or_insert(now.wall);
        if verdict.exhausted {
            let going_on = if is_homeless { BLOCKED } else { "the log goes on where it was" };
            let detail = format!(
                "the path leads to another directory: {}; {going_on}; tried again by itself",
                stay.why
            );
            let attempts = self.relocation.retry.calls();
            self.turn(now).raise_since(Trouble::Directory, stay.failure, &detail, attempts, since);
        }
    }

    /// Enters all directories that these paths lead to, or none.
    fn enter(&mut self, courses: &[(Which, Course)], now: Now) -> Result<(), Stay> {
        for (which, _) in courses.iter().filter(|(_, course)| *course == Course::Make) {
            make_dirs(&self.stage.site.fs, self.stage.site.path(*which), &self.settings)?;
        }
        let moved: Vec<Which> = courses.iter().map(|(which, _)| *which).collect();
        let found = adopt::look(&self.stage.site, &moved, &self.settings, now.wall)?;
        let adopted = found.map_err(|faults| Stay {
            failure: None,
            why: faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            prospect: Prospect::Lasting,
        })?;
        let homes = self.stage.site.scout(&moved).map_err(|refusal| match refusal {
            Refusal::Held(holder) => Stay {
                failure: None,
                why: format!("that one is being written by {holder}"),
                prospect: Prospect::Lasting,
            },
            Refusal::Failed(failure) => failure.into(),
        })?;
        self.settle_in(homes, &moved, now);
        if let Some(event) = adopted {
            self.desk.say(event);
        }
        Ok(())
    }

    /// Moves the set there. What it leaves behind stays as it is, except temporaries.
    fn settle_in(&mut self, homes: Vec<(Which, Home)>, moved: &[Which], now: Now) {
        let Self { packing, stage, desk, settings, .. } = self;
        packing.give_up(&mut Turn { settings, stage, desk, now });
        self.stage.drop_next();
        self.job = None;
        self.stage.site.settle(homes);
        self.stage.picture = Picture::new();
        self.retention.forget_free_bytes();
        self.find_old_alerts();
        for which in moved {
            self.desk.say(Event::Entered { path: self.stage.site.path(*which).to_owned() });
        }
        if moved.contains(&Which::Live) {
            self.leave_place();
            self.start_reopening(now);
        } else {
            self.survey_backups(now);
            // A job about the live file begins again.
            match self.stage.current.as_ref().map(|file| file.place) {
                Some(Place::Live) => {}
                Some(Place::Hidden) => self.start_recovery(now),
                Some(Place::Moved | Place::Nameless) | None => self.start_reopening(now),
            }
        }
        self.want_link(now);
    }

    /// The backups are elsewhere: looks at what stands there now, and brings it under the limits.
    fn survey_backups(&mut self, now: Now) {
        let surveyed = self.stage.picture.survey_afresh(self.stage.site.ground(), &self.settings);
        if surveyed.is_err() {
            self.desk.counters.failures += 1;
            self.stage.picture.is_stale = true;
        }
        self.trim(now);
    }
}
