//! What the numbers must be, and whether they are: the table of targets, computed from the results.

use crate::peers::{BASELINE, DURABLE, OURS};
use crate::results::{Results, Spread, spread};
use crate::scenario::{Latency, Outcome};

/// One target.
#[derive(Clone, Debug)]
pub struct Row {
    pub figure: &'static str,
    pub theirs: String,
    pub ours: String,
    pub wanted: String,
    /// The ratio, or the figure itself where the target is absolute.
    pub value: Option<Spread>,
    /// None if it was not measured.
    pub met: Option<bool>,
}

/// How a figure is shown: what it is multiplied by, and the unit then.
type Unit = (f64, &'static str);

const NANOS: Unit = (1.0, " ns");

#[derive(Clone, Copy)]
enum Wanted {
    AtMost(f64),
    AtLeast(f64),
}

impl Wanted {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }

    fn in_words(self, unit: &str) -> String {
        match self {
            Self::AtMost(bound) => format!("at most {}{unit}", number(bound)),
            Self::AtLeast(bound) => format!("at least {}{unit}", number(bound)),
        }
    }
}

/// With as many digits as say something.
pub fn number(value: f64) -> String {
    match value.abs() {
        value if value >= 1e4 => format!("{value:.0}"),
        value if value >= 100.0 || value == 0.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}

pub fn in_words(spread: Option<Spread>, scale: f64, unit: &str) -> String {
    let Some(Spread { median, least, most }) = spread else { return "–".to_owned() };
    let of = |value: f64| number(value * scale);
    if least == most {
        format!("{}{unit}", of(median))
    } else {
        format!("{} ({}..{}){unit}", of(median), of(least), of(most))
    }
}

type Pick = fn(&Outcome) -> Option<f64>;

pub const MEAN: Pick = |outcome| Some(outcome.call.as_ref()?.mean.max(1.0));
pub const P50: Pick = |outcome| Some(outcome.call.as_ref()?.p50.max(1.0));
pub const P99: Pick = |outcome| Some(outcome.call.as_ref()?.p99.max(1.0));
pub const P999: Pick = |outcome| Some(outcome.call.as_ref()?.p999);
pub const MAX: Pick = |outcome| Some(outcome.call.as_ref()?.max);
pub const PER_SECOND: Pick = |outcome| Some(outcome.found as f64 / outcome.seconds);
pub const MB_PER_SECOND: Pick = |outcome| Some(outcome.bytes as f64 / outcome.seconds / 1e6);
pub const CPU: Pick = |outcome| Some(outcome.cpu / outcome.events as f64);
pub const LOST: Pick = |outcome| Some(outcome.lost() as f64);
pub const WRITES: Pick = |outcome| Some(outcome.counts?.writes as f64 * 1e3 / outcome.events as f64);
pub const WAKES: Pick = |outcome| Some(outcome.counts?.caller_wakes as f64);
pub const ALLOCATIONS: Pick =
    |outcome| Some(outcome.counts?.caller_allocations as f64 / outcome.events as f64);

fn delivery(pick: fn(&Outcome) -> Option<&Latency>) -> impl Fn(&Outcome) -> Option<f64> {
    move |outcome| Some(pick(outcome)?.p99)
}

/// Makes rows out of the results.
struct Table<'a> {
    results: &'a Results,
    rows: Vec<Row>,
}

impl Table<'_> {
    /// A ratio to the baseline.
    fn share(
        &mut self,
        figure: &'static str,
        series: &str,
        ours: &str,
        pick: Pick,
        unit: Unit,
        wanted: Wanted,
    ) {
        let (scale, unit) = unit;
        let value = self.results.ratio(series, ours, BASELINE, pick);
        self.rows.push(Row {
            figure,
            theirs: in_words(self.results.figure(series, BASELINE, pick), scale, unit),
            ours: in_words(self.results.figure(series, ours, pick), scale, unit),
            wanted: wanted.in_words(" times"),
            value,
            met: value.map(|value| wanted.is_met(value.median)),
        });
    }

    /// A figure of ours alone.
    fn own(
        &mut self,
        figure: &'static str,
        value: Option<Spread>,
        theirs: Option<Spread>,
        unit: &str,
        wanted: Wanted,
    ) {
        self.rows.push(Row {
            figure,
            theirs: in_words(theirs, 1.0, unit),
            ours: in_words(value, 1.0, unit),
            wanted: wanted.in_words(unit),
            value,
            met: value.map(|value| wanted.is_met(value.median)),
        });
    }
}

pub fn rows(results: &Results) -> Vec<Row> {
    let mut table = Table { results, rows: Vec::new() };
    calls(&mut table);
    sustained(&mut table);
    asked(&mut table);
    quiet(&mut table);
    stall(&mut table);
    ring(&mut table);
    table.rows
}

fn calls(table: &mut Table<'_>) {
    use Wanted::AtMost;
    let twentieth = AtMost(1.0 / 20.0);
    let fiftieth = AtMost(1.0 / 50.0);
    table.share(
        "writer alone, paced 50k/s, 1 thread on a core of its own: p50",
        "paced-1",
        OURS,
        P50,
        NANOS,
        twentieth,
    );
    table.share("the same: p99", "paced-1", OURS, P99, NANOS, fiftieth);
    table.share("the same, 4 threads: p99", "paced-4", OURS, P99, NANOS, fiftieth);
    table.share(
        "`tracing::info!` whole path, paced, 1 thread: p50",
        "tracing-1",
        OURS,
        P50,
        NANOS,
        AtMost(1.0 / 2.5),
    );
    table.share("the same: p99", "tracing-1", OURS, P99, NANOS, AtMost(1.0 / 9.0));
    table.share(
        "the same with `EventTime`: p50",
        "tracing-1",
        "spool-event-time",
        P50,
        NANOS,
        AtMost(1.0 / 2.5),
    );
    table.share(
        "the same with `EventTime`: p99",
        "tracing-1",
        "spool-event-time",
        P99,
        NANOS,
        AtMost(1.0 / 9.0),
    );
}

fn sustained(table: &mut Table<'_>) {
    use Wanted::{AtLeast, AtMost};
    let tenfold = AtLeast(10.0);
    table.share(
        "sustained, 1 thread, until on disk",
        "sustained-1",
        OURS,
        PER_SECOND,
        (1e-6, " M/s"),
        tenfold,
    );
    table.share(
        "sustained, 4 threads, until on disk",
        "sustained-4",
        OURS,
        PER_SECOND,
        (1e-6, " M/s"),
        tenfold,
    );
    let limit =
        table.results.limit(|limits| limits.write_mb_per_second).map_or(f64::NAN, |limit| limit.median);
    let share = |peer| {
        let figure = table.results.figure("sustained-1", peer, MB_PER_SECOND)?;
        spread([figure.median, figure.least, figure.most].map(|figure| figure * 100.0 / limit))
    };
    let (ours, theirs) = (share(OURS), share(BASELINE));
    table.own(
        "against the machine's write(2) limit (64 KiB writes to a fresh file)",
        ours,
        theirs,
        " %",
        AtLeast(25.0),
    );
    table.share(
        "CPU per event, whole process, sustained",
        "sustained-1",
        OURS,
        CPU,
        NANOS,
        AtMost(1.0 / 8.0),
    );
}

fn asked(table: &mut Table<'_>) {
    use Wanted::AtMost;
    let of = |series: &str, peer: &str, pick: Pick| table.results.figure(series, peer, pick);
    let rows = [
        (
            "allocations per event on the caller's side, steady state",
            "counted-paced",
            ALLOCATIONS,
            AtMost(0.001),
        ),
        ("`write(2)` calls per 1,000 events: sustained", "counted-sustained", WRITES, AtMost(2.0)),
        ("the same, paced 50k/s", "counted-paced", WRITES, AtMost(25.0)),
        ("calls that wake a thread, made by callers at 50k/s", "counted-paced", WAKES, AtMost(0.0)),
    ]
    .map(|(figure, series, pick, wanted)| {
        (figure, of(series, OURS, pick), of(series, BASELINE, pick), wanted)
    });
    for (figure, ours, theirs, wanted) in rows {
        table.own(figure, ours, theirs, "", wanted);
    }
}

fn quiet(table: &mut Table<'_>) {
    use Wanted::AtMost;
    let results = table.results;
    let idle = |peer| results.figure("idle", peer, |outcome| Some(outcome.cpu / outcome.seconds / 1e7));
    table.own("CPU of the idle process", idle(OURS), idle(BASELINE), " %", AtMost(0.1));
    let millis = |peer, pick: fn(&Outcome) -> Option<&Latency>| {
        let pick = delivery(pick);
        results.figure("quiet", peer, move |outcome| Some(pick(outcome)? / 1e6))
    };
    let all: fn(&Outcome) -> Option<&Latency> = |outcome| outcome.delivery.as_ref();
    let errors: fn(&Outcome) -> Option<&Latency> = |outcome| outcome.delivery_error.as_ref();
    table.own(
        "an event at 200 events/s, until it is in the file: p99",
        millis(OURS, all),
        millis(BASELINE, all),
        " ms",
        AtMost(12.0),
    );
    table.own("the same, ERROR: p99", millis(OURS, errors), millis(BASELINE, errors), " ms", AtMost(2.0));
    table.share("caller at 200 events/s (one sleeping thread): p50", "quiet", OURS, P50, NANOS, AtMost(0.2));
    table.share("the same: p99", "quiet", OURS, P99, NANOS, AtMost(0.2));
}

fn stall(table: &mut Table<'_>) {
    use Wanted::AtMost;
    let (results, ours) = (table.results, "spool-default");
    table.share(
        "caller p99.9 during a 1.5 s stall of the disk (lossy)",
        "stall-once",
        ours,
        P999,
        NANOS,
        AtMost(0.5),
    );
    let longest = |peer| results.figure("stall-once", peer, |outcome| Some(MAX(outcome)? / 1e6));
    table.own("the longest call during that stall", longest(ours), longest(BASELINE), " ms", AtMost(750.0));
    table.share(
        "of the INFO events behind that stall: lost",
        "stall-once",
        ours,
        LOST,
        (1.0, ""),
        AtMost(1.1),
    );
    let untold = |peer| {
        results.figure("stall-once", peer, |outcome| {
            Some((outcome.told_in_log as f64 - outcome.lost() as f64).abs())
        })
    };
    table.own("lost there and not said in the log", untold(ours), untold(BASELINE), "", AtMost(0.0));
    let open = |peer| results.figure("idle", peer, |outcome| Some(outcome.open_kib as f64 / 1024.0));
    table.own(
        "resident memory of the queue before anything is logged",
        open(OURS),
        open(BASELINE),
        " MiB",
        AtMost(6.0),
    );
}

/// What the hand-off has to reach.
fn ring(table: &mut Table<'_>) {
    use Wanted::{AtLeast, AtMost};
    let calls: [(&str, &str, Pick, f64); 5] = [
        ("the hand-off, writer alone, paced 50k/s, 1 thread: p50", "paced-1", P50, 30.0),
        ("the same: p99", "paced-1", P99, 120.0),
        ("the same, 4 threads: p99", "paced-4", P99, 100.0),
        ("the same, in a burst of 4 threads: p99", "burst-4", P99, 40.0),
        ("`tracing::info!`, paced, 1 thread: p99", "tracing-1", P99, 12.0),
    ];
    for (figure, series, pick, part) in calls {
        table.share(figure, series, OURS, pick, NANOS, AtMost(1.0 / part));
    }
    let rate = (1e-6, " M/s");
    table.share("sustained, 1 thread", "sustained-1", OURS, PER_SECOND, rate, AtLeast(16.0));
    table.share("the same, 4 threads", "sustained-4", OURS, PER_SECOND, rate, AtLeast(14.0));
    let limit =
        table.results.limit(|limits| limits.write_mb_per_second).map_or(f64::NAN, |limit| limit.median);
    let of_limit = table.results.figure("sustained-1", OURS, MB_PER_SECOND).and_then(|figure| {
        spread([figure.median, figure.least, figure.most].map(|figure| figure * 100.0 / limit))
    });
    table.own("against the machine's write(2) limit", of_limit, None, " %", AtLeast(40.0));
    for (figure, pick) in [("durable on tmpfs against in memory: mean", MEAN), ("the same: p99", P99)] {
        let value = table.results.ratio("paced-1", DURABLE, OURS, pick);
        table.own(figure, value, None, " times", AtMost(1.25));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Answers;

    fn results(ours: f64, theirs: f64) -> Results {
        let answers = |peer: &str, p50| Answers {
            peer: peer.to_owned(),
            rounds: vec![Some(Outcome {
                call: Some(Latency { p50, ..Latency::default() }),
                ..Outcome::default()
            })],
            ..Answers::default()
        };
        let mut results = Results::default();
        results.answers.insert("paced-1".to_owned(), vec![answers(OURS, ours), answers(BASELINE, theirs)]);
        results
    }

    #[test]
    fn a_target_is_met_or_not_or_not_measured() {
        assert_eq!(rows(&results(50.0, 1_000.0))[0].met, Some(true));
        assert_eq!(rows(&results(51.0, 1_000.0))[0].met, Some(false));
        assert_eq!(rows(&Results::default())[0].met, None);
    }
}
