//! What the set has to tell: events, episodes of trouble, counters and moments, and the rotation hook. What there is to
//! tell is decided where it happens.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;

use super::alert_file::{Alarms, Episode, Report};
use super::moments::Moments;
use super::state::Counters;
use crate::effect::execute::{Done, Stage};
use crate::model::alert::{Event, Rotated, Trouble};
use crate::model::error::Failure;
use crate::model::guest;
use crate::model::removal::Reason;
use crate::model::settings::Settings;
use crate::model::time::{Now, Wall};
use crate::policy::backoff::Backoff;

/// The most events that wait to be taken. An owner that never takes them loses the oldest.
const EVENTS_MAX: usize = 256;

/// What one call of a part works with.
pub(super) struct Turn<'a> {
    pub(super) settings: &'a Settings,
    pub(super) stage: &'a mut Stage,
    pub(super) desk: &'a mut Desk,
    pub(super) now: Now,
}

impl Turn<'_> {
    pub(super) fn backoff(&self) -> Backoff {
        backoff(self.settings)
    }

    /// Counts a failed call.
    pub(super) fn failed(&mut self) {
        self.desk.counters.failures += 1;
    }

    /// Opens an episode that begins now.
    pub(super) fn raise(&mut self, trouble: Trouble, failure: Option<Failure>, detail: &str, attempts: u32) {
        self.raise_since(trouble, failure, detail, attempts, self.now.wall);
    }

    pub(super) fn raise_since(
        &mut self,
        trouble: Trouble,
        failure: Option<Failure>,
        detail: &str,
        attempts: u32,
        since: Wall,
    ) {
        self.desk.raise(Episode { trouble, failure, detail, attempts, since }, self.now);
    }

    pub(super) fn clear(&mut self, trouble: Trouble) {
        self.desk.clear(trouble, self.now);
    }

    /// Counts and reports what was removed.
    pub(super) fn removed(&mut self, done: Done, reason: Reason) {
        let Done::Removed { slot, form, bytes, .. } = done else { return };
        let overlong = bytes > self.settings.max_bytes.max(self.settings.record_limit());
        let path = match slot {
            Some(slot) => self.stage.site.backup(slot, form).path(),
            None => self.desk.log.clone(),
        };
        self.desk.counters.pruned_files += 1;
        self.desk.counters.pruned_bytes += bytes;
        self.desk.say(Event::Removed { path, slot, bytes, reason, overlong });
    }
}

/// Returns the retry schedule that the settings ask for.
pub(super) fn backoff(settings: &Settings) -> Backoff {
    Backoff {
        retries: settings.retry_attempts,
        base_delay: settings.retry_base_delay,
        cooldown: settings.retry_cooldown,
        cooldown_max: settings.retry_cooldown_max,
    }
}

/// The rotation hook.
struct Hook(Box<dyn FnMut(&Rotated) + Send>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

#[derive(Debug)]
pub(super) struct Desk {
    /// The live file that all of this is about.
    log: PathBuf,
    pub(super) alarms: Alarms,
    events: VecDeque<Event>,
    pub(super) counters: Counters,
    pub(super) moments: Moments,
    /// Records that the owner had to drop.
    pub(super) dropped: u64,
    on_rotate: Option<Hook>,
}

impl Desk {
    pub(super) fn new(log: PathBuf) -> Self {
        Self {
            log,
            alarms: Alarms::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            moments: Moments::default(),
            dropped: 0,
            on_rotate: None,
        }
    }

    /// Returns the live file, as events name it.
    pub(super) fn log(&self) -> PathBuf {
        self.log.clone()
    }

    pub(super) fn on_rotate(&mut self, hook: Box<dyn FnMut(&Rotated) + Send>) {
        self.on_rotate = Some(Hook(hook));
    }

    pub(super) fn say(&mut self, event: Event) {
        if let (Event::Rotated(rotated), Some(Hook(hook))) = (&event, &mut self.on_rotate) {
            self.counters.hook_panics += u64::from(guest::run(|| hook(rotated)).is_none());
        }
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    pub(super) fn raise(&mut self, episode: Episode<'_>, now: Now) {
        if let Some(alert) = self.alarms.raise(&self.log, episode, now) {
            self.counters.alerts_raised += 1;
            self.say(Event::Alert(alert));
        }
    }

    pub(super) fn clear(&mut self, trouble: Trouble, now: Now) {
        if let Some(alert) = self.alarms.clear(trouble, now) {
            self.say(Event::Alert(alert));
        }
    }

    /// Brings the alert file in line with the open episodes.
    pub(super) fn conclude(&mut self, stage: &Stage, settings: &Settings, now: Now) {
        let report = Report {
            site: &stage.site,
            settings,
            counters: &self.counters,
            dropped: self.dropped,
            total_bytes: stage.total_bytes(),
        };
        if let Some(event) = self.alarms.attend(&report, now) {
            self.say(event);
        }
    }
}
