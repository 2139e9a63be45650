//! The file set as a sink. The engine decides everything; this only forwards the calls.

use tracing_spool_fileset::{self as fileset, Batch, CloseReport, Engine, Event, Mono, Now, Witness};

use super::{Sink, State, View};
use crate::account::ledger::Reason;

impl Sink for Engine {
    fn append(&mut self, batch: &mut Batch, writes_max: usize, now: Now, witness: Option<&mut dyn Witness>) {
        self.append_with(batch, writes_max, now, witness);
    }

    fn tick(&mut self, now: Now) {
        Engine::tick(self, now);
    }

    fn hurry(&mut self) {
        Engine::hurry(self);
    }

    fn reopen(&mut self, now: Now) {
        Engine::reopen(self, now);
    }

    fn wake_at(&self) -> Option<Mono> {
        Engine::wake_at(self)
    }

    fn state(&self) -> State {
        match Engine::state(self) {
            fileset::State::Overdue => State::Overdue,
            fileset::State::Blocked(reason) => State::Blocked(reason),
            _ => State::Writing,
        }
    }

    fn take_events(&mut self) -> Vec<Event> {
        Engine::take_events(self)
    }

    fn view(&self) -> View {
        View {
            counters: self.counters(),
            moments: Engine::moments(self),
            live_bytes: self.live_bytes(),
            total_bytes: self.total_bytes(),
            max_total_bytes: self.settings().max_total_bytes,
            alerts: self.open_alerts(),
            panics: 0,
        }
    }

    fn refusal(&self) -> Reason {
        Reason::DiskError
    }

    fn end(&mut self, batch: &mut Batch, now: Now, witness: Option<&mut dyn Witness>) -> CloseReport {
        Engine::end(self, batch, now, witness)
    }

    fn files(&mut self) -> Option<&mut Engine> {
        Some(self)
    }
}
