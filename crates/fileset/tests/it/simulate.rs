//! Proves that nothing is lost, torn, repeated or out of order, and that the caps hold at every step, in long runs of
//! events drawn from a seed: faults, full disks, kills, clocks that step, others who move, delete and truncate files,
//! restarts with other limits. `crash` has the power cuts.
//!
//! `TRACING_SPOOL_SEED=7` replays one run; `TRACING_SPOOL_SEEDS=100000` makes so many (`just simulate`), from
//! `TRACING_SPOOL_FIRST` on.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tracing_spool_fileset::sim::{Fault, When};
use tracing_spool_fileset::{Compression, Naming, Schedule, Settings, SyncPolicy};

use crate::faults::{ERRORS, OPS};
use crate::life::{Life, Meddling};
use crate::many;
use crate::upheaval::CURRENT;
use crate::world::{World, settings};

const STEPS: u32 = 1_000;
const SEEDS: usize = 1_000;

/// One thing that happens.
fn step(life: &mut Life, rng: &mut Rng) {
    match rng.u32(0..200) {
        0..120 => log(life, rng),
        120..140 => {
            let longest = if rng.u8(0..4) == 0 { 400_000 } else { 2_000 };
            life.pass_time(Duration::from_millis(rng.u64(0..longest)));
        }
        140..152 => life.world.disk.fault(some_fault(rng)),
        152..164 => life.world.disk.clear_faults(),
        164..168 => life.world.fill_disk_but_for(rng.u64(0..600)),
        168..174 => life.world.disk.set_capacity(None),
        174..177 => life.world.disk.set_short_writes(rng.bool().then(|| rng.usize(1..90))),
        177..180 => life.world.clock.step_wall(rng.i64(-90_000_000_000..90_000_000_000)),
        180..187 => ask(life, rng),
        187..191 => life.meddle(Meddling::ALL[rng.usize(..Meddling::ALL.len())]),
        191..196 => {
            let (max_bytes, backup_count) = (rng.u64(130..400), rng.u32(0..7));
            let change = |settings: &mut Settings| {
                (settings.max_bytes, settings.backup_count) = (max_bytes, backup_count);
            };
            if rng.bool() { life.world.reconfigure(change) } else { life.restart(change) }
        }
        _ => {
            let when = if rng.bool() { When::Before } else { When::After };
            life.kill_at(rng.u64(1..12), when);
        }
    }
    life.live_on();
}

/// A few records, tried once: what the disk does not take waits.
fn log(life: &mut Life, rng: &mut Rng) {
    for _ in 0..rng.u32(1..4) {
        life.push();
    }
    life.world.clock.advance(Duration::from_millis(rng.u64(0..80)));
}

fn some_fault(rng: &mut Rng) -> Fault {
    let (op, error) = (OPS[rng.usize(..OPS.len())], ERRORS[rng.usize(..ERRORS.len())]);
    let fault = Fault::on(op).nth(rng.u64(1..6)).fails(error);
    if rng.bool() { fault.once() } else { fault.until_cleared() }
}

fn ask(life: &mut Life, rng: &mut Rng) {
    let now = life.world.clock.now();
    match rng.u8(0..3) {
        0 => life.world.set().rotate(now),
        1 => life.world.set().reopen(now),
        _ => life.world.set().sync(now),
    }
}

/// Faults end, everything is written, and the files are read.
fn end(mut life: Life) -> (World, u32) {
    life.heal();
    life.pass_time(Duration::from_secs(400)); // by which each cool-down is over
    life.world.log(40); // by which each alert of a rotation or a prune is over
    life.world.settle();
    life.world.assert_rest();
    life.excuse_stolen();
    if life.others.has_pinned {
        life.world.assert_whole_records(&life.excused); // which records have gone is another question
    } else {
        let from = life.world.oldest_kept();
        life.world.assert_records(from, &life.excused);
    }
    (life.world, life.kills)
}

fn first_settings(rng: &mut Rng) -> Settings {
    let mut settings = settings(rng.u32(0..7), rng.u64(1_000..6_000));
    settings.max_bytes = rng.u64(130..400);
    settings.retry_attempts = rng.u32(0..4);
    settings.sync = match rng.u8(0..3) {
        0 => SyncPolicy::Never,
        1 => SyncPolicy::OnRotate,
        _ => SyncPolicy::Interval(Duration::from_millis(rng.u64(1..500))),
    };
    settings
}

/// Rotation by the clock, and silence before it, for half of the seeds each: drawn apart, so that a seed from before
/// there was such a thing can be replayed without.
fn with_clockwork(settings: &mut Settings, seed: u64) {
    let mut rng = Rng::with_seed(!seed);
    settings.rotate_every = match rng.u8(0..6) {
        0 => Some(Schedule::minutely()),
        1 => Some(Schedule::hourly().in_zone("Australia/Lord_Howe")),
        2 => Some(Schedule::daily().at(0, 10)),
        _ => None,
    };
    settings.rotate_on_start = rng.u8(0..4) == 0;
    if rng.bool() {
        settings.quiet_rotation = Duration::from_millis(rng.u64(0..500));
    }
    if rng.u8(0..4) == 0 {
        settings.min_rotation_interval = Duration::from_millis(rng.u64(0..500));
    }
}

fn run(seed: u64) -> (u64, u32) {
    let change = |settings: &mut Settings, seed| {
        with_clockwork(settings, seed);
        with_names_and_forms(settings, seed);
        with_places(settings, seed);
    };
    run_with(seed, change, has_upheavals(seed))
}

/// Whether others replace, move and remove directories, take locks and descriptors, and pin backups: for three seeds of
/// four. Drawn apart, so that what all other draws mean stays as it is.
fn has_upheavals(seed: u64) -> bool {
    seed % 4 != 0
}

/// One seed of four reaches its log through a link that flips, and one has an archive.
fn with_places(settings: &mut Settings, seed: u64) {
    match seed % 4 {
        1 => settings.path = Path::new(CURRENT).join("app.log"),
        2 => settings.archive_dir = Some("/old".into()),
        _ => {}
    }
    if let Some(link) = &mut settings.latest_link {
        *link = settings.path.with_file_name("latest");
    }
}

/// Some seeds name their backups by time, some compress them, some keep a link to the live file. Not drawn: what other seeds draw stays as it is.
fn with_names_and_forms(settings: &mut Settings, seed: u64) {
    if seed % 7 == 6 {
        settings.naming = Naming::Timestamped;
    }
    if seed % 5 == 4 {
        settings.compression = Compression::Gzip;
    }
    if seed % 3 == 2 {
        settings.latest_link = Some("/logs/latest".into());
    }
}

/// What a run leaves, as a number: the same seed leaves the same.
fn run_with(seed: u64, change: fn(&mut Settings, u64), is_shaken: bool) -> (u64, u32) {
    let mut rng = Rng::with_seed(seed);
    let mut upheavals = Rng::with_seed(seed.rotate_left(32));
    let mut first = first_settings(&mut rng);
    change(&mut first, seed);
    let mut life = Life::new(first);
    life.world.disk.keep_journal(false); // nobody reads it here
    for _ in 0..STEPS {
        step(&mut life, &mut rng);
        if is_shaken && upheavals.u8(0..40) == 0 {
            life.upheave(&mut upheavals);
            life.live_on();
        }
    }
    let (world, kills) = end(life);
    let mut hasher = DefaultHasher::new();
    (world.files(), world.disk.count(), world.sent).hash(&mut hasher);
    (hasher.finish(), kills)
}

fn number_from<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_thousand_steps_of_whatever_may_happen() {
    if let Some(seed) = number_from("TRACING_SPOOL_SEED") {
        run(seed);
        return;
    }
    let first = number_from("TRACING_SPOOL_FIRST").unwrap_or(0);
    let seeds: Vec<u64> = (first..).take(number_from("TRACING_SPOOL_SEEDS").unwrap_or(SEEDS)).collect();
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

/// Others cut the live file while a part of a record stood in it and no `stat` worked: the rest of that record went in
/// front of the next ones.
#[test]
fn seed_57067_a_file_cut_in_mid_record_that_cannot_be_looked_at() {
    run_with(57_067, |_, _| (), false);
}
