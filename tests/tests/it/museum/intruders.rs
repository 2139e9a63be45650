//! Proves that what is planted at the live path is refused, that two processes never write one file, and that a kill
//! glues nothing (rows I5–I7). It does not prove what others do to files of ours: that is `interference`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tracing_spool::{Edge, OpenError, Overflow, Spool, SpoolBuilder, SyncPolicy, Trouble};
use tracing_spool_fileset::sim::{Fault, SimDisk, Survive, When};
use tracing_spool_fileset::{Event, Op, OsError};
use tracing_spool_tests::child;
use tracing_spool_tests::faulty::Faulty;
use tracing_spool_tests::files::{RECORD_BYTES, RealDisk, of_log, read, read_back};
use tracing_spool_tests::world::{World, small};

use super::scene::{LONG, folder, log, picture, real, until};

#[test]
fn museum_i5_a_symlink_a_hard_link_or_a_fifo_is_planted() {
    type Plant = fn(&Path);
    let plants: [(&str, Plant); 4] = [
        ("symlink", |live| symlink("precious", live).unwrap()),
        ("symlink", |live| symlink("nowhere", live).unwrap()),
        ("symlink", |live| symlink("/dev/null", live).unwrap()),
        ("FIFO", |live| child::run("mkfifo", &[&live])),
    ];
    for (what, plant) in plants {
        let (dir, live) = folder();
        fs::write(dir.path().join("precious"), "root:x:0:0").unwrap();
        plant(&live);
        // Next to it, what a start would otherwise remove or write into.
        (1..=7).for_each(|number| fs::write(dir.path().join(format!("app.log.{number}")), "old\n").unwrap());
        fs::write(dir.path().join(".app.log.new"), "").unwrap();
        fs::write(dir.path().join(".app.log.lock"), "of an earlier life").unwrap();
        let before = picture(dir.path());
        let error = Spool::builder(&live).quiet().open().unwrap_err();
        let OpenError::Unusable(faults) = &error else { panic!("{what}: {error}") };
        assert_eq!((faults.len(), faults[0].field), (1, "path"), "{error}");
        assert!(faults[0].wanted.contains(what), "{error}");
        assert_eq!(picture(dir.path()), before, "{what}: nothing was created, removed or changed");
    }

    // A hard link is not refused, but nothing is written through it, at start and ever after.
    let (dir, live) = folder();
    let precious = dir.path().join("precious");
    fs::write(&precious, "root:x:0:0").unwrap();
    fs::hard_link(&precious, &live).unwrap();
    let mut world = World::real(&Faulty::new(), small(&live));
    world.open();
    assert!(world.events.contains(&Event::LinkedLeft { path: live.clone() }), "{:?}", world.events);
    world.log(3);
    fs::remove_file(&live).unwrap();
    fs::hard_link(&precious, &live).unwrap();
    world.wait(Duration::from_secs(1));
    world.log(6);
    assert_eq!(fs::read(&precious).unwrap(), b"root:x:0:0");

    // Planted while the set is open: not followed then either; records go on to the file that has a name.
    let (dir, _disk, mut world) = real(|_| ());
    fs::write(dir.path().join("precious"), "root:x:0:0").unwrap();
    world.log(2);
    fs::rename(world.live(), world.beside("moved")).unwrap();
    symlink("precious", world.live()).unwrap();
    world.wait(Duration::from_secs(1));
    world.log(1);
    assert_eq!(fs::read(dir.path().join("precious")).unwrap(), b"root:x:0:0");
    assert_eq!(fs::read_to_string(world.beside("moved")).unwrap().lines().count(), 3);
    assert_eq!(world.alerts(), [(Trouble::Reopen, Edge::Raised)]);
    fs::remove_file(world.live()).unwrap();
    world.wait(Duration::from_secs(300));
    world.log(1);
    world.found().assert_numbers(3, 4);
    assert_eq!(world.alerts()[1..], [(Trouble::Reopen, Edge::Cleared)]);
}

#[test]
fn museum_i6_two_processes_on_one_file() {
    const TEST: &str = "museum::intruders::museum_i6_two_processes_on_one_file";
    if let Some(dir) = child::folder() {
        let error = Spool::builder(dir.join("app.log")).quiet().open().unwrap_err();
        assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
        eprintln!("refused: {error}");
        return;
    }
    let (dir, live) = folder();
    let (spool, guard) =
        Spool::builder(&live).max_bytes(100_000).overflow(Overflow::Block).quiet().open().unwrap();
    log(&spool, 0, 0..4_000, 100);
    let said = child::assert_passed(&child::of(TEST, dir.path()).output().unwrap());
    let refusal = said.lines().find(|line| line.starts_with("refused: ")).unwrap();
    assert!(refusal.contains(&format!("process {} on ", std::process::id())), "{refusal}");
    assert!(refusal.contains(&live.display().to_string()), "{refusal}");
    log(&spool, 0, 4_000..8_000, 100);
    let backups = guard.handle().stats().files.pruned_files;
    assert!(guard.shutdown(LONG).is_complete());
    let found = read_back(&RealDisk, &live);
    found.assert_numbers(found.numbers()[0], 8_000);
    assert!(backups <= 3 && found.numbers()[0] <= 3_000);
    // Gone with the process, not with its file.
    assert!(live.with_file_name(".app.log.lock").exists());
    drop(Spool::builder(&live).quiet().open().unwrap());
}

/// A set of 16 MB.
fn bounded(live: &Path) -> SpoolBuilder {
    Spool::builder(live).max_bytes(4 << 20).max_total_bytes(16 << 20).quiet()
}

/// Logs records of 1.5 KB as fast as possible, until killed. Ends by itself if nobody does that.
fn log_until_killed(live: &Path) {
    // All the time goes into `write(2)` of large batches, so that many kills strike there.
    let builder = bounded(live).sync(SyncPolicy::Never).raw_bytes().overflow(Overflow::Block);
    let (spool, _guard) = builder.open().unwrap();
    eprintln!("started");
    let start = std::time::Instant::now();
    let mut number = 0;
    while start.elapsed() < LONG {
        log(&spool, 0, number..number + 10, 1_500);
        number += 10;
    }
}

/// Starts the child, lets it log for a moment, kills it.
fn kill_in_mid_write(mut command: Command, live: &Path, moment: Duration) {
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while said.read_line(&mut line).unwrap() > 0 && !line.ends_with("started\n") {}
    let grows = || fs::metadata(live).is_ok_and(|data| data.len() > 0);
    until("something is written", grows);
    std::thread::sleep(moment); // any time will do: where the kill strikes is not foreseen
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    line.clear();
    said.read_to_string(&mut line).unwrap();
    assert!(!line.contains("panicked"), "{line}");
}

/// Whether a line is a part of a record, from its beginning: what a kill leaves.
fn is_beginning(line: &str) -> bool {
    line.is_empty() || line.starts_with("t00 n") || "t00 n".starts_with(line)
}

#[test]
fn museum_i7_restart_after_a_kill_in_mid_write() {
    const TEST: &str = "museum::intruders::museum_i7_restart_after_a_kill_in_mid_write";
    if let Some(dir) = child::folder() {
        return log_until_killed(&dir.join("app.log"));
    }
    const KILLS: u64 = 30;
    let mut torn = 0;
    for round in 0..KILLS {
        let (dir, live) = folder();
        let moment = Duration::from_micros(1_000 + round * 3_217 % 11_000);
        kill_in_mid_write(child::of(TEST, dir.path()), &live, moment);
        let is_torn = |(_, bytes): &(PathBuf, Vec<u8>)| bytes.last().is_some_and(|byte| *byte != b'\n');
        let was_torn = of_log(&RealDisk, &live).iter().any(is_torn);
        torn += u32::from(was_torn);

        let (spool, guard) = bounded(&live).open().unwrap();
        assert_eq!(guard.handle().stats().files.tails_ended, u64::from(was_torn), "round {round}");
        log(&spool, 1, 0..3, 1_500);
        assert!(guard.shutdown(LONG).is_complete());
        // The torn line stands alone, ended; nothing is glued to it and the next lines are whole.
        let mut odd = Vec::new();
        let found = read(&of_log(&RealDisk, &live), |line| odd.push(line.to_owned()));
        assert!(odd.len() <= usize::from(was_torn), "round {round}: {odd:?}");
        assert!(odd.iter().all(|line| is_beginning(line) && !line.contains("t01")), "{odd:?}");
        assert_eq!(found.threads[&1], [0, 1, 2]);
        assert_eq!(found.notices.len(), usize::from(was_torn), "said once: {:?}", found.notices);
        let numbers = found.numbers();
        let in_a_row = numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        assert!(in_a_row, "nothing is missing in the middle");
    }
    println!("{torn} of {KILLS} kills left a torn line");
}

#[test]
fn twin_i7_cut_at_every_byte_on_a_simulated_disk() {
    for taken in 1..RECORD_BYTES {
        let disk = SimDisk::new();
        let mut world = World::simulated(&disk, small("/logs/app.log"));
        world.open();
        world.log(2);
        // The kernel takes a part of the record, and the process dies before the rest.
        disk.fault(Fault::on(Op::Write).short(taken));
        disk.crash_at(disk.count() + 2, When::Before);
        world.push();
        assert!(disk.crashed());
        drop(world.set.take());
        world.batch.clear();
        world.events.clear();
        disk.restart(Survive::Live);
        // Where the disk is full at the restart, the tail is ended as soon as there is room, and before any record.
        disk.fault(Fault::on(Op::Write).fails(OsError::ENOSPC).times(2));
        world.open();
        world.log(2);
        let mut odd = Vec::new();
        let found = read(&of_log(&disk, world.live()), |line| odd.push(line.to_owned()));
        let whole = tracing_spool_tests::files::record(0, 2, RECORD_BYTES - 1);
        if taken == RECORD_BYTES - 1 {
            assert_eq!(
                (odd.len(), found.numbers()),
                (0, &[0, 1, 2, 3, 4][..]),
                "only the newline was missing"
            );
        } else {
            assert_eq!(
                (odd.as_slice(), found.numbers()),
                (&[whole[..taken].to_owned()][..], &[0, 1, 3, 4][..])
            );
        }
        assert_eq!(world.set().counters().tails_ended, 1);
    }
}
