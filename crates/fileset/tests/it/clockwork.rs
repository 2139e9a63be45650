//! Proves when the clock rotates a file: once at each boundary, across restarts and failures, in a quiet service too,
//! and never because a clock went back. `policy::schedule` tests when boundaries come.

use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Op, OpenError, OsError, Schedule, Settings, State, Trouble, Wall};

use crate::world::{LIVE, World, settings};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

/// Large files, so that only the clock rotates. It shows 2026-01-01T00:00:00Z.
fn unopened(schedule: Schedule) -> World {
    let mut settings = settings(30, 1 << 20);
    settings.max_bytes = 100_000;
    settings.rotate_every = Some(schedule);
    World::new(settings)
}

fn world(schedule: Schedule) -> World {
    let mut world = unopened(schedule);
    world.open();
    world
}

/// Lets time pass and the set do what is due.
fn pass(world: &mut World, time: Duration) {
    world.clock.advance(time);
    let now = world.clock.now();
    world.set().tick(now);
}

fn log(world: &mut World, count: u32) {
    for _ in 0..count {
        world.push();
        world.clock.advance(Duration::from_millis(60));
    }
}

fn rotations(world: &mut World) -> u64 {
    world.set().counters().rotations
}

fn records_of_files(world: &World) -> Vec<usize> {
    world.files().iter().map(|file| file.lines().count()).collect()
}

#[test]
fn each_full_hour_begins_a_file_and_an_empty_one_is_not_rotated() {
    let mut world = world(Schedule::hourly());
    log(&mut world, 3);
    pass(&mut world, HOUR - Duration::from_secs(1));
    assert_eq!(rotations(&mut world), 0);
    pass(&mut world, Duration::from_secs(1));
    assert_eq!(rotations(&mut world), 1);
    // Three hours of nothing: the period of the empty file moves on.
    pass(&mut world, 3 * HOUR);
    assert_eq!((rotations(&mut world), world.set().deadline()), (1, None));
    log(&mut world, 2);
    assert_eq!(rotations(&mut world), 1);
    pass(&mut world, HOUR);
    assert_eq!((rotations(&mut world), records_of_files(&world)), (2, vec![3, 2, 0]));
    world.assert_rest();
}

#[test]
fn the_record_behind_the_boundary_stands_in_the_next_file() {
    let mut world = world(Schedule::minutely());
    for _ in 0..6 {
        world.push();
        world.clock.advance(Duration::from_secs(20));
    }
    assert_eq!(records_of_files(&world), [3, 3]);
}

#[test]
fn whichever_comes_first() {
    let mut settings = settings(30, 1 << 20);
    settings.rotate_every = Some(Schedule::hourly());
    let mut world = World::new(settings);
    world.open();
    log(&mut world, 10);
    let by_size = rotations(&mut world);
    assert!(by_size >= 2, "{by_size}");
    pass(&mut world, HOUR);
    assert_eq!(rotations(&mut world), by_size + 1);
}

#[test]
fn a_quiet_service_is_told_to_wake_at_the_boundary() {
    let mut world = world(Schedule::daily().at(6, 30));
    assert_eq!(world.set().deadline(), None, "nobody wakes up for an empty file");
    world.push();
    let wake = world.set().deadline().unwrap();
    let now = world.clock.now().mono;
    assert_eq!(wake - now, Duration::from_secs(6 * 3_600 + 30 * 60));
    pass(&mut world, wake - now);
    assert_eq!((rotations(&mut world), world.set().deadline()), (1, None));
}

#[test]
fn a_clock_that_goes_back_never_rotates_and_no_boundary_comes_twice() {
    let mut world = world(Schedule::hourly());
    log(&mut world, 1);
    pass(&mut world, HOUR);
    assert_eq!(rotations(&mut world), 1);
    log(&mut world, 1);
    // A few seconds back, over the boundary.
    world.clock.step_wall(-5_000_000);
    pass(&mut world, Duration::ZERO);
    pass(&mut world, 2 * MINUTE);
    log(&mut world, 1);
    assert_eq!(rotations(&mut world), 1, "the full hour was kept already");
    // A day back: rotation goes on within two hours, not in a day.
    world.clock.step_wall(-86_400_000_000);
    pass(&mut world, Duration::ZERO);
    assert_eq!(rotations(&mut world), 1);
    pass(&mut world, 2 * HOUR);
    assert_eq!(rotations(&mut world), 2);
    // And forward: one rotation, for however many hours.
    log(&mut world, 1);
    world.clock.step_wall(10 * 86_400_000_000);
    pass(&mut world, Duration::ZERO);
    pass(&mut world, Duration::from_secs(1));
    assert_eq!(rotations(&mut world), 3);
}

#[test]
fn a_found_file_is_of_the_period_of_its_last_change() {
    let mut world = world(Schedule::hourly());
    pass(&mut world, 20 * MINUTE);
    log(&mut world, 2);
    world.close();
    world.clock.advance(20 * MINUTE);
    world.open();
    assert_eq!((rotations(&mut world), records_of_files(&world)), (0, vec![2]));
    log(&mut world, 1);
    pass(&mut world, 20 * MINUTE);
    assert_eq!(records_of_files(&world), [3, 0], "aligned over the restart");
    log(&mut world, 2);
    world.close();
    world.clock.advance(HOUR);
    world.open();
    assert_eq!(
        (rotations(&mut world), records_of_files(&world)),
        (1, vec![3, 2, 0]),
        "over: rotated at start"
    );
}

#[test]
fn a_found_file_of_the_future_is_not_rotated_and_waits_two_periods_at_most() {
    let mut world = unopened(Schedule::hourly());
    world.disk.put(LIVE, "from another time\n");
    world.disk.ext_touch(LIVE, Wall::from_unix_micros(2_100_000_000_000_000)).unwrap();
    world.open();
    assert_eq!(rotations(&mut world), 0);
    pass(&mut world, HOUR);
    pass(&mut world, HOUR);
    assert_eq!(rotations(&mut world), 1);
}

#[test]
fn each_start_begins_a_file_where_that_is_wished() {
    let mut settings = settings(9, 1 << 20);
    settings.rotate_on_start = true;
    let mut world = World::new(settings);
    world.open();
    assert_eq!(rotations(&mut world), 0, "nothing was there");
    world.push();
    for files in 2..5 {
        world.close();
        world.open();
        assert_eq!((rotations(&mut world), world.files().len()), (1, files));
        world.push();
    }
    // Where it fails, it is made up for, once.
    world.close();
    world.disk.fault(Fault::on(Op::Rename).path_ends("app.log").fails(OsError::EACCES).times(2));
    world.open();
    assert_eq!(world.set().state(), State::Overdue);
    world.push();
    world.rest();
    assert_eq!((rotations(&mut world), world.set().state()), (1, State::Writing));
    world.assert_records(0, &world.refused);
}

#[test]
fn a_rotation_that_fails_at_a_boundary_is_tried_again_and_comes_once() {
    let mut world = world(Schedule::hourly());
    log(&mut world, 2);
    world.disk.fault(Fault::on(Op::Rename).path_ends("app.log").fails(OsError::EACCES).until_cleared());
    pass(&mut world, HOUR);
    assert_eq!(world.set().state(), State::Overdue);
    assert_eq!(world.edges().len(), 1);
    world.push();
    pass(&mut world, MINUTE);
    assert_eq!(rotations(&mut world), 0);
    world.disk.clear_faults();
    pass(&mut world, 5 * MINUTE);
    assert_eq!((rotations(&mut world), records_of_files(&world)), (1, vec![3, 0]));
    assert_eq!(world.edges().last().map(|(trouble, _)| *trouble), Some(Trouble::Rotation));
    world.push();
    pass(&mut world, MINUTE);
    assert_eq!(rotations(&mut world), 1, "the boundary is over");
    pass(&mut world, HOUR);
    assert_eq!(rotations(&mut world), 2);
    world.assert_rest();
}

#[test]
fn records_that_went_to_the_hidden_file_before_a_boundary_are_rotated_behind_it() {
    let mut world = world(Schedule::hourly());
    log(&mut world, 2);
    world.disk.fault(Fault::on(Op::Rename).path_ends(".app.log.new").fails(OsError::EACCES).until_cleared());
    let now = world.clock.now();
    world.set().rotate(now);
    world.push();
    pass(&mut world, HOUR);
    assert_eq!(rotations(&mut world), 0);
    world.disk.clear_faults();
    pass(&mut world, 10 * MINUTE);
    world.push();
    assert_eq!(records_of_files(&world), [2, 1, 1]);
}

#[test]
fn a_zone_that_nobody_knows_is_a_fault_before_anything_is_touched() {
    let mut world = unopened(Schedule::hourly().in_zone("Europa/Berlin"));
    let Err(OpenError::Unusable(faults)) = world.try_open() else { panic!("must not open") };
    assert_eq!(faults.len(), 1);
    assert!(faults[0].to_string().contains("such as Europe/Berlin"), "{}", faults[0]);
    assert!(!world.disk.exists("/logs"));
}

#[test]
fn a_day_of_a_zone_ends_at_its_midnight() {
    let mut world = world(Schedule::daily().in_zone("America/Santiago"));
    world.push();
    let wake = world.set().deadline().unwrap();
    assert_eq!(wake - world.clock.now().mono, 3 * HOUR);
}

#[test]
fn a_schedule_can_be_changed_while_the_log_is_open() {
    let mut world = world(Schedule::daily());
    world.push();
    let change = |world: &mut World, change: fn(&mut Settings)| {
        let (now, mut settings) = (world.clock.now(), world.set().settings().clone());
        change(&mut settings);
        world.set().reconfigure(settings, now)
    };
    change(&mut world, |settings| settings.rotate_every = Some(Schedule::minutely())).unwrap();
    pass(&mut world, MINUTE);
    assert_eq!(rotations(&mut world), 1);
    let faults = change(&mut world, |settings| {
        settings.rotate_every = Some(Schedule::daily().in_zone("Nowhere"));
        settings.rotate_on_start = true;
    });
    let fields: Vec<_> = faults.unwrap_err().iter().map(|fault| fault.field).collect();
    assert_eq!(fields, ["rotate_every", "rotate_on_start"]);
    change(&mut world, |settings| settings.rotate_every = None).unwrap();
    world.push();
    pass(&mut world, 48 * HOUR);
    assert_eq!((rotations(&mut world), world.set().deadline()), (1, None));
}
