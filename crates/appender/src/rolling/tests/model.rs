//! Proves the limits for any order of records, and of files that others put under this log's names.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use tracing_spool_fileset::sim::SimClock;

use super::super::{Builder, RollingFileAppender};
use super::{names, open, said, scene};

const MAX_BYTES: u64 = 100;
const BUDGET: u64 = 350;

#[derive(Clone, Debug)]
enum Step {
    /// One of the appenders writes a record of so many bytes.
    Record { appender: usize, bytes: usize },
    /// Somebody appends to the file that comes so many numbers behind the live one.
    Foreign { numbers: usize, bytes: u64 },
    /// Half a second passes.
    Wait,
}

fn steps(appenders: usize, longest: usize) -> impl Strategy<Value = Vec<Step>> {
    let record = |bytes| (0..appenders, bytes).prop_map(|(appender, bytes)| Step::Record { appender, bytes });
    let foreign = (0..5_usize, 0..130_u64).prop_map(|(numbers, bytes)| Step::Foreign { numbers, bytes });
    let step = prop_oneof![
        8 => record(1..60),
        1 => record(60..longest),
        2 => foreign,
        1 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

/// A log whose files were looked at after each step.
struct Watched {
    dir: TempDir,
    clock: SimClock,
    appenders: Vec<RollingFileAppender>,
    lengths: BTreeMap<String, u64>,
    /// Bytes of others.
    foreign: BTreeMap<String, u64>,
}

fn lengths(dir: &Path) -> BTreeMap<String, u64> {
    let length = |name: &str| dir.join(name).metadata().unwrap().len();
    names(dir).into_iter().map(|name| (name.clone(), length(&name))).collect()
}

impl Watched {
    fn new(appenders: usize, builder: &Builder) -> Self {
        let (dir, clock) = scene();
        let appenders = (0..appenders).map(|_| open(builder, dir.path(), &clock)).collect();
        Self { dir, clock, appenders, lengths: BTreeMap::new(), foreign: BTreeMap::new() }
    }

    /// The name of the file that an appender writes, or of one behind it.
    fn name(&self, appender: usize, numbers: usize) -> String {
        let appender = &self.appenders[appender];
        let live = appender.current(self.clock.now()).segment();
        let segment = (0..numbers).fold(live, |segment, _| segment.next().unwrap());
        appender.directory().names.name(segment)
    }

    fn put(&mut self, numbers: usize, bytes: u64) {
        let name = self.name(0, numbers);
        let mut file =
            OpenOptions::new().append(true).create(true).open(self.dir.path().join(&name)).unwrap();
        file.write_all(&vec![b'f'; usize::try_from(bytes).unwrap()]).unwrap();
        *self.foreign.entry(name).or_default() += bytes;
    }

    /// A record is taken, in one file, which is not too long after it unless it was empty.
    fn record(&mut self, appender: usize, bytes: usize) -> Result<(), TestCaseError> {
        let record = vec![b'o'; bytes];
        let taken = self.appenders[appender].write_all(&record).map_err(|error| error.kind());
        let is_possible = bytes as u64 <= BUDGET;
        prop_assert_eq!(taken, if is_possible { Ok(()) } else { Err(ErrorKind::FileTooLarge) });
        let lengths = lengths(self.dir.path());
        let before = |name: &str| self.lengths.get(name).copied().unwrap_or(0);
        let grown: Vec<(u64, u64)> = lengths
            .iter()
            .map(|(name, length)| (before(name), *length))
            .filter(|(before, length)| length > before)
            .collect();
        let is_whole = |(before, length): &(u64, u64)| length - before == bytes as u64;
        let is_short = |(before, length): &(u64, u64)| *before == 0 || *length <= MAX_BYTES;
        prop_assert!(grown.iter().all(|file| is_whole(file) && is_short(file)), "{grown:?}");
        prop_assert!(grown.len() == usize::from(is_possible) || self.appenders.len() > 1, "{grown:?}");
        Ok(())
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        self.lengths = lengths(self.dir.path());
        self.foreign.retain(|name, _| self.lengths.contains_key(name));
        match *step {
            Step::Record { appender, bytes } => self.record(appender, bytes)?,
            Step::Foreign { numbers, bytes } => self.put(numbers, bytes),
            Step::Wait => self.clock.advance(Duration::from_millis(500)),
        }
        Ok(())
    }

    /// Bytes of all files, and those of them that the appenders wrote.
    fn totals(&self) -> (u64, u64) {
        let lengths = lengths(self.dir.path());
        let foreign: u64 = lengths.keys().filter_map(|name| self.foreign.get(name)).sum();
        let all = lengths.values().sum();
        (all, all - foreign)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_others_put_there_the_limits_hold_and_the_live_file_stays(steps in steps(1, 400)) {
        let builder = Builder::new().filename_prefix("app").max_bytes(MAX_BYTES).max_total_bytes(BUDGET);
        let mut log = Watched::new(1, &builder);
        for step in &steps {
            let before = log.name(0, 0);
            log.take(step)?;
            let live = log.name(0, 0);
            let (all, ours) = log.totals();
            prop_assert!(names(log.dir.path()).contains(&live), "{live} is gone");
            prop_assert!(ours <= BUDGET, "{ours} bytes");
            // What others put there is counted when the next file is begun.
            prop_assert!(live == before || all <= BUDGET, "{all} bytes");
        }
        prop_assert_eq!((log.appenders[0].failures(), said()), (0, vec![]));
    }

    #[test]
    fn of_two_appenders_no_file_is_too_long_and_the_budget_is_passed_by_one_file_at_most(steps in steps(2, 90)) {
        let builder = Builder::new().filename_prefix("app").max_bytes(MAX_BYTES).max_total_bytes(BUDGET);
        let mut log = Watched::new(2, &builder);
        for step in &steps {
            log.take(step)?;
            let (_, ours) = log.totals();
            prop_assert!(ours <= BUDGET + MAX_BYTES, "{ours} bytes");
        }
        prop_assert_eq!((log.appenders[0].failures(), log.appenders[1].failures(), said()), (0, 0, vec![]));
    }

    #[test]
    fn without_a_budget_no_file_is_too_long_either(steps in steps(2, 400)) {
        let mut log = Watched::new(2, &Builder::new().filename_prefix("app").max_bytes(MAX_BYTES));
        let is_possible = |step: &&Step| !matches!(step, Step::Record { bytes, .. } if *bytes as u64 > BUDGET);
        for step in steps.iter().filter(is_possible) {
            log.take(step)?;
        }
        prop_assert_eq!((log.appenders[0].failures(), log.appenders[1].failures(), said()), (0, 0, vec![]));
    }
}
