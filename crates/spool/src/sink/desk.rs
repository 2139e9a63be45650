//! What a sink without files reports: its counters, and one trouble at a time, with its beginning and its end.

use std::path::PathBuf;
use std::time::Duration;

use tracing_spool_fileset::{Alert, Counters, Event, Failure, Moments, Mono, Now, Trouble};

use super::View;

/// A trouble is over when records have been taken for this long without another failure. One that comes and goes with each
/// record counts as one trouble, with one line on stderr.
const QUIET: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Desk {
    name: PathBuf,
    counters: Counters,
    moments: Moments,
    events: Vec<Event>,
    alert: Option<Alert>,
    failed_at: Option<Mono>,
    /// Something has been taken since the last failure.
    took_since: bool,
}

impl Desk {
    pub(super) fn new(name: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            counters: Counters::default(),
            moments: Moments::default(),
            events: Vec::new(),
            alert: None,
            failed_at: None,
            took_since: false,
        }
    }

    pub(super) fn name(&self) -> PathBuf {
        self.name.clone()
    }

    /// Counts records that were written completely, and the bytes of one call.
    pub(super) fn wrote(&mut self, records: usize, bytes: usize, now: Now) {
        self.counters.records_written += records as u64;
        self.counters.bytes_written += bytes as u64;
        self.counters.write_calls += 1;
        self.moments.last_write = Some(now.wall);
        self.took_since = true;
        self.tick(now);
    }

    /// Ends a trouble that is over, even if nothing more is written.
    pub(super) fn tick(&mut self, now: Now) {
        if self.wake_at().is_some_and(|over| over <= now.mono) {
            self.is_well(now);
        }
    }

    /// Returns when the trouble is over, if nothing more fails.
    pub(super) fn wake_at(&self) -> Option<Mono> {
        self.failed_at.filter(|_| self.took_since).map(|failed_at| failed_at + QUIET)
    }

    pub(super) fn refused(&mut self, records: usize) {
        self.counters.records_refused += records as u64;
    }

    /// Notes a failed call.
    pub(super) fn failed(&mut self, failure: Option<Failure>, detail: impl Into<String>, now: Now) {
        self.counters.failures += 1;
        self.failed_at = Some(now.mono);
        self.took_since = false;
        if self.alert.is_none() {
            self.counters.alerts_raised += 1;
            let alert = Alert::raised(Trouble::Write, self.name(), failure, detail, now.wall);
            self.alert = Some(alert.clone());
            self.events.push(Event::Alert(alert));
        }
    }

    /// Ends the trouble, if there is one.
    fn is_well(&mut self, now: Now) {
        self.failed_at = None;
        if let Some(alert) = self.alert.take() {
            self.events.push(Event::Alert(alert.cleared(now.wall)));
        }
    }

    /// Sets since when records wait, or that they don't.
    pub(super) fn waits(&mut self, since: Option<Now>) {
        self.moments.blocked_since = since.map(|since| since.wall);
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn view(&self) -> View {
        View {
            counters: self.counters,
            moments: self.moments,
            alerts: self.alert.iter().cloned().collect(),
            ..View::default()
        }
    }
}
