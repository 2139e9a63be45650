//! A driver that logs for minutes while its disk fails now and then: nothing may be lost, and nothing may grow.

use std::fmt;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};

use crate::account::Account;
use crate::checker::check;
use crate::sweep::Ground;
use crate::{page, set, shim};

/// Resident memory may differ by so much while it runs: pages of the queue are taken into use as they are needed.
const SWING_KIB: u64 = 16 << 10;

/// What was done and found.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    account: Account,
    lines: u64,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account { offered, written, failures, alerts, descriptors, resident_kib, .. } = self.account;
        write!(
            f,
            "soak: {offered} lines offered, {written} written, 0 lost; {failures} calls failed, {alerts} alerts; the {} \
             lines that are kept are whole and in order; {} to {} descriptors, {} to {} KiB resident",
            self.lines, descriptors.0, descriptors.1, resident_kib.0, resident_kib.1
        )
    }
}

/// Logs for `seconds` on a disk of which, every two seconds or so, one kind of call fails for up to a second.
///
/// # Errors
/// What was found wrong.
pub fn soak(ground: &Ground, seconds: u64, seed: u64) -> Result<Verdict> {
    let (log, kept) = (ground.dir.join("log"), ground.dir.join("page"));
    std::fs::create_dir_all(&log)?;
    let live = log.join("app.log");
    let output = std::process::Command::new(&ground.driver)
        .arg("drive")
        .args(["--log".as_ref(), live.as_os_str(), "--page".as_ref(), kept.as_os_str()])
        .args(["--seconds", &seconds.to_string(), "--seed", &seed.to_string(), "--pause-us", "3000"])
        .args(["--sync-ms", "200", "--retry-ms", "20", "--flush-every", "1000"])
        .envs(shim::variables(&ground.library, &log))
        .env("SPOOL_FAULT_RANDOM", format!("{seed}:2000:1000"))
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let account: Account = serde_json::from_str(said.trim()).with_context(|| said.to_string())?;
    let findings = check(&set::read(&live)?);
    let progress = page::read(&kept);
    let mut faults = findings.faults();
    faults.extend(findings.faults_of_life(0, &progress, true));
    let accepted: u64 = progress.iter().map(|progress| progress.accepted).sum();
    let ends = progress.iter().zip(findings.runs.values());
    let checks = [
        (account.offered == accepted && account.written == accepted, "not every line is written"),
        (ends.clone().count() == progress.len(), "a thread has no line left"),
        (ends.clone().all(|(page, run)| run.next == page.accepted), "the last lines are missing"),
        (findings.torn.is_empty() && !findings.unended, "a line is torn"),
        (account.dropped + account.left == 0 && !account.incomplete, "something is lost"),
        (account.failures > 0, "no call failed"),
        (account.descriptors.1 <= account.descriptors.0 + 4, "descriptors grow"),
        (account.resident_kib.1 <= account.resident_kib.0 + SWING_KIB, "memory grows"),
    ];
    faults.extend(checks.iter().filter(|(is_so, _)| !is_so).map(|(_, what)| (*what).to_owned()));
    ensure!(faults.is_empty(), "seed {seed}: {}\n{account:?}\n{findings}", faults.join("\n"));
    Ok(Verdict { account, lines: findings.lines })
}
