//! What happens in a child: callers hand over events, and what they and the files show is measured.
//! Which peers, and what becomes of the numbers, is the parent's.

use std::hint::spin_loop;
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::Result;

use crate::peers::{self, Target, Write};
use crate::process::{self, Processors};
use crate::scenario::{Latency, Outcome, Path, Spec, Trouble, Work};

/// Stands in every line of the measurement, and in no other.
pub const MARK: &str = "has something to say";
/// A file that has not grown for so long will not grow any more.
const SILENCE: Duration = Duration::from_millis(600);
/// Before trouble begins.
const RUN_UP: Duration = Duration::from_millis(100);

/// A line of `bytes`, newline included.
pub fn line(thread: usize, bytes: usize) -> String {
    let mut line = format!("00:00:00  INFO {thread}: {MARK} ");
    line.truncate(bytes.saturating_sub(1));
    while line.len() + 1 < bytes {
        line.push('x');
    }
    line.push('\n');
    line
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

/// One caller's samples, in nanoseconds: of the call, and since the event was due.
#[derive(Default)]
struct Samples {
    call: Vec<u64>,
    due: Vec<u64>,
}

impl Samples {
    /// Room for `events`, touched: a page fault between two events would be in the next one's way.
    fn with_room(events: usize) -> Self {
        let touched = || {
            let mut samples = vec![1; events];
            samples.clear();
            samples
        };
        Self { call: touched(), due: touched() }
    }
}

/// How a caller waits for the next event's time: alone it spins, among others it sleeps.
fn wait_until(due: Instant, spins: bool) {
    loop {
        let now = Instant::now();
        if now >= due {
            return;
        }
        if spins {
            spin_loop();
        } else {
            thread::sleep(due - now);
        }
    }
}

/// `events` calls, one each `period`.
fn paced(write: &dyn Fn(), events: u64, period: Duration, spins: bool, overhead: Duration) -> Samples {
    let mut samples = Samples::with_room(events as usize);
    let mut due = Instant::now() + period;
    for _ in 0..events {
        wait_until(due, spins);
        let begun = Instant::now();
        write();
        let ended = Instant::now();
        let nanos = |time: Duration| time.saturating_sub(overhead).as_nanos() as u64;
        samples.call.push(nanos(ended - begun));
        samples.due.push(nanos(ended - due));
        due += period;
    }
    samples
}

fn burst(write: &dyn Fn(), events: u64, overhead: Duration) -> Samples {
    let mut samples = Samples::with_room(events as usize);
    for _ in 0..events {
        let begun = Instant::now();
        write();
        samples.call.push(begun.elapsed().saturating_sub(overhead).as_nanos() as u64);
    }
    samples
}

/// Bytes of the files that a peer may have written.
fn bytes_in(dir: &FilePath) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let of_peer = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with("foreign"));
    of_peer
        .filter_map(|entry| entry.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|meta| meta.len())
        .sum()
}

/// Waits until the files hold `wanted` bytes, or grow no more. Returns when they grew last.
fn settle(dir: &FilePath, wanted: u64) -> Instant {
    let (mut before, mut grown) = (bytes_in(dir), Instant::now());
    while before < wanted && grown.elapsed() < SILENCE {
        thread::sleep(Duration::from_micros(500));
        let now = bytes_in(dir);
        if now != before {
            (before, grown) = (now, Instant::now());
        }
    }
    grown
}

/// Runs every caller to its end. The callers' threads are called so, which the shim looks at.
fn call(spec: &Spec, write: &Write, processors: &Processors, overhead: Duration) -> Vec<Samples> {
    let share = spec.events / spec.threads as u64;
    // Not a barrier: its wake-ups would be counted as the peer's.
    let (ready, gate) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (ready, gate) = (&ready, &gate);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..spec.threads)
            .map(|index| {
                let caller = move || {
                    if spec.pinned {
                        processors.pin_to(1);
                    }
                    let line = line(index, spec.line_bytes);
                    let write = || write(&line);
                    write_run_up(spec, &write);
                    ready.fetch_add(1, Ordering::AcqRel);
                    while !gate.load(Ordering::Acquire) {
                        thread::yield_now();
                    }
                    match spec.work {
                        Work::Paced { per_second } => {
                            let period = Duration::from_secs(spec.threads as u64)
                                / u32::try_from(per_second).unwrap_or(1);
                            paced(&write, share, period, spec.pinned, overhead)
                        }
                        Work::Burst => burst(&write, share, overhead),
                        _ => {
                            (0..share).for_each(|_| write());
                            Samples::default()
                        }
                    }
                };
                thread::Builder::new().name(format!("caller-{index}")).spawn_scoped(scope, caller)
            })
            .collect();
        while ready.load(Ordering::Acquire) < spec.threads {
            thread::sleep(Duration::from_millis(1));
        }
        begin_trouble(spec);
        gate.store(true, Ordering::Release);
        callers.into_iter().flatten().filter_map(|caller| caller.join().ok()).collect()
    })
}

/// So that neither peer is measured cold: each event of this counts as well.
fn run_up_events(spec: &Spec) -> u64 {
    match spec.work {
        Work::Paced { .. } | Work::Burst => 1_000,
        _ => 0,
    }
}

fn write_run_up(spec: &Spec, write: &dyn Fn()) {
    for _ in 0..run_up_events(spec) {
        write();
        thread::yield_now();
    }
    if run_up_events(spec) > 0 {
        thread::sleep(RUN_UP);
    }
}

fn begin_trouble(spec: &Spec) {
    let word = match spec.trouble {
        Some(Trouble::Stall { millis }) => format!("stall/{millis}"),
        Some(Trouble::Often { millis, gap }) => format!("often/{millis}/{gap}"),
        Some(Trouble::Slow { millis }) => format!("delay/{millis}"),
        None if spec.counted => "begin".to_owned(),
        None => return,
    };
    process::tell_shim(&word);
}

/// A few events each second: what a call costs then, and how long until the event is in the file.
fn quiet(spec: &Spec, target: &Target, dir: &FilePath, per_second: u64, overhead: Duration) -> Outcome {
    let path = dir.join("app.log");
    let len = || fs::metadata(&path).map_or(0, |meta| meta.len());
    let line = line(0, spec.line_bytes);
    let period = Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(1);
    let (mut call, mut delivery, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    let mut due = Instant::now();
    for event in 0..spec.events {
        due += period;
        wait_until(due, false);
        let before = len();
        let begun = Instant::now();
        let is_error = event % 4 == 3 && target.write_error.is_some();
        match &target.write_error {
            Some(write) if is_error => write(&line),
            _ => (target.write)(&line),
        }
        let ended = Instant::now();
        while len() <= before && begun.elapsed() < SILENCE {
            thread::sleep(Duration::from_micros(50));
        }
        let nanos = |time: Duration| time.as_nanos() as u64;
        if is_error {
            errors.push(nanos(begun.elapsed()));
        } else {
            call.push(nanos((ended - begun).saturating_sub(overhead)));
            delivery.push(nanos(begun.elapsed()));
        }
        due = due.max(Instant::now());
    }
    Outcome {
        call: Latency::of(call),
        delivery: Latency::of(delivery),
        delivery_error: Latency::of(errors),
        ..Outcome::default()
    }
}

/// Everything that one child does.
pub fn run(spec: &Spec) -> Result<Outcome> {
    let dir = tempfile::tempdir()?;
    for index in 0..spec.foreign {
        fs::write(dir.path().join(format!("foreign-{index}.txt")), [])?;
    }
    let (overhead, processors) = (timer_overhead(), Processors::usable());
    let resident = process::resident_kib();
    if spec.pinned {
        processors.pin_to(0); // the peer's threads inherit it
    }
    let target = peers::open(spec, dir.path())?;
    let open_kib = process::resident_kib().saturating_sub(resident);
    let (cpu, begun) = (process::cpu_nanos(), Instant::now());
    let mut outcome = match spec.work {
        Work::Idle { seconds } => {
            thread::sleep(Duration::from_secs(seconds));
            Outcome::default()
        }
        Work::Quiet { per_second } => quiet(spec, &target, dir.path(), per_second, overhead),
        _ => {
            let samples = call(spec, &target.write, &processors, overhead);
            let (mut call, mut due) = (Vec::new(), Vec::new());
            for sample in samples {
                call.extend(sample.call);
                due.extend(sample.due);
            }
            Outcome { call: Latency::of(call), due: Latency::of(due), ..Outcome::default() }
        }
    };
    processors.unpin();
    outcome.events = match spec.work {
        Work::Idle { .. } => 0,
        _ => {
            spec.events / spec.threads as u64 * spec.threads as u64
                + run_up_events(spec) * spec.threads as u64
        }
    };
    let mut ended = Instant::now();
    if !matches!(spec.trouble, Some(Trouble::Slow { .. })) {
        (target.flush)();
        ended = ended.max(settle_for(spec, &outcome, dir.path()));
    }
    outcome.seconds = (ended - begun).as_secs_f64();
    outcome.cpu = process::cpu_nanos() - cpu;
    if spec.counted {
        outcome.counts = process::shim_counts();
    }
    (outcome.open_kib, outcome.peak_kib) = (open_kib, process::peak_kib());
    drop(target.guard);
    outcome.told = (target.told)();
    (outcome.found, outcome.told_in_log, outcome.bytes, outcome.files) = look(dir.path())?;
    Ok(outcome)
}

fn settle_for(spec: &Spec, outcome: &Outcome, dir: &FilePath) -> Instant {
    if matches!(spec.work, Work::Idle { .. }) {
        return Instant::now();
    }
    let line_bytes =
        if spec.path == Path::Writer { spec.line_bytes as u64 } else { u64::MAX / outcome.events.max(1) };
    settle(dir, outcome.events * line_bytes)
}

/// Lines of the measurement in all files, what notices there say was lost, bytes, and files.
fn look(dir: &FilePath) -> Result<(u64, u64, u64, u64)> {
    let (mut found, mut lost, mut bytes, mut files) = (0, 0, 0, 0);
    let mark = memchr::memmem::Finder::new(MARK);
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !entry.metadata()?.is_file() || entry.file_name().to_string_lossy().starts_with("foreign") {
            continue;
        }
        let content = fs::read(entry.path())?;
        files += 1;
        bytes += content.len() as u64;
        found += mark.find_iter(&content).count() as u64;
        lost += memchr::memmem::find_iter(&content, "tracing_spool: ")
            .filter_map(|at| told_at(&content[at..]))
            .sum::<u64>();
    }
    Ok((found, lost, bytes, files))
}

/// The number in `tracing_spool: 1234 records lost: ...`.
fn told_at(notice: &[u8]) -> Option<u64> {
    let line = notice.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_whitespace().skip(1);
    let number = words.next()?.parse().ok()?;
    (words.next()?.starts_with("record") && words.next()? == "lost:").then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_length_and_mark() {
        for bytes in [50, 120, 64_000] {
            let line = line(3, bytes);
            assert_eq!((line.len(), line.ends_with('\n')), (bytes, true));
            assert!(line.contains(MARK), "{line}");
        }
    }

    #[test]
    fn notices_are_read() {
        assert_eq!(told_at(b"tracing_spool: 1234 records lost: 1200 DEBUG\nx"), Some(1_234));
        assert_eq!(told_at(b"tracing_spool: 1 record lost: 1 INFO"), Some(1));
        assert_eq!(told_at(b"tracing_spool: rename: over, began"), None);
    }
}
