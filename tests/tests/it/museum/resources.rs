//! Proves that a process from which the machine takes something, and gives it back, loses nothing: descriptors, a disk
//! that the kernel makes read-only under an open file (rows R3 and D6, for real). What a call that fails does is proved
//! in `rotation` and `disk`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing_spool::{
    BlockReason, Condition, Edge, FlushError, OpenError, Overflow, Spool, SpoolBuilder, Trouble,
};
use tracing_spool_tests::files::{RealDisk, read_back};
use tracing_spool_tests::{child, skip};

use super::scene::{Heard, LONG, folder, ledger, log, until};

const WIDTH: usize = 100;

/// A spool that probes often, with files of a hundred records.
fn impatient(live: &Path, heard: &Heard) -> SpoolBuilder {
    let probe = Duration::from_millis(20);
    Spool::builder(live)
        .max_bytes(100 * WIDTH as u64)
        .backup_count(50)
        .retry_base_delay(probe / 2)
        .retry_cooldown(probe)
        .retry_cooldown_max(probe)
        .overflow(Overflow::Block)
        .on_alert(heard.hook())
        .quiet()
}

/// Runs `during` while this process may open nothing more.
fn without_descriptors<T>(during: impl FnOnce() -> T) -> T {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 3, hard).unwrap();
    let outcome = during();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    outcome
}

/// In a process of its own, of which the limit is.
fn descriptors_run_out(dir: &Path) {
    let (live, heard) = (dir.join("app.log"), Heard::default());
    let error = without_descriptors(|| impatient(&live, &heard).open()).unwrap_err();
    assert!(matches!(error, OpenError::Failed(_) | OpenError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains("EMFILE"), "{error}");

    let (spool, guard) = impatient(&live, &heard).open().unwrap();
    let handle = guard.handle();
    log(&spool, 0, 0..50, WIDTH);
    handle.flush(LONG).unwrap();
    without_descriptors(|| {
        log(&spool, 0, 50..1_000, WIDTH);
        handle.flush(LONG).unwrap();
        until("it is told", || heard.count(Trouble::Rotation, Edge::Raised) == 1);
        assert_eq!(handle.health().condition, Condition::Overdue);
        assert_eq!((ledger(&handle), handle.stats().files.rotations), ((1_000, 1_000, 0, 0), 0));
    });
    until("it rotates by itself", || handle.health().is_well());
    assert_eq!(heard.count(Trouble::Rotation, Edge::Cleared), 1);
    log(&spool, 0, 1_000..1_250, WIDTH);
    handle.flush(LONG).unwrap();
    assert_eq!(handle.stats().files.rotations, 3);

    // Without a file that has a name and without a descriptor for a new one, records wait.
    without_descriptors(|| {
        fs::rename(&live, dir.join("gone")).unwrap();
        fs::remove_file(dir.join("gone")).unwrap();
        let mut number = 1_250;
        until("it is missed", || {
            log(&spool, 0, number..number + 1, WIDTH);
            number += 1;
            matches!(handle.flush(LONG), Err(FlushError::Blocked { .. }))
        });
        assert_eq!(handle.stats().dropped.total(), 0);
    });
    until("it goes on by itself", || handle.stats().queue.records == 0);
    until("all is well", || handle.health().is_well());
    let report = guard.shutdown(LONG);
    assert!(report.is_complete() && report.dropped == 0, "{report}");
}

#[test]
fn museum_r3_a_process_without_descriptors() {
    const TEST: &str = "museum::resources::museum_r3_a_process_without_descriptors";
    if let Some(dir) = child::folder() {
        return descriptors_run_out(&dir);
    }
    let (dir, live) = folder();
    child::assert_passed(&child::of(TEST, dir.path()).output().unwrap());
    let found = read_back(&RealDisk, &live);
    let numbers = found.numbers();
    // What stood in the removed file, and what was written before it was missed, went with it.
    let taken = numbers.iter().position(|number| *number >= 1_250).unwrap();
    let in_a_row = |numbers: &[u32]| numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    assert!(in_a_row(&numbers[..taken]) && in_a_row(&numbers[taken..]), "lost, repeated or out of order");
    assert!(numbers[0] == 0 && numbers[taken - 1] >= 1_150, "{} of them", numbers[taken - 1]);
}

/// In a mount namespace of its own: an ext4 that the kernel makes read-only, as it does after an error of the disk, and
/// that an operator replaces.
fn the_kernel_makes_it_read_only(dir: &Path) {
    let (image, disk) = (dir.join("image"), dir.join("disk"));
    child::run("mount", &[&"-o", &"loop", &image, &disk]);
    let (live, heard) = (disk.join("logs/app.log"), Heard::default());
    let (spool, guard) = impatient(&live, &heard).open().unwrap();
    let handle = guard.handle();
    log(&spool, 0, 0..450, WIDTH);
    handle.flush(LONG).unwrap();

    child::run("mount", &[&"-o", &"remount,abort", &disk]);
    log(&spool, 0, 450..1_000, WIDTH);
    assert_eq!(handle.flush(LONG), Err(FlushError::Blocked { left: 550 }));
    assert_eq!(handle.health().condition, Condition::Blocked(BlockReason::Disk));
    assert_eq!((ledger(&handle), heard.count(Trouble::Write, Edge::Raised)), ((1_000, 450, 0, 550), 1));
    read_back(&RealDisk, &live).assert_numbers(0, 450);

    // Another disk in its place: the directory is made anew there, and what waited is written.
    child::run("umount", &[&"-l", &disk]);
    child::run("mount", &[&"-t", &"tmpfs", &"tmpfs", &disk]);
    until("it goes on by itself", || handle.stats().queue.records == 0);
    log(&spool, 0, 1_000..1_200, WIDTH);
    handle.flush(LONG).unwrap();
    until("all is well", || handle.health().is_well());
    assert_eq!(heard.count(Trouble::Write, Edge::Cleared), 1);
    let report = guard.shutdown(LONG);
    assert!(report.is_complete() && report.dropped == 0, "{report}");
    read_back(&RealDisk, &live).assert_numbers(450, 1_200);
}

/// Why this machine cannot mount an ext4 of ours, if it cannot.
fn no_ext4(dir: &Path) -> Option<String> {
    let (image, disk) = (dir.join("image"), dir.join("disk"));
    fs::create_dir(&disk).unwrap();
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let attempts: [&[&str]; 2] = [
        &["mkfs.ext4", "-q", "-F", image.to_str()?],
        &["unshare", "--mount", "--", "mount", "-o", "loop", image.to_str()?, disk.to_str()?],
    ];
    attempts.iter().find_map(|words| match Command::new(words[0]).args(&words[1..]).output() {
        Err(error) => Some(format!("{}: {error}", words[0])),
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("{}: {}", words[0], String::from_utf8_lossy(&output.stderr))),
    })
}

#[test]
fn museum_d6_the_kernel_makes_a_disk_read_only() {
    const TEST: &str = "museum::resources::museum_d6_the_kernel_makes_a_disk_read_only";
    if let Some(dir) = child::folder() {
        return the_kernel_makes_it_read_only(&dir);
    }
    let (dir, _) = folder();
    match no_ext4(dir.path()) {
        None => {
            let mut alone = child::behind(&["unshare", "--mount", "--"], TEST, dir.path());
            drop(child::assert_passed(&alone.output().unwrap()));
        }
        Some(reason) => skip(TEST, &reason),
    }
}
