//! Proves that what is predicted of a set that isn't open is what an engine removes that opens it: at the start, by age,
//! and with the next rotation.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use tracing_spool_fileset::internal::{Foresight, Gone};
use tracing_spool_fileset::sim::{SimClock, SimDisk};
use tracing_spool_fileset::{Batch, Engine, FileId, Naming, Schedule, Settings};

use crate::world::LIVE;

/// A set on the disk: the sizes of the backups, oldest first, of the live file, and of a hidden one.
#[derive(Clone, Debug)]
struct Found {
    backups: Vec<usize>,
    live: usize,
    hidden: Option<usize>,
    stamped: bool,
    scheduled: bool,
    archived: bool,
}

fn found() -> impl Strategy<Value = Found> {
    let hidden = prop_oneof![3 => Just(None), 1 => (0_usize..120).prop_map(Some)];
    let backups = proptest::collection::vec(0_usize..220, 0..8);
    (backups, 0_usize..300, hidden, any::<[bool; 3]>()).prop_map(|(backups, live, hidden, flags)| Found {
        backups,
        live,
        hidden,
        stamped: flags[0],
        scheduled: flags[1],
        archived: flags[2],
    })
}

fn limits() -> impl Strategy<Value = (u64, u32, u64, Option<u64>, Option<u32>)> {
    let age = prop_oneof![Just(None), (1_u64..9).prop_map(Some)];
    let kept = prop_oneof![Just(None), (0_u32..4).prop_map(Some)];
    (100_u64..250, 0_u32..7, 250_u64..1_200, age, kept)
}

const HOUR: Duration = Duration::from_secs(3_600);

/// Puts the set there, one hour after the other, as an earlier life of the log left it.
fn put(found: &Found, disk: &SimDisk, clock: &SimClock) -> Settings {
    let mut settings = Settings::new(LIVE);
    settings.max_record_bytes = Some(64);
    settings.raw_bytes = true;
    let dir = if found.archived { "/logs/old" } else { "/logs" };
    settings.archive_dir = found.archived.then(|| dir.into());
    disk.mkdir_all("/logs");
    disk.mkdir_all(dir);
    let note = if found.stamped && found.scheduled { "me; names by period" } else { "me" };
    disk.put("/logs/.app.log.lock", note);
    disk.put(format!("{dir}/.app.log.lock"), note);
    let content = |bytes: usize| vec![b'x'; bytes.saturating_sub(1)].into_iter().chain([b'\n']).take(bytes);
    let count = found.backups.len();
    for (index, bytes) in found.backups.iter().enumerate() {
        let slot = match (found.stamped, found.scheduled) {
            (false, _) => (count - index).to_string(),
            (true, false) => format!("202001{:02}T000000Z", index + 1),
            (true, true) => format!("2020-01-{:02}", index + 1),
        };
        disk.put(format!("{dir}/app.log.{slot}"), content(*bytes).collect::<Vec<_>>());
        clock.advance(HOUR);
    }
    settings.naming = if found.stamped { Naming::Timestamped } else { Naming::Numbered };
    settings.rotate_every = found.scheduled.then(Schedule::daily);
    disk.put(LIVE, content(found.live).collect::<Vec<_>>());
    if let Some(bytes) = found.hidden {
        disk.put("/logs/.app.log.new", content(bytes).collect::<Vec<_>>());
    }
    settings
}

/// The log's files by identity, with their sizes.
fn there(disk: &SimDisk) -> BTreeSet<FileId> {
    let names = |dir: &str| -> Vec<String> {
        let listed = disk.list(dir).into_iter().map(|(name, _)| name.into_string().unwrap());
        listed
            .filter(|name| name.starts_with("app.log") || name == ".app.log.new")
            .map(|name| format!("{dir}/{name}"))
            .collect()
    };
    names("/logs").into_iter().chain(names("/logs/old")).filter_map(|path| disk.id(path)).collect()
}

fn ids(gone: &[Gone]) -> BTreeSet<FileId> {
    gone.iter().map(|gone| gone.file.id).collect()
}

fn lost(before: &BTreeSet<FileId>, disk: &SimDisk) -> BTreeSet<FileId> {
    before.difference(&there(disk)).copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn an_engine_removes_what_was_foreseen(
        found in found(),
        (max_bytes, backup_count, max_total_bytes, age, min_backups) in limits(),
    ) {
        let (disk, clock) = (SimDisk::new(), SimClock::new());
        disk.set_clock(&clock);
        let mut settings = put(&found, &disk, &clock);
        (settings.max_bytes, settings.backup_count, settings.max_total_bytes) =
            (max_bytes, backup_count, max_total_bytes);
        settings.max_age = age.map(|hours| HOUR * u32::try_from(hours).unwrap());
        settings.min_backups = min_backups.map(|count| count.min(backup_count));
        prop_assume!(settings.faults().is_empty());
        let fs = disk.fs();
        let look = |settings: &Settings| Foresight::of(settings, fs.as_ref(), clock.now()).unwrap();
        let before = there(&disk);
        let foreseen = look(&settings).course.unwrap();
        prop_assert_eq!(&before, &there(&disk), "a look changes nothing");

        // An empty hidden file is litter, and no loss.
        let litter = disk.id("/logs/.app.log.new").filter(|_| found.hidden == Some(0));
        let mut set = Engine::open_on(settings.clone(), disk.fs(), clock.now()).unwrap();
        let mut gone = lost(&before, &disk);
        litter.inspect(|id| _ = gone.remove(id));
        prop_assert_eq!(gone, ids(&foreseen.at_start), "at the start: {:?}", foreseen);

        // What is too old goes as soon as the clock is trusted; little else can have aged meanwhile.
        let before = there(&disk);
        clock.advance(Duration::from_secs(601));
        set.tick(clock.now());
        let aged = lost(&before, &disk);
        prop_assert!(ids(&foreseen.aged).is_subset(&aged) , "aged: {:?}, {:?}", aged, foreseen);

        // From here on, to the byte: a rotation, and records until the next file is full.
        let before = there(&disk);
        let foreseen = look(&settings).course.unwrap();
        prop_assert_eq!(&foreseen.at_start, &Vec::new(), "it is open already");
        let had_content = set.live_bytes() > 0;
        set.rotate(clock.now());
        fill(&mut set, &clock, max_bytes);
        if had_content {
            prop_assert_eq!(lost(&before, &disk), ids(&foreseen.at_rotation), "with the rotation: {:?}", foreseen);
        }
        let mut stays = there(&disk);
        disk.id(LIVE).inspect(|id| _ = stays.remove(id));
        if had_content {
            prop_assert_eq!(stays, foreseen.stays.iter().map(|file| file.id).collect());
        }
        prop_assert_eq!(set.live_bytes(), max_bytes);
    }
}

/// Logs until the live file has exactly so many bytes.
fn fill(set: &mut Engine, clock: &SimClock, bytes: u64) {
    while set.live_bytes() < bytes {
        let left = usize::try_from(bytes - set.live_bytes()).unwrap();
        // No record of one byte is left over.
        let len = if left <= 40 { left } else { 20 };
        let mut batch = Batch::default();
        batch.push(&vec![b'y'; len - 1], &set.settings().rules());
        assert_eq!(set.append(&mut batch, clock.now()), 1, "{:?}", set.state());
    }
}
