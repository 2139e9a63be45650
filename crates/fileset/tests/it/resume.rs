//! Proves that a write which was under way when the process died is found wherever its file is by then, and finished
//! there.

use std::path::Path;

use tracing_spool_fileset::{Batch, Engine, Fs as _, Resumed, Unfinished};

use crate::world::{LIVE, World, settings};

const BEFORE: &str = "before\n";
const WRITE: &str = "one record\nand another\n";

/// A world whose process died in a write to the live file, after so many of its bytes.
fn dead_after(bytes: usize) -> (World, Unfinished) {
    let world = World::new(settings(3, 1 << 20));
    world.disk.put(LIVE, BEFORE);
    let file = world.disk.look(Path::new(LIVE)).unwrap().id;
    world.disk.ext_append(LIVE, &WRITE[..bytes]).unwrap();
    (world, Unfinished { file, start: BEFORE.len() as u64 })
}

fn batch(world: &World) -> Batch {
    let mut batch = Batch::default();
    WRITE.lines().for_each(|line| _ = batch.push(line.as_bytes(), &world.settings.rules()));
    batch
}

/// Opens, and writes the rest and one record more.
fn resume(world: &World, unfinished: Unfinished) -> (Option<Resumed>, Engine) {
    let mut batch = batch(world);
    let now = world.clock.now();
    let opened = Engine::open_resuming(world.settings.clone(), world.disk.fs(), now, unfinished, &mut batch);
    let mut set = opened.unwrap();
    set.append(&mut batch, now);
    assert!(batch.is_done());
    batch.clear();
    batch.push(b"after", &world.settings.rules());
    set.append(&mut batch, now);
    (set.resumed(), set)
}

fn text(world: &World, path: &str) -> String {
    String::from_utf8(world.disk.read(path).unwrap()).unwrap()
}

#[test]
fn a_write_cut_anywhere_is_finished_where_it_was_begun() {
    for bytes in 0..=WRITE.len() {
        let (world, unfinished) = dead_after(bytes);
        let (resumed, set) = resume(&world, unfinished);
        assert_eq!(resumed, Some(Resumed::Found(bytes)));
        assert_eq!(text(&world, LIVE), format!("{BEFORE}{WRITE}after\n"), "{bytes}");
        assert_eq!((set.counters().tails_ended, set.counters().fragments), (0, 0), "{bytes}");
    }
}

#[test]
fn a_record_begun_in_a_file_that_is_a_backup_now_is_finished_there() {
    for bytes in 0..=WRITE.len() {
        for renamed in ["/logs/app.log.1", "/logs/app.log.3"] {
            let (world, unfinished) = dead_after(bytes);
            world.disk.ext_rename(LIVE, renamed).unwrap();
            world.disk.put(LIVE, "of another start\n");
            let (resumed, mut set) = resume(&world, unfinished);
            assert_eq!(resumed, Some(Resumed::Found(bytes)));
            let (old, new) = (text(&world, renamed), text(&world, LIVE));
            let first = WRITE.find('\n').unwrap() + 1;
            let begun_there = if bytes == 0 {
                0
            } else if bytes <= first {
                first
            } else {
                WRITE.len()
            };
            assert_eq!(old, format!("{BEFORE}{}", &WRITE[..begun_there]), "{bytes}");
            assert_eq!(new, format!("of another start\n{}after\n", &WRITE[begun_there..]), "{bytes}");
            let total = (old.len() + new.len()) as u64;
            assert_eq!(set.total_bytes(), total, "{bytes}");
            set.rotate(world.clock.now());
            assert_eq!(set.total_bytes(), total, "the picture of the directory is true: {bytes}");
        }
    }
}

#[test]
fn a_file_that_is_gone_or_holds_something_else_is_told() {
    let (world, unfinished) = dead_after(5);
    world.disk.ext_unlink(LIVE).unwrap();
    world.disk.put(LIVE, "");
    let (resumed, _) = resume(&world, unfinished);
    assert_eq!((resumed, text(&world, LIVE)), (Some(Resumed::Missing), format!("{WRITE}after\n")));

    let (world, unfinished) = dead_after(5);
    world.disk.ext_truncate(LIVE, 3).unwrap();
    let (resumed, _) = resume(&world, unfinished);
    assert_eq!((resumed, text(&world, LIVE)), (Some(Resumed::Different), format!("bef\n{WRITE}after\n")));

    let (world, unfinished) = dead_after(0);
    world.disk.ext_append(LIVE, "theirs\n").unwrap();
    let (resumed, _) = resume(&world, unfinished);
    let whole = format!("{BEFORE}theirs\n{WRITE}after\n");
    assert_eq!((resumed, text(&world, LIVE)), (Some(Resumed::Different), whole));
}

#[test]
fn what_others_wrote_behind_a_whole_write_stays_behind_it() {
    let (world, unfinished) = dead_after(WRITE.len());
    world.disk.ext_append(LIVE, "theirs\n").unwrap();
    let (resumed, _) = resume(&world, unfinished);
    assert_eq!(resumed, Some(Resumed::Found(WRITE.len())));
    assert_eq!(text(&world, LIVE), format!("{BEFORE}{WRITE}theirs\nafter\n"));
}
