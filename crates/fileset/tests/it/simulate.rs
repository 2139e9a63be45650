//! Proves that nothing is lost, torn, repeated or out of order, and that the caps hold at every step, in long runs of
//! whatever may happen, drawn from a seed: faults, full disks, kills, clocks that step, others who move, delete and
//! truncate files, restarts with other limits. A power cut is not among them: `crash` has those.
//!
//! `TRACING_SPOOL_SEED=7` replays one run; `TRACING_SPOOL_SEEDS=100000` makes so many (`just simulate`).

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tracing_spool_fileset::sim::{Fault, Survive, When};
use tracing_spool_fileset::{Settings, Sync};

use crate::faults::{ERRORS, OPS};
use crate::many;
use crate::world::{LIVE, World, settings};

const STEPS: u32 = 1_000;
const SEEDS: u64 = 1_000;
/// More records than this do not wait in the batch.
const WAITING: usize = 40;

/// A world and what may be missing from it.
struct Life {
    rng: Rng,
    world: World,
    /// Records that others removed, or that a kill or a close found in hand.
    excused: BTreeSet<u32>,
    kills: u32,
    /// Whether the live file was missing after the step before.
    was_gone: bool,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let settings = first_settings(&mut rng);
        let mut world = World::new(settings);
        world.clear_after = Duration::from_secs(3_600);
        world.open();
        Self { rng, world, excused: BTreeSet::new(), kills: 0, was_gone: false }
    }

    /// One thing that happens.
    fn step(&mut self) {
        match self.rng.u32(0..200) {
            0..120 => self.log(),
            120..140 => self.pass_time(),
            140..152 => self.fail_a_call(),
            152..164 => self.world.disk.clear_faults(),
            164..168 => self.world.fill_disk_but_for(self.rng.u64(0..600)),
            168..174 => self.world.disk.set_capacity(None),
            174..177 => self.world.disk.set_short_writes(self.rng.bool().then(|| self.rng.usize(1..90))),
            177..180 => self.world.clock.step_wall(self.rng.i64(-90_000_000_000..90_000_000_000)),
            180..187 => self.ask(),
            187..191 => self.meddle(),
            191..196 => self.restart(),
            _ => self.kill(),
        }
        self.live_on();
    }

    /// What holds after every step; and the next process, if this one was killed.
    fn live_on(&mut self) {
        assert_eq!(self.world.disk.violation(), None);
        let is_gone = !self.world.disk.exists(LIVE);
        if is_gone || self.was_gone {
            // Deleted, and not missed before this step's end: what was written went nowhere.
            let last = self.world.sent - u32::try_from(self.world.batch.records()).unwrap_or(0);
            self.excused.extend(last.saturating_sub(3)..self.world.sent);
        }
        self.was_gone = is_gone;
        if self.world.disk.crashed() {
            self.kills += 1;
            self.end_process();
            self.world.disk.restart(Survive::Live);
            self.begin_process();
        }
    }

    /// A few records, tried once: what the disk does not take waits.
    fn log(&mut self) {
        for _ in 0..self.rng.u32(1..4) {
            if self.world.batch.records() - self.world.batch.finished() < WAITING
                && !self.world.disk.crashed()
            {
                self.world.push();
            }
        }
        self.world.clock.advance(Duration::from_millis(self.rng.u64(0..80)));
    }

    fn pass_time(&mut self) {
        let longest = if self.rng.u8(0..4) == 0 { 400_000 } else { 2_000 };
        self.world.clock.advance(Duration::from_millis(self.rng.u64(0..longest)));
        let now = self.world.clock.now();
        self.world.set().tick(now);
        self.world.append();
    }

    fn fail_a_call(&mut self) {
        let (op, error) = (OPS[self.rng.usize(..OPS.len())], ERRORS[self.rng.usize(..ERRORS.len())]);
        let fault = Fault::on(op).nth(self.rng.u64(1..6)).fails(error);
        let fault = if self.rng.bool() { fault.once() } else { fault.until_cleared() };
        self.world.disk.fault(fault);
    }

    fn ask(&mut self) {
        let now = self.world.clock.now();
        match self.rng.u8(0..3) {
            0 => self.world.set().rotate(now),
            1 => self.world.set().reopen(now),
            _ => self.world.set().sync(now),
        }
    }

    /// Others touch the live file.
    fn meddle(&mut self) {
        self.excuse_live();
        let disk = &self.world.disk;
        // It may be gone already.
        let _ = match self.rng.u8(0..3) {
            0 => disk.ext_rename(LIVE, format!("/logs/moved-{}", self.world.sent)),
            1 => disk.ext_unlink(LIVE),
            _ => disk.ext_truncate(LIVE, 0),
        };
    }

    /// What stands in the live file, and what is written before that file is missed, is others' now.
    fn excuse_live(&mut self) {
        let bytes = self.world.disk.read(LIVE).unwrap_or_default();
        let numbers = String::from_utf8_lossy(&bytes)
            .lines()
            .filter_map(|line| line.get(..5)?.parse().ok())
            .collect::<Vec<u32>>();
        self.excused.extend(numbers);
        self.excused.extend(self.world.finished..self.world.sent);
    }

    /// A shutdown, and a start with other limits.
    fn restart(&mut self) {
        self.world.close();
        self.end_process();
        self.world.settings.max_bytes = self.rng.u64(130..400);
        self.world.settings.backup_count = self.rng.u32(0..7);
        self.begin_process();
    }

    /// A kill at one of the next calls.
    fn kill(&mut self) {
        let when = if self.rng.bool() { When::Before } else { When::After };
        self.world.disk.crash_at(self.world.disk.count() + self.rng.u64(1..12), when);
    }

    /// What was in hand is gone with the process.
    fn end_process(&mut self) {
        self.excused.extend(self.world.finished..self.world.sent);
        self.world.set = None;
        self.world.batch.clear();
        self.world.finished = self.world.sent;
    }

    fn begin_process(&mut self) {
        self.world.disk.set_capacity(None);
        self.world.open();
        while self.world.set.is_none() {
            self.world.disk.restart(Survive::Live);
            self.world.open();
        }
    }

    /// Faults end, everything is written, and the files are read.
    fn end(mut self) -> (World, u32) {
        self.world.disk.crash_at(u64::MAX, When::After); // a kill that is still to come does not
        self.world.disk.set_capacity(None);
        self.world.disk.set_short_writes(None);
        self.world.disk.clear_faults();
        let now = self.world.clock.now();
        self.world.set().reopen(now); // what others did last is seen before more is written
        self.world.finish_batch();
        self.world.settle();
        self.world.log(40); // by which each alert of a rotation or a prune is over
        self.world.settle();
        self.world.assert_rest();
        let from = self.world.oldest_kept();
        self.world.assert_records(from, &self.excused);
        (self.world, self.kills)
    }
}

fn first_settings(rng: &mut Rng) -> Settings {
    let mut settings = settings(rng.u32(0..7), rng.u64(1_000..6_000));
    settings.max_bytes = rng.u64(130..400);
    settings.retry_attempts = rng.u32(0..4);
    settings.sync = match rng.u8(0..3) {
        0 => Sync::Never,
        1 => Sync::OnRotate,
        _ => Sync::Interval(Duration::from_millis(rng.u64(1..500))),
    };
    settings
}

/// What a run leaves, as a number: the same seed leaves the same.
fn run(seed: u64) -> (u64, u32) {
    let mut life = Life::new(seed);
    for _ in 0..STEPS {
        life.step();
    }
    let (world, kills) = life.end();
    let mut hasher = DefaultHasher::new();
    (world.files(), world.disk.count(), world.sent).hash(&mut hasher);
    (hasher.finish(), kills)
}

fn number_from(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_thousand_steps_of_whatever_may_happen() {
    if let Some(seed) = number_from("TRACING_SPOOL_SEED") {
        run(seed);
        return;
    }
    let seeds: Vec<u64> = (0..number_from("TRACING_SPOOL_SEEDS").unwrap_or(SEEDS)).collect();
    let begun = Instant::now();
    many::each(&seeds, |seed| {
        run(*seed);
    });
    let rate = seeds.len() as f64 / begun.elapsed().as_secs_f64();
    println!("simulate: {} seeds of {STEPS} steps, {rate:.0} a second, 0 records lost", seeds.len());
}

#[test]
fn a_seed_replays_bit_for_bit() {
    let mut killed = 0;
    for seed in 0..20 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first, second, "seed {seed}");
        killed += first.1;
    }
    assert!(killed > 20, "{killed} kills");
}
