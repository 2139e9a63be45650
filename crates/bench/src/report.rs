//! The report in Markdown. It computes no figure: `verdict` and `results` do.

use std::fmt::Write as _;

use crate::peers::{self, BASELINE};
use crate::plan::Series;
use crate::results::{Answers, Results, Spread};
use crate::scenario::{Latency, Outcome, Work};
use crate::verdict::{self, in_words, number};

/// Between these lines a page shows the newest report.
pub const BEGIN: &str = "<!-- bench:begin -->";
pub const END: &str = "<!-- bench:end -->";

pub fn markdown(results: &Results, plan: &[Series], pictures: &str) -> String {
    let mut out = String::new();
    header(&mut out, results);
    targets(&mut out, results);
    for (file, text) in crate::pictures::FILES {
        let _ = writeln!(out, "![{text}]({pictures}/{file})\n");
    }
    for series in plan {
        let answers = results.series(series.name);
        if !answers.is_empty() {
            table(&mut out, series, answers, results);
        }
    }
    limits(&mut out, results);
    names(&mut out);
    out
}

fn header(out: &mut String, results: &Results) {
    let machine = &results.machine;
    let _ = writeln!(
        out,
        "{}, {} core{}, Linux {}, {}; {}; {} rounds{}, {:.0} s in all. Median (least..most) over the rounds; ratios are taken \
         within a round. Each measurement is a process of its own; the time that reading the clock takes is subtracted.\n",
        machine.processor,
        machine.cores,
        if machine.cores == 1 { "" } else { "s" },
        machine.kernel,
        machine.file_system,
        machine.date,
        results.limits.len(),
        if results.is_quick { " of a quick look" } else { "" },
        results.seconds,
    );
}

fn targets(out: &mut String, results: &Results) {
    let _ = writeln!(
        out,
        "| target | tracing-appender | tracing-spool | wanted | is | met |\n|---|--:|--:|--:|--:|---|"
    );
    for row in verdict::rows(results) {
        let met = match row.met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let value = row.value.map_or("–".to_owned(), |value: Spread| number(value.median));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {value} | {met} |",
            row.figure, row.theirs, row.ours, row.wanted
        );
    }
    out.push('\n');
}

fn is_of(answers: &[Answers], has: fn(&Outcome) -> bool) -> bool {
    answers.iter().flat_map(|answers| answers.rounds.iter().flatten()).any(has)
}

fn table(out: &mut String, series: &Series, answers: &[Answers], results: &Results) {
    let _ = writeln!(out, "### {}: {}\n", series.name, series.about);
    if answers.iter().any(|answers| answers.at.is_some()) {
        return growth(out, answers);
    }
    match series.specs.first().map(|case| case.spec.work) {
        Some(Work::Sustained) if is_of(answers, |outcome| outcome.counts.is_some()) => counts(out, answers),
        Some(Work::Sustained) => throughput(out, series.name, answers, results),
        Some(Work::Paced { .. }) if is_of(answers, |outcome| outcome.counts.is_some()) => {
            counts(out, answers)
        }
        Some(Work::Paced { .. } | Work::Burst) => latency(out, answers),
        Some(Work::Quiet { .. }) => quiet(out, answers),
        _ => idle(out, answers),
    }
    out.push('\n');
}

fn figure(answers: &Answers, pick: impl Fn(&Outcome) -> Option<f64>) -> Option<Spread> {
    crate::results::spread(answers.rounds.iter().flatten().filter_map(pick))
}

fn median(answers: &Answers, scale: f64, pick: impl Fn(&Outcome) -> Option<f64>) -> String {
    figure(answers, pick).map_or("–".to_owned(), |spread| number(spread.median * scale))
}

/// What became of the events: lost, and what the peer knew of it.
fn fate(answers: &Answers) -> String {
    if let Some(failure) = &answers.failure {
        return format!("failed: {}", failure.lines().next().unwrap_or_default());
    }
    let lost = figure(answers, |outcome| Some(outcome.lost() as f64));
    let Some(lost) = lost else { return "–".to_owned() };
    if lost.most == 0.0 {
        return "0".to_owned();
    }
    let told = figure(answers, |outcome| outcome.told.map(|told| told as f64));
    let in_log = figure(answers, |outcome| Some(outcome.told_in_log as f64)).map_or(0.0, |told| told.median);
    let knew = match told {
        None => "has no count".to_owned(),
        Some(told) if in_log > 0.0 => format!("says {:.0}, {in_log:.0} in the log", told.median),
        Some(told) => format!("says {:.0}", told.median),
    };
    format!("{:.0} ({knew})", lost.median)
}

fn latency(out: &mut String, answers: &[Answers]) {
    let _ = writeln!(
        out,
        "Nanoseconds of the call; in the last two columns since the event was due.\n\n\
         | peer | mean | p50 | p90 | p99 | p99.9 | p99.99 | max | due p50 | due p99 | lost |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for answers in answers {
        let of = |pick: fn(&Latency) -> f64| median(answers, 1.0, |outcome| outcome.call.as_ref().map(pick));
        let due = |pick: fn(&Latency) -> f64| median(answers, 1.0, |outcome| outcome.due.as_ref().map(pick));
        let cells = [
            of(|of| of.mean),
            of(|of| of.p50),
            of(|of| of.p90),
            of(|of| of.p99),
            of(|of| of.p999),
            of(|of| of.p9999),
            of(|of| of.max),
            due(|of| of.p50),
            due(|of| of.p99),
        ];
        let _ = writeln!(out, "| {} | {} | {} |", answers.peer, cells.join(" | "), fate(answers));
    }
}

fn throughput(out: &mut String, name: &str, answers: &[Answers], results: &Results) {
    let _ = writeln!(
        out,
        "| peer | M events/s | MB/s | times {BASELINE} | CPU ns/event | peak MiB | lost |\n|---|--:|--:|--:|--:|--:|--:|"
    );
    for answers in answers {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            answers.peer,
            in_words(figure(answers, verdict::PER_SECOND), 1e-6, ""),
            median(answers, 1.0, verdict::MB_PER_SECOND),
            in_words(results.ratio(name, &answers.peer, BASELINE, verdict::PER_SECOND), 1.0, ""),
            median(answers, 1.0, verdict::CPU),
            median(answers, 1.0 / 1024.0, |outcome| Some(outcome.peak_kib as f64)),
            fate(answers)
        );
    }
}

fn counts(out: &mut String, answers: &[Answers]) {
    let _ = writeln!(
        out,
        "| peer | writes per 1,000 events | allocations by callers per event | wake-ups by callers per 1,000 events |\n|---|--:|--:|--:|"
    );
    for answers in answers {
        let wakes =
            |outcome: &Outcome| Some(outcome.counts?.caller_wakes as f64 * 1e3 / outcome.events as f64);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            answers.peer,
            median(answers, 1.0, verdict::WRITES),
            median(answers, 1.0, verdict::ALLOCATIONS),
            median(answers, 1.0, wakes)
        );
    }
}

fn quiet(out: &mut String, answers: &[Answers]) {
    let _ = writeln!(
        out,
        "| peer | call p50, ns | call p99, ns | in the file p50, ms | p99, ms | ERROR in the file p99, ms |\n|---|--:|--:|--:|--:|--:|"
    );
    for answers in answers {
        let of = |scale, pick: fn(&Outcome) -> Option<f64>| median(answers, scale, pick);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            answers.peer,
            of(1.0, verdict::P50),
            of(1.0, verdict::P99),
            of(1e-6, |outcome| Some(outcome.delivery.as_ref()?.p50)),
            of(1e-6, |outcome| Some(outcome.delivery.as_ref()?.p99)),
            of(1e-6, |outcome| Some(outcome.delivery_error.as_ref()?.p99)),
        );
    }
}

fn idle(out: &mut String, answers: &[Answers]) {
    let _ = writeln!(out, "| peer | CPU, % of a core | memory that opening took, MiB |\n|---|--:|--:|");
    for answers in answers {
        let cpu = median(answers, 1e-7, |outcome| Some(outcome.cpu / outcome.seconds));
        let open = median(answers, 1.0 / 1024.0, |outcome| Some(outcome.open_kib as f64));
        let _ = writeln!(out, "| {} | {cpu} | {open} |", answers.peer);
    }
}

fn growth(out: &mut String, answers: &[Answers]) {
    let mut values: Vec<f64> = answers.iter().filter_map(|answers| answers.at).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let heads: Vec<String> = values.iter().map(|value| number(*value)).collect();
    let _ = writeln!(
        out,
        "Microseconds per event.\n\n| peer | {} |\n|---|{}",
        heads.join(" | "),
        "--:|".repeat(values.len())
    );
    let mut peers: Vec<&str> = answers.iter().map(|answers| answers.peer.as_str()).collect();
    peers.dedup();
    peers.sort_unstable();
    peers.dedup();
    for peer in peers.into_iter().rev() {
        let cell = |value: &f64| {
            let found = answers.iter().find(|answers| answers.peer == peer && answers.at == Some(*value));
            found.map_or("–".to_owned(), |answers| {
                median(answers, 1.0, |outcome| Some(micros_each(outcome)))
            })
        };
        let _ = writeln!(out, "| {peer} | {} |", values.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
    out.push('\n');
}

/// Until on disk, for each event; what was pruned since had been there.
pub fn micros_each(outcome: &Outcome) -> f64 {
    outcome.seconds * 1e6 / outcome.events.max(1) as f64
}

fn limits(out: &mut String, results: &Results) {
    let of = |pick: fn(&crate::limits::Limits) -> f64| in_words(results.limit(pick), 1.0, "");
    let rows = [
        ("copy of a line, ns", of(|of| of.copy_line)),
        ("fetch_add alone, ns", of(|of| of.fetch_add)),
        ("fetch_add, two threads, ns", of(|of| of.fetch_add_contended)),
        ("write(2) of 64 KiB to a fresh file, MB/s", of(|of| of.write_mb_per_second)),
        ("write(2) of a line, ns", of(|of| of.write_line)),
        ("rename, ns", of(|of| of.rename)),
        ("open and close, ns", of(|of| of.open)),
        ("fdatasync after 4 KiB, ns", of(|of| of.fdatasync)),
        ("reading the clock, ns", of(|of| of.clock)),
    ];
    let _ = writeln!(out, "### What the machine itself can do\n\n| operation | |\n|---|--:|");
    for (name, value) in rows {
        let _ = writeln!(out, "| {name} | {value} |");
    }
    out.push('\n');
}

fn names(out: &mut String) {
    let _ = writeln!(out, "### Peers\n\n| name | what it is | rotates by size |\n|---|---|---|");
    for peer in peers::all() {
        let _ =
            writeln!(out, "| {} | {} | {} |", peer.name, peer.about, if peer.rotates { "yes" } else { "no" });
    }
}

/// Puts `report` between the two marks of a page.
pub fn insert(page: &str, report: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", report.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_the_one_before_it() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = insert(&page, "new\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(insert(&new, "new\n").unwrap(), new);
        assert_eq!(insert("no marks", "new"), None);
    }

    #[test]
    fn a_loss_that_nobody_knows_of_is_said() {
        let outcome = Outcome { events: 10, found: 7, ..Outcome::default() };
        let mut answers = Answers { rounds: vec![Some(outcome.clone())], ..Answers::default() };
        assert_eq!(fate(&answers), "3 (has no count)");
        answers.rounds = vec![Some(Outcome { told: Some(0), ..outcome })];
        assert_eq!(fate(&answers), "3 (says 0)");
    }
}
