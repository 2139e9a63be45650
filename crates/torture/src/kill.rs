//! Kills a driver at random moments, again and again on the same files, and reads them after each kill.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use fastrand::Rng;
use tracing_spool::Compression;
use tracing_spool_fileset::internal::name::Names;

use crate::checker::{Findings, check};
use crate::{page, set};

/// What was done and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Processes killed.
    pub kills: u32,
    /// Lines whose event had been begun.
    pub offered: u64,
    /// Lines that a flush had reported as written.
    pub flushed: u64,
    /// Lines found right after the kill of their life.
    pub found: u64,
    /// Kills that cut a line.
    pub torn: u64,
    /// Kills before the first line was in a file.
    pub early: u64,
    /// Kills while a backup was being compressed.
    pub packing: u64,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "kill: {} kills, {} of {} lines written, {} flushed and all of them found; {} lines torn by a kill, each \
             ended by the next start; {} kills before the first line; 0 glued, missing between others, \
             repeated or out of order",
            self.kills, self.found, self.offered, self.flushed, self.torn, self.early
        )?;
        if self.packing > 0 { write!(f, "; {} kills in mid-compression", self.packing) } else { Ok(()) }
    }
}

/// Kills `kills` drivers, one after the other, on a log in `dir`. Where they compress, one more then comes to its end and
/// leaves nothing half done.
///
/// # Errors
/// What was found wrong, with the number of the kill; or why it could not be done.
pub fn kill_loop(driver: &Path, dir: &Path, form: Compression, kills: u32, seed: u64) -> Result<Verdict> {
    let mut rng = Rng::with_seed(seed);
    let log = dir.join("app.log");
    let mut verdict = Verdict { kills, ..Verdict::default() };
    let temporary = Names::new(&log).context("the log has no file name")?.pack_temporary();
    let (mut was_unended, mut left) = (false, None);
    for life in 0..kills {
        let page = dir.join("page");
        let _ = fs::remove_file(&page);
        kill_one(driver, &log, &page, form, life, &mut rng).with_context(|| format!("life {life}"))?;
        let files = if log_stands(dir)? { set::read(&log)? } else { Vec::new() };
        let findings = check(&files);
        let progress = page::read(&page);
        let mut faults = findings.faults();
        faults.extend(findings.faults_of_life(life, &progress, false));
        faults.extend(faults_of_tail(&findings, verdict.early));
        if !faults.is_empty() {
            bail!("seed {seed}, kill {life}: {}\n{findings}", faults.join("\n"));
        }
        verdict.torn += u64::from(findings.unended && !was_unended);
        was_unended = findings.unended;
        verdict.offered += progress.iter().map(|progress| progress.offered).sum::<u64>();
        verdict.flushed += progress.iter().map(|progress| progress.flushed).sum::<u64>();
        let found: u64 = findings.runs.range((life, 0)..=(life, u32::MAX)).map(|(_, run)| run.lines()).sum();
        verdict.found += found;
        verdict.early += u64::from(found == 0);
        let half_done = identity(&temporary);
        if found > 0 && half_done.is_some() && half_done == left {
            bail!("seed {seed}, kill {life}: the temporary of the life before still stands");
        }
        verdict.packing += u64::from(half_done.is_some());
        left = half_done;
    }
    if form != Compression::None {
        end_one(driver, &log, &dir.join("page"), form, kills)?;
        ensure!(!temporary.exists(), "the temporary of a compression still stands");
    }
    Ok(verdict)
}

/// What tells a file from a later one of its name. Not when it was modified: a compressed file is given the time of the
/// plain one.
fn identity(path: &Path) -> Option<(u64, i64, i64)> {
    fs::metadata(path).ok().map(|meta| (meta.ino(), meta.ctime(), meta.ctime_nsec()))
}

/// A life that comes to its end, after which all is whole and something compressed.
fn end_one(driver: &Path, log: &Path, page: &Path, form: Compression, life: u32) -> Result<()> {
    let output = drive(driver, log, page, form, life).args(["--lines", "10"]).output()?;
    ensure!(output.status.success(), "the last life: {}", String::from_utf8_lossy(&output.stderr));
    let files = set::read(log)?;
    let findings = check(&files);
    let faults = findings.faults();
    ensure!(files.iter().any(|file| file.is_packed()), "no backup was compressed");
    ensure!(faults.is_empty(), "after the last life: {}\n{findings}", faults.join("\n"));
    Ok(())
}

fn drive(driver: &Path, log: &Path, page: &Path, form: Compression, life: u32) -> Command {
    let mut command = Command::new(driver);
    command
        .arg("drive")
        .args(["--log".as_ref(), log.as_os_str(), "--page".as_ref(), page.as_os_str()])
        .args(["--life", &life.to_string(), "--form", form.as_str()]);
    if form != Compression::None {
        command.args(["--max-bytes", "65536", "--backups", "80"]); // so that there is something to compress
    }
    command
}

/// Every torn line but the very last one was ended by the next start, which says so behind it; unless that was killed
/// before it could say anything, as `early` lives were.
fn faults_of_tail(findings: &Findings, early: u64) -> Vec<String> {
    let untold = findings.torn.len() as u64 - findings.torn_and_told;
    if untold > u64::from(findings.unended) + early {
        return vec![format!("torn and not told of: {:?}", findings.torn)];
    }
    Vec::new()
}

fn log_stands(dir: &Path) -> Result<bool> {
    Ok(fs::read_dir(dir)?
        .filter_map(Result::ok)
        .any(|entry| entry.file_name().to_string_lossy().starts_with("app.log")))
}

fn kill_one(
    driver: &Path,
    log: &Path,
    page: &Path,
    form: Compression,
    life: u32,
    rng: &mut Rng,
) -> Result<()> {
    let pause = [0, 0, 500, 3_000][rng.usize(..4)];
    let flush = [0, 7, 50][rng.usize(..3)];
    let longest = [300, 3_000][rng.usize(..2)];
    let lines = if longest == 300 { 3_000 } else { 300 };
    let mut child = drive(driver, log, page, form, life)
        .args(["--seed", &rng.u64(..).to_string(), "--stay"])
        .args(["--lines", &lines.to_string(), "--longest", &longest.to_string()])
        .args(["--pause-us", &pause.to_string(), "--flush-every", &flush.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| driver.display().to_string())?;
    thread::sleep(Duration::from_micros(rng.u64(500..60_000)));
    child.kill()?;
    let output = child.wait_with_output()?;
    if !output.stderr.is_empty() {
        bail!("the driver said: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
