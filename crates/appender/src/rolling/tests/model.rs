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
use super::{as_nobody, names, open, permit, said, scene};

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
    /// The directory cannot be listed any more, or again.
    Listed(bool),
}

fn steps(appenders: usize, longest: usize) -> impl Strategy<Value = Vec<Step>> {
    let record = |bytes| (0..appenders, bytes).prop_map(|(appender, bytes)| Step::Record { appender, bytes });
    let foreign = (0..5_usize, 0..130_u64).prop_map(|(numbers, bytes)| Step::Foreign { numbers, bytes });
    let step = prop_oneof![
        8 => record(1..60),
        1 => record(60..longest),
        2 => foreign,
        1 => Just(Step::Wait),
        // Then two appenders know nothing of each other's files.
        1 => any::<bool>().prop_map(move |is_listed| Step::Listed(is_listed || appenders > 1)),
    ];
    prop::collection::vec(step, 1..60)
}

/// A log whose files were looked at after each step.
struct Watched {
    dir: TempDir,
    clock: SimClock,
    appenders: Vec<RollingFileAppender>,
    is_listed: bool,
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
        let (lengths, foreign) = (BTreeMap::new(), BTreeMap::new());
        Self { dir, clock, appenders, is_listed: true, lengths, foreign }
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
        permit(self.dir.path(), if self.is_listed { 0o700 } else { 0o300 });
        let taken = self.appenders[appender].write_all(&record).map_err(|error| error.kind());
        permit(self.dir.path(), 0o700);
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
            Step::Listed(is_listed) => self.is_listed = is_listed,
        }
        Ok(())
    }

    /// Nothing has failed but a listing.
    fn assert_told(&self) -> Result<(), TestCaseError> {
        let lines = said();
        prop_assert!(lines.iter().all(|line| line.contains("cannot be listed")), "{lines:?}");
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
        let _nobody = as_nobody();
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
            prop_assert!(live == before || all <= BUDGET || !log.is_listed, "{all} bytes");
        }
        log.assert_told()?;
    }

    #[test]
    fn of_two_appenders_no_file_is_too_long_and_the_budget_is_passed_by_one_file_at_most(steps in steps(2, 90)) {
        let _nobody = as_nobody();
        let builder = Builder::new().filename_prefix("app").max_bytes(MAX_BYTES).max_total_bytes(BUDGET);
        let mut log = Watched::new(2, &builder);
        for step in &steps {
            log.take(step)?;
            let (_, ours) = log.totals();
            prop_assert!(ours <= BUDGET + MAX_BYTES, "{ours} bytes");
        }
        log.assert_told()?;
    }

    #[test]
    fn without_a_budget_no_file_is_too_long_either(steps in steps(2, 400)) {
        let mut log = Watched::new(2, &Builder::new().filename_prefix("app").max_bytes(MAX_BYTES));
        let is_possible = |step: &&Step| !matches!(step, Step::Record { bytes, .. } if *bytes as u64 > BUDGET);
        for step in steps.iter().filter(is_possible) {
            log.take(step)?;
        }
        log.assert_told()?;
    }
}
