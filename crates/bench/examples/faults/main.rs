//! What other loggers and ours do when something goes wrong: each (logger, fault) in a process and a directory of its own,
//! one Markdown table for each fault. `docs/compare.md` is made of them.
//!
//! ```text
//! sudo cargo run --release --manifest-path crates/bench/Cargo.toml --example faults             # all, a quarter of an hour
//! cargo run --release --manifest-path crates/bench/Cargo.toml --example faults -- exit log4rs   # one fault, one logger
//! ```
//!
//! Root is needed for the full disks (a tmpfs is mounted) and for the lost permission (the child runs as nobody); a C
//! compiler for the slow disk, Debian's `libspdlog-dev` and a C++ compiler for C++ spdlog. What is missing is a dash.

mod account;
mod child;
mod loggers;
mod native;

use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use account::Found;
use child::{Fault, Report};
use native::Built;

/// Whoever takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the reader of stdout sleeps.
const ASLEEP: Duration = Duration::from_secs(4);
const NOBODY: u32 = 65_534;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let ["child", fault, logger, place] = args[..] {
        return child::run(Fault::named(fault)?, logger, Path::new(place));
    }
    let wanted =
        |at: usize, name: &str| args.get(at).is_none_or(|wanted| *wanted == "all" || *wanted == name);
    let tools = tempfile::tempdir()?;
    let built = Built::in_dir(tools.path());
    for fault in child::FAULTS.into_iter().filter(|fault| wanted(0, fault.name())) {
        println!("### {}\n\n{}\n", fault.name(), fault.about());
        println!(
            "| logger | logged | found (before, during, after) | torn | its counter says lost | the log says so | lines on stderr | \
             recovers | files of others harmed | longest call | how it ends |"
        );
        println!("|---|--:|---|--:|--:|---|--:|---|---|--:|---|");
        for logger in loggers::NAMES.into_iter().filter(|logger| wanted(1, logger)) {
            let row = if fault.suits(logger) { run(fault, logger, &built) } else { Ok(None) };
            match row {
                Ok(Some(row)) => println!("| {logger} | {row} |"),
                // Variants of ours are made for some faults.
                Ok(None) if [loggers::KEEPS, loggers::DURABLE].contains(&logger) => {}
                Ok(None) => println!("| {logger} |{}", " – |".repeat(10)),
                Err(error) => println!("| {logger} | not measured: {error:#} |{}", " |".repeat(9)),
            }
        }
        println!();
    }
    Ok(())
}

/// A row of the table, without the logger's name; none if it cannot be measured here.
fn run(fault: Fault, logger: &str, built: &Built) -> Result<Option<String>> {
    let needs_root = fault.fills_a_disk() || fault == Fault::Permission;
    if (needs_root && !nix::unistd::geteuid().is_root())
        || (fault.needs_the_shim() && built.shim.is_none())
        || (logger == loggers::NATIVE && built.spdlog.is_none())
    {
        return Ok(None);
    }
    let place = tempfile::tempdir()?;
    let log = place.path().join("log");
    fs::create_dir(&log)?;
    let _mounted = fault.fills_a_disk().then(|| Mounted::small(&log)).transpose()?;
    fs::set_permissions(place.path(), Permissions::from_mode(0o755))?;
    account::plant(&log, fault == Fault::Retention)?;
    if fault == Fault::Rename {
        let taken = log.join(loggers::next_backup(logger).context("no name is known")?);
        fs::create_dir(&taken)?;
        fs::write(taken.join("precious"), "of others")?;
    }
    if fault == Fault::Permission {
        let everything = fs::read_dir(&log)?.filter_map(|entry| Some(entry.ok()?.path()));
        for path in everything.chain([place.path().to_owned(), log.clone()]) {
            chown(path, Some(NOBODY), Some(NOBODY))?;
        }
    }
    let (status, said, read) = finish(fault, spawn(fault, logger, place.path(), built)?)?;
    if fault == Fault::Retention {
        finish(fault, spawn(fault, logger, place.path(), built)?)?;
    }
    if logger == loggers::DURABLE {
        finish(Fault::Restart, spawn(Fault::Restart, logger, place.path(), built)?)?;
    }
    let report = Report::of(place.path()).context("the child left no report")?;
    let mut found = Found::default();
    found.add(&read);
    if fault != Fault::Stdout {
        found.add_files(&log)?;
        found.add_moved(&log, report.logged[0]);
    }
    let mut harmed = account::harmed(&log, fault == Fault::Retention);
    if let Some(name) = loggers::next_backup(logger).filter(|_| fault == Fault::Rename)
        && !fs::read_to_string(place.path().join(name).join("precious")).is_ok_and(|text| text == "of others")
    {
        harmed.push(format!("the directory `{name}`, renamed"));
    }
    Ok(Some(row(fault, &report, &found, &harmed, said, status)))
}

fn spawn(fault: Fault, logger: &str, place: &Path, built: &Built) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["child", fault.name(), logger]).arg(place).stdout(Stdio::piped()).stderr(Stdio::piped());
    if fault == Fault::Permission {
        command.uid(NOBODY).gid(NOBODY); // root ignores modes
    }
    if let (true, Some(shim)) = (fault.needs_the_shim(), &built.shim) {
        command.env("LD_PRELOAD", shim);
    }
    if let Some(library) = &built.spdlog {
        command.env(native::LIBRARY, library);
    }
    Ok(command.spawn()?)
}

/// How it ended (none: it hung), how many lines stood on its stderr, and what it wrote to stdout.
fn finish(fault: Fault, mut child: Child) -> Result<(Option<ExitStatus>, usize, Vec<u8>)> {
    let (mut stdout, mut stderr) =
        (child.stdout.take().context("stdout")?, child.stderr.take().context("stderr")?);
    let stdout = thread::spawn(move || {
        let mut read = Vec::new();
        if fault == Fault::Stdout {
            thread::sleep(ASLEEP);
        }
        stdout.read_to_end(&mut read).map(|_| read)
    });
    let stderr = thread::spawn(move || {
        let mut read = Vec::new();
        stderr.read_to_end(&mut read).map(|_| read.iter().filter(|byte| **byte == b'\n').count())
    });
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let (Ok(read), Ok(said)) = (stdout.join(), stderr.join()) else { bail!("a reader panicked") };
    Ok((status, said?, read?))
}

fn row(
    fault: Fault,
    report: &Report,
    found: &Found,
    harmed: &[String],
    said: usize,
    status: Option<ExitStatus>,
) -> String {
    let longest = match report.longest_micros {
        _ if !fault.ends_by_itself() => "–".to_owned(),
        micros @ 0..100 => format!("{micros} µs"),
        micros => format!("{:.1} ms", micros as f64 / 1e3),
    };
    let logged: usize = report.logged.iter().sum();
    let [before, during, after] = found.by_phase(report.logged);
    let told = match report.told {
        _ if !fault.ends_by_itself() => "–".to_owned(),
        Some(told) => told.to_string(),
        None => "no counter".to_owned(),
    };
    let recovers = match report.logged[2] {
        0 => "–".to_owned(),
        _ if found.has_the_end(logged) => "yes".to_owned(),
        _ => "**no**".to_owned(),
    };
    let harmed = if harmed.is_empty() { "none".to_owned() } else { format!("**{}**", harmed.join(", ")) };
    let owned_up = if found.owned_up { "yes" } else { "no" };
    let end = match status {
        None => "**hangs**".to_owned(),
        Some(status) if status.success() && fault.ends_by_itself() => format!("in {} ms", report.end_millis),
        Some(status) if status.success() => "exit".to_owned(),
        Some(status) => {
            status.signal().map_or_else(|| status.to_string(), |signal| format!("signal {signal}"))
        }
    };
    let torn = if found.nul_bytes {
        format!("{}, with a hole of NUL bytes", found.torn)
    } else {
        found.torn.to_string()
    };
    format!(
        "{logged} | {} ({before}, {during}, {after}) | {torn} | {told} | {owned_up} | {said} | {recovers} | {harmed} | {longest} | {end}",
        before + during + after,
    )
}

/// A small disk; it is gone when this is dropped.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn small(at: &'a Path) -> Result<Self> {
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(at).status()?;
        if !status.success() {
            bail!("no tmpfs can be mounted");
        }
        Ok(Self(at))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // If it stays, the directory cannot be removed, which is seen.
        let _ = Command::new("umount").arg(self.0).status();
    }
}
