//! Tests backups that are named by time or period, kept in a directory of their own, or removed by age.

use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Event, Naming, Op, OpenError, OsError, Schedule, Settings, Slot, State, Wall};

use crate::world::{LIVE, World, settings};

fn stamped(backup_count: u32) -> Settings {
    let mut settings = settings(backup_count, 1 << 20);
    settings.naming = Naming::Timestamped;
    settings
}

fn slots(world: &mut World) -> Vec<String> {
    world.set().backups().map(|(slot, _)| slot.to_string()).collect()
}

#[test]
fn dates_of_others_are_not_removed_for_a_schedule_that_is_new() {
    let mut settings = stamped(2);
    let dates = ["2026-01-02", "2026-01-03", "2026-01-04"].map(|date| format!("{LIVE}.{date}"));
    let mut world = World::new(settings.clone());
    world.open();
    world.log(4);
    dates.iter().for_each(|path| world.disk.put(path, "another's day\n"));
    // While it is open, and at the next start: the log has been here, and has never written a date.
    let now = world.clock.now();
    settings.rotate_every = Some(Schedule::daily());
    let faults = world.set().reconfigure(settings.clone(), now).unwrap_err();
    assert!(faults[0].to_string().contains("app.log.2026-01-02"), "{faults:?}");
    world.log(20);
    world.close();
    world.settings = settings;
    let refused = world.try_open().unwrap_err().to_string();
    assert!(refused.contains("app.log.2026-01-02") && refused.contains("FoundFiles"), "{refused}");
    assert!(dates.iter().all(|path| world.disk.exists(path)));
    // With room for them they are taken over, which is said.
    world.settings.backup_count = 9;
    world.open();
    let said = world.set().take_events();
    assert!(said.iter().any(|event| matches!(event, Event::Adopted { files: 3, .. })), "{said:?}");
}

#[test]
fn a_stamped_backup_is_renamed_once_and_never_again() {
    let mut world = World::new(stamped(20));
    world.open();
    world.log(60);
    let rotations = world.set().counters().rotations;
    assert!((10..20).contains(&rotations), "{rotations}");
    let journal = world.disk.journal();
    let renames = journal.iter().filter(|entry| entry.op == Op::Rename).count();
    assert_eq!(renames as u64, 2 * rotations, "the live file to its stamp, the new file to the live name");
    let mut stamps = slots(&mut world);
    assert!(stamps[0].starts_with("2026010"), "{stamps:?}");
    assert_eq!(stamps.len() as u64, rotations);
    stamps.reverse();
    assert!(stamps.is_sorted(), "{stamps:?}");
    world.assert_rest();
    world.assert_records(0, &world.refused);
}

#[test]
fn stamps_keep_their_order_when_the_clock_goes_back() {
    let mut world = World::new(stamped(40));
    world.open();
    for _ in 0..3 {
        world.log(20);
        world.clock.step_wall(-3_600_000_000);
    }
    world.close();
    world.open();
    world.log(20);
    let mut stamps = slots(&mut world);
    assert!(stamps.iter().filter(|stamp| stamp.contains('-')).count() > 5, "{stamps:?}");
    stamps.reverse();
    assert!(stamps.is_sorted(), "{stamps:?}");
    world.assert_records(0, &world.refused);
}

#[test]
fn a_start_lists_the_directory_once_and_knows_its_own() {
    let mut world = World::new(stamped(3));
    let foreign = ["app.log.20260101T000000", "app.log.20260101T000000Z.bak", "app.log.01", "other.log.1"];
    for name in foreign {
        world.disk.put(format!("/logs/{name}"), "not ours\n");
    }
    // From when the set had numbers.
    world.disk.put("/logs/app.log.1", "old\n");
    world.disk.put("/logs/app.log.2", "older\n");
    for stamp in ["20250101T000000Z", "20250101T000000Z-0001"] {
        world.disk.put(format!("{LIVE}.{stamp}"), "stamped\n");
    }
    world.been_here();
    world.open();
    assert_eq!(slots(&mut world), ["20250101T000000Z-0001", "20250101T000000Z", "1"], "the oldest has gone");
    world.log(40);
    assert_eq!(world.set().backups().filter(|(slot, _)| slot.stamp().is_some()).count(), 3);
    for name in foreign {
        assert_eq!(world.disk.read(format!("/logs/{name}")).unwrap(), b"not ours\n");
    }
    let lists = world.disk.journal().iter().filter(|entry| entry.op == Op::List).count();
    assert_eq!(lists, 1);
}

#[test]
fn a_taken_stamp_is_stepped_over() {
    let mut world = World::new(stamped(9));
    world.open();
    let now = world.clock.now();
    let (mine, taken) = (LIVE.to_owned() + ".20260101T000000Z", LIVE.to_owned() + ".20260101T000000Z-0001");
    assert_eq!(now.wall.to_string(), "2026-01-01T00:00:00.000000Z");
    world.disk.put(&mine, "came from elsewhere\n");
    world.push();
    world.set().rotate(now);
    assert!(world.disk.exists(&taken));
    assert_eq!(world.disk.read(&mine).unwrap(), b"came from elsewhere\n");
}

const DAY: Duration = Duration::from_secs(86_400);

/// It is 2026-01-01T00:00:00Z.
fn scheduled(schedule: Schedule) -> World {
    let mut settings = stamped(40);
    settings.rotate_every = Some(schedule);
    World::new(settings)
}

/// Lets time pass and the set do what is due.
fn pass(world: &mut World, time: Duration) {
    world.clock.advance(time);
    let now = world.clock.now();
    world.set().tick(now);
}

#[test]
fn a_backup_is_named_by_the_period_that_it_holds() {
    let mut world = scheduled(Schedule::daily());
    world.open();
    world.push();
    pass(&mut world, DAY);
    assert_eq!(slots(&mut world), ["2026-01-01"]);
    // Nothing is logged for two days.
    pass(&mut world, 2 * DAY);
    world.log(12);
    let by_size = world.set().counters().rotations - 1;
    assert!(by_size > 2, "{by_size}");
    pass(&mut world, DAY);
    let mut wanted = vec!["2026-01-01".to_owned(), "2026-01-04".to_owned()];
    wanted.extend((1..=by_size).map(|number| format!("2026-01-04-{number:04}")));
    wanted.reverse();
    assert_eq!(slots(&mut world), wanted);
    assert!(world.disk.exists("/logs/app.log.2026-01-04-0001"));
    world.assert_rest();
    world.assert_records(0, &world.refused);
}

#[test]
fn each_schedule_names_its_own_periods() {
    for (schedule, time, wanted) in [
        (Schedule::minutely(), 60, "2026-01-01-00-00"),
        (Schedule::hourly(), 3_600, "2026-01-01-00"),
        (Schedule::daily().at(3, 30), 4 * 3_600, "2025-12-31"),
        (Schedule::weekly(), 5 * 86_400, "2025-12-29"),
        (Schedule::daily().in_zone("America/Santiago"), 86_400, "2025-12-31"),
    ] {
        let mut world = scheduled(schedule);
        world.open();
        world.push();
        pass(&mut world, Duration::from_secs(time));
        assert_eq!(slots(&mut world), [wanted]);
    }
}

#[test]
fn a_start_on_the_next_day_names_the_file_by_its_own_day() {
    let mut world = scheduled(Schedule::daily());
    world.open();
    world.push();
    world.close();
    world.clock.advance(DAY + Duration::from_secs(3_600));
    world.open();
    assert_eq!(slots(&mut world), ["2026-01-01"]);
    world.push();
    world.close();
    world.settings.rotate_on_start = true;
    world.open();
    assert_eq!(slots(&mut world), ["2026-01-02", "2026-01-01"]);
    world.push();
    world.close();
    world.open();
    assert_eq!(slots(&mut world), ["2026-01-02-0001", "2026-01-02", "2026-01-01"]);
    world.assert_records(0, &world.refused);
}

#[test]
fn names_of_periods_grow_when_the_clock_goes_back() {
    let mut world = scheduled(Schedule::daily());
    world.open();
    world.push();
    pass(&mut world, DAY);
    world.clock.step_wall(-3 * 86_400_000_000);
    world.log(12);
    let mut found = slots(&mut world);
    assert!(found.len() > 3 && found.iter().all(|slot| slot.starts_with("2026-01-01")), "{found:?}");
    found.reverse();
    assert!(found.is_sorted(), "{found:?}");
    world.clock.step_wall(3 * 86_400_000_000);
    pass(&mut world, DAY);
    world.push();
    pass(&mut world, DAY);
    assert_eq!(slots(&mut world)[0], "2026-01-03", "the clock is right again");
    world.assert_records(0, &world.refused);
}

#[test]
fn a_period_whose_rotation_fails_at_its_end_keeps_its_name() {
    let mut world = scheduled(Schedule::daily());
    world.settings.max_bytes = 100_000;
    world.open();
    world.push();
    world.disk.fault(Fault::on(Op::Rename).path_ends("app.log").fails(OsError::EACCES).until_cleared());
    pass(&mut world, DAY);
    assert_eq!(world.set().state(), State::Overdue);
    world.push();
    world.disk.clear_faults();
    pass(&mut world, Duration::from_secs(600));
    assert_eq!(slots(&mut world), ["2026-01-01"]);
    world.push();
    pass(&mut world, DAY);
    assert_eq!(slots(&mut world), ["2026-01-02", "2026-01-01"]);
    world.assert_rest();
}

#[test]
fn a_file_left_for_its_links_is_named_by_its_own_day() {
    let mut world = scheduled(Schedule::daily());
    world.disk.put(LIVE, "linked\n");
    world.disk.ext_hard_link(LIVE, "/logs/elsewhere").unwrap();
    world.clock.advance(2 * DAY);
    world.open();
    world.push();
    world.rest();
    assert_eq!(slots(&mut world), ["2026-01-01"]);
    assert_eq!(world.disk.read("/logs/app.log.2026-01-01").unwrap(), b"linked\n");
}

#[test]
fn names_of_periods_are_foreign_without_a_schedule() {
    let foreign = [
        "app.log.2026-01-01",
        "app.log.2025-12-31-0001.gz",
        "app.log.2025-12-31-18",
        "app.log.2025-12-31-18-19",
    ];
    let mut world = World::new(stamped(2));
    for name in foreign {
        world.disk.put(format!("/logs/{name}"), "not ours\n");
    }
    world.open();
    world.log(40);
    assert!(world.set().counters().rotations > 5);
    assert!(slots(&mut world).iter().all(|slot| slot.contains('T')));
    for name in foreign {
        assert_eq!(world.disk.read(format!("/logs/{name}")).unwrap(), b"not ours\n", "{name}");
    }
}

#[test]
fn a_start_with_a_schedule_knows_stamps_of_every_form() {
    let mut world = scheduled(Schedule::daily());
    let found =
        ["2026-01-01", "20251231T000000Z-0001", "2025-12-30-18-19", "2025-12-30-18-0001", "2025-12-30-18"];
    for stamp in found {
        world.disk.put(format!("{LIVE}.{stamp}"), "stamped\n");
    }
    let foreign = ["app.log.2026-01", "app.log.2026-01-01-1", "app.log.2026-01-32", "app.log.2026-01-01.bak"];
    for name in foreign {
        world.disk.put(format!("/logs/{name}"), "not ours\n");
    }
    world.open();
    assert_eq!(slots(&mut world), found);
    world.push();
    pass(&mut world, DAY);
    assert_eq!(slots(&mut world)[0], "2026-01-01-0001", "the day has a file already");
    for name in foreign {
        assert_eq!(world.disk.read(format!("/logs/{name}")).unwrap(), b"not ours\n", "{name}");
    }
}

#[test]
fn a_schedule_that_comes_later_finds_the_periods_that_stand_there() {
    let mut world = World::new(stamped(9));
    world.disk.put(format!("{LIVE}.2026-01-01"), "from when there was a schedule\n");
    world.open();
    assert_eq!(slots(&mut world).len(), 0);
    let change = |world: &mut World, schedule: Option<Schedule>| {
        let (now, mut settings) = (world.clock.now(), world.set().settings().clone());
        settings.rotate_every = schedule;
        world.set().reconfigure(settings, now).unwrap();
    };
    change(&mut world, Some(Schedule::daily()));
    world.push();
    pass(&mut world, DAY);
    assert_eq!(slots(&mut world), ["2026-01-01-0001", "2026-01-01"]);
    change(&mut world, None);
    world.push();
    let now = world.clock.now();
    world.set().rotate(now);
    assert_eq!(slots(&mut world), ["20260102T000000Z", "2026-01-01-0001", "2026-01-01"]);
}

fn archived() -> Settings {
    let mut settings = settings(4, 1_200);
    settings.archive_dir = Some("/old".into());
    settings
}

#[test]
fn an_archive_holds_the_backups_and_is_locked() {
    let mut world = World::new(archived());
    world.open();
    world.log(60);
    assert_eq!(world.set().backups().count(), 4);
    for number in 1..=4 {
        assert!(
            world.disk.exists(format!("/old/app.log.{number}"))
                && !world.disk.exists(format!("{LIVE}.{number}"))
        );
    }
    world.assert_rest();
    world.assert_records(world.oldest_kept(), &world.refused);
}

#[test]
fn an_archive_has_one_log() {
    // Another log of the same name would take its backups for its own.
    let mut world = World::new(archived());
    world.disk.mkdir_all("/old");
    world.disk.hold_lock("/old/.app.log.lock", "process 7");
    let refused = world.try_open().unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
    assert!(!world.disk.exists(LIVE));
    world.disk.release_lock("/old/.app.log.lock").unwrap();
    world.open();
    assert!(world.disk.exists("/logs/.app.log.lock"));
}

#[test]
fn an_archive_that_others_delete_is_made_anew() {
    let mut world = World::new(archived());
    world.open();
    world.log(30);
    world.disk.ext_remove_dir_all("/old").unwrap();
    world.log(30);
    world.settle();
    assert!(world.disk.exists("/old/app.log.1"));
    world.assert_limits();
}

#[test]
fn age_ends_backups_though_nothing_is_logged() {
    let mut settings = settings(30, 1 << 20);
    settings.max_age = Some(Duration::from_secs(600));
    let mut world = World::new(settings);
    world.open();
    world.log(20);
    world.clock.advance(Duration::from_secs(300));
    world.log(20);
    let all = world.set().backups().count();
    assert!(all > 5);
    let mut kept = vec![all];
    let begun = world.clock.now().mono;
    while let Some(wake) = world.set().deadline() {
        let now = world.clock.now();
        world.clock.advance(wake - now.mono);
        let now = world.clock.now();
        world.set().tick(now);
        kept.push(world.set().backups().count());
        assert!(now.mono - begun < Duration::from_secs(1_000), "{kept:?}");
    }
    kept.dedup();
    assert!(kept.len() > 2 && kept.ends_with(&[1]) && kept.is_sorted_by(|one, two| one >= two), "{kept:?}");
    assert!(world.set().live_bytes() > 0, "the live file stays");
    assert_eq!(world.set().counters().pruned_files, all as u64 - 1, "the last min_backups stay");
}

#[test]
fn what_was_written_long_ago_goes_soon_after_the_start() {
    let mut settings = settings(9, 1 << 20);
    settings.max_age = Some(Duration::from_secs(3_600));
    let mut world = World::new(settings);
    for number in 1..=3 {
        world.disk.put(format!("{LIVE}.{number}"), "old\n");
    }
    let now = world.clock.now().wall.unix_micros();
    world.disk.ext_touch(format!("{LIVE}.1"), Wall::from_unix_micros(now - 2_500_000_000)).unwrap();
    world.disk.ext_touch(format!("{LIVE}.2"), Wall::from_unix_micros(now - 3_601_000_000)).unwrap();
    world.disk.ext_touch(format!("{LIVE}.3"), Wall::from_unix_micros(now)).unwrap();
    world.been_here();
    world.open();
    let left = |world: &mut World| -> Vec<Slot> { world.set().backups().map(|(slot, _)| slot).collect() };
    assert_eq!(left(&mut world), [1, 2, 3], "a clock that has just started may be wrong by weeks");
    world.rest();
    assert_eq!(left(&mut world), [1, 3], "age is that of the last record, not of the number");
}

#[test]
fn a_stamped_backup_that_seems_to_be_gone_is_not_forgotten() {
    let mut world = World::new(stamped(20));
    world.open();
    world.log(30);
    let before = world.set().backups().count();
    assert!(before > 3);
    let oldest = slots(&mut world).pop().unwrap();
    world
        .disk
        .fault(Fault::on(Op::Stat).path_ends(format!("app.log.{oldest}")).fails(OsError::ENOENT).once());
    world.log(8);
    assert!(slots(&mut world).contains(&oldest), "the directory lists it");
    world.assert_rest();
    world.disk.ext_unlink(format!("{LIVE}.{oldest}")).unwrap();
    world.log(8);
    assert!(!slots(&mut world).contains(&oldest));
    world.assert_rest();
}
