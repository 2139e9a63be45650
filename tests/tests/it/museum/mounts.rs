//! Proves that `open` says in words which mount stands in the way of a rotation (row O5), and that backups which free nothing
//! are not removed one after the other (row O6). All of it in a namespace of its own, with real mounts.

use std::any::Any;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_spool::{Edge, OpenError, Overflow, Spool, Trouble};
use tracing_spool_fileset::{FileSet, OpenError as SetError, Settings};
use tracing_spool_tests::faulty::Faulty;
use tracing_spool_tests::files::{RealDisk, Shelf as _, read_back};
use tracing_spool_tests::host::{self, Undo};
use tracing_spool_tests::world::{World, small};
use tracing_spool_tests::{child, skip};

use super::scene::{Heard, LONG, folder, impatient, lines, log, picture, until};

/// Runs `body` in a child that may mount, for the test of this name.
fn apart(test: &str, body: impl FnOnce(&Path)) {
    let test = format!("museum::mounts::{test}");
    if let Some(folder) = child::folder() {
        return body(&folder);
    }
    let (dir, _live) = folder();
    match child::that_mounts(&test, dir.path()) {
        Ok(mut command) => _ = child::assert_passed(&command.output().unwrap()),
        Err(reason) => skip(&test, &reason),
    }
}

/// `open` refuses these settings for this field, with these words; `FileSet` and `Spool` alike, and nothing is touched.
#[track_caller]
fn refused(settings: &Settings, field: &str, words: &str) {
    let before = picture(settings.path.parent().unwrap());
    let error = FileSet::open(settings.clone()).unwrap_err();
    let SetError::Unusable(faults) = &error else { panic!("{error:?}") };
    assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), [field], "{error}");
    assert!(faults[0].wanted.contains(words), "{error}");
    let mut builder = Spool::builder(&settings.path).quiet();
    if let Some(archive) = &settings.archive_dir {
        builder = builder.archive_dir(archive);
    }
    if let Some(alert) = &settings.alert_file {
        builder = builder.alert_file(alert);
    }
    let error = builder.open().unwrap_err();
    let OpenError::Unusable(faults) = &error else { panic!("{error:?}") };
    assert_eq!((faults.len(), faults[0].field), (1, field), "{error}");
    assert_eq!(picture(settings.path.parent().unwrap()), before);
}

/// With these settings it opens and rotates.
#[track_caller]
fn accepted(settings: &Settings) {
    let mut set = FileSet::open(settings.clone()).unwrap();
    lines(&mut set, 0..20);
    assert!(set.counters().rotations >= 4 && set.open_alerts().is_empty());
    drop(set);
    fs::remove_dir_all(settings.archive_dir.as_ref().map_or(Path::new("/nowhere"), |dir| dir)).ok();
}

#[test]
fn museum_o5_the_live_file_is_a_mount_of_its_own() {
    apart("museum_o5_the_live_file_is_a_mount_of_its_own", |root| {
        let words = "mount its directory instead";
        for source in ["itself", "another"] {
            let home = root.join(source);
            fs::create_dir(&home).unwrap();
            let live = home.join("app.log");
            fs::write(&live, "a line\n").unwrap();
            fs::write(root.join("another.log"), "another line\n").unwrap();
            let from = if source == "itself" { live.clone() } else { root.join("another.log") };
            let over = host::bind(&from, &live).unwrap();
            let settings = small(&live);
            refused(&settings, "path", words);
            drop(over);
            accepted(&settings);
        }
        // By way of a link to its directory it is the same file.
        let live = root.join("itself/app.log");
        let _over = host::bind(&live, &live).unwrap();
        symlink(root.join("itself"), root.join("current")).unwrap();
        refused(&small(root.join("current/app.log")), "path", words);
    });
}

#[test]
fn museum_o5_the_archive_is_on_another_mount() {
    apart("museum_o5_the_archive_is_on_another_mount", |root| {
        let live = root.join("app.log");
        let with = |archive: PathBuf| {
            let mut settings = small(&live);
            settings.archive_dir = Some(archive);
            settings
        };
        let made = |name: &str| {
            fs::create_dir_all(root.join(name)).unwrap();
            root.join(name)
        };
        let same = "must be reached through the mount of the log itself";
        let other = "must be on the file system of the log itself";
        {
            let _same = host::bind(&made("there"), &made("bound")).unwrap();
            refused(&with(root.join("bound")), "archive_dir", same);
            // One that is still to be made, below it.
            refused(&with(root.join("bound/a/b")), "archive_dir", same);
            symlink("bound", root.join("link")).unwrap();
            refused(&with(root.join("link")), "archive_dir", same);
        }
        {
            let _other = host::tmpfs(&made("memory"), 1 << 20).unwrap();
            refused(&with(root.join("memory")), "archive_dir", other);
            refused(&with(root.join("memory/a/b")), "archive_dir", other);
            symlink("memory", root.join("link-away")).unwrap();
            refused(&with(root.join("link-away")), "archive_dir", other);
        }
        // The log is on a mount, and its archive is not.
        let home = made("home");
        let _memory = host::tmpfs(&home, 1 << 20).unwrap();
        let mut settings = small(home.join("app.log"));
        settings.archive_dir = Some(root.join("there"));
        refused(&settings, "archive_dir", other);
        // On one mount, both are well.
        settings.archive_dir = Some(home.join("old"));
        accepted(&settings);
        accepted(&with(root.join("old")));
    });
}

#[test]
fn museum_o5_the_alert_file_is_a_mount_of_its_own() {
    apart("museum_o5_the_alert_file_is_a_mount_of_its_own", |root| {
        let home = root.join("home");
        fs::create_dir(&home).unwrap();
        let words = "mount its directory instead";
        let alert = home.join("ALERT_LOG_ROTATION_FAILED.txt");
        fs::write(&alert, "").unwrap();
        let over = host::bind(&alert, &alert).unwrap();
        let mut settings = small(home.join("app.log"));
        refused(&settings, "alert_file", words);
        drop(over);
        fs::write(root.join("elsewhere.txt"), "").unwrap();
        let _over = host::bind(&root.join("elsewhere.txt"), &root.join("elsewhere.txt")).unwrap();
        settings.alert_file = Some(root.join("elsewhere.txt"));
        refused(&settings, "alert_file", words);

        // All that is wrong is told at once.
        fs::write(&settings.path, "").unwrap();
        let _live = host::bind(&settings.path, &settings.path).unwrap();
        fs::create_dir(root.join("memory")).unwrap();
        let _other = host::tmpfs(&root.join("memory"), 1 << 20).unwrap();
        settings.archive_dir = Some(root.join("memory"));
        let Err(SetError::Unusable(faults)) = FileSet::open(settings) else { panic!("it opened") };
        let mut fields: Vec<_> = faults.iter().map(|fault| fault.field).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["alert_file", "archive_dir", "path"]);
    });
}

#[test]
fn museum_o5_a_file_is_mounted_over_the_live_one_while_it_is_written() {
    apart("museum_o5_a_file_is_mounted_over_the_live_one_while_it_is_written", |root| {
        let other = root.join("other");
        fs::write(&other, "").unwrap();
        let home = root.join("home");
        let mut world = World::real(&Faulty::new(), small(home.join("app.log")));
        world.open();
        world.log(6);
        let over = host::bind(&other, world.live()).unwrap();
        world.wait(Duration::from_millis(50));
        world.log(30);
        world.wait(Duration::from_secs(120));
        world.log(10);
        // Written as long as it stands there, and told.
        assert_eq!(world.alerts(), [(Trouble::Rotation, Edge::Raised)]);
        assert_eq!(fs::read_to_string(&other).unwrap().lines().count(), 40);
        drop(over);
        world.wait(Duration::from_secs(600));
        world.log(20);
        assert_eq!(world.alerts()[1..], [(Trouble::Rotation, Edge::Cleared)]);
        let numbers = read_back(&RealDisk, world.live()).numbers().to_vec();
        let wanted: Vec<u32> = (0..6).chain(46..66).collect();
        assert_eq!(numbers, wanted);
    });
}

/// A disk of 4 MB with a log of eight backups of 256 KB, and a file that takes all the rest.
struct Small {
    world: World,
    disk: PathBuf,
    _mounted: Undo,
}

const WIDTH: usize = 1_000;

impl Small {
    fn new(root: &Path, change: impl FnOnce(&mut Settings)) -> Self {
        let disk = root.join("disk");
        fs::create_dir_all(&disk).unwrap();
        let mounted = host::tmpfs(&disk, 4 << 20).unwrap();
        let mut settings = Settings::new(disk.join("log/app.log"));
        (settings.max_bytes, settings.backup_count) = (256 * WIDTH as u64, 8);
        change(&mut settings);
        let mut world = World::real(&Faulty::new(), settings);
        world.open();
        while world.set().backups().count() < 8 {
            assert!(world.push_wide(WIDTH - 1));
        }
        Self { world, disk, _mounted: mounted }
    }

    fn backups(&self) -> Vec<PathBuf> {
        let dir = self.disk.join("log");
        let names = RealDisk.names(&dir).into_iter().filter(|name| name.starts_with("app.log."));
        names.map(|name| dir.join(name)).collect()
    }

    /// Others take the rest of the disk.
    fn fill(&self) {
        let mut hog = fs::File::options().create(true).append(true).open(self.disk.join("hog")).unwrap();
        while hog.write_all(&[0; 4096]).is_ok() {}
    }

    /// Logs until nothing is taken any more.
    fn press(&mut self) {
        let mut tries = 0;
        while self.world.push_wide(WIDTH - 1) {
            tries += 1;
            assert!(tries < 10_000, "it never fills up");
        }
    }

    /// One was removed, which brought nothing; the others stay.
    #[track_caller]
    fn one_went(&mut self) {
        self.press();
        assert_eq!(self.backups().len(), 7, "{:?}", self.world.alerts());
        self.world.wait(Duration::from_secs(25));
        self.world.append();
        assert_eq!(self.backups().len(), 7, "nor at the probes");
        let alerts = self.world.alerts();
        let raised = alerts.iter().filter(|alert| **alert == (Trouble::PruneInVain, Edge::Raised));
        assert_eq!(raised.count(), 1, "{alerts:?}");
        let open = self.world.set().open_alerts();
        let alert = open.iter().find(|alert| alert.trouble == Trouble::PruneInVain).unwrap();
        assert!(alert.detail.contains("readers or further links hold what was removed"), "{alert}");
    }

    /// Whoever held it lets go: pruning works again, and all that waits is written.
    #[track_caller]
    fn well_again(&mut self) {
        self.world.wait(Duration::from_secs(2));
        self.world.finish();
        for _ in 0..100 {
            self.world.push_wide(WIDTH - 1);
            self.world.finish();
        }
        let alerts = self.world.alerts();
        assert_eq!(alerts.last().map(|alert| alert.1), Some(Edge::Cleared), "{alerts:?}");
        assert!(self.world.set().open_alerts().is_empty());
        assert_eq!(self.world.finished, self.world.sent);
        assert!(self.backups().len() >= 5, "{:?}", self.backups());
    }
}

#[test]
fn museum_o6_readers_hold_what_is_pruned() {
    apart("museum_o6_readers_hold_what_is_pruned", |root| {
        let mut small = Small::new(root, |_| ());
        let held: Vec<Box<dyn Any>> = small
            .backups()
            .iter()
            .map(|path| Box::new(fs::File::open(path).unwrap()) as Box<dyn Any>)
            .collect();
        small.fill();
        small.one_went();
        drop(held);
        small.well_again();
    });
}

#[test]
fn museum_o6_snapshots_hold_what_is_pruned() {
    apart("museum_o6_snapshots_hold_what_is_pruned", |root| {
        let mut small = Small::new(root, |_| ());
        let snapshot = small.disk.join("snapshot");
        fs::create_dir(&snapshot).unwrap();
        for path in small.backups() {
            fs::hard_link(&path, snapshot.join(path.file_name().unwrap())).unwrap();
        }
        small.fill();
        small.one_went();
        fs::remove_dir_all(snapshot).unwrap();
        small.well_again();
    });
}

#[test]
fn museum_o6_the_floor_of_free_space_is_met_while_readers_hold_the_backups() {
    apart("museum_o6_the_floor_of_free_space_is_met_while_readers_hold_the_backups", |root| {
        let mut small = Small::new(root, |settings| settings.min_free_bytes = 600_000);
        let held: Vec<fs::File> = small.backups().iter().map(|path| fs::File::open(path).unwrap()).collect();
        fs::write(small.disk.join("hog"), vec![0; 1_200_000]).unwrap();
        small.one_went();
        drop(held);
        small.well_again();
    });
}

#[test]
fn museum_o6_only_the_oldest_is_held() {
    apart("museum_o6_only_the_oldest_is_held", |root| {
        let mut small = Small::new(root, |_| ());
        let held = fs::File::open(small.backups().last().unwrap()).unwrap();
        small.fill();
        small.one_went();
        // Not before it is told that there is hope: after the cool-down one more is tried, and that one is free.
        small.world.wait(Duration::from_secs(60));
        small.world.finish();
        assert!(small.world.set().open_alerts().is_empty(), "{:?}", small.world.set().open_alerts());
        assert_eq!(small.backups().len(), 6);
        drop(held);
    });
}

#[test]
fn museum_o6_a_spool_on_a_full_disk_whose_backups_are_held() {
    apart("museum_o6_a_spool_on_a_full_disk_whose_backups_are_held", |root| {
        let disk = root.join("disk");
        fs::create_dir(&disk).unwrap();
        let _mounted = host::tmpfs(&disk, 4 << 20).unwrap();
        let (live, heard) = (disk.join("log/app.log"), Heard::default());
        let patience = Duration::from_secs(30);
        let builder = impatient(&live).max_bytes(256_000).backup_count(8).overflow(Overflow::Block);
        let builder = builder.retry_cooldown(patience).retry_cooldown_max(patience).on_alert(heard.hook());
        let (spool, guard) = builder.open().unwrap();
        let handle = guard.handle();
        log(&spool, 0, 0..2_400, WIDTH);
        handle.flush(LONG).unwrap();
        let backups =
            || (1..=9).filter(|number| live.with_file_name(format!("app.log.{number}")).exists()).count();
        let pruned = handle.stats().files.pruned_files;
        assert_eq!(backups(), 8);
        let held: Vec<fs::File> = (1..=8)
            .map(|number| fs::File::open(live.with_file_name(format!("app.log.{number}"))).unwrap())
            .collect();
        let mut hog = fs::File::create(disk.join("hog")).unwrap();
        while hog.write_all(&[0; 4096]).is_ok() {}
        log(&spool, 0, 2_400..2_500, WIDTH);
        until("it is told", || heard.count(Trouble::PruneInVain, Edge::Raised) == 1);
        let blocked = handle.flush(Duration::from_millis(1_200));
        assert!(blocked.is_err(), "there is no room");
        assert_eq!((backups(), handle.stats().files.pruned_files - pruned), (7, 1));
        drop(held);
        until("it goes on by itself", || handle.stats().queue.records == 0);
        until("and says so", || heard.count(Trouble::PruneInVain, Edge::Cleared) == 1);
        assert_eq!(handle.stats().dropped.total(), 0);
        assert!(guard.shutdown(LONG).is_complete());
    });
}
