//! Lines into a set: whole, in order, rotated, cut, of a level; and settings from flags and variables.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use super::support::{Running, World, pipe, run, set_text, stderr, until};

#[test]
fn every_line_is_in_the_set_once_and_in_order() {
    let world = World::new();
    let input: String = (0..200_000).map(|number| format!("line {number}\n")).collect();
    let output = run(&mut world.pipe(&["--max-bytes", "300k", "--backup-count=20"]), input.as_bytes());
    assert!(output.status.success() && stderr(&output).is_empty(), "{}", stderr(&output));
    assert!(world.text() == input, "the same bytes");
    assert!(world.path("app.log.3").exists(), "over several files");
}

#[test]
fn a_line_is_whole_however_it_arrives_and_the_last_needs_no_newline() {
    for args in [&[][..], &["--sync-at=error"], &["--overflow=drop_newest"]] {
        let world = World::new();
        let (reader, mut writer) = pipe();
        let mut running = Running::start(world.pipe(args).stdin(Stdio::from(reader)));
        for piece in ["one\ntw", "o", "\n", "\nfi", "ve"] {
            writer.write_all(piece.as_bytes()).unwrap();
            // The next piece comes in a read of its own.
            until("the pipe is read", || nix::sys::stat::fstat(&writer).is_ok() && is_empty(&writer));
        }
        drop(writer);
        assert!(running.end().success());
        assert_eq!(world.text(), "one\ntwo\n\nfive\n", "{args:?}");
    }
}

/// Whether nothing is in the pipe.
fn is_empty(writer: &std::fs::File) -> bool {
    use std::os::fd::AsRawFd as _;
    // Opened again for reading, without waiting.
    let again = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options.read(true), nix::libc::O_NONBLOCK);
    let reader = options.open(again).unwrap();
    let mut poll = [nix::poll::PollFd::new(std::os::fd::AsFd::as_fd(&reader), nix::poll::PollFlags::POLLIN)];
    nix::poll::poll(&mut poll, nix::poll::PollTimeout::ZERO).unwrap() == 0
}

#[test]
fn an_endless_line_is_cut_and_takes_no_endless_memory() {
    for durable in [false, true] {
        let world = World::new();
        let (reader, mut writer) = pipe();
        let ring = format!("--durable={}", world.path("ring").display());
        let mut args = vec!["--queue-bytes=1 MiB", "--max-record-bytes=1000", "--durable-on-any-file-system"];
        args.extend(durable.then_some(ring.as_str()));
        let mut running = Running::start(world.pipe(&args).stdin(Stdio::from(reader)));
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..200 {
            writer.write_all(&piece).unwrap();
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.0.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 64 << 10, "{kilobytes} kB");
        if durable {
            let meta = std::fs::metadata(world.path("ring.intake")).unwrap();
            let held = std::os::unix::fs::MetadataExt::blocks(&meta) * 512;
            assert!(held < 16 << 20, "{held} bytes of memory for {} of input", meta.len());
        }
        writer.write_all(b"\nshort\n").unwrap();
        drop(writer);
        assert!(running.end().success());
        let lines = world.lines();
        assert!(lines.len() == 2 && lines[0].len() < 1_100 && lines[0].contains("209714"), "{lines:?}");
        assert_eq!(lines[1], "short");
    }
}

#[test]
fn a_flag_beats_its_variable_and_all_faults_are_told_before_anything_is_touched() {
    let world = World::new();
    let mut command = world.pipe(&["--max-bytes=1 KiB", "--backup-count=3"]);
    let input = "x".repeat(99) + "\n";
    let output = run(command.env("TSPOOL_MAX_BYTES", "1 GiB"), input.repeat(20).as_bytes());
    assert!(output.status.success() && world.path("app.log.1").exists(), "{}", stderr(&output));

    let world = World::new();
    let mut command = world.pipe(&["--overflow=maybe", "--quiet=perhaps"]);
    let output = run(command.env("TSPOOL_MAX_BYTES", "ten"), b"x\n");
    let said = stderr(&output);
    for part in ["--overflow = \"maybe\": must be", "--quiet = \"perhaps\"", "TSPOOL_MAX_BYTES = \"ten\""] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let output_of_open = run(&mut world.pipe(&["--max-bytes=0", "--queue-bytes=1"]), b"x\n");
    let said = stderr(&output_of_open);
    assert!(said.contains("set by --max-bytes") && said.contains("set by --queue-bytes"), "{said}");
    let output_of_durable = run(&mut world.pipe(&["--durable", "--overflow=drop_newest"]), b"x\n");
    assert!(
        stderr(&output_of_durable).contains("--overflow = \"drop_newest\": must be \"block\" with --durable")
    );
    for output in [output, output_of_open, output_of_durable] {
        assert_eq!(output.status.code(), Some(2));
    }
    assert_eq!(std::fs::read_dir(world.dir.path()).unwrap().count(), 0);
}

#[test]
fn a_tee_passes_the_bytes_and_its_end_is_not_the_logs() {
    let world = World::new();
    let output = run(&mut world.pipe(&["--tee"]), b"one\n\xff two");
    assert_eq!(output.stdout, b"one\n\xff two");
    let world = World::new();
    let mut command = world.pipe(&["--tee"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    stdin.write_all(b"first\n").unwrap();
    let mut first = [0; 6];
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    for number in 0..1_000 {
        stdin.write_all(format!("{number}\n").as_bytes()).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && stderr(&output).is_empty(), "{}", stderr(&output));
    assert_eq!(world.lines().len(), 1_001);
}

#[test]
fn levels_decide_who_is_dropped_when_the_queue_is_full() {
    let world = World::new();
    // So many at once find no room, however quick the writer is.
    let args = ["--overflow=drop_newest", "--queue-records=100", "--linger=1s", "--require-dir"];
    let mut input = "DEBUG noise\n".repeat(50_000) + &"WARN noise\n".repeat(500);
    input += "ERROR kept\n";
    let output = run(&mut world.pipe(&args), input.as_bytes());
    assert_eq!(output.status.code(), Some(4), "some were dropped: {}", stderr(&output));
    let text = set_text(&world.log());
    assert!(text.contains("ERROR kept") && text.contains("DEBUG noise"), "{text}");
    assert!(text.contains(" tracing_spool: "), "a notice says what is missing: {text}");
}

#[test]
fn no_stdin_is_no_input() {
    let world = World::new();
    let program = env!("CARGO_BIN_EXE_tspool");
    let script = format!("exec {program} pipe {} <&-", world.log().display());
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(world.text(), "");
}
