//! Which measurements there are: a series is one question, asked of several peers. It measures nothing.

use crate::peers::{self, BASELINE, DURABLE, OUR_APPENDER, OURS};
use crate::scenario::{Path, Spec, Trouble, Work};

/// One question.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: &'static str,
    pub about: &'static str,
    pub specs: Vec<Case>,
    /// Asked once, not in every round: too long, or too steady for more.
    pub once: bool,
}

impl Series {
    /// Whether it asks the same of several values.
    pub fn grows(&self) -> bool {
        self.specs.iter().any(|case| case.at.is_some())
    }
}

/// A question to one peer. `at` is the value that a growing series varies.
#[derive(Clone, Debug)]
pub struct Case {
    pub spec: Spec,
    pub at: Option<f64>,
}

const PACE: Work = Work::Paced { per_second: 50_000 };

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub is_quick: bool,
}

impl Size {
    fn of(self, full: u64, quick: u64) -> u64 {
        if self.is_quick { quick } else { full }
    }

    /// All peers, or the few that a quick look is about.
    fn peers(self) -> Vec<&'static str> {
        const FEW: [&str; 8] = [
            OURS,
            "spool-default",
            DURABLE,
            OUR_APPENDER,
            BASELINE,
            "appender+rolling-file",
            "mutex-bufwriter",
            "log-io",
        ];
        if self.is_quick {
            FEW.to_vec()
        } else {
            let apart = ["spool-event-time", "spool-durable-disk"];
            peers::all().map(|peer| peer.name).filter(|name| !apart.contains(name)).collect()
        }
    }

    /// Those that `tracing::info!` can be measured with.
    fn make_writers(self) -> Vec<&'static str> {
        let all = peers::all().filter(|peer| peer.is_make_writer).map(|peer| peer.name);
        all.filter(|name| !self.is_quick || !name.contains('+') && *name != "appender-daily").collect()
    }
}

fn series(name: &'static str, about: &'static str, peers: &[&str], spec: impl Fn(&str) -> Spec) -> Series {
    let specs = peers.iter().map(|peer| Case { spec: spec(peer), at: None }).collect();
    Series { name, about, specs, once: false }
}

fn growth(
    name: &'static str,
    about: &'static str,
    peers: &[&str],
    values: &[u64],
    spec: impl Fn(&str, u64) -> Spec,
) -> Series {
    let case = |peer: &&str, at: &u64| Case { spec: spec(peer, *at), at: Some(*at as f64) };
    let specs = values.iter().flat_map(|at| peers.iter().map(move |peer| (peer, at)));
    Series { name, about, specs: specs.map(|(peer, at)| case(peer, at)).collect(), once: true }
}

/// Everything, in the order of the report.
pub fn all(size: Size) -> Vec<Series> {
    let peers = size.peers();
    let mut all = calls(size, &peers);
    all.extend(sustained(size, &peers));
    all.extend(rest(size));
    all.extend(trouble(size, &peers));
    all.extend(growing(size));
    all
}

fn calls(size: Size, peers: &[&str]) -> Vec<Series> {
    let tracing = size.make_writers();
    let (events, burst) = (size.of(50_000, 20_000), size.of(100_000, 50_000));
    vec![
        series(
            "paced-1",
            "the writer alone, 50,000 events/s, one thread on a core of its own",
            peers,
            |peer| Spec { pinned: true, ..Spec::new(peer, PACE, 1, events) },
        ),
        series("paced-4", "the writer alone, 50,000 events/s over four sleeping threads", peers, |peer| {
            Spec::new(peer, PACE, 4, events)
        }),
        series(
            "tracing-1",
            "`tracing::info!` with three fields, 50,000 events/s, one thread",
            &tracing,
            |peer| Spec { pinned: true, path: Path::Tracing, ..Spec::new(peer, PACE, 1, events) },
        ),
        series("burst-1", "the writer alone, as fast as it goes, one thread", peers, |peer| {
            Spec::new(peer, Work::Burst, 1, burst)
        }),
        series("burst-4", "the writer alone, as fast as it goes, four threads", peers, |peer| {
            Spec::new(peer, Work::Burst, 4, burst)
        }),
    ]
}

fn sustained(size: Size, peers: &[&str]) -> Vec<Series> {
    let lines = size.of(1_000_000, 500_000);
    let few = [OURS, "spool-default", BASELINE, "mutex-bufwriter"];
    let tracing = size.make_writers();
    let of = |threads| move |peer: &str| Spec::new(peer, Work::Sustained, threads, lines);
    let mut all = vec![
        series("sustained-1", "one thread, until all is on disk", peers, of(1)),
        series("sustained-2", "two threads, until all is on disk", &few, of(2)),
        series("sustained-4", "four threads, until all is on disk", peers, of(4)),
        series("sustained-8", "eight threads, until all is on disk", &few, of(8)),
        series(
            "sustained-tracing-4",
            "`tracing::info!` from four threads, until all is on disk",
            &tracing,
            |peer| Spec { path: Path::Tracing, ..Spec::new(peer, Work::Sustained, 4, lines) },
        ),
        series(
            "counted-sustained",
            "what it asks of the kernel and the allocator, sustained",
            peers,
            |peer| Spec { counted: true, ..Spec::new(peer, Work::Sustained, 1, lines / 2) },
        ),
        series("counted-paced", "the same at 50,000 events/s", peers, |peer| Spec {
            counted: true,
            pinned: true,
            ..Spec::new(peer, PACE, 1, size.of(50_000, 20_000))
        }),
    ];
    all.iter_mut().filter(|series| series.name.starts_with("counted")).for_each(|series| series.once = true);
    all
}

fn rest(size: Size) -> Vec<Series> {
    let few = [OURS, BASELINE, "mutex-bufwriter"];
    let quiet = series("quiet", "200 events/s from one sleeping thread", &few, |peer| {
        Spec::new(peer, Work::Quiet { per_second: 200 }, 1, size.of(1_600, 200))
    });
    let idle = Series {
        once: true,
        ..series("idle", "no events at all", &few[..2], |peer| {
            Spec::new(peer, Work::Idle { seconds: size.of(60, 10) }, 1, 0)
        })
    };
    // On the disk of the log, whose journal is busy with the syncs of each rotation: what its callers pay for it.
    let beside_syncs = series(
        "durable-disk",
        "50,000 events/s through a ring in a file, one thread: on the disk of the log, and on tmpfs",
        &["spool-durable-disk", DURABLE, OURS],
        |peer| Spec { pinned: true, ..Spec::new(peer, PACE, 1, size.of(50_000, 20_000)) },
    );
    vec![quiet, idle, beside_syncs]
}

fn trouble(size: Size, peers: &[&str]) -> Vec<Series> {
    let ours_by_default: Vec<&str> = peers.iter().copied().filter(|peer| *peer != OURS).collect();
    let of = |work, threads, events, trouble| {
        move |peer: &str| Spec {
            lossy: true,
            trouble: Some(trouble),
            ..Spec::new(peer, work, threads, events)
        }
    };
    let often = Trouble::Often { millis: 200, gap: 300 };
    let stall = Trouble::Stall { millis: 1_500 };
    let slow =
        |peer: &str| Spec { lossy: false, ..of(Work::Sustained, 1, 200, Trouble::Slow { millis: 20 })(peer) };
    vec![
        series(
            "stall-often",
            "100,000 events/s over two threads; every 300 ms a write takes 200 ms",
            &ours_by_default,
            of(Work::Paced { per_second: 100_000 }, 2, size.of(200_000, 100_000), often),
        ),
        series(
            "stall-once",
            "225,000 INFO events at 150,000/s over two threads behind one stall of 1.5 s, defaults on all sides",
            &ours_by_default,
            of(Work::Paced { per_second: 150_000 }, 2, 225_000, stall),
        ),
        Series {
            once: true,
            ..series(
                "slow-exit",
                "200 lines, 20 ms for every write, then the guard is dropped",
                &ours_by_default,
                slow,
            )
        },
    ]
}

fn growing(size: Size) -> Vec<Series> {
    let both = [OURS, "appender+file-rotate"];
    let lines = size.of(400_000, 200_000);
    let of = |peer: &str| Spec { max_bytes: 200_000, ..Spec::new(peer, Work::Sustained, 1, lines) };
    vec![
        growth(
            "by-backups",
            "number of backups (files of 200 kB)",
            &both,
            &[1, 10, 100, 1_000],
            move |peer, at| Spec { backups: at as u32, ..of(peer) },
        ),
        growth(
            "by-foreign-files",
            "files of others in the directory (files of 200 kB)",
            &both,
            &[0, 100, 1_000, 10_000, 50_000],
            move |peer, at| Spec { foreign: at as u32, ..of(peer) },
        ),
        growth("by-threads", "number of threads", &both, &[1, 2, 4, 8, 16], move |peer, at| Spec {
            threads: at as usize,
            max_bytes: crate::scenario::MAX_BYTES,
            ..of(peer)
        }),
        growth(
            "by-record-bytes",
            "bytes of a record",
            &both,
            &[50, 120, 500, 2_000, 8_000, 64_000],
            move |peer, at| Spec {
                line_bytes: at as usize,
                max_bytes: crate::scenario::MAX_BYTES,
                events: (lines * 60 / at.max(60)).max(2_000),
                ..of(peer)
            },
        ),
        growth(
            "by-file-bytes",
            "bytes of a file: the smaller, the more rotations per second",
            &both,
            &[50_000, 200_000, 1_000_000, 10_000_000],
            move |peer, at| Spec { max_bytes: at, ..of(peer) },
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_its_own_name_and_known_peers() {
        for size in [Size { is_quick: false }, Size { is_quick: true }] {
            let all = all(size);
            let mut names: Vec<&str> = all.iter().map(|series| series.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all.len());
            let known = |case: &Case| peers::all().any(|peer| peer.name == case.spec.peer);
            assert!(all.iter().all(|series| series.specs.iter().all(known)));
        }
    }
}
