//! What a child process is asked to do, and what it answers. It does none of it.

use serde::{Deserialize, Serialize};

/// Bytes of a usual line, newline included.
pub const LINE_BYTES: usize = 120;
/// Size at which files are rotated, as other crates count it too.
pub const MAX_BYTES: u64 = 10_000_000;
/// Enough backups to keep every line of a measurement.
pub const BACKUPS: u32 = 100;

/// What callers do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// Each event at its time; `per_second` over all threads.
    Paced { per_second: u64 },
    /// As fast as they can, each event timed.
    Burst,
    /// As fast as they can, until all is on disk.
    Sustained,
    /// A few events per second, and how long until each is in the file.
    Quiet { per_second: u64 },
    /// No event at all, for so long.
    Idle { seconds: u64 },
}

/// What one event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Path {
    /// A finished line, handed to the writer.
    Writer,
    /// `tracing::info!` with three fields, through `fmt`.
    Tracing,
}

/// How the disk fails to be quick; needs the shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// One write takes this long, a little after the beginning.
    Stall { millis: u64 },
    /// After each `gap` milliseconds one write takes `millis`.
    Often { millis: u64, gap: u64 },
    /// Every write takes this long.
    Slow { millis: u64 },
}

/// One measurement, in a process of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    pub peer: String,
    pub work: Work,
    pub path: Path,
    pub threads: usize,
    /// Over all threads.
    pub events: u64,
    pub line_bytes: usize,
    pub max_bytes: u64,
    pub backups: u32,
    /// Files of others in the directory.
    pub foreign: u32,
    /// Whether a full queue drops, or callers wait.
    pub lossy: bool,
    /// Whether the caller has a core that nothing else of the process runs on.
    pub pinned: bool,
    pub trouble: Option<Trouble>,
    /// Whether the shim counts.
    pub counted: bool,
}

impl Spec {
    pub fn new(peer: &str, work: Work, threads: usize, events: u64) -> Self {
        Self {
            peer: peer.to_owned(),
            work,
            path: Path::Writer,
            threads,
            events,
            line_bytes: LINE_BYTES,
            max_bytes: MAX_BYTES,
            backups: BACKUPS,
            foreign: 0,
            lossy: false,
            pinned: false,
            trouble: None,
            counted: false,
        }
    }

    pub fn needs_shim(&self) -> bool {
        self.counted || self.trouble.is_some()
    }
}

/// What the shim counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// `write(2)` and `writev(2)` to regular files.
    pub writes: u64,
    /// Calls by callers that wake another thread.
    pub caller_wakes: u64,
    /// Allocations by callers.
    pub caller_allocations: u64,
}

/// Nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub p9999: f64,
    pub max: f64,
    /// Points of the distribution: nanoseconds, share of events at most that slow.
    pub curve: Vec<(f64, f64)>,
}

impl Latency {
    /// Of nanoseconds in any order; none of no samples.
    pub fn of(mut samples: Vec<u64>) -> Option<Self> {
        const POINTS: [f64; 25] = [
            0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99,
            0.993, 0.996, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 1.0,
        ];
        let last = samples.len().checked_sub(1)?;
        samples.sort_unstable();
        let at = |share: f64| samples[((samples.len() as f64 * share) as usize).min(last)] as f64;
        Some(Self {
            mean: samples.iter().sum::<u64>() as f64 / samples.len() as f64,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: samples[last] as f64,
            curve: POINTS.iter().map(|share| (at(*share), *share)).collect(),
        })
    }
}

/// What came of a measurement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub events: u64,
    /// In the files afterwards.
    pub found: u64,
    /// What the peer says that it lost; none if it has no such number.
    pub told: Option<u64>,
    /// What the peer's own lines in the log say that it lost.
    pub told_in_log: u64,
    /// Until all was on disk.
    pub seconds: f64,
    pub bytes: u64,
    /// Of all threads of the process, nanoseconds.
    pub cpu: f64,
    /// The call alone.
    pub call: Option<Latency>,
    /// From the moment the event was due.
    pub due: Option<Latency>,
    /// Until the event was in the file.
    pub delivery: Option<Latency>,
    pub delivery_error: Option<Latency>,
    /// Resident memory that opening the peer added, and the most at any time, in KiB.
    pub open_kib: u64,
    pub peak_kib: u64,
    /// Files in the directory afterwards.
    pub files: u64,
    pub counts: Option<Counts>,
}

impl Outcome {
    pub fn lost(&self) -> u64 {
        self.events.saturating_sub(self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_samples() {
        let latency = Latency::of((1..=10_000).rev().collect()).unwrap();
        assert_eq!((latency.p50, latency.p99, latency.max), (5_001.0, 9_901.0, 10_000.0));
        assert_eq!(latency.mean, 5_000.5);
        assert_eq!(Latency::of(Vec::new()), None);
    }
}
