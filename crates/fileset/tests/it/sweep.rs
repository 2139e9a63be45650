//! Proves that no single failed call, once or for a while, loses, tears, repeats or reorders a record, breaks a cap, or
//! leaves an alert behind. Fails every call of a start, six rotations, prunes, syncs, a shutdown and a restart, with
//! each errno of the contract.

use std::path::Path;
use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Compression, Naming, Op, OsError, Schedule, Settings, SyncPolicy};

use crate::many;
use crate::territory::sow;
use crate::world::{LIVE, World, settings};

/// Those that no deadline can tell from bad luck; and one that says of a record that it can never be written.
const ERRORS: [OsError; 21] = [
    OsError::EAGAIN,
    OsError::EBUSY,
    OsError::ETXTBSY,
    OsError::EINTR,
    OsError::ENOENT,
    OsError::EACCES,
    OsError::EPERM,
    OsError::ENOSPC,
    OsError::EROFS,
    OsError::EIO,
    OsError::EDQUOT,
    OsError::EMFILE,
    OsError::ENFILE,
    OsError::ENOMEM,
    OsError::ESTALE,
    OsError::EXDEV,
    OsError::EISDIR,
    OsError::ENOTDIR,
    OsError::ELOOP,
    OsError::ENAMETOOLONG,
    OsError::EFBIG,
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Lasting {
    Once,
    UntilCleared,
}

/// What is lived through while one call fails.
#[derive(Clone, Debug)]
struct Scene {
    settings: Settings,
    /// Backups go for the budget or by their count.
    prunes: bool,
    /// One write takes no more.
    short: Option<usize>,
    /// How many calls a compression takes.
    order_takes: u32,
    /// What a process before left.
    prepare: fn(&World),
    /// Limits that are changed while the set is open.
    reconfigure: Option<fn(&mut Settings)>,
    /// What others do in the middle of it, a few records apart.
    others: &'static [fn(&mut World)],
}

impl Scene {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            prunes: false,
            short: None,
            order_takes: 0,
            prepare: |_| (),
            reconfigure: None,
            others: &[],
        }
    }

    fn world(&self) -> World {
        let mut world = World::new(self.settings.clone());
        world.disk.set_short_writes(self.short);
        world.order_takes = self.order_takes;
        (self.prepare)(&world);
        world
    }
}

/// Room for everything.
fn roomy() -> Scene {
    Scene::new(settings(12, 1 << 20))
}

/// Two backups, and a budget that is smaller than three files.
fn pruning() -> Scene {
    Scene { prunes: true, ..Scene::new(settings(2, 500)) }
}

/// Six backups, of which two may stay, in half the room.
fn lowering() -> Scene {
    let lower: fn(&mut Settings) = |settings| {
        (settings.max_bytes, settings.max_total_bytes, settings.backup_count) = (150, 500, 2);
    };
    Scene { prunes: true, reconfigure: Some(lower), ..Scene::new(settings(6, 1_200)) }
}

/// Rotation by the clock and at start besides by size, each after a silence.
fn by_the_clock() -> Scene {
    let mut settings = settings(6, 1 << 20);
    settings.rotate_every = Some(Schedule::minutely());
    settings.rotate_on_start = true;
    settings.quiet_rotation = Duration::from_millis(300);
    Scene { prunes: true, ..Scene::new(settings) }
}

/// Backups are compressed, one of them while the set rotates.
fn compressing(form: Compression, order_takes: u32) -> Scene {
    let mut scene = Scene { order_takes, ..roomy() };
    scene.settings.compression = form;
    scene
}

/// The directory is replaced by one of another process, which lets it go later; then a link leads elsewhere.
fn replaced() -> Scene {
    let mut settings = settings(20, 1 << 20);
    settings.path = "/current/app.log".into();
    Scene {
        prepare: |world| {
            sow(&world.disk, "/logs");
            sow(&world.disk, "/logs-b");
            world.disk.put_symlink("/current", "/logs");
        },
        others: &[
            |world| world.take_over("/logs"),
            |world| world.disk.release_lock("/logs/.app.log.lock").unwrap(),
            |world| world.disk.ext_flip("/current", "/logs-b").unwrap(),
        ],
        ..Scene::new(settings)
    }
}

/// A backup cannot be moved for a while, and another process has the lock for a while.
fn hindered() -> Scene {
    Scene {
        prepare: |world| sow(&world.disk, "/logs"),
        others: &[
            // Where a rotation failed before, there may be none.
            |world| _ = world.disk.ext_immovable("/logs/app.log.2", true),
            |world| world.disk.hold_lock("/logs/.app.log.lock", "process 7"),
            |world| {
                world.disk.release_lock("/logs/.app.log.lock").unwrap();
                let _ = world.disk.ext_immovable("/logs/app.log.2", false);
            },
        ],
        ..Scene::new(settings(20, 1 << 20))
    }
}

/// Further scenes of others who meddle, for `just sweep`.
fn meddlings() -> Vec<Scene> {
    let scene = |others: &'static [fn(&mut World)]| Scene {
        prepare: |world| sow(&world.disk, "/logs"),
        others,
        ..Scene::new(settings(20, 1 << 20))
    };
    let mut archive = scene(&[
        |world| _ = world.disk.ext_replace_dir("/old").unwrap(),
        |world| world.remove_dir("/old"),
        |world| _ = world.disk.ext_replace_dir("/logs").unwrap(),
    ]);
    archive.settings.archive_dir = Some("/old".into());
    let mut packing = scene(&[|world| _ = world.disk.ext_replace_dir("/logs").unwrap()]);
    packing.settings.compression = Compression::Gzip;
    packing.order_takes = 2;
    let mut pinned = scene(&[
        |world| _ = world.disk.ext_immovable("/logs/app.log.1", true),
        |world| _ = world.disk.ext_immovable("/logs/app.log.1", false),
    ]);
    (pinned.settings.backup_count, pinned.settings.max_total_bytes, pinned.prunes) = (4, 900, true);
    vec![
        archive,
        packing,
        pinned,
        scene(&[
            |world| world.disk.ext_rename_dir("/logs", "/away").unwrap(),
            |world| {
                if world.is_between() {
                    return; // one move at a time can be followed
                }
                // Where nothing could be made, there is none yet.
                let _ = world.disk.ext_rename_dir("/logs", "/away-too");
                world.disk.ext_rename_dir("/away", "/logs").unwrap();
            },
        ]),
        scene(&[|world| world.remove_dir("/logs"), |world| _ = world.disk.ext_unlink("/logs/.app.log.lock")]),
        scene(&[
            |world| world.disk.ext_close_descriptors(),
            |world| _ = world.disk.ext_unlink("/logs/.app.log.lock"),
        ]),
        Scene { short: Some(23), ..replaced() },
        Scene { short: Some(23), ..hindered() },
    ]
}

/// Further scenes, for `just sweep`.
fn others() -> Vec<Scene> {
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings(12, 1 << 20);
        change(&mut settings);
        Scene::new(settings)
    };
    vec![
        Scene { short: Some(23), ..roomy() },
        Scene { short: Some(23), ..pruning() },
        with(|settings| settings.sync = SyncPolicy::Never),
        with(|settings| settings.sync = SyncPolicy::Interval(Duration::from_millis(100))),
        with(|settings| settings.min_free_bytes = 1_000),
        with(|settings| settings.retry_attempts = 0),
        with(|settings| settings.quiet_rotation = Duration::from_millis(50)),
        with(|settings| settings.min_rotation_interval = Duration::from_millis(300)),
        Scene { short: Some(23), ..by_the_clock() },
        with(|settings| settings.alert_file = Some("/alerts/here.txt".into())),
        compressing(Compression::Zstd, 1),
        compressing(Compression::Gzip, 5),
        Scene {
            short: Some(23),
            order_takes: 2,
            ..with(|settings| settings.compression = Compression::Gzip)
        },
        Scene { prunes: true, ..with(|settings| settings.backup_count = 0) },
        Scene { prunes: true, ..with(|settings| settings.backup_count = 1) },
        with(|settings| settings.naming = Naming::Timestamped),
        Scene {
            prunes: true,
            ..with(|settings| (settings.naming, settings.backup_count) = (Naming::Timestamped, 2))
        },
        with(|settings| settings.archive_dir = Some("/old".into())),
        with(|settings| settings.latest_link = Some("/logs/latest".into())),
        // The link of a log that was, and the temporary of a process that was killed.
        Scene {
            prepare: |world| {
                world.disk.mkdir_all("/links");
                world.disk.put_symlink("/links/latest", "/logs/older.log");
                world.disk.put_symlink("/links/.app.log.link", "/logs/app.log");
            },
            ..with(|settings| settings.latest_link = Some("/links/latest".into()))
        },
        Scene {
            prunes: true,
            ..with(|settings| {
                settings.naming = Naming::Timestamped;
                settings.archive_dir = Some("/logs/old".into());
                (settings.backup_count, settings.max_total_bytes) = (3, 700);
            })
        },
        // A process before was killed in mid-rotation, in a directory full of what is not ours.
        Scene {
            prepare: |world| {
                world.disk.put("/logs/.app.log.new", "");
                world.disk.mkdir_all("/logs/app.log.bak");
                world.disk.put("/logs/app.log.01", "not ours");
                world.disk.put("/logs/.app.log.alert", "half");
            },
            ..roomy()
        },
    ]
}

/// A start, rotations, a sync, a shutdown, a restart, more rotations.
fn run(scene: &Scene, world: &mut World) {
    world.open();
    world.log(16);
    for act in scene.others {
        act(world);
        world.log(5);
    }
    if let Some(change) = scene.reconfigure {
        world.reconfigure(change);
        world.log(3);
    }
    let now = world.clock.now();
    world.set().sync(now);
    world.log(1);
    world.close();
    world.open();
    world.log(8);
    world.settle();
    // Two more rotations, by which even a failed sync is over.
    world.log(9);
    world.settle();
}

/// How often each kind of call is made when nothing fails.
fn calls(scene: &Scene) -> Vec<(Op, u64)> {
    let mut world = scene.world();
    run(scene, &mut world);
    world.assert_books();
    let journal = world.disk.journal();
    let left_live = |entry: &&tracing_spool_fileset::sim::Entry| {
        matches!(entry.op, Op::Rename | Op::Unlink) && entry.path.file_name() == Path::new(LIVE).file_name()
    };
    let rotations = journal.iter().filter(left_live).count();
    assert!(rotations >= 6, "too little happens: {rotations} rotations");
    Op::ALL
        .into_iter()
        .map(|op| (op, journal.iter().filter(|entry| entry.op == op).count() as u64))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// One call that fails.
#[derive(Clone, Copy, Debug)]
struct Case {
    op: Op,
    nth: u64,
    error: OsError,
    lasting: Lasting,
}

impl Case {
    fn run(self, scene: &Scene) {
        let mut world = scene.world();
        // A `stat` that denies what stands there cannot be told from its removal: the budget is kept for what is
        // seen.
        world.caps_hold = !(self.op == Op::Stat && self.error == OsError::ENOENT);
        let fault = Fault::on(self.op).nth(self.nth).fails(self.error);
        world.disk.fault(match self.lasting {
            Lasting::Once => fault.once(),
            Lasting::UntilCleared => fault.until_cleared(),
        });
        run(scene, &mut world);
        let is_retried = self.lasting == Lasting::Once && scene.settings.retry_attempts > 0;
        if self.error != OsError::EFBIG || is_retried {
            assert!(world.refused.is_empty(), "given up: {:?}", world.refused);
        }
        // On a full disk own backups go first: these are pruned, which is not lost.
        let prunes = scene.prunes || matches!(self.error, OsError::ENOSPC | OsError::EDQUOT);
        world.assert_rest();
        world.assert_books();
        world.assert_limits();
        if prunes && world.stepped_over {
            return world.assert_whole_records(&world.refused);
        }
        world.assert_records(if prunes { world.oldest_kept() } else { 0 }, &world.refused);
    }
}

fn sweep(scene: &Scene) {
    sweep_each(scene, 1);
}

/// Each fifth call and error, which meets all of both: `just sweep` has the others.
fn sweep_some(scene: &Scene) {
    sweep_each(scene, if many::asks_for_all() { 1 } else { 5 });
}

fn sweep_each(scene: &Scene, nth_case: usize) {
    let mut cases = Vec::new();
    for (op, count) in calls(scene) {
        for nth in 1..=count {
            for error in ERRORS {
                let case = |lasting| Case { op, nth, error, lasting };
                cases.extend([Lasting::Once, Lasting::UntilCleared].map(case));
            }
        }
    }
    let cases: Vec<Case> = cases.into_iter().step_by(nth_case).collect();
    many::each(&cases, |case| case.run(scene));
    assert!(cases.len() > 8_000, "{} runs", cases.len());
    println!("sweep: {} runs, 0 records lost", cases.len());
}

#[test]
fn every_call_with_every_error_and_room_for_all() {
    sweep(&roomy());
}

#[test]
fn every_call_with_every_error_and_pruning() {
    sweep(&pruning());
}

#[test]
fn every_call_with_every_error_while_limits_are_lowered() {
    sweep(&lowering());
}

#[test]
fn every_call_with_every_error_by_the_clock_and_in_silence() {
    sweep(&by_the_clock());
}

#[test]
fn every_call_with_every_error_and_compression() {
    sweep(&compressing(Compression::Gzip, 1));
}

#[test]
fn every_call_with_every_error_and_compression_in_little_room() {
    let mut scene = Scene { order_takes: 1, ..pruning() };
    scene.settings.compression = Compression::Gzip;
    scene.settings.backup_count = 4;
    sweep(&scene);
}

#[test]
fn every_call_with_every_error_while_the_directory_is_replaced() {
    sweep_some(&replaced());
}

#[test]
fn every_call_with_every_error_while_a_backup_and_the_lock_are_held() {
    sweep_some(&hindered());
}

#[test]
fn every_call_with_every_error_while_others_meddle() {
    let scenes = meddlings();
    if many::asks_for_all() {
        scenes.iter().for_each(sweep);
    } else {
        scenes.iter().for_each(|scene| assert!(calls(scene).len() > 5));
    }
}

/// What a killed process left is not believed to be gone because an unlink says so.
#[test]
fn leftovers_that_seem_to_be_gone_are_removed_later() {
    let leftovers = others().pop().unwrap();
    Case { op: Op::Unlink, nth: 1, error: OsError::ENOENT, lasting: Lasting::UntilCleared }.run(&leftovers);
}

#[test]
fn every_call_with_every_error_in_other_scenes() {
    let scenes = others();
    if many::asks_for_all() {
        scenes.iter().for_each(sweep);
    } else {
        // Nothing fails: the scenes themselves are sound.
        scenes.iter().for_each(|scene| assert!(calls(scene).len() > 5));
    }
}
