//! `--durable`: the program is killed at any moment, any number of times, and every line that it read is in the log once.

use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::support::{Dice, Running, World, pipe, run, stderr, until};

/// How often the program is killed, if this variable doesn't say otherwise.
const KILLS: (&str, u64) = ("TRACING_SPOOL_KILLS", 25);

fn kills() -> u64 {
    std::env::var(KILLS.0).ok().and_then(|count| count.parse().ok()).unwrap_or(KILLS.1)
}

/// The lines of the log that aren't the spool's own.
fn numbered(world: &World) -> Vec<String> {
    world.lines().into_iter().filter(|line| !line.contains(" tracing_spool: ")).collect()
}

fn line(number: u64) -> String {
    let filler = usize::try_from(number * 37 % 61 * (number % 7)).unwrap();
    format!("{number} {}\n", "x".repeat(filler))
}

/// Writes numbered lines in pieces of any size until it is told to stop. Returns how many.
fn feed(mut writer: std::fs::File, is_over: &AtomicBool) -> u64 {
    let mut dice = Dice(5);
    let (mut number, mut bytes) = (0, Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        while bytes.len() < 100_000 {
            bytes.extend_from_slice(line(number).as_bytes());
            number += 1;
        }
        // Not as fast as it can, or a thousand deaths would fill the memory.
        std::thread::sleep(Duration::from_micros(300));
        let most = [300, 9_000, 9_000, 90_000][usize::try_from(dice.below(4)).unwrap()];
        let len = usize::try_from(1 + dice.below(most)).unwrap();
        writer.write_all(&bytes[..len]).unwrap();
        bytes.drain(..len);
    }
    writer.write_all(&bytes).unwrap();
    number
}

#[test]
fn each_line_is_there_once_however_often_it_is_killed() {
    let world = World::new();
    let (reader, writer) = pipe();
    let ring = format!("--durable={}", world.path("ring").display());
    // Rotations under way, a small queue that is often full, and notices left out, which say what was saved.
    let args = [
        ring.as_str(),
        "--max-bytes=300k",
        "--backup-count=10000",
        "--max-total-bytes=8 GiB",
        "--queue-bytes=128KiB",
        "--durable-on-any-file-system",
    ];
    let start = |reader: &OwnedFd| {
        let stdin = reader.as_fd().try_clone_to_owned().unwrap();
        Running::start(world.pipe(&args).stdin(Stdio::from(stdin)).stderr(Stdio::null()))
    };
    let (is_over, mut dice) = (AtomicBool::new(false), Dice(11));
    let written = std::thread::scope(|scope| {
        let is_over = &is_over;
        let feeder = scope.spawn(move || feed(writer, is_over));
        for life in 0..kills() {
            let taken = || std::fs::metadata(world.path("ring.intake")).map_or(0, |meta| meta.len());
            let before = taken();
            let mut running = start(&reader);
            // Most deaths come while it reads, and some while it starts, of which a slow machine makes more.
            let most = if life % 4 == 0 { 100_000 } else { 8_000 };
            if life % 4 != 0 {
                until("it reads", || taken() > before);
            }
            std::thread::sleep(Duration::from_micros(dice.below(most)));
            running.signal(Signal::SIGKILL);
            running.end();
        }
        is_over.store(true, Ordering::Relaxed);
        let mut last = start(&reader);
        // If the program ends early, nobody reads, and the feeder fails instead of waiting.
        drop(reader);
        let written = feeder.join().unwrap();
        assert!(last.end().success());
        written
    });
    let found = numbered(&world);
    for (number, found) in found.iter().enumerate() {
        assert_eq!(*found, line(number as u64).trim_end_matches('\n'), "line {number} of {written}");
    }
    assert_eq!(found.len() as u64, written);
    println!("{} kills, {written} lines", kills());
    assert!(!world.path("ring.intake").exists(), "nothing is left in it");
}

/// Reads a line and half of another from a pipe, and is killed.
fn killed_in_a_line(world: &World, args: &[&str], reader: &OwnedFd, writer: &mut std::fs::File) {
    let stdin = reader.as_fd().try_clone_to_owned().unwrap();
    let mut running = Running::start(world.pipe(args).stdin(Stdio::from(stdin)));
    writer.write_all(b"whole\nha").unwrap();
    until("it is written", || world.text() == "whole\n");
    running.signal(Signal::SIGKILL);
    running.end();
}

/// `recover` knows what was read last, though it isn't in the ring yet.
#[test]
fn what_was_read_last_is_recovered_too_and_once() {
    let world = World::new();
    let (ring, log) = (world.path("ring"), world.log());
    let durable = format!("--durable={}", ring.display());
    let args = [durable.as_str(), "--durable-on-any-file-system"];
    let (reader, mut writer) = pipe();
    killed_in_a_line(&world, &args, &reader, &mut writer);
    let recover = |more: &[&std::path::Path]| {
        let output = crate::tspool(["recover".as_ref(), ring.as_path()]).args(more).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]));
        stderr(&output)
    };
    let said = recover(&[]);
    assert!(said.contains("2 B at most, which the process had read last, wait beside"), "{said}");
    recover(&["--into".as_ref(), log.as_path()]);
    assert_eq!(world.text(), "whole\nha\n");
    assert!(!world.path("ring.intake").exists(), "nothing is left in it");
    let next = run(&mut world.pipe(&args), b"more\n");
    assert_eq!((world.text().as_str(), stderr(&next).as_str()), ("whole\nha\nmore\n", ""));
}

#[test]
fn half_a_line_goes_on_in_the_same_pipe_and_is_one_of_its_own_before_another() {
    for (is_same, wanted) in [(true, &["whole", "half"][..]), (false, &["whole", "ha", "lf"])] {
        let world = World::new();
        let ring = format!("--durable={}", world.path("ring").display());
        let args = [ring.as_str(), "--durable-on-any-file-system"];
        let (reader, mut writer) = pipe();
        killed_in_a_line(&world, &args, &reader, &mut writer);
        if is_same {
            writer.write_all(b"lf\n").unwrap();
            drop(writer);
            let mut next = Running::start(world.pipe(&args).stdin(Stdio::from(reader)));
            assert!(next.end().success());
        } else {
            assert!(run(&mut world.pipe(&args), b"lf\n").status.success());
        }
        assert_eq!(numbered(&world), wanted);
    }
}

/// A process that read the pipe itself would lose what it has read and not stored, in a moment too short for the test above.
#[test]
fn the_system_moves_a_pipe_to_the_intake_without_a_stop_in_our_memory() {
    let world = World::new();
    let ring = format!("--durable={}", world.path("ring").display());
    let (reader, mut writer) = pipe();
    let args = [ring.as_str(), "--durable-on-any-file-system"];
    let running = Running::start(world.pipe(&args).stdin(Stdio::from(reader)));
    let input: String = (0..50_000).map(line).collect();
    writer.write_all(input.as_bytes()).unwrap();
    until("all is written", || world.text().len() == input.len());
    let io = std::fs::read_to_string(format!("/proc/{}/io", running.0.id())).unwrap();
    let written: usize = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap();
    assert!(
        written < input.len() * 3 / 2,
        "it writes the log, and not the intake too: {written} of {}",
        input.len()
    );
}

#[test]
fn a_ring_that_others_removed_or_used_costs_no_line_and_that_is_said() {
    for deed in ["removed", "used"] {
        let world = World::new();
        let ring = format!("--durable={}", world.path("ring").display());
        let args = [ring.as_str(), "--durable-on-any-file-system"];
        let (reader, mut writer) = pipe();
        killed_in_a_line(&world, &args, &reader, &mut writer);
        if deed == "removed" {
            std::fs::remove_file(world.path("ring")).unwrap();
        } else {
            // A program's own log, which knows nothing of the intake. Its record counts in the ring, too.
            let durable = tracing_spool::Durable::at(world.path("ring")).on_any_file_system();
            let (spool, guard) = tracing_spool::Spool::builder(world.log()).durable(durable).open().unwrap();
            spool.lines(tracing_core::Level::INFO).write_all(b"another's\n").unwrap();
            assert!(guard.shutdown(Duration::from_secs(20)).is_complete());
        }
        let output = run(&mut world.pipe(&args), b"lf\n");
        assert!(output.status.success());
        assert!(stderr(&output).contains("may be in the log twice"), "{deed}: {}", stderr(&output));
        let lines: Vec<String> = numbered(&world).into_iter().filter(|line| line != "another's").collect();
        assert_eq!(lines, ["whole", "ha", "lf"], "{deed}");
    }
}

#[test]
fn what_was_read_of_both_streams_of_a_command_is_there_once() {
    let world = World::new();
    let ring = format!("--durable={}", world.path("ring").display());
    let args =
        [ring.as_str(), "--durable-on-any-file-system", "--queue-bytes=64KiB", "--max-total-bytes=1GB"];
    // A thousand lines at a time, so that a death meets the one or the other.
    let script = "i=0; while seq -f 'out %.0f' $i $((i + 999)); do seq -f 'err %.0f' $i $((i + 999)) >&2; i=$((i + 1000)); done";
    let mut dice = Dice(3);
    for _ in 0..kills() / 2 {
        let before = world.text().len();
        let mut running = Running::start(&mut world.pipe(&[&args[..], &["--", "sh", "-c", script]].concat()));
        until("it reads", || world.text().len() > before + 100);
        std::thread::sleep(Duration::from_micros(dice.below(20_000)));
        running.signal(Signal::SIGKILL);
        running.end();
    }
    assert!(run(&mut world.pipe(&args), b"").status.success());
    let lines = numbered(&world);
    for stream in ["out ", "err "] {
        let mut last: Option<u64> = None;
        for line in lines.iter().filter(|line| line.starts_with(stream)) {
            let Ok(number) = line[stream.len()..].parse::<u64>() else { continue };
            let next = last.map_or(0, |last| last + 1);
            // Each life counts anew, and the death of the pipe may cut its last line.
            let is_cut = format!("{stream}{next}").starts_with(line);
            assert!(number == 0 || number == next || is_cut, "{line} after {last:?}");
            last = Some(number);
        }
    }
}
