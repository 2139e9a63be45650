//! Proves what each kind of trouble leads to: which state, which alert, how many calls and when, and how it ends.
//! `sweep` and `crash` prove that nothing is lost whatever fails.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing_spool_fileset::BlockReason;
use tracing_spool_fileset::internal::inventory::FileKind;
use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Edge, Event, Moments, Op, OsError, State, Trouble};

use crate::world::{ALERT, LIVE, World, settings};

fn open(backup_count: u32, max_total_bytes: u64) -> World {
    let mut world = World::new(settings(backup_count, max_total_bytes));
    world.open();
    world
}

fn mono(world: &World) -> Duration {
    world.clock.now().mono.since_start()
}

#[test]
fn a_rename_that_fails_for_ever_leaves_the_set_overdue() {
    let mut world = open(3, 2_000);
    world.disk.fault(Fault::on(Op::Rename).path_ends("app.log").fails(OsError::EACCES).until_cleared());
    world.clear_after = Duration::from_secs(1_000);
    world.log(6);
    assert_eq!(world.set().state(), State::Overdue);
    assert_eq!(world.edges(), [(Trouble::Rotation, Edge::Raised)]);
    let text = String::from_utf8(world.disk.read(ALERT).unwrap()).unwrap();
    for part in
        ["log: /logs/app.log", "EACCES (13)", "operation: rename", "to: /logs/app.log.1", "attempts: 1"]
    {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    world.assert_records(0, &BTreeSet::new());
    world.settle();
    assert_eq!(world.edges(), [(Trouble::Rotation, Edge::Cleared)]);
    world.assert_rest();
}

#[test]
fn at_the_cap_an_overdue_set_is_blocked_and_probes_twice_a_second() {
    let mut world = open(3, 400);
    world.disk.fault(Fault::on(Op::Rename).path_ends("app.log").fails(OsError::EROFS).until_cleared());
    while world.push() {
        world.clock.advance(Duration::from_millis(60));
    }
    assert_eq!(world.set().state(), State::Blocked(BlockReason::Budget));
    let raised: Vec<Trouble> = world.edges().into_iter().map(|(trouble, _)| trouble).collect();
    assert_eq!(raised, [Trouble::Rotation, Trouble::BudgetWarning, Trouble::BudgetFull]);
    let blocked_at = mono(&world);
    world.disk.clear_journal();
    world.clear_after = Duration::from_millis(1_600);
    world.finish_batch();
    assert_eq!(world.times(Op::Rename, blocked_at)[..4], [500, 1_000, 1_500, 2_000]);
    world.settle();
    // The over-long file could go only whole, to keep the budget.
    world.assert_records(world.oldest_kept(), &BTreeSet::new());
    world.assert_rest();
}

#[test]
fn a_write_that_may_pass_is_retried_on_the_schedule_without_an_alert() {
    let mut world = open(3, 2_000);
    world.disk.fault(Fault::on(Op::Write).fails(OsError::EAGAIN).times(3));
    let start = mono(&world);
    assert!(!world.push());
    assert_eq!(world.set().state(), State::Blocked(BlockReason::Disk));
    world.finish_batch();
    assert_eq!(world.times(Op::Write, start), [0, 100, 300, 700]);
    assert_eq!(world.edges(), []);
    world.assert_rest();
}

#[test]
fn a_write_that_will_not_pass_is_told_at_once() {
    let mut world = open(3, 2_000);
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::EIO).times(2));
    let start = mono(&world);
    world.push();
    assert_eq!(world.edges(), [(Trouble::Write, Edge::Raised)]);
    world.finish_batch();
    let writes: Vec<u128> = world.times(Op::Write, start);
    assert!(writes.contains(&500) && writes.contains(&1_000), "{writes:?}");
    assert_eq!(world.edges(), [(Trouble::Write, Edge::Cleared)]);
    world.assert_rest();
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn hurry_pulls_a_deadline_forward_once() {
    let mut world = open(3, 2_000);
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::EIO).once());
    assert!(!world.push());
    assert!(!world.append(), "the deadline holds");
    world.set().hurry();
    assert!(world.append());
}

#[test]
fn a_full_disk_takes_own_backups_first_and_keeps_one() {
    let mut world = open(5, 4_000);
    for _ in 0..3 {
        world.log(1);
        let now = world.clock.now();
        world.set().rotate(now);
    }
    // Room for one file, the lock and a little: not for a live file and a backup of its size.
    world.disk.set_capacity(Some(350));
    world.clear_after = Duration::from_secs(1_000);
    let mut pushed = 0;
    while world.push() {
        pushed += 1;
        world.clock.advance(Duration::from_millis(60));
        assert!(pushed < 60, "never full");
    }
    assert_eq!(world.set().state(), State::Blocked(BlockReason::Disk));
    assert_eq!(world.set().backups().count(), 1, "min_backups");
    assert!(world.set().counters().pruned_files >= 2);
    assert_eq!(world.edges().last(), Some(&(Trouble::NoSpace, Edge::Raised)));
    world.disk.set_capacity(None);
    let freed_at = mono(&world);
    world.finish_batch();
    assert!(mono(&world) - freed_at <= Duration::from_secs(1), "back within a second");
    world.settle();
    world.assert_records(world.oldest_kept(), &BTreeSet::new());
    world.assert_rest();
}

#[test]
fn a_record_cut_short_by_a_full_disk_is_finished_when_there_is_room() {
    let mut world = open(0, 1_000);
    world.log(2);
    world.fill_disk_but_for(10);
    world.clear_after = Duration::from_secs(1_000);
    assert!(!world.push());
    assert!(!world.files()[0].ends_with('\n'), "ten bytes of it are there");
    world.disk.set_capacity(None);
    world.finish_batch();
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn closing_while_blocked_leaves_no_half_record() {
    let mut world = open(0, 1_000);
    world.log(2);
    let before = world.files()[0].clone();
    world.fill_disk_but_for(10);
    assert!(!world.push());
    let set = world.set.take().unwrap();
    let now = world.clock.now();
    let report = set.close(&mut world.batch, now);
    assert_eq!((report.records_left, report.fragment_left), (1, false));
    assert_eq!(world.files()[0], before);
}

#[test]
fn a_fragment_that_cannot_be_cut_is_counted() {
    let mut world = open(0, 1_000);
    world.log(2);
    world.fill_disk_but_for(10);
    assert!(!world.push());
    world.disk.fault(Fault::on(Op::Truncate).fails(OsError::EIO).until_cleared());
    let set = world.set.take().unwrap();
    let now = world.clock.now();
    assert!(set.close(&mut world.batch, now).fragment_left);
}

#[test]
fn the_floor_of_free_space_is_kept() {
    let mut settings = settings(5, 4_000);
    settings.min_free_bytes = 1_000;
    let mut world = World::new(settings);
    world.disk.set_capacity(Some(2_500));
    world.clear_after = Duration::from_secs(1_000);
    world.open();
    let mut pushed = 0;
    while world.push() && pushed < 100 {
        pushed += 1;
        world.clock.advance(Duration::from_millis(60));
        let used: usize = world.files().iter().map(String::len).sum();
        assert!(used <= 1_500, "{used}");
    }
    assert_eq!(pushed, 100, "own backups make the room");
    assert!(world.set().counters().pruned_files > 3);
    // Somebody else takes what is left.
    world.disk.put("/logs/foreign", vec![0; 1_600]);
    while world.push() {
        world.clock.advance(Duration::from_millis(60));
    }
    assert_eq!(world.set().state(), State::Blocked(BlockReason::Disk));
    assert_eq!(world.edges().last(), Some(&(Trouble::NoSpace, Edge::Raised)));
    world.disk.ext_unlink("/logs/foreign").unwrap();
    world.finish_batch();
    world.settle();
    world.assert_rest();
}

#[test]
fn a_file_that_may_not_grow_is_rotated_and_the_record_written_whole_into_the_next() {
    let mut world = open(9, 4_000);
    world.disk.set_file_limit(Some(150));
    world.log(10);
    world.assert_records(0, &BTreeSet::new());
    assert!(world.files().iter().all(|file| file.len() <= 150 && file.ends_with('\n')));
    assert_eq!(world.set().counters().fragments, 0);
    world.assert_rest();
}

/// A world whose files hold 60 bytes, in which the record `sent` is too long for any of them and its neighbours are not.
fn under_a_ceiling() -> World {
    let mut world = open(9, 4_000);
    let is_long = |number: u32| World::text(number).len() >= 60;
    while !is_long(world.sent) || is_long(world.sent + 1) {
        world.log(1);
    }
    world.disk.set_file_limit(Some(60));
    world.clear_after = Duration::from_secs(1_000);
    world
}

#[test]
fn a_record_longer_than_any_file_may_be_is_given_up_after_the_retries() {
    let mut world = under_a_ceiling();
    let (long, start) = (world.sent, mono(&world));
    world.disk.clear_journal();
    world.log(2);
    assert_eq!(world.refused, BTreeSet::from([long]));
    assert_eq!((world.finished, world.set().counters().records_refused), (world.sent, 1));
    let calls: Vec<u128> = world.times(Op::Write, start).into_iter().filter(|at| *at > 0).collect();
    assert!([500, 1_000, 1_500].iter().all(|at| calls.contains(at)), "{calls:?}");
    let events = world.set().take_events();
    let said: Vec<&Event> =
        events.iter().filter(|event| matches!(event, Event::RecordRefused { limit_bytes: 60, .. })).collect();
    assert_eq!(said.len(), 1);
    assert_eq!(world.set().state(), State::Writing);
    world.assert_records(0, &BTreeSet::from([long]));
    assert_eq!(world.set().counters().fragments, 0);

    // The limit is known now: the next such record keeps nobody waiting.
    let (second, at) =
        (world.sent..).find(|number| World::text(*number).len() >= 60).map_or((0, 0), |n| (n, n));
    while world.sent <= at {
        let before = mono(&world);
        world.push();
        world.finish_batch();
        assert_eq!(mono(&world), before, "nobody waits");
    }
    assert_eq!(world.refused, BTreeSet::from([long, second]));
    world.settle();
    world.assert_rest();
}

#[test]
fn a_limit_that_is_lifted_in_time_costs_no_record() {
    let mut world = under_a_ceiling();
    assert!(!world.push());
    world.clock.advance(Duration::from_millis(600));
    assert!(!world.append());
    world.disk.set_file_limit(None);
    world.finish_batch();
    world.log(3);
    assert_eq!(world.refused, BTreeSet::new());
    world.assert_records(0, &BTreeSet::new());
    world.settle();
    world.assert_rest();
}

#[test]
fn nothing_is_glued_to_a_fragment_that_could_not_be_cut() {
    let mut world = open(0, 1_000);
    world.log(2);
    world.fill_disk_but_for(10);
    assert!(!world.push());
    let given_up = world.sent - 1;
    world.disk.fault(Fault::on(Op::Truncate).fails(OsError::EIO).once());
    world.disk.set_capacity(None);
    world.batch.clear();
    world.finished += 1;
    world.log(2);
    world.assert_records(0, &BTreeSet::from([given_up]));
    assert_eq!(world.set().counters().fragments, 1);
}

#[test]
fn a_backup_that_cannot_be_removed_is_passed_over_and_told() {
    let mut world = open(3, 700);
    world.disk.fault(Fault::on(Op::Unlink).path_ends("app.log.3").fails(OsError::EPERM).until_cleared());
    world.clear_after = Duration::from_secs(1_000);
    world.log(30);
    assert!(world.edges().contains(&(Trouble::Prune, Edge::Raised)));
    assert_eq!(world.disk.violation(), None);
    world.settle();
    world.log(12);
    world.settle();
    world.assert_rest();
}

#[test]
fn a_number_held_by_something_else_is_left_out_and_told() {
    let mut world = World::new(settings(3, 2_000));
    world.disk.mkdir_all("/logs/app.log.2");
    world.open();
    world.log(14);
    assert_eq!(world.edges(), [(Trouble::ForeignSlot, Edge::Raised)]);
    assert_eq!(world.set().backups().filter_map(|(slot, _)| slot.number()).collect::<Vec<_>>(), [1, 3]);
    world.disk.ext_remove_dir_all("/logs/app.log.2").unwrap();
    world.log(10);
    assert_eq!(world.edges(), [(Trouble::ForeignSlot, Edge::Cleared)]);
    world.assert_rest();
}

#[test]
fn no_number_left_for_a_backup_keeps_the_live_file_growing() {
    let mut world = World::new(settings(1, 1_000));
    world.disk.mkdir_all("/logs/app.log.1");
    world.open();
    world.clear_after = Duration::from_secs(1_000);
    world.log(6);
    assert_eq!(world.set().state(), State::Overdue);
    world.assert_records(0, &BTreeSet::new());
    world.disk.ext_remove_dir_all("/logs/app.log.1").unwrap();
    world.settle();
    world.assert_rest();
}

#[test]
fn what_others_put_under_the_hidden_name_is_not_touched() {
    let mut world = World::new(settings(3, 2_000));
    world.disk.put_kind("/logs/.app.log.new", FileKind::Fifo);
    world.open();
    world.clear_after = Duration::from_secs(1_000);
    world.log(6);
    assert_eq!(world.set().state(), State::Overdue);
    assert!(world.disk.exists("/logs/.app.log.new"));
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn an_alert_of_before_is_cleared_by_the_first_success() {
    let mut world = World::new(settings(3, 2_000));
    world.disk.put(ALERT, format!("log: {LIVE}\ntime: long ago\n"));
    world.open();
    assert!(world.disk.exists(ALERT));
    world.log(1);
    assert!(!world.disk.exists(ALERT));
}

#[test]
fn an_alert_says_when_its_trouble_began_and_when_each_edge_was() {
    let mut world = open(3, 2_000);
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::EIO).until_cleared());
    let began = world.clock.now().wall;
    world.push();
    world.disk.clear_faults();
    world.finish_batch();
    let over = world.clock.now().wall;
    assert!(began < over);
    let alerts = world.set().take_events().into_iter().filter_map(|event| match event {
        Event::Alert(alert) => Some((alert.edge, alert.since, alert.at, alert.attempts)),
        _ => None,
    });
    let expected = [(Edge::Raised, began, began, 1), (Edge::Cleared, began, over, 1)];
    assert_eq!(alerts.collect::<Vec<_>>(), expected);
}

#[test]
fn another_logs_alert_is_left_alone() {
    let mut world = open(3, 2_000);
    let others = "log: /logs/other.log\n";
    world.disk.put(ALERT, others);
    world.disk.fault(Fault::on(Op::Rename).path_ends("app.log").fails(OsError::EROFS).until_cleared());
    world.clear_after = Duration::from_secs(1_000);
    world.log(6);
    let own = "/logs/ALERT_LOG_ROTATION_FAILED.app.log.txt";
    assert!(String::from_utf8(world.disk.read(own).unwrap()).unwrap().starts_with("log: /logs/app.log\n"));
    world.settle();
    assert!(!world.disk.exists(own));
    assert_eq!(world.disk.read(ALERT).unwrap(), others.as_bytes());
}

#[test]
fn an_alert_file_that_cannot_be_written_is_said_once() {
    let mut world = open(3, 2_000);
    world.disk.fault(Fault::on(Op::Create).path_ends(".app.log.alert").fails(OsError::EROFS).until_cleared());
    world.disk.fault(Fault::on(Op::Rename).path_ends("app.log").fails(OsError::EROFS).until_cleared());
    world.clear_after = Duration::from_secs(1_000);
    world.log(200);
    let said =
        world.set().take_events().iter().filter(|event| matches!(event, Event::AlertFileFailed(_))).count();
    assert_eq!(said, 1);
    world.settle();
    world.assert_rest();
}

#[test]
fn a_limit_lowered_below_the_live_file_is_kept_from_the_start() {
    let mut world = World::new(settings(2, 500));
    world.disk.put(LIVE, "an old line\n".repeat(60));
    world.disk.put("/logs/app.log.1", "older\n");
    world.disk.put("/logs/app.log.3", "beyond the count\n");
    world.been_here();
    world.open();
    assert!(world.set().total_bytes() <= 500);
    let is_overlong = |event: &Event| matches!(event, Event::Removed { bytes: 720, overlong: true, .. });
    let overlong = world.set().take_events().iter().any(is_overlong);
    assert!(overlong);
    assert!(!world.disk.exists("/logs/app.log.3"));
}

#[test]
fn a_rotation_can_be_asked_for_and_an_empty_file_is_not_rotated() {
    let mut world = open(3, 2_000);
    let now = world.clock.now();
    world.set().rotate(now);
    assert_eq!(world.set().counters().rotations, 0);
    world.push();
    let now = world.clock.now();
    world.set().rotate(now);
    assert_eq!((world.set().counters().rotations, world.set().live_bytes()), (1, 0));
    world.set().rotate(now);
    assert_eq!(world.set().counters().rotations, 1);
}

#[test]
fn append_once_writes_once_and_says_how_far_it_came() {
    let mut world = open(9, 4_000);
    let rules = world.settings.rules();
    for number in 0..20 {
        world.batch.push(World::text(number).as_bytes(), &rules);
    }
    let mut finished = 0;
    for call in 1..=3 {
        let now = world.clock.now();
        let set = world.set.as_mut().unwrap();
        finished += set.append_once(&mut world.batch, now);
        assert_eq!(set.counters().write_calls, call, "one file's worth each");
        assert_eq!(set.counters().records_written, finished as u64);
    }
    assert!(finished < 20, "{finished}");
}

#[test]
fn an_alert_that_a_kill_cut_short_leaves_nothing_behind() {
    let mut world = World::new(settings(9, 4_000));
    world.disk.put("/logs/.app.log.alert", "half an al");
    world.disk.fault(Fault::on(Op::Unlink).path_ends(".app.log.alert").fails(OsError::EPERM).once());
    world.open();
    world.log(1);
    assert!(world.disk.exists("/logs/.app.log.alert"), "that one failed");
    world.settle();
    assert!(!world.disk.exists("/logs/.app.log.alert"));
    world.assert_rest();
}

#[test]
fn a_backup_that_could_not_be_removed_is_over_with_the_rotation_that_removes_it() {
    let mut world = World::new(settings(5, 1 << 20));
    world.open();
    world.log(20);
    world.close();
    world.settings.backup_count = 2;
    world.disk.fault(Fault::on(Op::Unlink).path_ends("app.log.5").fails(OsError::EPERM).once());
    world.open();
    assert_eq!(world.set().open_alerts().len(), 1, "{:?}", world.set().open_alerts());
    assert!(world.disk.exists("/logs/app.log.5"));
    world.log(6);
    assert!(!world.disk.exists("/logs/app.log.5"));
    world.assert_rest();
}

#[test]
fn moments_are_those_of_the_clock_on_the_wall() {
    let mut world = World::new(settings(3, 1 << 20));
    world.open();
    assert_eq!(world.set().moments(), Moments::default());
    world.log(1);
    let written = world.set().moments().last_write.unwrap();
    assert!(written < world.clock.now().wall && world.set().moments().last_rotation.is_none());
    let now = world.clock.now();
    world.set().rotate(now);
    assert_eq!(world.set().moments().last_rotation, Some(now.wall));
    world.disk.fault(Fault::on(Op::Write).fails(OsError::EIO).until_cleared());
    world.clock.advance(Duration::from_secs(1));
    let since = world.clock.now().wall;
    assert!(!world.push());
    world.clock.advance(Duration::from_secs(1));
    assert!(!world.append());
    let moments = world.set().moments();
    assert_eq!((moments.blocked_since, moments.last_write), (Some(since), Some(written)));
    world.disk.clear_faults();
    world.finish_batch();
    assert_eq!(world.set().moments().blocked_since, None);
}
