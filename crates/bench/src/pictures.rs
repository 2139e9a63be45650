//! The results as SVG: latency as cumulative distributions, throughput as bars beside the machine's limit, growth as lines.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::report::micros_each;
use crate::results::{Answers, Results, spread};
use crate::scenario::Outcome;
use crate::verdict::{MB_PER_SECOND, number};

/// Name of each picture, and what it shows.
pub const FILES: [(&str, &str); 4] = [
    (
        "latency-paced.svg",
        "What a call costs its caller at 50,000 events/s: share of calls at most that slow",
    ),
    (
        "latency-burst.svg",
        "What a call costs its caller in a burst of four threads: share of calls at most that slow",
    ),
    (
        "throughput.svg",
        "Sustained throughput of four threads until all is on disk, beside what write(2) can do",
    ),
    ("growth.svg", "Cost of an event as a thing grows"),
];

const SIZE: (u32, u32) = (960, 540);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn color(index: usize) -> HSLColor {
    HSLColor(
        (index as f64 * 0.381_966 + 0.58).fract(),
        0.65,
        if index.is_multiple_of(2) { 0.38 } else { 0.52 },
    )
}

pub fn draw(results: &Results, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let draws: [fn(&Results, &Area<'_>) -> Result<()>; 4] = [
        |results, area| curves(results.series("paced-1"), area),
        |results, area| curves(results.series("burst-4"), area),
        bars,
        growth,
    ];
    for ((file, title), draw) in FILES.iter().zip(draws) {
        let path = dir.join(file);
        let area = SVGBackend::new(&path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let area = area.titled(title, ("sans-serif", 20))?;
        draw(results, &area)?;
        area.present().map_err(|error| anyhow!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// The round of the median p99.
fn typical(answers: &Answers) -> Option<&Outcome> {
    let p99 = |outcome: &&Outcome| outcome.call.as_ref().map_or(0.0, |call| call.p99);
    let mut rounds: Vec<&Outcome> = answers.rounds.iter().flatten().collect();
    rounds.sort_unstable_by(|a, b| p99(a).total_cmp(&p99(b)));
    rounds.get(rounds.len() / 2).copied()
}

fn curves(answers: &[Answers], area: &Area<'_>) -> Result<()> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(44)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d((10.0..1e6_f64).log_scale(), 0.0..1.0)?;
    chart
        .configure_mesh()
        .x_desc("nanoseconds")
        .x_label_formatter(&|value| nanos(*value))
        .y_label_formatter(&|value| format!("{:.0} %", value * 100.0))
        .light_line_style(WHITE)
        .draw()?;
    for (index, answers) in answers.iter().enumerate() {
        let Some(call) = typical(answers).and_then(|outcome| outcome.call.as_ref()) else { continue };
        let width = if answers.peer.starts_with("spool") { 3 } else { 1 };
        let style = color(index).stroke_width(width);
        let points = call.curve.iter().map(|(nanos, share)| (nanos.max(10.0), *share));
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(&answers.peer)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

fn nanos(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{} ms", number(value / 1e6)),
        value if value >= 1e3 => format!("{:.0} µs", value / 1e3),
        value => format!("{value:.0} ns"),
    }
}

fn bars(results: &Results, area: &Area<'_>) -> Result<()> {
    let median = |answers: &Answers| spread(answers.rounds.iter().flatten().filter_map(MB_PER_SECOND));
    let mut rows: Vec<(String, f64)> = results
        .series("sustained-4")
        .iter()
        .filter_map(|answers| Some((answers.peer.clone(), median(answers)?.median)))
        .collect();
    if let Some(limit) = results.limit(|limits| limits.write_mb_per_second) {
        rows.push(("write(2), 64 KiB".to_owned(), limit.median));
    }
    rows.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
    let most = rows.last().map_or(1.0, |row| row.1) * 1.15;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(44)
        .x_label_area_size(40)
        .y_label_area_size(170)
        .build_cartesian_2d(0.0..most, 0.0..rows.len().max(1) as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_label_formatter(&|value| format!("{value:.0}"))
        .x_desc("MB/s")
        .light_line_style(WHITE)
        .draw()?;
    for (index, (name, value)) in rows.iter().enumerate() {
        let (low, high) = (index as f64 + 0.15, index as f64 + 0.85);
        let fill = if name.starts_with("spool") {
            color(0)
        } else if name.starts_with("write") {
            HSLColor(0.0, 0.0, 0.25)
        } else {
            HSLColor(0.58, 0.15, 0.65)
        };
        chart.draw_series([Rectangle::new([(0.0, low), (*value, high)], fill.filled())])?;
        let label = |text: String, at: (i32, i32)| Text::new(text, at, ("sans-serif", 14));
        let (right, y) = chart.backend_coord(&(*value, (low + high) / 2.0));
        let (left, _) = chart.backend_coord(&(0.0, low));
        area.draw(&label(format!("{value:.0}"), offset(area, (right + 6, y - 7))))?;
        area.draw(&label(name.clone(), offset(area, (left - 165, y - 7))))?;
    }
    Ok(())
}

/// Coordinates of the picture as those of the area below its title.
fn offset(area: &Area<'_>, (x, y): (i32, i32)) -> (i32, i32) {
    let (left, top) = area.get_base_pixel();
    (x - left, y - top)
}

fn growth(results: &Results, area: &Area<'_>) -> Result<()> {
    const SERIES: [(&str, &str); 4] = [
        ("by-backups", "backups"),
        ("by-foreign-files", "foreign files (from 1)"),
        ("by-threads", "threads"),
        ("by-file-bytes", "bytes of a file"),
    ];
    for ((series, x), panel) in SERIES.iter().zip(area.split_evenly((2, 2))) {
        let answers = results.series(series);
        let points = |peer: &str| -> Vec<(f64, f64)> {
            let of_peer = answers.iter().filter(|answers| answers.peer == peer);
            let median = |answers: &Answers| spread(answers.rounds.iter().flatten().map(micros_each));
            of_peer
                .filter_map(|answers| Some((answers.at?.max(1.0), median(answers)?.median.max(0.01))))
                .collect()
        };
        let most = answers.iter().filter_map(|answers| answers.at).fold(2.0, f64::max);
        let least = answers.iter().filter_map(|answers| answers.at).fold(most, f64::min).max(1.0);
        let mut chart = ChartBuilder::on(&panel)
            .margin(8)
            .margin_right(32)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d((least..most).log_scale(), (0.05..20.0_f64).log_scale())?;
        chart
            .configure_mesh()
            .x_desc(*x)
            .y_desc("µs per event")
            .light_line_style(WHITE)
            .x_labels(5)
            .x_label_formatter(&|value| format!("{value:.0}"))
            .draw()?;
        let mut peers: Vec<&str> = answers.iter().map(|answers| answers.peer.as_str()).collect();
        peers.sort_unstable();
        peers.dedup();
        for (index, peer) in peers.into_iter().rev().enumerate() {
            let style = color(index).stroke_width(2);
            chart
                .draw_series(LineSeries::new(points(peer), style).point_size(3))?
                .label(peer)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .draw()?;
    }
    Ok(())
}
