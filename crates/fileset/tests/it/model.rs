//! Proves that the set matches a naive model: a list of files, the newest last, of which the oldest are removed. While
//! faults and kills leave the shape open, the model knows only the records, until the next rotation.
//!
//! proptest generates what happens, and shrinks what fails. `just sweep` runs ten thousand cases.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use tracing_spool_fileset::sim::{Fault, When};
use tracing_spool_fileset::{Compression, Naming, Op, OsError, Schedule, Settings};

use crate::faults::{ERRORS, OPS};
use crate::life::{Life, Meddling};
use crate::many;
use crate::upheaval::Upheaval;
use crate::world::{World, settings};

const CASES: u32 = 400;
const CASES_OF_ALL: u32 = 10_000;
const STEPS: usize = 60;

#[derive(Clone, Debug)]
enum Step {
    Append(u32),
    Fault {
        op: Op,
        error: OsError,
        nth: u64,
        once: bool,
    },
    Crash {
        calls: u64,
        when: When,
    },
    Restart,
    LimitsLowered {
        max_total_bytes: u64,
        backup_count: u32,
        open: bool,
    },
    ClockJump(i64),
    Wait(Duration),
    ExternalRename,
    ExternalDelete,
    /// The directory is renamed, and a new one made in its place, or none.
    DirectoryLost(Upheaval),
    /// The newest backup can be neither moved nor removed.
    Pinned,
    Unpinned,
    Flush,
    Rotate,
    NextDay,
}

/// A naive file set.
#[derive(Clone, Debug)]
struct Model {
    max_bytes: u64,
    max_total_bytes: u64,
    backup_count: u32,
    sent: u32,
    /// Whether the clock rotates, at midnight. Its steps are then left out.
    daily: bool,
    /// Backups are named by time.
    stamped: bool,
    /// Backups are compressed.
    compressed: bool,
    quiet: Duration,
    /// No fault and no kill is to come, and nothing waits.
    calm: bool,
    /// Numbers of the records in the newest files, the live one last; older files may stand before them. Empty: not
    /// even the live file is known.
    known: VecDeque<Vec<u32>>,
    /// Whether there are no older files.
    whole: bool,
    /// The records of a file that others hold fast.
    pinned: Option<Vec<u32>>,
    /// A file was held fast: the order of the older ones is not that of their numbers any more.
    mixed: bool,
}

fn line_bytes(number: u32) -> u64 {
    World::text(number).len() as u64 + 1
}

impl Model {
    fn bytes(&self) -> u64 {
        self.known.iter().flatten().map(|number| line_bytes(*number)).sum()
    }

    fn append(&mut self) {
        let number = self.sent;
        self.sent += 1;
        let Some(live) = self.known.back() else { return };
        let live_bytes: u64 = live.iter().map(|number| line_bytes(*number)).sum();
        if live_bytes > 0 && live_bytes + line_bytes(number) > self.max_bytes {
            self.rotate();
        }
        self.shrink(line_bytes(number));
        if let Some(live) = self.known.back_mut() {
            live.push(number);
        }
    }

    fn rotate(&mut self) {
        if self.known.back().is_none_or(|live| !live.is_empty()) {
            self.whole &= !self.known.is_empty();
            self.known.push_back(Vec::new());
        }
        self.shrink(0);
    }

    /// Lets the oldest files go, so that the limits hold with so many bytes more.
    fn shrink(&mut self, more: u64) {
        while self.known.len() > self.backup_count as usize + 1
            || (self.known.len() > 1 && self.bytes() + more > self.max_total_bytes)
        {
            // What is held fast stays, and the others go round it.
            let last = self.known.len() - 1;
            let is_movable = |file: &Vec<u32>| self.pinned.as_ref() != Some(file);
            let Some(oldest) = self.known.iter().take(last).position(is_movable) else { return };
            self.known.remove(oldest);
        }
    }

    /// A new directory: nothing stands there.
    fn begin_anew(&mut self) {
        if !self.known.is_empty() {
            (self.known, self.whole) = (VecDeque::from([Vec::new()]), true);
        }
        (self.pinned, self.mixed) = (None, false);
    }

    /// Of what was held fast, and of what went round it, is not known which is next to go.
    fn unpin(&mut self) {
        if self.pinned.take().is_some() {
            self.whole = false;
            self.known.drain(..self.known.len().saturating_sub(1));
        }
    }

    /// Whether the newest backup is known, and of a form and name that no compression and no clock changes.
    fn can_be_pinned(&self) -> bool {
        let is_plain = !self.compressed && !self.stamped && self.backup_count > 1;
        is_plain && self.calm && !self.mixed && self.known.len() > 1
    }

    fn disturb(&mut self) {
        self.calm = false;
        self.known.clear();
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let first = |(max_total_bytes, backup_count, daily, quiet_millis, stamped, compressed)| Self {
            max_bytes: 200,
            max_total_bytes,
            backup_count,
            sent: 0,
            daily,
            stamped,
            compressed,
            quiet: Duration::from_millis(quiet_millis),
            calm: true,
            known: VecDeque::from([Vec::new()]),
            whole: true,
            pinned: None,
            mixed: false,
        };
        let quiet_millis = prop_oneof![Just(0), 1_u64..500];
        (600_u64..3_000, 0_u32..8, any::<bool>(), quiet_millis, any::<bool>(), any::<bool>())
            .prop_map(first)
            .boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Step> {
        // A backup that cannot be removed is passed over, and the next one goes: the sweep has that.
        let ops: Vec<Op> = OPS.into_iter().filter(|op| *op != Op::Unlink).collect();
        let lower = (model.max_total_bytes / 2..=model.max_total_bytes, 0..=model.backup_count);
        let clock = if model.daily {
            Just(Step::NextDay).boxed()
        } else {
            (-90_000_000_000_i64..90_000_000_000).prop_map(Step::ClockJump).boxed()
        };
        prop_oneof![
            12 => (1_u32..5).prop_map(Step::Append),
            2 => (select(ops), select(&ERRORS[..]), 1_u64..5, any::<bool>())
                .prop_map(|(op, error, nth, once)| Step::Fault { op, error, nth, once }),
            1 => (1_u64..20, select(&[When::Before, When::After][..]))
                .prop_map(|(calls, when)| Step::Crash { calls, when }),
            1 => Just(Step::Restart),
            2 => (lower, any::<bool>()).prop_map(|((bytes, backup_count), open)| Step::LimitsLowered {
                max_total_bytes: bytes.max(400),
                backup_count,
                open,
            }),
            1 => clock,
            1 => (0_u64..100_000).prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
            1 => Just(Step::ExternalRename),
            1 => Just(Step::ExternalDelete),
            1 => select(&[Upheaval::MovedAway, Upheaval::Replaced, Upheaval::Removed][..])
                .prop_map(Step::DirectoryLost),
            1 => if model.can_be_pinned() { Just(Step::Pinned).boxed() } else { Just(Step::Unpinned).boxed() },
            4 => Just(Step::Flush),
            2 => Just(Step::Rotate),
        ]
        .boxed()
    }

    fn preconditions(model: &Self, step: &Step) -> bool {
        !matches!(step, Step::Pinned) || model.can_be_pinned()
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        match step {
            Step::Append(count) => (0..*count).for_each(|_| model.append()),
            Step::Fault { .. } | Step::Crash { .. } => model.disturb(),
            Step::LimitsLowered { max_total_bytes, backup_count, open } => {
                if !open {
                    model.unpin(); // with a new process others let go of everything
                }
                (model.max_total_bytes, model.backup_count) = (*max_total_bytes, *backup_count);
                if model.pinned.is_some() && model.backup_count < 2 {
                    // Every slot is held fast: the live file grows on until that ends.
                    model.disturb();
                }
                model.shrink(0);
            }
            Step::ExternalRename | Step::ExternalDelete => {
                if let Some(live) = model.known.back_mut() {
                    live.clear();
                }
            }
            Step::DirectoryLost(_) => model.begin_anew(),
            Step::Pinned if model.can_be_pinned() => {
                model.pinned = model.known.iter().rev().nth(1).cloned();
                model.mixed = true;
            }
            Step::Unpinned => model.unpin(),
            Step::Pinned => {}
            Step::Flush => {
                model.unpin();
                model.calm = true;
            }
            Step::Rotate | Step::NextDay if model.calm => model.rotate(),
            Step::Restart => model.unpin(),
            Step::ClockJump(_) | Step::Wait(_) | Step::Rotate | Step::NextDay => {}
        }
        model
    }
}

/// The file set, on its disk.
struct Against;

impl StateMachineTest for Against {
    type SystemUnderTest = Life;
    type Reference = Model;

    fn init_test(model: &Model) -> Life {
        let mut settings = settings(model.backup_count, model.max_total_bytes);
        settings.max_bytes = model.max_bytes;
        settings.rotate_every = model.daily.then(Schedule::daily);
        settings.quiet_rotation = model.quiet;
        // What the files hold, and in which order, is the same in every form and under every name.
        if model.stamped {
            settings.naming = Naming::Timestamped;
            settings.latest_link = Some("/links/latest".into());
        }
        if model.compressed {
            settings.compression = Compression::Gzip;
        }
        Life::new(settings)
    }

    fn apply(mut life: Life, model: &Model, step: Step) -> Life {
        match step {
            Step::Append(count) => {
                for _ in 0..count {
                    // So long that a live file that others moved is missed before the record is written.
                    life.world.clock.advance(Duration::from_millis(60));
                    life.push();
                    life.live_on();
                }
            }
            Step::Fault { op, error, nth, once } => {
                let fault = Fault::on(op).nth(nth).fails(error);
                life.world.disk.fault(if once { fault.once() } else { fault.until_cleared() });
            }
            Step::Crash { calls, when } => life.kill_at(calls, when),
            Step::Restart => life.restart(|_| {}),
            Step::LimitsLowered { max_total_bytes, backup_count, open } => {
                let lower = |settings: &mut Settings| {
                    (settings.max_total_bytes, settings.backup_count) = (max_total_bytes, backup_count);
                };
                if open {
                    life.world.reconfigure(lower);
                } else {
                    life.restart(lower);
                }
            }
            Step::ClockJump(micros) => life.world.clock.step_wall(micros),
            Step::Wait(time) => life.pass_time(time),
            Step::ExternalRename => life.meddle(Meddling::Rename),
            Step::ExternalDelete => life.meddle(Meddling::Delete),
            Step::DirectoryLost(upheaval) => {
                life.undergo(upheaval, false, &mut Rng::with_seed(0));
                life.pass_time(Duration::from_millis(60)); // by which that is seen
            }
            Step::Pinned => life.pin_newest(),
            Step::Unpinned => life.unpin(),
            Step::Flush => life.heal(),
            Step::Rotate => {
                let now = life.world.clock.now();
                life.world.set().rotate(now);
                life.pass_time(model.quiet.max(Duration::from_millis(60)));
            }
            Step::NextDay => life.pass_time(Duration::from_secs(24 * 60 * 60)),
        }
        life.live_on();
        if model.calm {
            life.world.finish_batch();
        }
        life
    }

    fn check_invariants(life: &Life, model: &Model) {
        if !model.calm {
            return;
        }
        let world = &life.world;
        let mut files = world.files();
        if !world.disk.exists(world.live()) {
            files.push(String::new()); // others took it: the next record makes it anew
        }
        let first = files.iter().flat_map(|file| file.lines()).next();
        let oldest = first.map_or(world.sent, |line| line[..5].parse().unwrap());
        if model.mixed || world.stepped_over {
            world.assert_whole_records(&life.excused);
        } else {
            world.assert_records(oldest, &life.excused);
        }
        let known =
            model.known.iter().map(|file| file.iter().map(|number| World::text(*number) + "\n").collect());
        let known: Vec<String> = known.collect();
        assert!(files.ends_with(&known), "the files {files:#?} do not end with {known:#?}");
        // Compressed files are smaller: the budget keeps more of them.
        let is_exact = model.whole && !model.compressed;
        assert!(!is_exact || known.is_empty() || files.len() == known.len(), "{files:#?} but {known:#?}");
    }

    fn teardown(mut life: Life, _: Model) {
        life.heal();
        life.pass_time(Duration::from_secs(400)); // by which each cool-down is over
        life.world.log(40); // by which each alert of a rotation or a prune is over
        life.world.settle();
        life.world.assert_rest();
    }
}

#[test]
fn the_set_is_what_a_naive_model_says() {
    let cases = if many::asks_for_all() { CASES_OF_ALL } else { CASES };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let run =
        TestRunner::new(config.clone()).run(&Model::sequential_strategy(1..STEPS), |(first, steps, seen)| {
            Against::test_sequential(config.clone(), first, steps, seen);
            Ok(())
        });
    run.unwrap_or_else(|error| panic!("{error}"));
    println!("model: {cases} cases, 0 records lost");
}
