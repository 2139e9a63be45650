//! Measures this crate beside `tracing_appender::non_blocking` in one run: throughput, and what an event costs its
//! caller. It measures two targets, not the range of workloads that a benchmark suite would.
//!
//! `cargo run --release -p tracing-spool-tests --example compare`

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling;
use tracing_spool::{Overflow, Spool, SpoolGuard, SyncPolicy};
use tracing_subscriber::fmt::MakeWriter;

const ROUNDS: usize = 5;
const LINE_BYTES: usize = 120;
/// Lines of one measurement of throughput, over all threads.
const LINES: usize = 3_000_000;
const THREADS: [usize; 2] = [1, 4];
/// Events of one measurement of latency, and the time between two.
const EVENTS: usize = 50_000;
const PERIOD: Duration = Duration::from_micros(20);
const PATIENCE: Duration = Duration::from_secs(60);

const SPEEDUP_WANTED: f64 = 8.0;
const P99_SHARE_WANTED: f64 = 1.0 / 20.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Appender,
    SpoolUnsynced,
    SpoolDefault,
}

const PEERS: [Peer; 3] = [Peer::Appender, Peer::SpoolUnsynced, Peer::SpoolDefault];

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Appender => "tracing-appender 0.2",
            Self::SpoolUnsynced => "spool, sync(Never)",
            Self::SpoolDefault => "spool, default sync",
        }
    }
}

/// 120 bytes, the newline among them.
fn line(thread: usize) -> Vec<u8> {
    let mut line = format!("2026-01-01T00:00:00.000000Z  INFO shop: thread {thread} has something to say: ")
        .into_bytes();
    line.resize(LINE_BYTES - 1, b'x');
    line.push(b'\n');
    line
}

fn write_one(writer: &impl for<'a> MakeWriter<'a>, line: &[u8]) {
    writer.make_writer().write_all(line).expect("neither peer refuses a line");
}

fn drive<W: for<'a> MakeWriter<'a> + Sync>(writer: &W, threads: usize) {
    thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let line = line(thread);
                for _ in 0..LINES / threads {
                    write_one(writer, &line);
                }
            });
        }
    });
}

fn appender(dir: &Path) -> (tracing_appender::non_blocking::NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(131_072)
        .finish(rolling::never(dir, "app.log"))
}

fn spool(dir: &Path, peer: Peer) -> (Spool, SpoolGuard) {
    let mut builder = Spool::builder(dir.join("app.log"))
        .max_bytes(10 << 20)
        .backup_count(40)
        .max_total_bytes(4 << 30)
        .overflow(Overflow::Block);
    if peer == Peer::SpoolUnsynced {
        builder = builder.sync(SyncPolicy::Never);
    }
    builder.open().expect("a fresh directory")
}

/// Lines and bytes in all files of the directory.
fn count(dir: &Path) -> (usize, usize) {
    let (mut lines, mut bytes, mut chunk) = (0, 0, vec![0; 1 << 20]);
    for entry in fs::read_dir(dir).expect("our directory") {
        let entry = entry.expect("our directory");
        if !entry.file_name().to_string_lossy().starts_with("app.log") {
            continue;
        }
        let mut file = fs::File::open(entry.path()).expect("our file");
        loop {
            let read = file.read(&mut chunk).expect("our file");
            if read == 0 {
                break;
            }
            bytes += read;
            lines += chunk[..read].iter().filter(|byte| **byte == b'\n').count();
        }
    }
    (lines, bytes)
}

/// Lines per second until all is in the file, and the median bytes of a write where it is known.
fn throughput(peer: Peer, threads: usize) -> f64 {
    let dir = tempfile::tempdir().expect("a directory");
    let seconds = if peer == Peer::Appender {
        let (writer, guard) = appender(dir.path());
        let begun = Instant::now();
        drive(&writer, threads);
        // Its guard waits a second at most; the file says for certain.
        let path = dir.path().join("app.log");
        while fs::metadata(&path).map_or(0, |meta| meta.len()) < (LINES * LINE_BYTES) as u64 {
            assert!(begun.elapsed() < PATIENCE, "lines are missing");
            thread::sleep(Duration::from_micros(200));
        }
        let seconds = begun.elapsed().as_secs_f64();
        drop(guard);
        seconds
    } else {
        let (writer, guard) = spool(dir.path(), peer);
        let begun = Instant::now();
        drive(&writer, threads);
        guard.handle().flush(PATIENCE).expect("all written");
        let seconds = begun.elapsed().as_secs_f64();
        let stats = guard.handle().stats();
        assert_eq!((stats.offered, stats.written, stats.dropped.total()), (LINES as u64, LINES as u64, 0));
        assert!(stats.files.rotations >= 33, "it has to rotate: {}", stats.files.rotations);
        drop(guard);
        seconds
    };
    assert_eq!(count(dir.path()), (LINES, LINES * LINE_BYTES), "{}: lines lost", peer.name());
    LINES as f64 / seconds
}

/// What reading the clock twice costs.
fn timer_overhead() -> Duration {
    let mut samples: Vec<Duration> = (0..10_001)
        .map(|_| {
            let begun = Instant::now();
            begun.elapsed()
        })
        .collect();
    samples.sort_unstable();
    samples[samples.len() / 2]
}

#[derive(Clone, Copy, Debug)]
struct Latency {
    p50: f64,
    p99: f64,
    p999: f64,
}

/// Nanoseconds in the caller, one event each 20 µs.
fn paced(writer: &impl for<'a> MakeWriter<'a>) -> Latency {
    let (line, overhead) = (line(0), timer_overhead());
    let mut samples = Vec::with_capacity(EVENTS);
    let mut due = Instant::now() + PERIOD;
    for _ in 0..EVENTS {
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        let begun = Instant::now();
        write_one(writer, &line);
        samples.push(begun.elapsed().saturating_sub(overhead).as_nanos() as f64);
        // After a long event the pace is kept, not caught up: a burst would measure something else.
        due = (due + PERIOD).max(Instant::now());
    }
    samples.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| samples[(samples.len() as f64 * share) as usize];
    Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}

fn latency(peer: Peer) -> Latency {
    let dir = tempfile::tempdir().expect("a directory");
    let latency = if peer == Peer::Appender {
        let (writer, _guard) = appender(dir.path());
        paced(&writer)
    } else {
        let (writer, guard) = spool(dir.path(), peer);
        let latency = paced(&writer);
        let report = guard.shutdown(PATIENCE);
        assert!(report.is_complete() && report.written == EVENTS as u64, "{report}");
        latency
    };
    assert_eq!(count(dir.path()).0, EVENTS, "{}: lines lost", peer.name());
    latency
}

/// Median, least and most.
#[derive(Clone, Copy, Debug)]
struct Spread(f64, f64, f64);

fn spread(values: impl IntoIterator<Item = f64>) -> Spread {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    Spread(values[values.len() / 2], values[0], values[values.len() - 1])
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(0);
        let text = format!("{:.digits$} ({:.digits$} .. {:.digits$})", self.0, self.1, self.2);
        f.pad_integral(true, "", &text)
    }
}

/// One value for each round of the three peers.
type Rounds = [[f64; PEERS.len()]; ROUNDS];

fn of(rounds: &Rounds, peer: usize) -> Spread {
    spread(rounds.iter().map(|round| round[peer]))
}

/// The ratio within each round: what disturbs the machine disturbs both.
fn against_first(rounds: &Rounds, peer: usize, ratio: fn(f64, f64) -> f64) -> Spread {
    spread(rounds.iter().map(|round| ratio(round[peer], round[0])))
}

fn main() -> ExitCode {
    let begun = Instant::now();
    println!(
        "{ROUNDS} interleaved rounds, {LINE_BYTES}-byte lines, {} cores; median (least .. most)\n",
        thread::available_parallelism().map_or(0, usize::from)
    );
    let mut met = true;
    for threads in THREADS {
        let rounds: Rounds = std::array::from_fn(|_| PEERS.map(|peer| throughput(peer, threads)));
        println!(
            "throughput, {threads} thread(s), {LINES} lines until all are in the file, none lost: M lines/s, ratio"
        );
        for (index, peer) in PEERS.iter().enumerate() {
            let millions = spread(rounds.iter().map(|round| round[index] / 1e6));
            let ratio = against_first(&rounds, index, |ours, theirs| ours / theirs);
            println!("  {:<22}{millions:>26.2}{ratio:>26.1}", peer.name());
        }
        met &= says(
            "throughput",
            against_first(&rounds, 1, |ours, theirs| ours / theirs).0,
            SPEEDUP_WANTED,
            true,
        );
    }
    let rounds: [[Latency; PEERS.len()]; ROUNDS] = std::array::from_fn(|_| PEERS.map(latency));
    type Percentile = (&'static str, fn(&Latency) -> f64);
    let percentiles: [Percentile; 3] = [("p50", |of| of.p50), ("p99", |of| of.p99), ("p99.9", |of| of.p999)];
    for (name, pick) in percentiles {
        let rounds: Rounds = rounds.map(|round| std::array::from_fn(|peer| pick(&round[peer])));
        println!("caller {name}, 50,000 events/s from one thread: ns, share");
        for (index, peer) in PEERS.iter().enumerate() {
            let share = against_first(&rounds, index, |ours, theirs| ours / theirs.max(1.0));
            println!("  {:<22}{:>26}{share:>26.3}", peer.name(), of(&rounds, index));
        }
        if name == "p99" {
            let share = against_first(&rounds, 1, |ours, theirs| ours / theirs.max(1.0)).0;
            met &= says("p99", share, P99_SHARE_WANTED, false);
        }
    }
    println!("took {:.0} s", begun.elapsed().as_secs_f64());
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says of the unsynced spool whether a target is met.
fn says(what: &str, value: f64, wanted: f64, at_least: bool) -> bool {
    let met = if at_least { value >= wanted } else { value <= wanted };
    let (relation, verdict) = (if at_least { ">=" } else { "<=" }, if met { "met" } else { "NOT MET" });
    println!("  target: {what}, sync(Never), {relation} {wanted} of the appender's: {value:.3}: {verdict}\n");
    met
}
