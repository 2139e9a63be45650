//! What a newcomer sees: files, ledger, latencies, what happened meanwhile, and the lines that did it.
//! It computes nothing that it does not show, and prints nowhere but here.

#![expect(clippy::print_stderr, reason = "a program may say what it did")]

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::callers::Calls;
use crate::probes::Probed;
use crate::sampler::Seen;
use crate::{CAP, CONNECTIONS, FILE, OLD, REQUESTS};

/// Prints a line. Whoever looks on may leave early (`| head`): that is no reason to fall over.
macro_rules! say {
    ($($words:tt)*) => {
        drop(writeln!(stdout(), $($words)*))
    };
}

/// Columns of the longest bar.
const BAR: u64 = 32;
/// Columns of a line of the log, where it is shown.
const WIDTH: usize = 100;

/// What the spool says of itself, copied out at the end.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) offered: u64,
    pub(crate) written: u64,
    pub(crate) dropped: u64,
    pub(crate) queued: u64,
    pub(crate) rotations: u64,
    pub(crate) pruned: u64,
    pub(crate) writes: u64,
    pub(crate) write_bytes: u64,
    pub(crate) alerts: u64,
}

impl Ledger {
    /// Whether every record offered is accounted for, and none is on its way any more.
    fn balances(&self) -> bool {
        self.offered == self.written + self.dropped + self.queued && self.queued == 0
    }
}

/// All that there is to tell.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) calls: Calls,
    pub(crate) took: Duration,
    pub(crate) seen: Seen,
    pub(crate) ledger: Ledger,
    pub(crate) probed: Probed,
    pub(crate) last_line: String,
}

impl Findings {
    /// What is wrong with it; nothing, when all is well.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let ledger = &self.ledger;
        if !ledger.balances() {
            let Ledger { offered, written, dropped, queued, .. } = ledger;
            faults.push(format!("the ledger does not balance: {offered} offered, {written} written, {dropped} dropped, {queued} queued"));
        }
        if self.seen.largest > CAP {
            faults.push(format!(
                "the files were {} bytes large, more than their cap of {CAP}",
                self.seen.largest
            ));
        }
        if !self.probed.is_well() {
            faults.push(format!("/healthz or /metrics did not answer as it should: {:?}", self.probed));
        }
        if self.calls.latencies.len() != REQUESTS {
            faults.push(format!("{} requests of {REQUESTS} were answered", self.calls.latencies.len()));
        }
        faults
    }
}

/// Says what is wrong.
pub(crate) fn complain(what: &str) {
    // With its name, for this may stand among the words of other programs.
    eprintln!("{}service: {what}", if stderr().is_terminal() { "\n  " } else { "" });
}

/// The first words, before anything is logged.
pub(crate) fn opening(log: &Path, text: bool) {
    say!("\n  tracing-spool: a service under load\n");
    let form = if text { "plain lines" } else { "JSON lines" };
    say!("    log       {form} into {}", log.display());
    say!("    limits    {} a file, up to {OLD} backups, {} in all", size(FILE), size(CAP));
}

/// Shown while it runs.
pub(crate) fn calling(address: SocketAddr) {
    say!("    service   http://{address}, axum with TraceLayer");
    let line = format!("{} requests over {CONNECTIONS} connections", grouped(REQUESTS as u64));
    say!("    callers   {line}{}", if stdout().is_terminal() { " ..." } else { "" });
}

/// The whole report.
pub(crate) fn findings(findings: &Findings, lines: &[&str]) {
    files(&findings.seen);
    ledger(&findings.ledger);
    requests(&findings.calls, findings.took);
    meanwhile(&findings.ledger, &findings.seen);
    probes(&findings.probed);
    heading("The newest line");
    let newest: Vec<char> = findings.last_line.chars().collect();
    for part in newest.chunks(WIDTH) {
        say!("    {}", part.iter().collect::<String>());
    }
    heading("The three lines that did it");
    for line in lines {
        say!("    {line}");
    }
}

/// The last words.
pub(crate) fn closing(faults: &[String], kept: Option<&Path>) {
    say!();
    if let Some(dir) = kept {
        say!("  The files stay in {}", dir.display());
    }
    if faults.is_empty() {
        say!("  Every record is accounted for, and the files never outgrew their cap.\n");
    }
    for fault in faults {
        complain(fault);
    }
}

fn files(seen: &Seen) {
    heading("The files");
    let width = seen.files.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, bytes) in &seen.files {
        let bar = "▇".repeat(usize::try_from((bytes * BAR).div_ceil(FILE).min(BAR)).unwrap_or_default());
        say!("    {}", format!("{name:width$}  {:>9}  {bar}", size(*bytes)).trim_end());
    }
    let total = seen.files.iter().map(|(_, bytes)| bytes).sum();
    say!("    {:width$}  {:>9}  of {}", "in all", size(total), size(CAP));
}

fn ledger(ledger: &Ledger) {
    heading("The ledger");
    say!("    offered    {:>9}", grouped(ledger.offered));
    say!("    = written  {:>9}", grouped(ledger.written));
    say!("    + dropped  {:>9}", grouped(ledger.dropped));
    say!(
        "    + queued   {:>9}  {}",
        grouped(ledger.queued),
        if ledger.balances() { "it balances" } else { "IT DOES NOT BALANCE" }
    );
}

fn requests(calls: &Calls, took: Duration) {
    heading("The requests");
    let [_, _, good, _, missing, failed] = calls.answers;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "shown rounded"
    )]
    let rate = (calls.latencies.len() as f64 / took.as_secs_f64()) as u64;
    let (good, missing, failed) = (grouped(good as u64), grouped(missing as u64), grouped(failed as u64));
    say!("    answers    {good} good, {missing} not found, {failed} failed, as the shop is made to");
    say!("    rate       {} a second, for {:.1} s", grouped(rate), took.as_secs_f64());
    let latency = |percent| millis(calls.percentile(percent));
    let (p50, p90, p99, max) = (latency(50.0), latency(90.0), latency(99.0), latency(100.0));
    say!("    latency    p50 {p50}   p90 {p90}   p99 {p99}   max {max}");
}

fn meanwhile(ledger: &Ledger, seen: &Seen) {
    heading("Meanwhile");
    say!("    rotations  {:>9}", grouped(ledger.rotations));
    say!("    pruned     {:>9}  backups, to stay below count and cap", grouped(ledger.pruned));
    let each = ledger.write_bytes.checked_div(ledger.writes).unwrap_or_default();
    say!("    writes     {:>9}  of {} on average", grouped(ledger.writes), size(each));
    say!("    alerts     {:>9}", grouped(ledger.alerts));
    say!(
        "    largest    {:>9}  in all, in {} looks; the cap is {}",
        size(seen.largest),
        grouped(seen.looks),
        size(CAP)
    );
}

fn probes(probed: &Probed) {
    heading("What machines ask");
    let (status, words) = &probed.health;
    say!("    /healthz   {status} {words}");
    say!("    /metrics   {} {} samples, such as", probed.metrics_status, probed.samples);
    let value = probed.written.rsplit(' ').next().unwrap_or_default();
    let name = probed.written.split('{').next().unwrap_or_default();
    say!("               {name} {value}");
}

fn heading(words: &str) {
    say!("\n  {words}");
}

/// `5 MiB`, `4.98 MiB`, `412 KiB`, `7 B`.
fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    match bytes {
        0..1_024 => format!("{bytes} B"),
        _ if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        // Cut, not rounded: a cap that is nearly reached must not look as if it were.
        _ => format!("{:.2} MiB", (mebibytes * 100.0).floor() / 100.0),
    }
}

fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1_000.0)
}

/// `90 012`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}
