//! Fails, shortens and delays the calls of a real program one by one, and reads what it leaves each time.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

use crate::account::Account;
use crate::checker::{Findings, check};
use crate::set::LogFile;
use crate::shim::{self, Action, OPS, Rule};
use crate::{page, set};

/// EINTR, EIO, EAGAIN, ENOMEM, EACCES, EBUSY, EMFILE, ENOSPC, EROFS, ESTALE, EDQUOT.
const ERRORS: [i32; 11] = [4, 5, 11, 12, 13, 16, 24, 28, 30, 116, 122];
/// A fault of more than one call lasts for so many.
const LASTING: u64 = 6;
/// Drivers at once: most of them wait for a deadline.
const AT_ONCE: usize = 8;

/// What was done and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Programs run.
    pub runs: usize,
    /// Calls that failed in them, as their accounts say.
    pub failures: u64,
    /// Programs that could not start, and said so.
    pub refused: u64,
    /// Lines found.
    pub lines: u64,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sweep of real programs: {} runs, {} calls failed, {} starts refused with a reason; {} lines, 0 lost, torn, \
             glued, repeated or out of order, every account exact",
            self.runs, self.failures, self.refused, self.lines
        )
    }
}

/// A place for drivers with failing disks.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The program.
    pub driver: PathBuf,
    /// The preloaded library.
    pub library: PathBuf,
    /// Where each run has a directory.
    pub dir: PathBuf,
}

/// Runs every rule that `keep` wants.
///
/// # Errors
/// What was found wrong, with the rule.
pub fn sweep(ground: &Ground, keep: impl Fn(usize) -> bool) -> Result<Verdict> {
    let rules: Vec<Rule> = rules(&counts(ground)?)
        .into_iter()
        .enumerate()
        .filter(|(number, _)| keep(*number))
        .map(|(_, rule)| rule)
        .collect();
    ensure!(!rules.is_empty(), "the program makes no calls");
    let (next, verdict) = (AtomicUsize::new(0), Mutex::new(Ok(Verdict::default())));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((number, rule)) = take(&next, &rules) {
                    let outcome = one(ground, number, rule).with_context(|| format!("{rule:?}"));
                    let Ok(mut verdict) = verdict.lock() else { return };
                    match (outcome, verdict.as_mut()) {
                        (Ok(more), Ok(sum)) => sum.add(more),
                        (Err(error), Ok(_)) => *verdict = Err(error),
                        (_, Err(_)) => return,
                    }
                }
            });
        }
    });
    verdict.into_inner().unwrap_or_else(|_| bail!("a run panicked"))
}

fn take<'a>(next: &AtomicUsize, rules: &'a [Rule]) -> Option<(usize, &'a Rule)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    Some((number, rules.get(number)?))
}

impl Verdict {
    fn add(&mut self, more: Self) {
        self.runs += more.runs;
        self.failures += more.failures;
        self.refused += more.refused;
        self.lines += more.lines;
    }
}

/// How often a program makes each kind of call when nothing fails.
fn counts(ground: &Ground) -> Result<Vec<u64>> {
    let file = ground.dir.join("counts");
    let dir = ground.dir.join("sound");
    let output = command(ground, &dir)?.env("SPOOL_FAULT_COUNT", &file).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(file)?;
    let count = |line: &str| line.split(' ').nth(1)?.parse().ok();
    Ok(text.lines().filter_map(count).collect())
}

/// Every call, with every errno, once and for a while; writes also short and slow.
fn rules(counts: &[u64]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (op, count) in OPS.into_iter().zip(counts) {
        let errors =
            ERRORS.into_iter().flat_map(|error| [1, LASTING].map(|times| (Action::Error(error), times)));
        let others = [(Action::Short(1), 1), (Action::Short(700), LASTING), (Action::Delay(30), 1)];
        let others = others.into_iter().filter(|_| op == "write");
        for (action, times) in errors.chain(others) {
            rules.extend((1..=*count).map(|nth| Rule { op, nth, action, times }));
        }
    }
    rules
}

fn command(ground: &Ground, dir: &Path) -> Result<Command> {
    fs::create_dir_all(dir)?;
    let mut command = Command::new(&ground.driver);
    command
        .arg("drive")
        .args(["--log".as_ref(), dir.join("app.log").as_os_str()])
        .args(["--page".as_ref(), ground.dir.join(dir.with_extension("page")).as_os_str()])
        .args(["--threads", "2", "--lines", "60", "--longest", "500", "--flush-every", "20"])
        .args(["--max-bytes", "6000", "--backups", "3", "--retry-ms", "1"])
        .envs(shim::variables(&ground.library, dir))
        .stdin(Stdio::null());
    Ok(command)
}

/// What the checker finds where the files stand in the order of their content, whatever their numbers say. Where one was
/// removed, it may have stood between two others.
fn in_some_order(mut files: Vec<LogFile>, is_pruned: bool) -> Findings {
    let is_whole = |findings: &Findings| {
        let has_no_hole = || findings.runs.values().all(|run| run.holes.is_empty());
        findings.faults().is_empty() && (is_pruned || has_no_hole())
    };
    let count = files.len();
    let mut turns = vec![0; count];
    let mut findings = check(&files);
    let mut at = 1;
    // Heap's algorithm: every order once, each from the one before by one exchange.
    while at < count && !is_whole(&findings) {
        if turns[at] < at {
            files.swap(if at % 2 == 0 { 0 } else { turns[at] }, at);
            findings = check(&files);
            turns[at] += 1;
            at = 1;
        } else {
            turns[at] = 0;
            at += 1;
        }
    }
    findings
}

fn one(ground: &Ground, number: usize, rule: &Rule) -> Result<Verdict> {
    let dir = ground.dir.join(format!("run-{number}"));
    let (name, text) = shim::rule_variable(rule);
    let output = command(ground, &dir)?.env(name, text).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let cried = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        // A start that cannot be is refused in words, and nothing was offered.
        ensure!(
            output.status.code() == Some(1) && cried.starts_with("Error: "),
            "{}: {cried}",
            output.status
        );
        return Ok(Verdict { runs: 1, refused: 1, ..Verdict::default() });
    }
    let account: Account = serde_json::from_str(said.trim()).with_context(|| said.to_string())?;
    let page = page::read(&dir.with_extension("page"));
    let files = set::read(&dir.join("app.log"))?;
    let findings = if account.stepped_over == 0 {
        check(&files)
    } else {
        in_some_order(files, account.pruned_files > 0)
    };
    let mut faults = findings.faults();
    if account.stepped_over == 0 || account.pruned_files == 0 {
        faults.extend(findings.faults_of_life(0, &page, account.pruned_files > 0));
    }
    if account.pruned_files == 0 {
        faults.extend(findings.faults_of_account(&account, &page));
    }
    if !findings.torn.is_empty() || findings.unended {
        faults.push(format!("torn: {:?}", findings.torn));
    }
    if account.incomplete || account.dropped + account.left > 0 {
        faults.push(format!("not all is written: {account:?}"));
    }
    ensure!(faults.is_empty(), "{}\n{findings}", faults.join("\n"));
    fs::remove_dir_all(&dir)?;
    Ok(Verdict { runs: 1, failures: account.failures, lines: findings.lines, refused: 0 })
}
