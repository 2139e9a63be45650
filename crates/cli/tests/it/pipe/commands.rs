//! A command's output: both of its streams, its exit code, and what it inherits.

use std::process::Stdio;
use std::time::Instant;

use super::support::{World, run, stderr};

#[test]
fn both_streams_are_in_the_log_and_the_code_is_the_commands() {
    let world = World::new();
    let script = "for i in $(seq 2000); do echo out $i; echo err $i >&2; done; printf 'no newline'; exit 7";
    let output = run(&mut world.pipe(&["--tee", "--", "sh", "-c", script]), b"");
    assert_eq!(output.status.code(), Some(7));
    let lines = world.lines();
    let of = |word: &str| lines.iter().filter(|line| line.starts_with(word)).cloned().collect::<Vec<_>>();
    let wanted = |word: &str| (1..=2000).map(|number| format!("{word} {number}")).collect::<Vec<_>>();
    assert_eq!((of("out"), of("err")), (wanted("out"), wanted("err")));
    assert_eq!((lines.len(), of("no newline").len()), (4_001, 1));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2_001);
    assert_eq!(stderr(&output).lines().count(), 2_000);
}

#[test]
fn a_signals_death_is_128_and_its_number() {
    let world = World::new();
    let output = run(&mut world.pipe(&["--", "sh", "-c", "kill -KILL $$"]), b"");
    assert_eq!(output.status.code(), Some(137));
}

#[test]
fn a_command_that_cant_run_leaves_no_log() {
    let world = World::new();
    let file = world.path("file");
    std::fs::write(&file, "no program").unwrap();
    for (command, code) in [("no-such-command", 127), ("./no/such", 127), (file.to_str().unwrap(), 126)] {
        let output = run(&mut world.pipe(&["--", command]), b"");
        assert_eq!(output.status.code(), Some(code), "{command}");
        assert!(stderr(&output).contains(command), "{}", stderr(&output));
        assert!(!world.log().exists());
    }
}

#[test]
fn stdin_is_the_commands() {
    let world = World::new();
    let output = run(&mut world.pipe(&["--", "cat"]), b"through cat\n");
    assert!(output.status.success());
    assert_eq!(world.text(), "through cat\n");
}

#[test]
fn a_grandchild_that_keeps_the_pipe_is_not_waited_for_without_end() {
    let world = World::new();
    let begun = Instant::now();
    let output = run(&mut world.pipe(&["--", "sh", "-c", "sleep 60 & echo done; exit 3"]), b"");
    assert_eq!((output.status.code(), world.text().as_str()), (Some(3), "done\n"));
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn the_command_inherits_nothing_odd() {
    let script = "ls -1 /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status";
    let mut direct = std::process::Command::new("env");
    direct.args(["--default-signal=INT,QUIT", "sh", "-c", script]).stdin(Stdio::null());
    let direct = direct.output().unwrap();
    let world = World::new();
    let mut command = world.pipe(&["--", "sh", "-c", script]);
    assert!(command.output().unwrap().status.success());
    assert_eq!(world.text(), String::from_utf8(direct.stdout).unwrap());
    // What `nohup` asks for is the command's, too.
    let world = World::new();
    let program = env!("CARGO_BIN_EXE_tspool");
    let log = world.log();
    let script =
        format!("trap '' HUP QUIT; exec {program} pipe {} -- grep SigIgn /proc/self/status", log.display());
    assert!(std::process::Command::new("sh").args(["-c", &script]).status().unwrap().success());
    let text = world.text();
    let ignored = u64::from_str_radix(text.trim().rsplit('\t').next().unwrap(), 16).unwrap();
    assert_eq!(ignored & 0b101, 0b101, "SIGHUP and SIGQUIT: {text}");
}
