//! A file set driven as its owner would, on a virtual clock: records in, deadlines kept, alerts counted, files read
//! back. It runs on the simulated disk and on the real one; it proves nothing itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_spool_fileset::sim::{SimClock, SimDisk};
use tracing_spool_fileset::{Alert, Batch, Edge, Engine, Event, Fs, OpenError, Settings, Trouble};

use crate::faulty::Faulty;
use crate::files::{Found, RECORD_BYTES, RealDisk, Shelf, read_back, record};

/// How long a record is tried before the world is called stuck, in virtual time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A clock, a disk, and a file set on it.
pub struct World {
    /// The time.
    pub clock: SimClock,
    /// What the set is opened with.
    pub settings: Settings,
    /// The set, while it is open.
    pub set: Option<Engine>,
    /// Records handed over and not yet written.
    pub batch: Batch,
    /// Records handed over; the next one's number.
    pub sent: u32,
    /// Records reported as written.
    pub finished: u32,
    /// What the set has said.
    pub events: Vec<Event>,
    sim: Option<SimDisk>,
    fs: Box<dyn Fn() -> Box<dyn Fs>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("sent", &self.sent).field("set", &self.set).finish_non_exhaustive()
    }
}

/// Small files: four records of [`RECORD_BYTES`] each, no limit that matters.
#[must_use]
pub fn small(live: impl Into<PathBuf>) -> Settings {
    let mut settings = Settings::new(live);
    settings.max_bytes = 4 * RECORD_BYTES as u64;
    settings.backup_count = 50;
    settings.max_total_bytes = 1 << 20;
    settings
}

impl World {
    /// A world on the simulated disk.
    #[must_use]
    pub fn simulated(disk: &SimDisk, settings: Settings) -> Self {
        let (clock, owned) = (SimClock::new(), disk.clone());
        disk.set_clock(&clock);
        disk.mkdir_all("/");
        Self::on(Some(disk.clone()), Box::new(move || owned.fs()), clock, settings)
    }

    /// A world on the real disk.
    #[must_use]
    pub fn real(disk: &Faulty, settings: Settings) -> Self {
        let (clock, owned) = (SimClock::new(), disk.clone());
        disk.set_clock(clock.clone());
        Self::on(None, Box::new(move || owned.fs()), clock, settings)
    }

    fn on(
        sim: Option<SimDisk>,
        fs: Box<dyn Fn() -> Box<dyn Fs>>,
        clock: SimClock,
        settings: Settings,
    ) -> Self {
        let (batch, events) = (Batch::default(), Vec::new());
        Self { clock, settings, set: None, batch, sent: 0, finished: 0, events, sim, fs }
    }

    /// Opens the set.
    ///
    /// # Errors
    /// As [`Engine::open_on`].
    pub fn try_open(&mut self) -> Result<(), OpenError> {
        self.set = Some(Engine::open_on(self.settings.clone(), (self.fs)(), self.clock.now())?);
        self.hear();
        Ok(())
    }

    /// Opens the set, which works.
    ///
    /// # Panics
    /// Where it does not.
    pub fn open(&mut self) {
        self.try_open().unwrap();
    }

    /// The set.
    ///
    /// # Panics
    /// Where it is not open.
    pub fn set(&mut self) -> &mut Engine {
        self.set.as_mut().unwrap()
    }

    /// The live file's path.
    #[must_use]
    pub fn live(&self) -> &Path {
        &self.settings.path
    }

    /// A path beside the live file.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.settings.path.with_file_name(name)
    }

    /// Hands one more record over and makes one attempt; returns whether nothing is left.
    pub fn push_wide(&mut self, width: usize) -> bool {
        let rules = self.settings.rules();
        self.batch.push(record(0, self.sent, width).as_bytes(), &rules);
        self.sent += 1;
        self.append()
    }

    /// The same with a record of [`RECORD_BYTES`].
    pub fn push(&mut self) -> bool {
        self.push_wide(RECORD_BYTES - 1)
    }

    /// One attempt at what is left; returns whether nothing is.
    pub fn append(&mut self) -> bool {
        let now = self.clock.now();
        let Some(set) = &mut self.set else { return false };
        self.finished += u32::try_from(set.append(&mut self.batch, now)).unwrap_or(u32::MAX);
        self.hear();
        let done = self.batch.is_done();
        if done {
            self.batch.clear();
        }
        done
    }

    /// Keeps the set's deadlines until nothing is left, or the disk has crashed.
    ///
    /// # Panics
    /// Where that takes an hour of virtual time.
    #[track_caller]
    pub fn finish(&mut self) {
        let start = self.clock.now().mono;
        while !self.append() && !self.crashed() {
            let now = self.clock.now().mono;
            assert!(now - start < PATIENCE, "stuck: {:?}", self.set);
            let wake = self.set().wake_at().expect("a set that waits says until when");
            self.clock.advance((wake - now).max(Duration::from_millis(1)));
        }
    }

    /// So many records, each waited for.
    #[track_caller]
    pub fn log(&mut self, count: u32) {
        for _ in 0..count {
            if self.crashed() {
                return;
            }
            self.push();
            self.finish();
        }
    }

    /// Lets time pass; what falls due on the way is done when it falls due.
    ///
    /// # Panics
    /// Where something falls due again and again.
    #[track_caller]
    pub fn wait(&mut self, time: Duration) {
        let end = self.clock.now().mono + time;
        let mut rounds = 0;
        while let Some(wake) = self.set.as_ref().and_then(Engine::wake_at).filter(|wake| *wake <= end) {
            let now = self.clock.now().mono;
            self.clock.advance((wake - now).max(Duration::from_millis(1)));
            self.tick();
            rounds += 1;
            assert!(rounds < 100_000, "never rests: {:?}", self.set);
        }
        let now = self.clock.now().mono;
        self.clock.advance(end - now);
        self.tick();
    }

    /// One call of `tick`, and of `append` where records wait.
    pub fn tick(&mut self) {
        let now = self.clock.now();
        self.set().tick(now);
        self.hear();
        if !self.batch.is_done() {
            self.append();
        }
    }

    /// Closes the set; returns how many records are left.
    pub fn close(&mut self) -> usize {
        let now = self.clock.now();
        let Some(set) = self.set.take() else { return 0 };
        let report = set.close(&mut self.batch, now);
        self.batch.clear();
        report.records_left
    }

    fn hear(&mut self) {
        if let Some(set) = &mut self.set {
            self.events.extend(set.take_events());
        }
    }

    fn crashed(&self) -> bool {
        self.sim.as_ref().is_some_and(SimDisk::crashed)
    }

    /// Alerts so far, as trouble and edge.
    #[must_use]
    pub fn alerts(&self) -> Vec<(Trouble, Edge)> {
        let edge = |event: &Event| match event {
            Event::Alert(Alert { trouble, edge, .. }) => Some((*trouble, *edge)),
            _ => None,
        };
        self.events.iter().filter_map(edge).collect()
    }

    /// Where the files can be looked at.
    #[must_use]
    pub fn shelf(&self) -> &dyn Shelf {
        self.sim.as_ref().map_or(&RealDisk, |disk| disk as &dyn Shelf)
    }

    /// What stands in the log; it also agrees with what the set believes.
    ///
    /// # Panics
    /// Where a line is torn, glued, repeated or out of order, or the set's picture is wrong.
    #[must_use]
    #[track_caller]
    pub fn found(&self) -> Found {
        let found = read_back(self.shelf(), self.live());
        if let Some(set) = &self.set {
            assert_eq!(set.total_bytes(), found.total(), "the picture of the directory: {:?}", found.sizes);
        }
        found
    }

    /// Names in the log's directory.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.live().parent().map_or_else(Vec::new, |dir| self.shelf().names(dir))
    }
}
