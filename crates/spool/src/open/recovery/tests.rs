//! Proves that a process whose queue is in a ring may die before or after any call on the disk, in mid-write, and again
//! while the next one takes over, and that every record it had accepted is then in the files once. The disk is simulated,
//! the ring is a file.
#![expect(clippy::disallowed_methods, reason = "the ring is a real file, which a test spoils")]

mod next_life;
mod ring_renewed;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tracing_spool_fileset::sim::{Fault, SimClock, SimDisk, Survive, When};
use tracing_spool_fileset::{Clock, Op, OsError};

use crate::account::rank::Rank;
use crate::account::recovered::Recovered;
use crate::hand_off::draft::Draft;
use crate::open::builder::SpoolBuilder;
use crate::open::start;
use crate::settings::durable::Durable;
use crate::worker::round::{Next, Worker};
use crate::worker::shared::Shared;
use crate::writer::event_writer::Spool;

const LOG: &str = "/log/app.log";

/// A disk and a ring, and processes that use them one after the other.
struct World {
    disk: SimDisk,
    clock: SimClock,
    dir: tempfile::TempDir,
    /// Records accepted so far; the next is numbered by it.
    accepted: u32,
}

/// A process.
struct Process {
    shared: Arc<Shared>,
    worker: Worker,
}

impl World {
    fn new() -> Self {
        // Off the disk where that can be: thousands of rings are made.
        let shared_memory = Path::new("/dev/shm");
        let dir = tempfile::tempdir_in(shared_memory).or_else(|_| tempfile::tempdir()).unwrap();
        Self { disk: SimDisk::new(), clock: SimClock::new(), dir, accepted: 0 }
    }

    fn ring(&self) -> PathBuf {
        self.dir.path().join("ring")
    }

    /// None where it died as it opened the log.
    fn start(&self, describe: impl FnOnce(SpoolBuilder) -> SpoolBuilder) -> Option<Process> {
        let seen: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let builder = Spool::builder(LOG)
            .quiet()
            .durable(Durable::at(self.ring()).on_any_file_system())
            .queue_bytes(16 * 1024)
            .max_bytes(600)
            .backup_count(90)
            .max_total_bytes(1 << 20);
        let (shared, worker) =
            start::assemble_with(describe(builder).description, self.disk.fs(), &seen).ok()?;
        Some(Process { shared, worker })
    }

    fn log(&mut self, process: &Process, count: u32) {
        for _ in 0..count {
            let number = self.accepted;
            let text = format!("record {number} {}\n", "x".repeat(number as usize * 37 % 190));
            let mut draft = Draft::new([Rank::Info, Rank::Error][number as usize % 2]);
            draft.push(text.as_bytes(), process.shared.queue.max_record());
            process.shared.queue.offer(&draft).unwrap();
            self.accepted += 1;
        }
    }

    /// Records with characters that some rules escape.
    fn log_colours(&mut self, process: &Process, count: u32) {
        for _ in 0..count {
            let number = self.accepted;
            let text = format!("record {number} \x1b[1m{}\n", "x".repeat(number as usize * 37 % 190));
            let mut draft = Draft::new(Rank::Info);
            draft.push(text.as_bytes(), process.shared.queue.max_record());
            process.shared.queue.offer(&draft).unwrap();
            self.accepted += 1;
        }
    }

    fn rounds(&self, process: &mut Process, count: usize) {
        for _ in 0..count {
            process.worker.guarded_round();
            self.clock.advance(Duration::from_millis(100));
        }
    }

    /// A life as any other: a few records at a time, until it dies.
    fn live(&mut self, rules: impl FnOnce(SpoolBuilder) -> SpoolBuilder, log: fn(&mut Self, &Process, u32)) {
        let ring = std::fs::read(self.ring());
        let started = self.start(rules);
        if self.disk.crashed() {
            // Dead as it took over: whatever it noted after that call, it did not.
            drop(started);
            ring.into_iter().for_each(|ring| std::fs::write(self.ring(), ring).unwrap());
            return;
        }
        let Some(mut process) = started else { return };
        for _ in 0..4 {
            log(self, &process, if self.disk.crashed() { 0 } else { 5 });
            for _ in 0..2 {
                // The dead do nothing: no note in the ring either.
                if !self.disk.crashed() {
                    self.rounds(&mut process, 1);
                }
            }
        }
    }

    /// A life that nothing befalls, to the end; what it had found.
    fn finish(&mut self) -> Recovered {
        let mut process = self.start(|builder| builder).unwrap();
        let recovered = process.shared.recovered;
        self.log(&process, 1);
        for _ in 0..200 {
            if matches!(process.worker.guarded_round(), Next::Rest(_))
                && process.shared.queue.waiting().records == 0
            {
                break;
            }
            self.clock.advance(Duration::from_millis(100));
        }
        assert_eq!(process.shared.queue.waiting().records, 0);
        recovered
    }

    /// All files, oldest first.
    fn text(&self) -> String {
        let backups = (1..=90).rev().map(|number| format!("{LOG}.{number}"));
        let files = backups.chain([LOG.to_owned()]).filter_map(|path| self.disk.read(path));
        files.map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    }

    #[track_caller]
    fn assert_each_once(&self) {
        let text = self.text();
        let lines = text.lines().filter(|line| !line.contains(" tracing_spool: "));
        let numbers: Vec<u32> = lines
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                assert_eq!((words.len(), words[0]), (3, "record"), "{line:?}\n{text}");
                let number: u32 = words[1].parse().unwrap();
                assert_eq!(words[2].len(), number as usize * 37 % 190, "{line:?}\n{text}");
                number
            })
            .collect();
        assert_eq!(numbers, (0..self.accepted).collect::<Vec<_>>(), "{text}");
    }
}

/// Lives that die at call `first`, and then, where it is told, at call `second` of the next; the last lives on.
fn die(short: Option<usize>, first: u64, when: When, second: Option<u64>) -> Option<World> {
    let mut world = World::new();
    world.disk.set_short_writes(short);
    world.disk.crash_at(first, when);
    world.live(|builder| builder, World::log);
    if !world.disk.crashed() {
        return None;
    }
    world.disk.restart(Survive::Live);
    world.disk.set_short_writes(short);
    if let Some(second) = second {
        world.disk.crash_at(world.disk.count() + second, when);
        world.live(|builder| builder, World::log);
        if !world.disk.crashed() {
            return None;
        }
        world.disk.restart(Survive::Live);
    }
    assert_eq!(world.finish().uncertain, 0, "died at {first} {when:?}, then at {second:?}");
    world.assert_each_once();
    Some(world)
}

#[test]
fn dead_before_and_after_every_call_each_record_is_there_once() {
    let mut deaths = 0;
    for short in [None, Some(23)] {
        for first in 1.. {
            let lived = [When::Before, When::After].map(|when| die(short, first, when, None));
            deaths += lived.iter().flatten().count();
            if lived.iter().all(Option::is_none) {
                break;
            }
        }
    }
    assert!(deaths > 300, "{deaths}");
}

/// Calls of the first start, and of one that finds a log.
fn calls_of_starts() -> [u64; 2] {
    let world = World::new();
    [(); 2].map(|()| {
        let before = world.disk.count();
        drop(world.start(|builder| builder).unwrap());
        world.disk.count() - before
    })
}

#[test]
fn dead_again_while_taking_over_each_record_is_there_once() {
    let mut deaths = 0;
    let [first_start, start] = calls_of_starts();
    for first in (5..first_start).step_by(17).chain((first_start..first_start + 150).step_by(7)) {
        for second in (1..start).step_by(9).chain((start..start + 40).step_by(3)) {
            for when in [When::Before, When::After] {
                deaths += usize::from(die(Some(23), first, when, Some(second)).is_some());
            }
        }
    }
    assert!(deaths > 200, "{deaths}");
}

/// By which rules a life renders.
type Rules = fn(SpoolBuilder) -> SpoolBuilder;

/// Lives by rules of their own, which die at these calls, each counted from its start; the last lives on. Each record is in
/// the files once, whether or not it was cut or escaped.
fn die_under(rules: &[Rules], deaths: &[(u64, When)]) -> Option<()> {
    let mut world = World::new();
    let lives = rules.iter().cycle();
    for ((at, when), rules) in deaths.iter().zip(lives.clone()) {
        world.disk.set_short_writes(Some(23));
        world.disk.crash_at(world.disk.count() + at, *when);
        world.live(rules, World::log_colours);
        if !world.disk.crashed() {
            return None;
        }
        world.disk.restart(Survive::Live);
    }
    let mut last = world.start(lives.clone().nth(deaths.len()).unwrap()).expect("it starts");
    assert_eq!(last.shared.recovered.uncertain, 0, "{deaths:?}");
    world.rounds(&mut last, 60);
    assert_eq!(last.shared.queue.waiting().records, 0, "{deaths:?}");
    let text = world.text();
    let mut found = vec![0; world.accepted as usize];
    for line in text.lines().filter(|line| !line.starts_with("2026-")) {
        let number = line.strip_prefix("record ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        let number: usize = number.unwrap_or_else(|| panic!("{deaths:?}: {line:?}\n{text}"));
        found[number] += 1;
    }
    assert!(found.iter().all(|count| *count == 1), "{deaths:?}: {found:?}\n{text}");
    Some(())
}

const RULES: [Rules; 4] = [
    SpoolBuilder::raw_bytes,
    |builder| builder.max_record_bytes(70),
    |builder| builder.single_line().max_record_bytes(1_024).max_bytes(200),
    |builder| builder.raw_bytes().max_record_bytes(64).max_total_bytes(20_000).backup_count(90),
];

#[test]
fn dead_again_under_other_rules_each_record_is_there_once() {
    let mut died = 0;
    let [first_start, start] = calls_of_starts();
    for first in (first_start..first_start + 60).step_by(5) {
        for second in (start - 6..start + 20).step_by(2) {
            for (when, skip) in [(When::Before, 0), (When::After, 1), (When::After, 2), (When::Before, 3)] {
                let rules: Vec<Rules> = RULES.into_iter().cycle().skip(skip).take(4).collect();
                died += usize::from(die_under(&rules, &[(first, when), (second, when)]).is_some());
                let thrice = [(first, when), (second, when), (2 * start - second, when)];
                died += usize::from(die_under(&rules, &thrice).is_some());
            }
        }
    }
    assert!(died > 500, "{died}");
}

#[test]
fn what_a_process_before_has_written_is_not_in_this_ones_account() {
    let mut world = World::new();
    let mut process = world.start(|builder| builder.max_bytes(1 << 16)).unwrap();
    world.log(&process, 3);
    // Dead after the write and before it is noted.
    world.disk.crash_at(world.disk.count() + 2, When::After);
    world.rounds(&mut process, 1);
    assert!(world.disk.crashed());
    drop(process);
    world.disk.restart(Survive::Live);
    let mut process = world.start(|builder| builder.max_bytes(1 << 16)).unwrap();
    let (stats, recovered) = (process.shared.stats(), process.shared.recovered);
    assert_eq!(
        (stats.written + stats.queue.records, recovered.records),
        (recovered.records, recovered.records)
    );
    world.rounds(&mut process, 5);
    assert_eq!(
        (process.shared.stats().written, process.shared.stats().queue.records),
        (recovered.records, 0)
    );
    assert_eq!(recovered.records, 0, "all three were in the file");
    world.assert_each_once();
}

#[test]
fn without_notices_a_loss_is_told_by_one_life() {
    let mut world = World::new();
    let quiet: Rules = |builder| builder.notices(crate::Notices::Off).queue_records(1);
    let process = world.start(quiet).unwrap();
    world.log(&process, 1);
    let mut draft = Draft::new(Rank::Error);
    draft.push(b"lost", 100);
    let _ = process.shared.submit(&draft);
    drop(process);
    let told = [(); 2].map(|()| {
        let mut process = world.start(quiet).unwrap();
        world.rounds(&mut process, 3);
        process.shared.recovered.dropped
    });
    assert_eq!(told, [1, 0]);
}

#[test]
fn a_full_disk_is_waited_for_by_each_life() {
    let mut world = World::new();
    for _ in 0..5 {
        world.disk.fault(Fault::on(Op::Write).path_ends("app.log").short(11).once());
        world.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::ENOSPC).until_cleared());
        world.live(|builder| builder, World::log);
        world.disk.restart(Survive::Live);
        world.disk.clear_faults();
    }
    assert_eq!(world.finish().uncertain, 0);
    world.assert_each_once();
}

/// Leaves three records behind, the file cut in one of them.
fn dies_in_a_record(world: &mut World) {
    let mut process = world.start(|builder| builder.max_bytes(1 << 16)).unwrap();
    world.log(&process, 3);
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").short(50).once());
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::EIO).until_cleared());
    world.rounds(&mut process, 1);
}

#[test]
fn a_file_moved_among_our_names_is_finished_where_it_is() {
    let mut world = World::new();
    dies_in_a_record(&mut world);
    assert!(!world.disk.read(LOG).unwrap().ends_with(b"\n"), "cut in a record");
    world.disk.restart(Survive::Live);
    world.disk.clear_faults();
    world.disk.ext_rename(LOG, format!("{LOG}.1")).unwrap();
    let recovered = world.finish();
    assert_eq!((recovered.uncertain, recovered.holes), (0, 0));
    world.assert_each_once();
    assert!(world.disk.read(format!("{LOG}.1")).unwrap().ends_with(b"\n"));
}

#[test]
fn what_others_did_to_the_file_is_written_whole_and_counted() {
    for deed in ["moved", "changed", "cut"] {
        let mut world = World::new();
        dies_in_a_record(&mut world);
        world.disk.restart(Survive::Live);
        world.disk.clear_faults();
        match deed {
            "moved" => world.disk.ext_rename(LOG, "/log/elsewhere").unwrap(),
            "changed" => {
                world.disk.ext_truncate(LOG, 0).unwrap();
                world.disk.ext_append(LOG, b"something else of others, which is longer than it\n").unwrap();
            }
            _ => world.disk.ext_truncate(LOG, 7).unwrap(),
        }
        let recovered = world.finish();
        // Only the record that was cut is in question: those before it were done.
        assert_eq!(recovered.uncertain, 1, "{deed}");
        for number in 1..world.accepted {
            assert!(world.text().contains(&format!("record {number} ")), "{deed}");
        }
    }
}
