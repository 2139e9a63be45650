//! Proves that a process killed, or a machine cut from power, before or after any call leaves a set that the next start
//! finishes. After a kill, nothing that was reported as written is lost, torn, repeated or out of order; after a power
//! cut, every rotated file is whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use tracing_spool_fileset::internal::name::Role;
use tracing_spool_fileset::internal::slot::Slot;
use tracing_spool_fileset::sim::{Fault, Survive, When};
use tracing_spool_fileset::{Compression, Naming, Op, OsError, Schedule, Settings};

use crate::faults::{ERRORS, OPS};
use crate::many;
use crate::records::unpacked;
use crate::territory::{FOREIGN_FROM, names, sow};
use crate::world::{LIVE, World, settings};

/// Seeds for which unsynced pages survive a power cut: none, all, and some.
const PAGES: [u64; 4] = [0, u64::MAX, 0x5555_5555_5555_5555, 0xA5C3_0F1E_7B2D_9641];

/// What is lived through until the process dies.
#[derive(Clone, Debug)]
struct Story {
    settings: Settings,
    /// One write takes no more.
    short: Option<usize>,
    /// What others do in the middle of it, a few records apart.
    others: &'static [fn(&mut World)],
}

impl Story {
    fn new(settings: Settings, short: Option<usize>) -> Self {
        Self { settings, short, others: &[] }
    }

    /// The directory is replaced by a new one, and then a link leads elsewhere.
    fn replaced() -> Self {
        let mut settings = settings(20, 1 << 20);
        settings.path = "/current/app.log".into();
        Self {
            others: &[
                |world| _ = world.disk.ext_replace_dir("/logs").unwrap(),
                |world| world.disk.ext_flip("/current", "/logs-b").unwrap(),
            ],
            ..Self::new(settings, Some(23))
        }
    }

    /// A backup can be neither moved nor removed for a while.
    fn hindered() -> Self {
        Self {
            others: &[
                |world| world.disk.ext_immovable("/logs/app.log.2", true).unwrap(),
                |world| world.disk.ext_immovable("/logs/app.log.2", false).unwrap(),
            ],
            ..Self::new(settings(20, 1 << 20), None)
        }
    }

    fn world(&self) -> World {
        let world = World::new(self.settings.clone());
        world.disk.set_short_writes(self.short);
        if !self.others.is_empty() {
            sow(&world.disk, "/logs");
            sow(&world.disk, "/logs-b");
            world.disk.put_symlink("/current", "/logs");
        }
        world
    }
}

/// Others let go of what they held fast.
fn release(world: &mut World) {
    for (name, _) in world.disk.list("/logs") {
        let _ = world.disk.ext_immovable(Path::new("/logs").join(name), false);
    }
    if world.stepped_over {
        world.clock.advance(Duration::from_secs(400)); // longer than any cool-down
        world.log(9);
    }
}

/// Others had moved the directory away, and that alone has survived a power cut.
fn mend_way(story: &Story, world: &World) {
    if !story.others.is_empty() {
        world.disk.mkdir_all("/logs");
    }
}

fn run(story: &Story, world: &mut World) {
    world.open();
    world.log(14);
    for act in story.others {
        if !world.disk.crashed() {
            act(world);
            world.log(4);
        }
    }
    if !world.disk.crashed() {
        world.close();
        if let Some(link) = world.settings.latest_link.clone() {
            let _ = world.disk.ext_unlink(&link);
            world.disk.put_symlink(&link, "/logs/older.log");
        }
        world.open();
        world.log(6);
    }
}

/// A world that died at the call numbered `seq`, and the records that may be torn or missing for it.
fn dead_at(story: &Story, seq: u64, when: When) -> (World, BTreeSet<u32>) {
    let mut world = story.world();
    world.disk.crash_at(seq, when);
    run(story, &mut world);
    assert!(world.disk.crashed(), "call {seq} is never made");
    let in_hand = (world.finished..world.sent).collect();
    world.set = None;
    world.order = None;
    world.batch.clear();
    world.finished = world.sent;
    (world, in_hand)
}

fn calls(story: &Story) -> u64 {
    let mut world = story.world();
    run(story, &mut world);
    world.disk.count()
}

/// Kills at every call; returns how many.
fn kill_everywhere(settings: &Settings, short: Option<usize>, from: impl Fn(&World) -> u32) -> u64 {
    kill_throughout(&Story::new(settings.clone(), short), from)
}

fn kill_throughout(story: &Story, from: impl Fn(&World) -> u32) -> u64 {
    let count = calls(story);
    for seq in 1..=count {
        for when in [When::Before, When::After] {
            let (mut world, in_hand) = dead_at(story, seq, when);
            println!("killed {when:?} call {seq}");
            world.disk.restart(Survive::Live);
            world.disk.set_short_writes(story.short);
            world.open();
            world.log(8);
            world.settle();
            release(&mut world);
            world.settle();
            world.assert_rest();
            world.assert_records(from(&world), &in_hand);
        }
    }
    count * 2
}

#[test]
fn killed_before_and_after_every_call() {
    let kills = kill_everywhere(&settings(9, 1 << 20), None, |_| 0);
    assert!(kills > 400, "{kills}");
}

#[test]
fn killed_in_the_middle_of_records() {
    let kills = kill_everywhere(&settings(9, 1 << 20), Some(23), |_| 0);
    assert!(kills > 400, "{kills}");
}

#[test]
fn killed_while_the_clock_rotates() {
    let mut settings = settings(5, 1 << 20);
    settings.rotate_every = Some(Schedule::minutely());
    settings.rotate_on_start = true;
    settings.quiet_rotation = Duration::from_millis(300);
    let kills = kill_everywhere(&settings, None, World::oldest_kept);
    assert!(kills > 400, "{kills}");
}

#[test]
fn killed_while_pruning() {
    let kills = kill_everywhere(&settings(2, 500), Some(23), World::oldest_kept);
    assert!(kills > 400, "{kills}");
}

fn compressing(form: Compression, backup_count: u32, max_total_bytes: u64) -> Settings {
    let mut settings = settings(backup_count, max_total_bytes);
    settings.compression = form;
    settings
}

#[test]
fn killed_while_compressing() {
    let kills = kill_everywhere(&compressing(Compression::Gzip, 9, 1 << 20), None, |_| 0);
    assert!(kills > 600, "{kills}");
    let kills = kill_everywhere(&compressing(Compression::Zstd, 9, 1 << 20), Some(23), |_| 0);
    assert!(kills > 600, "{kills}");
}

#[test]
fn killed_while_compressing_and_pruning() {
    let kills = kill_everywhere(&compressing(Compression::Gzip, 4, 600), None, World::oldest_kept);
    assert!(kills > 400, "{kills}");
}

#[test]
fn killed_with_stamps_and_an_archive() {
    let mut settings = settings(9, 1 << 20);
    settings.naming = Naming::Timestamped;
    let kills = kill_everywhere(&settings, None, |_| 0);
    settings.archive_dir = Some("/old".into());
    let more = kill_everywhere(&settings, Some(23), |_| 0);
    (settings.backup_count, settings.max_total_bytes) = (2, 500);
    let pruning = kill_everywhere(&settings, None, World::oldest_kept);
    assert!(kills > 200 && more > 300 && pruning > 200, "{kills} {more} {pruning}");
}

#[test]
fn killed_while_a_link_is_made() {
    let mut settings = settings(9, 1 << 20);
    settings.latest_link = Some("/links/latest".into());
    let kills = kill_everywhere(&settings, None, |_| 0);
    assert!(kills > 200, "{kills}");
}

#[test]
fn killed_while_the_directory_is_replaced() {
    let kills = kill_throughout(&Story::replaced(), |_| 0);
    assert!(kills > 600, "{kills}");
}

#[test]
fn killed_while_a_backup_cannot_be_moved() {
    let kills = kill_throughout(&Story::hindered(), |_| 0);
    assert!(kills > 600, "{kills}");
}

#[test]
fn power_cut_while_the_directory_is_replaced() {
    let rotated = cut_throughout(&Story::replaced());
    assert!(rotated > 1_000, "{rotated}");
}

#[test]
fn museum_d11_power_cut_before_and_after_every_call() {
    let rotated = cut_everywhere(&settings(9, 1 << 20));
    assert!(rotated > 1_000, "{rotated}");
}

#[test]
fn power_cut_while_compressing() {
    let rotated = cut_everywhere(&compressing(Compression::Gzip, 9, 1 << 20));
    assert!(rotated > 1_000, "{rotated}");
}

/// Cuts the power after every call; returns how many rotated files were looked at.
fn cut_everywhere(settings: &Settings) -> usize {
    cut_throughout(&Story::new(settings.clone(), None))
}

fn cut_throughout(story: &Story) -> usize {
    let names = names(&story.settings);
    let mut rotated = 0;
    for seq in 1..=calls(story) {
        for (kept_names, pages) in (0..4).flat_map(|names| PAGES.map(|pages| (names, pages))) {
            let (mut world, _) = dead_at(story, seq, When::After);
            let kept = world.disk.unsynced_names().min(kept_names);
            if kept < kept_names {
                continue; // the same as one before
            }
            println!("power cut at call {seq}, {kept} names and pages {pages:x} survive");
            world.disk.restart(Survive::Durable { names: kept, pages });
            mend_way(story, &world);
            for (name, _) in world.disk.list(names.dir()) {
                let is_ours = |slot: &Slot| slot.number().is_none_or(|number| number < FOREIGN_FROM);
                let backup = match names.role(&name) {
                    Some(Role::Backup(slot)) if is_ours(&slot) => (slot, Compression::None),
                    Some(Role::Packed(slot, form)) => (slot, form),
                    _ => continue,
                };
                let bytes = world.disk.read(names.backup_as(backup.0, backup.1)).unwrap();
                assert_whole(&unpacked(bytes, backup.1));
                rotated += 1;
            }
            world.open();
            world.log(8);
            world.settle();
            assert_eq!(world.disk.violation(), None);
            world.assert_unharmed();
            assert!(!world.disk.exists(names.hidden()));
            assert!(!world.disk.exists(names.pack_temporary()));
        }
    }
    rotated
}

/// A rotated file is a run of whole records, nothing missing in between.
fn assert_whole(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.ends_with('\n'), "torn: {text:?}");
    let mut before: Option<u32> = None;
    for line in text.lines() {
        let number = line.get(..5).and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX);
        assert!(number < 1_000 && line == World::text(number), "damaged: {text:?}");
        assert!(before.is_none_or(|before| before + 1 == number), "a hole: {text:?}");
        before = Some(number);
    }
}

/// What else goes wrong while the first kill is being mended.
#[derive(Clone, Copy, Debug)]
enum Second {
    Kill,
    PowerCut,
    Fault(Op, OsError),
}

/// Two misfortunes, drawn from a seed: a kill, and something more during the recovery from it.
fn two_misfortunes(seed: u64, counts: &[(Story, u64)]) {
    let mut rng = Rng::with_seed(seed);
    let (story, count) = &counts[rng.usize(..counts.len())];
    let Story { settings, short, .. } = story;
    let when = |rng: &mut Rng| if rng.bool() { When::Before } else { When::After };
    let (mut world, mut in_hand) = dead_at(story, rng.u64(1..=*count), when(&mut rng));
    world.disk.restart(Survive::Live);
    world.disk.set_short_writes(*short);
    let second = match rng.u8(0..4) {
        0 => Second::PowerCut,
        1 => Second::Kill,
        _ => Second::Fault(OPS[rng.usize(..OPS.len())], ERRORS[rng.usize(..ERRORS.len())]),
    };
    if let Second::Fault(op, error) = second {
        let fault = Fault::on(op).nth(rng.u64(1..8)).fails(error);
        world.disk.fault(if rng.bool() { fault.once() } else { fault.until_cleared() });
        world.caps_hold = !(op == Op::Stat && error == OsError::ENOENT);
    } else {
        world.disk.crash_at(world.disk.count() + rng.u64(1..120), when(&mut rng));
    }
    world.open();
    world.log(8);
    if world.disk.crashed() {
        in_hand.extend(world.finished..world.sent);
        world.set = None;
        world.order = None;
        world.batch.clear();
        world.finished = world.sent;
        let survive = match second {
            Second::PowerCut => {
                Survive::Durable { names: rng.usize(..=world.disk.unsynced_names()), pages: rng.u64(..) }
            }
            _ => Survive::Live,
        };
        world.disk.restart(survive);
        mend_way(story, &world);
        world.disk.set_short_writes(*short);
        world.open();
        world.log(8);
        world.settle();
        if let Survive::Durable { .. } = survive {
            assert_eq!(world.disk.violation(), None);
            world.assert_unharmed();
            assert!(!world.disk.exists(names(settings).hidden()));
            let files = world.files().concat();
            let kept = if settings.max_total_bytes > 500 { 8 } else { 3 }; // a small budget holds no more
            let last: String =
                (world.sent - kept..world.sent).map(|number| World::text(number) + "\n").collect();
            assert!(files.ends_with(&last), "what came after the cut is not whole: {files:?}");
            return;
        }
    }
    world.settle();
    release(&mut world);
    world.settle();
    world.log(9); // by which even a failed sync is over
    world.settle();
    world.assert_rest();
    world.assert_records(world.oldest_kept(), &in_hand);
}

#[test]
fn two_misfortunes_in_a_row() {
    let pairs = if many::asks_for_all() { 10_000 } else { 1_000 };
    let stories = [
        Story::new(settings(9, 1 << 20), None),
        Story::new(settings(9, 1 << 20), Some(23)),
        Story::new(settings(2, 500), Some(23)),
        Story::replaced(),
        Story::hindered(),
    ];
    let counts = stories.map(|story| {
        let count = calls(&story);
        (story, count)
    });
    let seeds: Vec<u64> = (0..pairs).collect();
    many::each(&seeds, |seed| two_misfortunes(*seed, &counts));
    println!("crash: {pairs} pairs of misfortunes, 0 records lost");
}

/// Found by seed 5772 of the pairs: the newline for a torn line could not be written at the start, and then its file
/// was due.
#[test]
fn a_torn_line_is_ended_before_its_file_becomes_a_backup() {
    let mut world = World::new(settings(9, 1 << 20));
    world.disk.put(LIVE, "00000 half a line");
    world.settings.max_bytes = 140;
    world.disk.fault(Fault::on(Op::Write).fails(OsError::EIO).times(2));
    world.open();
    let record = "x".repeat(127);
    let rules = world.settings.rules();
    world.batch.push(record.as_bytes(), &rules);
    world.sent = 1;
    world.clear_after = Duration::from_secs(3_600);
    world.finish_batch();
    world.settle();
    assert_eq!(world.files(), ["00000 half a line\n".to_owned(), record + "\n"]);
}
