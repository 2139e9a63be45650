//! A file set on a simulated disk, driven as its owner would: records in, deadlines kept, files read back.
//! It proves nothing itself.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_spool_fileset::internal::name::{Names, Role};
use tracing_spool_fileset::internal::slot::Slot;
use tracing_spool_fileset::sim::{Entry, SimClock, SimDisk};
use tracing_spool_fileset::{
    Allow, Batch, Edge, Engine, Event, FileId, Fs as _, Naming, Op, OpenError, PackOrder, Settings, State,
    Trouble,
};

use crate::records::files_of;
use crate::territory::{self, FOREIGN_FROM, Territory, names};

pub(crate) const LIVE: &str = "/logs/app.log";
pub(crate) const ALERT: &str = "/logs/ALERT_LOG_ROTATION_FAILED.txt";

/// How long a record is tried before the world is called stuck, in virtual time.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// How long another process has a lock that a record waits for.
const LOCKED_AT_MOST: Duration = Duration::from_secs(10 * 60);

/// No trouble and no sync has a deadline as far away as this.
const FAR: Duration = Duration::from_secs(10 * 60);

/// What a record begins with: its number, in so many digits.
pub(crate) const NUMBER_DIGITS: usize = 5;

pub(crate) struct World {
    pub(crate) disk: SimDisk,
    pub(crate) clock: SimClock,
    pub(crate) settings: Settings,
    pub(crate) set: Option<Engine>,
    pub(crate) batch: Batch,
    /// Records pushed so far; the next is numbered by it.
    pub(crate) sent: u32,
    /// Records that `append` has reported as finished.
    pub(crate) finished: u32,
    /// Records that the set gave up, by their numbers.
    pub(crate) refused: BTreeSet<u32>,
    /// Records of which a part may have been in the live file when others cut it.
    pub(crate) beheaded: BTreeSet<u32>,
    /// Records written and given up by the sets before this one, by their own account.
    pub(crate) booked: u64,
    /// Faults are cleared when a call has waited so long, or at the end.
    pub(crate) clear_after: Duration,
    /// Whether the total is asserted.
    pub(crate) caps_hold: bool,
    /// A backup that is being compressed, and how many calls that still takes.
    pub(crate) order: Option<(PackOrder, u32)>,
    /// How many calls a compression takes.
    pub(crate) order_takes: u32,
    /// Others went round a backup: numbers do not tell the order of the files any more.
    pub(crate) stepped_over: bool,
    /// What the set may touch, and where it was.
    pub(crate) territory: Territory,
    /// Records that others have taken with the file that they stood in, or were about to.
    pub(crate) taken: BTreeSet<u32>,
    /// What the cap does not count.
    pub(crate) uncounted: Arc<Mutex<Uncounted>>,
    /// What the total may be; limits that are lowered later take a while.
    cap_bytes: u64,
    /// Records of which a beginning may stand somewhere besides the whole: the descriptor was lost in the middle.
    pub(crate) begun: BTreeSet<u32>,
}

/// Small files, so that everything happens often.
pub(crate) fn settings(backup_count: u32, max_total_bytes: u64) -> Settings {
    let mut settings = Settings::new(LIVE);
    settings.max_bytes = 200;
    settings.backup_count = backup_count;
    settings.max_total_bytes = max_total_bytes;
    settings.max_record_bytes = Some(128);
    settings
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        let (disk, clock) = (SimDisk::new(), SimClock::new());
        disk.set_clock(&clock);
        disk.mkdir_all("/");
        let uncounted = Arc::new(Mutex::new(Uncounted::default()));
        let is_counted = is_counted_by(&settings, &uncounted);
        let dir = settings.path.parent().unwrap().to_owned();
        disk.assert_total_at(dir, is_counted, settings.max_total_bytes);
        let batch = Batch::default();
        let clear_after = Duration::from_secs(3);
        let territory = Territory::watch(&disk);
        let cap_bytes = settings.max_total_bytes;
        Self {
            disk,
            clock,
            settings,
            set: None,
            batch,
            sent: 0,
            finished: 0,
            refused: BTreeSet::new(),
            beheaded: BTreeSet::new(),
            booked: 0,
            clear_after,
            caps_hold: true,
            order: None,
            order_takes: 0,
            stepped_over: false,
            territory,
            taken: BTreeSet::new(),
            begun: BTreeSet::new(),
            uncounted,
            cap_bytes,
        }
    }

    // --- where the set is ---

    /// What the set may touch is looked at anew, before it does anything.
    pub(crate) fn mind_territory(&mut self) {
        let Some(set) = &self.set else {
            return self.territory.refresh(
                &self.disk,
                &territory::followed(&self.disk, &self.settings),
                true,
            );
        };
        let pruned = set.counters().pruned_files;
        self.stepped_over |= set.counters().stepped_over > 0;
        if !self.territory.is_stale(&self.disk) {
            self.territory.pruned(pruned);
            return;
        }
        // While the last record or a rotation is still on its way, some of it may be there and some here.
        let is_between = self.batch.partial() > 0 || set.state() != State::Writing;
        let moved = self.territory.moved(&self.disk, &self.settings);
        // It may have lost its lock there meanwhile.
        let was_pending = self.territory.is_pending && !self.territory.is_at_home(&self.disk, &self.settings);
        self.territory.is_pending = was_pending || moved.is_some();
        match moved {
            Some(to) if !is_between => {
                self.cross(to, pruned);
                self.territory.is_pending = false;
            }
            Some(_) => {}
            None if was_pending => {}
            None => self.territory.pruned(pruned),
        }
        let is_elsewhere = !self.territory.is_at_home(&self.disk, &self.settings);
        self.uncounted.lock().unwrap().is_elsewhere = is_elsewhere;
        let Some(set) = &self.set else { return };
        self.territory.refresh(&self.disk, set.settings(), false);
    }

    /// Asserts that the set is within its budget where it is.
    pub(crate) fn assert_total(&self) {
        if self.territory.is_pending {
            return; // on its way it has a file in one directory and backups in another
        }
        let [live, _] = self.territory.dirs(&self.disk, &self.settings);
        let (names, uncounted, files) =
            (names(&self.settings), self.uncounted.lock().unwrap(), self.disk.list(&live));
        let counts =
            |name: &OsStr| names.role(name).is_some_and(is_counted) && !uncounted.names.contains(name);
        let total: u64 = files.iter().filter(|(name, _)| counts(name)).map(|(_, bytes)| bytes).sum();
        assert!(total <= self.cap_bytes, "{total} bytes: {files:?}");
    }

    /// The set has gone elsewhere.
    fn cross(&mut self, to: [FileId; 2], pruned: u64) {
        let files = self.files();
        let [_, archive] = self.territory.dirs(&self.disk, &self.settings);
        let has_strays = !self.strays(&archive).is_empty();
        let Self { disk, settings, stepped_over, .. } = self;
        let now = |territory: &mut Territory| {
            territory::numbers(&files_of(disk, settings, territory, *stepped_over)).collect()
        };
        self.territory.cross(disk, (to, files, pruned, self.finished), now);
        if let Some(left) = self.territory.left.last_mut() {
            left.is_vague |= has_strays;
        }
    }

    /// Whether the set has gone elsewhere, and may still be on its way.
    pub(crate) fn is_between(&mut self) -> bool {
        self.mind_territory();
        self.territory.is_pending
    }

    /// Whether the live file stands where the set has it.
    fn stands(&self) -> bool {
        self.territory.stands(&self.disk)
    }

    /// The live file where the set has it, if there is a directory.
    pub(crate) fn live(&self) -> std::path::PathBuf {
        self.territory.dirs(&self.disk, &self.settings)[0].join(names(&self.settings).base())
    }

    /// An earlier life of this log has left its lock file: what stands there is ours.
    pub(crate) fn been_here(&self) {
        let archive = self.settings.archive_dir.as_deref().map(|dir| dir.join(".app.log.lock"));
        for lock in [Some("/logs/.app.log.lock".into()), archive].into_iter().flatten() {
            self.disk.put(lock, "");
        }
    }

    pub(crate) fn try_open(&mut self) -> Result<(), OpenError> {
        self.mind_territory();
        let opened = Engine::open_on(self.settings.clone(), self.disk.fs(), self.clock.now());
        self.set = Some(opened?);
        if let Some(to) = self.territory.opened(&self.disk, &self.settings) {
            self.cross(to, 0);
            // The process before may have been there already.
            self.territory.era.trimmed |= self.territory.is_pending;
            self.territory.is_pending = false;
        }
        self.territory.refresh(&self.disk, set_settings(&self.set).unwrap_or(&self.settings), true);
        Ok(())
    }

    /// What stands behind a gap beyond the count is nobody's any more, and somebody tidies it away.
    pub(crate) fn sweep_strays(&self) {
        let [_, held] = self.territory.dirs(&self.disk, &self.settings);
        for dir in [held.as_path(), names(&self.settings).archive()] {
            for name in self.strays(dir) {
                self.disk.ext_unlink(dir.join(name)).unwrap();
            }
        }
    }

    /// Backups behind a gap beyond the count.
    fn strays(&self, dir: &Path) -> Vec<OsString> {
        let names = names(&self.settings);
        let number = |role| match role {
            Role::Backup(slot) | Role::Packed(slot, _) => slot.number(),
            _ => None,
        };
        let number = |role| number(role).filter(|number| *number < FOREIGN_FROM);
        let of = |name: &OsStr| names.role(name).and_then(number);
        let there = self.disk.list(dir);
        let numbers: BTreeSet<u32> = there.iter().filter_map(|(name, _)| of(name)).collect();
        let known = if self.settings.naming == Naming::Numbered { self.settings.backup_count } else { 0 };
        let last = (1..).find(|number| *number > known && !numbers.contains(number)).unwrap_or(0);
        let is_stray = |name: &OsString| of(name).is_some_and(|number| number > last);
        there.into_iter().map(|(name, _)| name).filter(is_stray).collect()
    }

    /// Opens, and where that fails, again a second later, as a service manager would.
    pub(crate) fn open(&mut self) {
        self.sweep_strays();
        for attempt in 0.. {
            match self.try_open() {
                Ok(()) => return,
                Err(_) if self.disk.crashed() => return,
                // Others have taken the lock file that told what is this log's: its operator says so.
                Err(error) if error.to_string().contains("allow FoundFiles") => {
                    self.settings.allow.push(Allow::FoundFiles);
                }
                Err(error) => assert!(attempt < 10, "never opens: {error}"),
            }
            self.clock.advance(Duration::from_secs(1));
            if attempt >= 2 {
                self.disk.clear_faults();
            }
        }
    }

    pub(crate) fn set(&mut self) -> &mut Engine {
        self.mind_territory();
        self.set.as_mut().unwrap()
    }

    /// Text of record `number`: of a length that differs from its neighbours'.
    pub(crate) fn text(number: u32) -> String {
        const FILLING: &str =
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        format!("{number:0NUMBER_DIGITS$} {}", &FILLING[..(number as usize * 37) % 80 + 3])
    }

    /// Hands over one more record; returns whether it is written.
    pub(crate) fn push(&mut self) -> bool {
        let rules = self.settings.rules();
        self.batch.push(Self::text(self.sent).as_bytes(), &rules);
        self.sent += 1;
        self.append()
    }

    /// One call of `append`; returns whether the batch is done.
    pub(crate) fn append(&mut self) -> bool {
        let now = self.clock.now();
        self.mind_territory();
        let (first, was_there) = (self.finished, self.stands());
        let Some(set) = &mut self.set else { return false };
        self.finished += u32::try_from(set.append(&mut self.batch, now)).unwrap();
        if !was_there || !self.stands() {
            // Others took the file, and what was written before that was seen went nowhere.
            self.taken.extend(first..self.sent.min(self.finished + 1));
        }
        let done = self.batch.is_done();
        if done {
            let first = self.sent - u32::try_from(self.batch.records()).unwrap();
            self.refused
                .extend(self.batch.refused().iter().map(|place| first + u32::try_from(*place).unwrap()));
            self.batch.clear();
        }
        self.pack();
        self.mind_territory();
        done
    }

    /// What the thread that compresses would have done by now. Returns whether it has something to do.
    pub(crate) fn pack(&mut self) -> bool {
        let now = self.clock.now();
        self.mind_territory();
        let Some(set) = &mut self.set else { return false };
        match self.order.take() {
            Some((order, 0)) => set.packed(order.perform(), now),
            Some((order, left)) => self.order = Some((order, left - 1)),
            None => {}
        }
        if self.order.is_none() {
            self.order = set.take_order(now).map(|order| (order, self.order_takes));
        }
        self.order.is_some()
    }

    /// Keeps the set's deadlines until the batch is done, or the disk has crashed.
    pub(crate) fn finish_batch(&mut self) {
        let start = self.clock.now().mono;
        while !self.append() && !self.disk.crashed() {
            let now = self.clock.now().mono;
            let waited = now - start;
            assert!(waited < PATIENCE, "stuck: {:?}", self.set);
            if waited >= self.clear_after {
                self.disk.clear_faults();
            }
            if waited >= LOCKED_AT_MOST {
                let _ = self.disk.release_lock("/logs/.app.log.lock");
            }
            let wake = self.set().wake_at().expect("a set that waits says until when");
            self.clock.advance((wake - now).max(Duration::from_millis(1)));
        }
    }

    /// `count` records, one after the other, a little time between them.
    pub(crate) fn log(&mut self, count: u32) {
        for _ in 0..count {
            if self.disk.crashed() {
                return;
            }
            self.push();
            self.finish_batch();
            self.clock.advance(self.pause());
        }
    }

    /// The time between two records: short, and where the clock rotates, long now and then.
    fn pause(&self) -> Duration {
        let is_long = self.settings.rotate_every.is_some() && self.sent % 3 == 0;
        if is_long { Duration::from_secs(20) } else { Duration::from_millis(60) }
    }

    /// Lets the disk hold what stands on it and `more` bytes.
    pub(crate) fn fill_disk_but_for(&mut self, more: u64) {
        let used: u64 = self.disk.list("/logs").iter().map(|(_, bytes)| bytes).sum();
        self.disk.set_capacity(Some(used + more));
    }

    /// Clears the faults and lets the set come to rest.
    pub(crate) fn settle(&mut self) {
        self.disk.clear_faults();
        self.rest();
        assert_eq!(self.set().state(), State::Writing);
    }

    /// Keeps the set's deadlines until it has none that is near.
    pub(crate) fn rest(&mut self) {
        let start = self.clock.now().mono;
        while self.pack() {}
        while let Some(wake) = self.set().deadline() {
            let now = self.clock.now();
            if wake - now.mono > FAR && self.set().state() == State::Writing {
                return; // the end of a period on the clock
            }
            assert!(now.mono - start < PATIENCE, "never rests: {:?}", self.set);
            self.clock.advance(wake - now.mono);
            let now = self.clock.now();
            self.set().tick(now);
            while self.pack() {}
        }
    }

    /// Other limits for the set that is open, and for those after it.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        let (now, mut settings) = (self.clock.now(), self.set().settings().clone());
        settings.max_bytes = self.settings.max_bytes;
        settings.max_total_bytes = self.settings.max_total_bytes;
        settings.backup_count = self.settings.backup_count;
        self.set().reconfigure(settings, now).unwrap();
    }

    /// Asserts that the set is within its limits.
    pub(crate) fn assert_limits(&mut self) {
        let (backup_count, max_total_bytes) = (self.settings.backup_count, self.settings.max_total_bytes);
        let too_high = |slot: &Slot| slot.number().is_some_and(|number| number > backup_count);
        let surplus: Vec<Slot> = self.set().backups().map(|(slot, _)| slot).filter(too_high).collect();
        assert!(surplus.is_empty(), "{surplus:?}");
        assert!(self.set().backups().count() <= backup_count as usize);
        assert!(self.set().total_bytes() <= max_total_bytes, "{} bytes", self.set().total_bytes());
    }

    pub(crate) fn close(&mut self) {
        let now = self.clock.now();
        self.mind_territory();
        self.order = None;
        if let Some(set) = self.set.take() {
            let before = books(&set);
            let finished = self.batch.finished();
            let report = set.close(&mut self.batch, now);
            assert_eq!(report.records_left, self.batch.records() - self.batch.finished());
            self.booked += before + (self.batch.finished() - finished) as u64;
        }
        self.batch.clear();
    }

    /// Asserts that every record sent is finished, and that the sets' own accounts say so.
    pub(crate) fn assert_books(&self) {
        assert_eq!(self.finished, self.sent);
        let booked = self.booked + self.set.as_ref().map_or(0, books);
        assert_eq!(booked, u64::from(self.sent), "the books are wrong");
    }

    /// Edges of alerts since the last call.
    pub(crate) fn edges(&mut self) -> Vec<(Trouble, Edge)> {
        let edge = |event| match event {
            Event::Alert(alert) => Some((alert.trouble, alert.edge)),
            _ => None,
        };
        self.set().take_events().into_iter().filter_map(edge).collect()
    }

    /// When calls of `op` were made, in milliseconds of the virtual clock since `since`.
    pub(crate) fn times(&self, op: Op, since: Duration) -> Vec<u128> {
        let journal = self.disk.journal();
        let at = |entry: &Entry| (entry.at.unwrap().since_start() - since).as_millis();
        journal.iter().filter(|entry| entry.op == op).map(at).collect()
    }

    fn assert_link(&self, names: &Names) {
        let Some(link) = &self.settings.latest_link else { return };
        let dir = link.parent().unwrap();
        let target = if dir == names.dir() { names.base().as_ref() } else { names.live() };
        let held = self.disk.open_dir(dir).unwrap().at(link.file_name().unwrap());
        assert_eq!(self.disk.read_link(&held).as_deref(), Ok(target), "the link leads elsewhere");
        assert!(
            !self.disk.exists(dir.join(names.link_temporary_name())),
            "the link's temporary still stands"
        );
    }

    /// Asserts that nothing of others was touched.
    pub(crate) fn assert_unharmed(&self) {
        assert_eq!(self.disk.breach(), None, "what is not ours was touched");
    }

    pub(crate) fn assert_rest(&mut self) {
        assert_eq!(self.disk.violation().filter(|_| self.caps_hold), None);
        assert_eq!(self.set().open_alerts(), [], "an alert is still open");
        self.assert_unharmed();
        assert!(self.territory.is_at_home(&self.disk, &self.settings), "it is not where its path leads");
        let names = names(&self.settings);
        let alert = names.dir().join(Path::new(ALERT).file_name().unwrap());
        assert!(!self.disk.exists(alert), "the alert file still stands");
        let temporary = names.dir().join(names.alert_temporary_name());
        assert!(!self.disk.exists(temporary), "the alert's temporary still stands");
        assert!(!self.disk.exists(names.hidden()), "the hidden file still stands");
        assert!(!self.disk.exists(names.pack_temporary()), "the temporary of a compression still stands");
        self.assert_link(&names);
        let has_archive = names.archive() != names.dir();
        let counts = |name: &OsStr, is_archive: bool| {
            let is_live = matches!(names.role(name), Some(Role::Live | Role::Hidden));
            names.role(name).is_some_and(is_counted) && (!has_archive || is_live != is_archive)
        };
        let mut files = Vec::new();
        for dir in names.dirs() {
            let is_archive = dir == names.archive();
            files.extend(self.disk.list(dir).into_iter().filter(|(name, _)| counts(name, is_archive)));
        }
        let total: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        let files = || format!("the picture of the directory is not true: {files:?} but {:?}", self.set);
        assert_eq!(self.set.as_ref().map(Engine::total_bytes), Some(total), "{}", files());
    }
}

/// The settings of the set that is open.
fn set_settings(set: &Option<Engine>) -> Option<&Settings> {
    set.as_ref().map(Engine::settings)
}

/// What a cap does not count.
#[derive(Default)]
pub(crate) struct Uncounted {
    /// Backups that others hold fast, and that may be beyond a gap by now.
    pub(crate) names: BTreeSet<OsString>,
    /// The path leads to a directory that the set has not entered.
    is_elsewhere: bool,
}

impl Uncounted {
    fn has(&self, name: &OsStr) -> bool {
        self.is_elsewhere || self.names.contains(name)
    }
}

/// Which names the budget counts.
fn is_counted_by(
    settings: &Settings,
    uncounted: &Arc<Mutex<Uncounted>>,
) -> impl Fn(&OsStr) -> bool + Send + 'static {
    let (names, uncounted) = (names(settings), Arc::clone(uncounted));
    move |name| names.role(name).is_some_and(is_counted) && !uncounted.lock().unwrap().has(name)
}

/// Whether the budget counts it.
fn is_counted(role: Role) -> bool {
    let number = match role {
        Role::Backup(slot) | Role::Packed(slot, _) => slot.number(),
        _ => None,
    };
    number.is_none_or(|number| number < FOREIGN_FROM)
        && !matches!(role, Role::Lock | Role::AlertTemporary | Role::LinkTemporary)
}

/// Records that a set says it has finished.
fn books(set: &Engine) -> u64 {
    set.counters().records_written + set.counters().records_refused
}
