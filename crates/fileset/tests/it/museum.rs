//! Proves on the simulated disk that bugs which other loggers ship are not here: what others do to a log in use, rows
//! O1 to O12, P5 and P9 of the museum. The integration package has the same tests on a real machine.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{
    Allow, Compression, Edge, Event, Follow, Fs as _, Naming, Op, OpenError, OsError, Owner, Reason, State,
    Trouble,
};

use crate::territory::sow;
use crate::world::{LIVE, World, settings};

const LOCK: &str = "/logs/.app.log.lock";

/// Longer than any cool-down.
const LONG: Duration = Duration::from_secs(400);

fn world() -> World {
    let world = World::new(settings(5, 2_000));
    sow(&world.disk, "/logs");
    world
}

fn opened() -> World {
    let mut world = world();
    world.open();
    world.log(8);
    world
}

fn has_raised(world: &mut World, trouble: Trouble) -> bool {
    world.edges().contains(&(trouble, Edge::Raised))
}

/// Everything is written, nothing lost and nothing of others touched.
fn assert_sound(world: &mut World) {
    world.settle();
    world.clock.advance(LONG);
    world.log(9);
    world.settle();
    world.assert_rest();
    world.assert_books();
    world.assert_records(if world.territory.era.trimmed { world.oldest_kept() } else { 0 }, &BTreeSet::new());
}

fn mode_of(world: &World, path: &str) -> u32 {
    let (dir, name) = path.rsplit_once('/').unwrap();
    let dir = world.disk.open_dir(dir.as_ref()).unwrap();
    world.disk.stat(&dir.at(name)).unwrap().mode
}

#[test]
fn museum_o1_the_path_flips_to_a_directory_that_another_process_owns_sim() {
    let mut settings = settings(5, 2_000);
    settings.path = "/current/app.log".into();
    let mut world = World::new(settings);
    sow(&world.disk, "/logs");
    world.disk.put_symlink("/current", "/logs");
    world.open();
    world.log(8);
    world.disk.put("/theirs/app.log", "other 2\n");
    world.disk.put("/theirs/app.log.1", "other 1\n");
    world.disk.hold_lock("/theirs/.app.log.lock", "process 7");
    let theirs = world.disk.list("/theirs");
    world.disk.ext_flip("/current", "/theirs").unwrap();
    world.log(12);
    assert!(has_raised(&mut world, Trouble::Directory));
    assert_eq!((world.disk.list("/theirs"), world.set().state()), (theirs, State::Writing));
    world.disk.release_lock("/theirs/.app.log.lock").unwrap();
    world.settle();
    assert_eq!(world.disk.id("/current"), world.disk.id("/theirs"));
    assert_sound(&mut world);
}

#[test]
fn museum_o1_the_directory_is_moved_and_made_anew_sim() {
    let mut world = opened();
    let away = world.disk.ext_replace_dir("/logs").unwrap();
    let before = world.disk.list(&away).len();
    world.log(8);
    assert_eq!(world.disk.list(&away).len(), before, "what was left stays");
    assert!(world.set().take_events().contains(&Event::Entered { path: "/logs".into() }));
    assert_sound(&mut world);
}

#[test]
fn museum_o2_files_that_end_in_a_number_are_others_sim() {
    for naming in [Naming::Numbered, Naming::Timestamped] {
        for archive in [None, Some("/old".into())] {
            let mut settings = settings(2, 700);
            (settings.naming, settings.archive_dir) = (naming, archive);
            let mut world = World::new(settings);
            for dir in ["/logs", "/old"] {
                sow(&world.disk, dir);
                for name in ["app.log.20251231", "app.log.1764337000", "app.log.4242", "app.log.99999"] {
                    world.disk.put(format!("{dir}/{name}"), "theirs");
                }
            }
            world.open();
            world.log(30);
            world.close();
            world.open();
            world.log(10);
            assert_eq!(world.disk.read("/logs/app.log.1764337000").unwrap(), b"theirs");
            assert_sound(&mut world);
        }
    }
}

#[test]
fn museum_o3_a_first_start_refuses_to_cut_what_it_finds_sim() {
    let mut world = world();
    world.disk.put(LIVE, vec![b'x'; 1_500]);
    world.disk.put("/logs/app.log.1", vec![b'y'; 900]);
    world.disk.put("/logs/app.log.2.gz", "packed by logrotate");
    let before = world.disk.list("/logs");
    let Err(OpenError::Unusable(faults)) = world.try_open() else { panic!("must not open") };
    let said = faults.iter().map(ToString::to_string).collect::<String>();
    assert!(said.contains("max_total_bytes") && said.contains("/logs/app.log"), "{said}");
    assert!(said.contains("allow FoundFiles"), "{said}");
    assert_eq!(world.disk.list("/logs"), before, "nothing is touched");
    world.assert_unharmed();
    world.settings.allow = vec![Allow::FoundFiles];
    world.try_open().unwrap();
    let removed = |event: &Event| matches!(event, Event::Removed { reason: Reason::Budget, .. });
    assert!(world.set().take_events().iter().any(removed), "what goes is said");
}

#[test]
fn museum_o4_a_backup_that_cannot_be_moved_is_stepped_over_sim() {
    let mut world = opened();
    let kept = world.disk.read("/logs/app.log.1").unwrap();
    world.disk.ext_immovable("/logs/app.log.1", true).unwrap();
    let rotations = world.set().counters().rotations;
    world.log(9);
    assert!(world.set().counters().rotations >= rotations + 2, "rotation goes on");
    assert!(has_raised(&mut world, Trouble::Prune));
    assert_eq!(world.disk.read("/logs/app.log.1").unwrap(), kept);
    world.disk.ext_immovable("/logs/app.log.1", false).unwrap();
    world.clock.advance(LONG);
    world.log(9);
    world.settle();
    world.assert_rest();
    world.assert_books();
    world.assert_whole_records(&BTreeSet::new());
}

#[test]
fn museum_o5_a_mount_of_its_own_is_said_in_words_sim() {
    let refusal = |world: &mut World| match world.try_open() {
        Err(OpenError::Unusable(faults)) => faults.iter().map(ToString::to_string).collect::<String>(),
        other => panic!("must not open: {other:?}"),
    };
    let mut file = world();
    file.disk.put(LIVE, "");
    file.disk.set_mount(LIVE, 7).unwrap();
    assert!(refusal(&mut file).contains("a mount of its own"));

    let mut archive = world();
    archive.settings.archive_dir = Some("/old".into());
    archive.disk.mkdir_all("/old");
    archive.disk.set_mount("/old", 7).unwrap();
    assert!(refusal(&mut archive).contains("through the mount of the log itself"));
    // Where the system does not tell, it is tried.
    archive.disk.set_mounts_told(false);
    assert!(refusal(&mut archive).contains("that files of the log can be renamed to"));
    archive.assert_unharmed();
}

#[test]
fn museum_o6_what_readers_hold_is_not_pruned_for_nothing_sim() {
    let mut settings = settings(9, 1 << 20);
    settings.min_backups = Some(0);
    let mut world = World::new(settings);
    sow(&world.disk, "/logs");
    world.open();
    world.log(30);
    let before = world.set().backups().count();
    for number in 1..=before {
        world.disk.ext_hold(format!("/logs/app.log.{number}")).unwrap();
    }
    world.fill_disk_but_for(0);
    world.push();
    let after = world.set().backups().count();
    assert!(after + 1 >= before, "{after} of {before} backups are left");
    assert!(has_raised(&mut world, Trouble::PruneInVain));
    world.disk.ext_let_go();
    world.disk.set_capacity(None);
    world.finish_batch();
    world.territory.era.trimmed = true;
    assert_sound(&mut world);
}

#[test]
fn museum_o7_mode_and_group_go_on_sim() {
    let mut settings = settings(5, 2_000);
    settings.compression = Compression::Gzip;
    let mut world = World::new(settings);
    sow(&world.disk, "/logs");
    world.open();
    world.log(1);
    world.disk.set_mode(LIVE, 0o600).unwrap();
    world.log(14);
    world.settle();
    for path in [LIVE, "/logs/app.log.1", "/logs/app.log.2.gz"] {
        assert_eq!(mode_of(&world, path), 0o600, "{path}");
    }
    assert_sound(&mut world);
}

#[test]
fn museum_o8_root_starts_and_the_second_start_is_another_user_sim() {
    let mut settings = settings(5, 2_000);
    settings.owner = Some(Owner::ids(1_000, 1_000));
    let mut world = World::new(settings);
    world.disk.set_user(0);
    world.open();
    world.log(8);
    world.close();
    world.disk.set_user(1_000);
    world.open();
    world.log(8);
    world.settle();
    world.close();
    // And root again, in the directory of that user.
    world.disk.set_user(0);
    world.open();
    assert_sound(&mut world);
    let dir = world.disk.open_dir("/logs".as_ref()).unwrap();
    for name in ["app.log", "app.log.1", ".app.log.lock"] {
        assert_eq!(world.disk.stat(&dir.at(name)).unwrap().owner, 1_000, "{name}");
    }
}

#[test]
fn museum_o9_a_hard_linked_file_is_left_and_a_tail_of_nul_bytes_is_cut_sim() {
    let mut world = opened();
    world.close();
    world.disk.ext_hard_link(LIVE, "/snapshot.log").unwrap();
    let snapshot = world.disk.read("/snapshot.log").unwrap();
    world.open();
    assert!(world.set().take_events().contains(&Event::LinkedLeft { path: LIVE.into() }));
    world.log(3);
    assert_eq!(world.disk.read("/snapshot.log").unwrap(), snapshot);
    world.close();
    world.disk.ext_append(LIVE, [0; 5_000]).unwrap();
    world.open();
    assert!(world.set().take_events().contains(&Event::NulsCut { path: LIVE.into(), bytes: 5_000 }));
    assert_sound(&mut world);
}

#[test]
fn museum_o10_a_clock_that_is_forty_days_ahead_ends_no_backup_sim() {
    let mut settings = settings(5, 2_000);
    settings.max_age = Some(Duration::from_secs(7 * 86_400));
    let mut world = World::new(settings);
    sow(&world.disk, "/logs");
    world.open();
    world.log(14);
    let backups = world.set().backups().count();
    world.close();
    world.clock.step_wall(40 * 86_400_000_000);
    world.open();
    for _ in 0..9 {
        world.clock.advance(Duration::from_secs(60));
        let now = world.clock.now();
        world.set().tick(now);
    }
    assert_eq!(world.set().backups().count(), backups, "nothing goes in the first minutes");
    world.clock.step_wall(-40 * 86_400_000_000);
    world.clock.advance(Duration::from_secs(3_600));
    assert_sound(&mut world);
}

#[test]
fn museum_o11_a_lock_file_that_is_removed_is_made_anew_within_a_second_sim() {
    let mut world = opened();
    world.disk.ext_unlink(LOCK).unwrap();
    world.clock.advance(Duration::from_secs(1));
    let now = world.clock.now();
    world.set().tick(now);
    assert!(world.disk.is_locked_by_process(LOCK));
    // Another process is faster.
    world.disk.hold_lock(LOCK, "process 7");
    let backups = world.disk.list("/logs").len();
    world.log(9);
    assert!(has_raised(&mut world, Trouble::Lock));
    assert!(world.disk.list("/logs").len() <= backups + 1, "the alert is new, and nothing else");
    world.disk.release_lock(LOCK).unwrap();
    assert_sound(&mut world);
}

#[test]
fn museum_o12_calls_that_are_not_there_are_done_without_sim() {
    let missing = [
        (Op::SyncDir, OsError::EINVAL),
        (Op::SyncDir, OsError::ENOTSUP),
        (Op::Rename, OsError::EINVAL),
        (Op::Rename, OsError::ENOSYS),
        (Op::Rename, OsError::EPERM),
        (Op::Sync, OsError::EOPNOTSUPP),
        (Op::Lock, OsError::ENOLCK),
    ];
    for (op, error) in missing {
        let mut world = world();
        world.settings.allow = vec![Allow::NoLock];
        world.clear_after = Duration::from_secs(3_600);
        world.disk.fault(Fault::on(op).fails(error).until_cleared());
        world.open();
        world.log(14);
        world.rest();
        let told = world.set().take_events();
        let told =
            told.iter().filter(|event| matches!(event, Event::DoneWithout(why) if why.op == op)).count();
        assert_eq!(told, 1, "{op} {error}");
        assert!(world.set().counters().rotations >= 3, "{op} {error}");
        assert_eq!(world.set().open_alerts(), [], "{op} {error}");
        world.assert_unharmed();
        world.assert_records(world.oldest_kept(), &BTreeSet::new());
    }
    let mut world = world();
    world.disk.fault(Fault::on(Op::Lock).fails(OsError::ENOLCK).until_cleared());
    assert!(world.try_open().is_err(), "only where NoLock is allowed");
}

#[test]
fn museum_p5_descriptors_are_closed_or_stolen_by_a_file_sim() {
    let mut world = opened();
    world.disk.ext_close_descriptors();
    world.log(5);
    world.disk.put("/data/base", "precious");
    world.disk.ext_steal_descriptors("/data/base").unwrap();
    world.clock.advance(Duration::from_millis(60));
    world.log(5);
    assert_eq!(world.disk.read("/data/base").unwrap(), b"precious");
    // What was closed and opened anew since is not the thief's: its own descriptor is still good.
    let dir = world.disk.open_dir("/data".as_ref()).unwrap();
    assert!(world.disk.open(&dir.at("base"), Follow::No).is_ok());
    assert_sound(&mut world);
    assert_eq!(world.disk.read("/data/base").unwrap(), b"precious");
}

#[test]
fn museum_p5_descriptors_are_stolen_by_a_directory_sim() {
    let mut world = opened();
    world.disk.put("/data/app.log", "theirs");
    world.disk.put("/data/app.log.1", "theirs");
    world.disk.ext_steal_descriptors("/data").unwrap();
    let now = world.clock.now();
    world.set().rotate(now);
    world.log(9);
    assert_eq!(world.disk.list("/data").len(), 2);
    assert_sound(&mut world);
}

#[test]
fn museum_p9_after_a_chroot_the_log_goes_on_where_it_is_sim() {
    let mut world = opened();
    world.disk.mkdir_all("/jail/logs");
    world.disk.ext_chroot("/jail").unwrap();
    world.log(14);
    world.settle();
    assert_eq!(world.disk.list("/jail/logs"), []);
    assert!(world.disk.exists("/logs/app.log.1") && !world.disk.exists("/jail/logs/app.log"));
    assert_sound(&mut world);
}
