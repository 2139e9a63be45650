//! A file set on a simulated disk, driven as its owner would: records in, deadlines kept, files read back.
//! It proves nothing itself.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use tracing_spool_fileset::internal::name::{Names, Role};
use tracing_spool_fileset::internal::slot::Slot;
use tracing_spool_fileset::sim::{Entry, SimClock, SimDisk};
use tracing_spool_fileset::{
    Batch, Compression, Edge, Engine, Event, Fs as _, Naming, Op, OpenError, PackOrder, Settings, State,
    Trouble,
};

pub(crate) const LIVE: &str = "/logs/app.log";
pub(crate) const ALERT: &str = "/logs/ALERT_LOG_ROTATION_FAILED.txt";

/// How long a record is tried before the world is called stuck, in virtual time.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// No trouble and no sync has a deadline as far away as this.
const FAR: Duration = Duration::from_secs(10 * 60);

/// What a record begins with: its number, in so many digits.
const NUMBER_DIGITS: usize = 5;

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
        let names = names(&settings);
        let is_counted = move |name: &OsStr| names.role(name).is_some_and(is_counted);
        disk.assert_total("/logs", is_counted, settings.max_total_bytes);
        let batch = Batch::default();
        let clear_after = Duration::from_secs(3);
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
        }
    }

    /// An earlier life of this log has left its lock file: what stands there is ours.
    pub(crate) fn been_here(&self) {
        let archive = self.settings.archive_dir.as_deref().map(|dir| dir.join(".app.log.lock"));
        for lock in [Some("/logs/.app.log.lock".into()), archive].into_iter().flatten() {
            self.disk.put(lock, "");
        }
    }

    pub(crate) fn try_open(&mut self) -> Result<(), OpenError> {
        let opened = Engine::open_on(self.settings.clone(), self.disk.fs(), self.clock.now());
        self.set = Some(opened?);
        Ok(())
    }

    /// What stands behind a gap beyond the count is nobody's any more, and somebody tidies it away.
    fn sweep_strays(&self) {
        let names = Names::new(Path::new(LIVE)).unwrap();
        let number = |role| match role {
            Role::Backup(slot) | Role::Packed(slot, _) => slot.number(),
            _ => None,
        };
        let of = |name: &OsStr| names.role(name).and_then(number);
        let dir = self.settings.archive_dir.clone().unwrap_or("/logs".into());
        let there = self.disk.list(&dir);
        let numbers: BTreeSet<u32> = there.iter().filter_map(|(name, _)| of(name)).collect();
        let known = if self.settings.naming == Naming::Numbered { self.settings.backup_count } else { 0 };
        let last = (1..).find(|number| *number > known && !numbers.contains(number)).unwrap_or(0);
        for (name, _) in there.iter().filter(|(name, _)| of(name).is_some_and(|number| number > last)) {
            self.disk.ext_unlink(dir.join(name)).unwrap();
        }
    }

    /// Opens, and where that fails, again a second later, as a service manager would.
    pub(crate) fn open(&mut self) {
        self.sweep_strays();
        for attempt in 0.. {
            match self.try_open() {
                Ok(()) => return,
                Err(_) if self.disk.crashed() => return,
                Err(error) => assert!(attempt < 10, "never opens: {error}"),
            }
            self.clock.advance(Duration::from_secs(1));
            if attempt >= 2 {
                self.disk.clear_faults();
            }
        }
    }

    pub(crate) fn set(&mut self) -> &mut Engine {
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
        let Some(set) = &mut self.set else { return false };
        self.finished += u32::try_from(set.append(&mut self.batch, now)).unwrap();
        self.stepped_over |= set.counters().stepped_over > 0;
        let done = self.batch.is_done();
        if done {
            let first = self.sent - u32::try_from(self.batch.records()).unwrap();
            self.refused
                .extend(self.batch.refused().iter().map(|place| first + u32::try_from(*place).unwrap()));
            self.batch.clear();
        }
        self.pack();
        done
    }

    /// What the thread that compresses would have done by now. Returns whether it has something to do.
    pub(crate) fn pack(&mut self) -> bool {
        let now = self.clock.now();
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

    /// Contents of the set, oldest file first.
    pub(crate) fn files(&self) -> Vec<String> {
        let names = names(&self.settings);
        let names = match &self.settings.archive_dir {
            Some(dir) => names.with_archive(dir.clone()),
            None => names,
        };
        let mut backups: Vec<(Slot, Compression)> = self
            .disk
            .list(names.archive())
            .iter()
            .filter_map(|(name, _)| match names.role(name) {
                Some(Role::Backup(slot)) => Some((slot, Compression::None)),
                Some(Role::Packed(slot, form)) => Some((slot, form)),
                _ => None,
            })
            .collect();
        backups.sort_unstable();
        let backups = backups.iter().rev().map(|(slot, form)| (names.backup_as(*slot, *form), *form));
        let live = [names.live().to_owned(), names.hidden()].map(|path| (path, Compression::None));
        let mut files: Vec<String> = backups
            .chain(live)
            .filter_map(|(path, form)| Some(unpacked(self.disk.read(path)?, form)))
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect();
        if self.stepped_over {
            files.sort_by_key(|file| file.lines().find_map(number_of).unwrap_or(u32::MAX));
        }
        files
    }

    /// Asserts that the files hold the records `from..sent`, each once, whole, in order, and nothing else, but for
    /// records in `excused` (in hand when the process died), which may be missing or torn.
    pub(crate) fn assert_records(&self, from: u32, excused: &BTreeSet<u32>) {
        let mut expected = (from..self.sent).peekable();
        for line in self.files().iter().flat_map(|file| file.split_inclusive('\n')) {
            assert!(line.ends_with('\n'), "torn at the end of a file: {line:?}");
            let line = line.trim_end_matches('\n');
            if is_torn(line, excused) || self.is_beheaded(line) {
                continue;
            }
            while expected.peek().is_some_and(|next| excused.contains(next) && Self::text(*next) != line) {
                expected.next();
            }
            let next = expected.next().unwrap_or_else(|| panic!("one too many: {line:?}"));
            assert_eq!(line, Self::text(next), "out of order, repeated or lost before this");
        }
        let rest: Vec<u32> = expected.filter(|number| !excused.contains(number)).collect();
        assert!(rest.is_empty(), "lost: {rest:?}");
    }

    /// Asserts that the files hold whole records, each at most once and in order within its file, and nothing else: what is
    /// left where the oldest by number was removed, and an older one could not be.
    pub(crate) fn assert_whole_records(&self) {
        let mut seen = BTreeSet::new();
        for file in self.files() {
            let numbers: Vec<u32> = file.lines().map(|line| number_of(line).unwrap()).collect();
            assert!(file.lines().zip(&numbers).all(|(line, number)| line == Self::text(*number)), "{file}");
            assert!(numbers.is_sorted() && numbers.into_iter().all(|number| seen.insert(number)), "{file}");
        }
    }

    /// Whether a line is the end of a record whose beginning others took, and not the whole of it.
    fn is_beheaded(&self, line: &str) -> bool {
        let ends = |number: &u32| {
            let text = Self::text(*number);
            text.ends_with(line) && text != line
        };
        self.beheaded.iter().any(ends)
    }

    /// The number of the oldest record that is still kept.
    pub(crate) fn oldest_kept(&self) -> u32 {
        let files = self.files();
        let oldest = files.iter().flat_map(|file| file.lines()).find_map(number_of);
        // Without backups a rotation by the clock leaves nothing.
        oldest.unwrap_or_else(|| {
            assert_eq!(self.settings.backup_count, 0, "nothing is kept");
            self.sent
        })
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

    pub(crate) fn assert_rest(&mut self) {
        assert_eq!(self.disk.violation().filter(|_| self.caps_hold), None);
        assert_eq!(self.set().open_alerts(), [], "an alert is still open");
        assert!(!self.disk.exists(ALERT), "the alert file still stands");
        assert!(!self.disk.exists("/logs/.app.log.alert"), "the alert's temporary still stands");
        assert!(!self.disk.exists("/logs/.app.log.new"), "the hidden file still stands");
        let names = names(&self.settings);
        assert!(!self.disk.exists(names.pack_temporary()), "the temporary of a compression still stands");
        self.assert_link(&names);
        let archive = self.settings.archive_dir.clone();
        let dirs = [Some(names.dir().to_owned()), archive].into_iter().flatten();
        let files: Vec<_> = dirs.flat_map(|dir| self.disk.list(dir)).collect();
        let counted = files.iter().filter(|(name, _)| names.role(name).is_some_and(is_counted));
        let total = counted.map(|(_, bytes)| bytes).sum::<u64>();
        assert_eq!(self.set().total_bytes(), total, "the picture of the directory is not true");
    }
}

/// The number of the record that a line is.
fn number_of(line: &str) -> Option<u32> {
    line.get(..NUMBER_DIGITS)?.parse().ok()
}

/// The names of the log beside its live file.
fn names(settings: &Settings) -> Names {
    let is_stamped = settings.naming == Naming::Timestamped;
    Names::new(Path::new(LIVE)).unwrap().with_periods(is_stamped && settings.rotate_every.is_some())
}

/// Whether the budget counts it.
fn is_counted(role: Role) -> bool {
    !matches!(role, Role::Lock | Role::AlertTemporary | Role::LinkTemporary)
}

/// What was compressed.
pub(crate) fn unpacked(bytes: Vec<u8>, form: Compression) -> Vec<u8> {
    let mut content = Vec::new();
    match form {
        Compression::Gzip => {
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut content).unwrap();
        }
        Compression::Zstd => content = zstd::decode_all(bytes.as_slice()).unwrap(),
        _ => content = bytes,
    }
    content
}

/// Whether a line is the beginning of a record in `excused`, and not the whole of it.
fn is_torn(line: &str, excused: &BTreeSet<u32>) -> bool {
    let begins = |number: &u32| {
        let text = World::text(*number);
        text.starts_with(line) && text != line
    };
    match line.get(..NUMBER_DIGITS).and_then(|digits| digits.parse().ok()) {
        Some(number) => excused.contains(&number) && begins(&number),
        None => excused.iter().any(begins),
    }
}

/// Records that a set says it has finished.
fn books(set: &Engine) -> u64 {
    set.counters().records_written + set.counters().records_refused
}
