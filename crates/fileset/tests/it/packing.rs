//! Proves that compressing backups does no harm: the newest stays plain, names follow a rotation, records get room
//! first, trouble leaves the plain backup, and any build repairs what a kill leaves.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Compression, Edge, Naming, Op, OsError, Settings, Trouble, Wall};

use crate::world::{World, settings};

fn compressing(form: Compression) -> Settings {
    let mut settings = settings(9, 1 << 20);
    (settings.compression, settings.max_bytes) = (form, 400);
    settings
}

fn compressing_within(max_total_bytes: u64, max_bytes: u64) -> Settings {
    let mut settings = settings(9, max_total_bytes);
    (settings.compression, settings.max_bytes) = (Compression::Gzip, max_bytes);
    settings
}

fn names(world: &World) -> Vec<String> {
    let names = world.disk.list("/logs").into_iter().map(|(name, _)| name.into_string().unwrap());
    names.filter(|name| !name.ends_with(".lock")).collect()
}

/// Rotates `count` times, with a few records in each file, so that it gets smaller.
fn rotate(world: &mut World, count: u32) {
    for _ in 0..count {
        world.log(3);
        let now = world.clock.now();
        world.set().rotate(now);
    }
}

fn is_plain(name: &str) -> bool {
    name == "app.log" || name.rsplit('.').next().unwrap().parse::<u32>().is_ok()
}

#[test]
fn all_but_the_newest_are_compressed_and_nothing_is_lost() {
    for (form, ending) in [(Compression::Gzip, "gz"), (Compression::Zstd, "zst")] {
        let mut world = World::new(compressing(form));
        world.open();
        world.log(40);
        world.settle();
        let (plain, packed): (Vec<String>, Vec<String>) =
            names(&world).into_iter().partition(|n| is_plain(n));
        assert_eq!(plain, ["app.log", "app.log.1"]);
        assert!(packed.len() >= 3 && packed.iter().all(|name| name.ends_with(ending)), "{packed:?}");
        assert_eq!(world.set().counters().packed_files, packed.len() as u64);
        world.assert_rest();
        world.assert_records(0, &BTreeSet::new());
    }
}

#[test]
fn the_time_of_the_last_record_is_kept() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.settings.max_age = Some(Duration::from_secs(1_000));
    world.open();
    rotate(&mut world, 2);
    let long_ago = Wall::from_unix_micros(world.clock.now().wall.unix_micros() - 1_500_000_000);
    world.disk.ext_touch("/logs/app.log.2", long_ago).unwrap();
    while world.pack() {}
    assert!(world.disk.exists("/logs/app.log.2.gz"), "{:?}", names(&world));
    world.clock.advance(Duration::from_secs(601));
    let now = world.clock.now();
    world.set().rotate(now); // looks at every backup anew: by its own time it is too old
    world.log(1);
    let now = world.clock.now();
    world.set().rotate(now);
    assert!(!names(&world).iter().any(|name| name.ends_with(".gz")), "{:?}", names(&world));
}

#[test]
fn a_rotation_meanwhile_gives_it_the_name_of_its_present_slot() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.open();
    rotate(&mut world, 2);
    let now = world.clock.now();
    let order = world.order.take().map(|(order, _)| order).or_else(|| world.set().take_order(now)).unwrap();
    world.order_takes = u32::MAX;
    world.log(1);
    let now = world.clock.now();
    world.set().rotate(now);
    assert_eq!(world.set().backups().count(), 3);
    world.set().packed(order.perform(), now);
    assert!(world.disk.exists("/logs/app.log.3.gz"), "{:?}", names(&world));
    assert!(!world.disk.exists("/logs/app.log.3"));
    world.order_takes = 0;
    world.order = None;
    world.settle();
    world.assert_rest();
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn no_order_and_no_name_while_a_rotation_is_under_way() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.open();
    rotate(&mut world, 2);
    let now = world.clock.now();
    let order = world.order.take().map(|(order, _)| order).or_else(|| world.set().take_order(now)).unwrap();
    world.order_takes = u32::MAX;
    world.log(1);
    world.disk.fault(Fault::on(Op::Rename).to_ends("app.log.3").fails(OsError::EACCES).until_cleared());
    let now = world.clock.now();
    world.set().rotate(now);
    let before = names(&world);
    world.set().packed(order.perform(), now);
    assert_eq!(names(&world), before);
    assert!(world.set().take_order(now).is_none());
    world.order_takes = 0;
    world.settle();
    assert!(world.disk.exists("/logs/app.log.3.gz"), "{:?}", names(&world));
    world.assert_rest();
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn a_backup_that_is_gone_meanwhile_leaves_nothing_behind() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.open();
    rotate(&mut world, 2);
    while world.order.is_none() && world.pack() {}
    let now = world.clock.now();
    let order = world.order.take().map(|(order, _)| order).or_else(|| world.set().take_order(now)).unwrap();
    world.disk.ext_unlink("/logs/app.log.2").unwrap();
    world.set().packed(order.perform(), now);
    assert_eq!(names(&world), ["app.log", "app.log.1"]);
    world.settle();
    world.assert_rest();
}

/// Room for the temporary is reserved before the first byte of it; without it the backup waits.
#[test]
fn without_room_for_a_second_form_nothing_is_compressed() {
    let mut world = World::new(compressing_within(300, 200));
    world.disk.put("/logs/app.log.1", "1".repeat(100));
    world.disk.put("/logs/app.log.2", "2".repeat(101));
    world.open();
    assert!(!world.pack() && world.disk.exists("/logs/app.log.2"));
    world.disk.put("/logs/app.log.2", "2".repeat(100));
    world.close();
    world.open();
    while world.pack() {}
    assert!(world.disk.exists("/logs/app.log.2.gz"));
    assert_eq!(world.disk.violation(), None);
}

/// Records come first: what is being compressed gives its room back before a backup has to go.
#[test]
fn a_compression_gives_way_to_records() {
    let mut world = World::new(compressing_within(600, 200));
    world.order_takes = u32::MAX;
    world.open();
    rotate(&mut world, 2);
    world.pack();
    assert!(world.order.is_some());
    let backups = world.set().backups().count();
    let reserved = world.set().total_bytes();
    while world.set().total_bytes() >= reserved && world.set().counters().pruned_files == 0 {
        world.log(1);
        assert!(world.set().total_bytes() <= 600);
        if !world.disk.exists("/logs/.app.log.pack") {
            break;
        }
    }
    assert!(!world.disk.exists("/logs/.app.log.pack"), "it still holds its room");
    assert_eq!((world.set().counters().pruned_files, backups), (0, 2));
    // Its owner notices between two blocks, and nothing comes of it.
    let (order, _) = world.order.take().unwrap();
    let now = world.clock.now();
    world.set().packed(order.perform(), now);
    assert!(!world.disk.exists("/logs/.app.log.pack"));
    assert_eq!(world.disk.violation(), None);
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn trouble_leaves_the_plain_backup_is_told_when_it_lasts_and_ends() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.disk.fault(Fault::on(Op::Create).path_ends(".app.log.pack").fails(OsError::EACCES).until_cleared());
    world.open();
    rotate(&mut world, 3);
    assert_eq!(world.edges(), [(Trouble::Packing, Edge::Raised)]);
    assert!(
        names(&world).iter().all(|name| is_plain(name) || name.starts_with("ALERT")),
        "{:?}",
        names(&world)
    );
    world.assert_records(0, &BTreeSet::new());
    world.settle();
    assert_eq!(world.edges(), [(Trouble::Packing, Edge::Cleared)]);
    assert!(world.disk.exists("/logs/app.log.2.gz") && world.disk.exists("/logs/app.log.3.gz"));
    world.assert_rest();
}

#[test]
fn a_full_disk_is_no_trouble_of_compression() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.disk.fault(Fault::on(Op::Write).path_ends(".app.log.pack").fails(OsError::ENOSPC).until_cleared());
    world.open();
    rotate(&mut world, 3);
    assert_eq!(world.edges(), []);
    assert!(!world.disk.exists("/logs/.app.log.pack"));
    world.assert_records(0, &BTreeSet::new());
}

/// A panic of the thread that compresses, say.
#[test]
fn an_order_that_is_dropped_is_tried_again() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.order_takes = u32::MAX;
    world.open();
    rotate(&mut world, 2);
    world.pack();
    assert!(world.order.is_some());
    (world.order, world.order_takes) = (None, 0);
    world.pack();
    assert!(!world.disk.exists("/logs/.app.log.pack"));
    world.settle();
    assert!(world.disk.exists("/logs/app.log.2.gz"), "{:?}", names(&world));
    world.assert_rest();
}

#[test]
fn what_does_not_get_smaller_stays_as_it_is() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.disk.put("/logs/app.log.2", "x\n");
    world.disk.put("/logs/app.log.1", "y\n");
    world.open();
    while world.pack() {}
    let created = |world: &World| world.disk.journal().iter().filter(|e| e.op == Op::Create).count();
    let before = created(&world);
    while world.pack() {}
    assert_eq!(created(&world), before, "tried again and again");
    assert_eq!(names(&world), ["app.log", "app.log.1", "app.log.2"]);
}

/// The plain file goes last, so as long as it stands it is whole; whoever opens the set next puts that right.
#[test]
fn leftovers_are_put_right_by_a_start_that_compresses_nothing() {
    let mut world = World::new(settings(9, 1 << 20));
    world.disk.put("/logs/app.log.2", "00000 xxx\n");
    world.disk.put("/logs/app.log.2.gz", "finished or not");
    world.disk.put("/logs/app.log.1", "00001 xxx\n");
    world.disk.put("/logs/.app.log.pack", "half");
    world.been_here();
    world.open();
    assert_eq!(names(&world), ["app.log", "app.log.1", "app.log.2"]);
    assert_eq!(world.set().open_alerts(), []);
}

/// Somebody unpacks a backup, and is not through: what is half is not what the compressed form was made of.
#[test]
fn a_form_of_another_time_is_left_alone() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.open();
    rotate(&mut world, 2);
    while world.pack() {}
    world.close();
    world.clock.advance(Duration::from_secs(1));
    world.disk.put("/logs/app.log.2", "00000");
    let packed = world.disk.read("/logs/app.log.2.gz");
    world.open();
    rotate(&mut world, 2);
    while world.pack() {}
    assert_eq!((world.disk.read("/logs/app.log.2.gz"), world.disk.exists("/logs/app.log.2")), (packed, true));
    assert_eq!(world.edges(), [(Trouble::ForeignSlot, Edge::Raised)]);
    assert_eq!(world.disk.violation(), None);
}

#[test]
fn compressed_backups_are_kept_counted_renamed_and_pruned_without_compression() {
    let mut world = World::new(compressing(Compression::Zstd));
    world.open();
    rotate(&mut world, 4);
    world.settle();
    world.close();
    let packed = |world: &World| names(world).into_iter().filter(|n| n.ends_with(".zst")).collect::<Vec<_>>();
    assert_eq!(packed(&world), ["app.log.2.zst", "app.log.3.zst", "app.log.4.zst"]);
    world.settings.compression = Compression::None;
    world.settings.backup_count = 5;
    world.open();
    rotate(&mut world, 1);
    assert_eq!(packed(&world), ["app.log.3.zst", "app.log.4.zst", "app.log.5.zst"]);
    world.assert_rest();
    world.assert_records(0, &BTreeSet::new());
    rotate(&mut world, 1);
    assert_eq!(packed(&world), ["app.log.4.zst", "app.log.5.zst"]);
    world.close();
    world.settings.backup_count = 4; // beyond it they are looked for, too
    world.open();
    assert_eq!(packed(&world), ["app.log.4.zst"]);
    assert_eq!(world.oldest_kept(), 6);
}

#[test]
fn backups_named_by_time_are_compressed_in_the_archive() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.settings.naming = Naming::Timestamped;
    world.settings.archive_dir = Some("/logs/old".into());
    world.open();
    rotate(&mut world, 3);
    world.settle();
    let files = world.disk.list("/logs/old");
    let packed: Vec<_> = files.iter().filter(|(name, _)| name.to_str().unwrap().ends_with("Z.gz")).collect();
    assert!(!packed.is_empty(), "{files:?}");
    world.close();
    world.open();
    assert_eq!(world.set().backups().count(), 3);
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn a_backup_that_others_removed_unseen_keeps_no_other_from_being_compressed() {
    for gone in ["/logs/app.log.2", "/logs/app.log.3"] {
        let mut world = World::new(compressing(Compression::Gzip));
        for number in 1..=3 {
            world.disk.put(format!("/logs/app.log.{number}"), "the same\n".repeat(20));
        }
        world.open();
        world.disk.ext_unlink(gone).unwrap();
        let now = world.clock.now();
        let order = world.set().take_order(now);
        assert!(order.is_some(), "without {gone}");
    }
}

#[test]
fn closing_ends_what_is_being_compressed() {
    let mut world = World::new(compressing(Compression::Gzip));
    world.order_takes = u32::MAX;
    world.open();
    rotate(&mut world, 2);
    world.pack();
    let (order, _) = world.order.take().unwrap();
    world.close();
    assert_eq!(names(&world), ["app.log", "app.log.1", "app.log.2"]);
    drop(order.perform());
    assert!(!world.disk.exists("/logs/.app.log.pack"));
}
