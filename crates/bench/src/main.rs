//! Measures tracing-spool beside other loggers and beside the machine, interleaved in one run, and reports.
//!
//! `just bench` runs it; `just bench --quick` takes two minutes; `--only paced` asks the series of that name alone.

mod limits;
mod peers;
mod pictures;
mod plan;
mod process;
mod report;
mod results;
mod scenario;
mod verdict;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::plan::{Series, Size};
use crate::results::{Answers, Machine, Results};

/// Measures tracing-spool beside other loggers, and beside the machine.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// One measurement, for the process that asks; its answer is JSON.
    #[command(hide = true)]
    Child { spec: String },
    /// Makes the report anew from an earlier run's JSON.
    Report { json: PathBuf },
}

#[derive(Args)]
struct Options {
    /// A look of two minutes: fewer peers, fewer events, one round.
    #[arg(long)]
    quick: bool,
    /// Only series whose name contains this.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Only peers whose name contains this; tracing-spool and tracing-appender always.
    #[arg(long, value_name = "TEXT")]
    peer: Vec<String>,
    /// How often everything is asked.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where report.md, results.json and the pictures go.
    #[arg(long, global = true, default_value = "target/bench", value_name = "DIRECTORY")]
    out: PathBuf,
    /// A page to show the report in, between its two marks; the pictures then go into `pictures` beside it.
    #[arg(long, global = true, value_name = "FILE")]
    page: Option<PathBuf>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Child { spec }) => {
            let outcome = work::run(&serde_json::from_str(&spec)?)?;
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
        Some(Command::Report { json }) => {
            let text = fs::read_to_string(&json).with_context(|| format!("{}", json.display()))?;
            finish(&serde_json::from_str(&text)?, &cli.options)
        }
        None => {
            let results = run(&cli.options)?;
            finish(&results, &cli.options)
        }
    }
}

/// What is asked, as the options choose.
fn chosen(options: &Options) -> Result<Vec<Series>> {
    let fits = |wanted: &[String], name: &str| {
        wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()))
    };
    let mut plan = plan::all(Size { is_quick: options.quick });
    plan.retain(|series| fits(&options.only, series.name));
    for series in &mut plan {
        // Among all the others once is enough; who asks for one by name wants to see how far it scatters.
        series.once &= options.only.is_empty() || !series.grows();
        series.specs.retain(|case| {
            let name = case.spec.peer.as_str();
            name.starts_with(peers::OURS) || name == peers::BASELINE || fits(&options.peer, name)
        });
    }
    if plan.is_empty() {
        let names: Vec<&str> = plan::all(Size { is_quick: false }).iter().map(|series| series.name).collect();
        bail!("--only {}: no series is called so; there are: {}", options.only.join(", "), names.join(", "));
    }
    Ok(plan)
}

fn run(options: &Options) -> Result<Results> {
    let begun = Instant::now();
    let (mut plan, scratch) = (chosen(options)?, tempfile::tempdir()?);
    let rounds = if options.quick { 1 } else { options.rounds.max(1) };
    let built = process::build(scratch.path());
    if let Err(error) = &built.shim {
        eprintln!("skipped: what is counted, and troubled disks: {error:#}");
    }
    if let Err(error) = &built.spdlog {
        eprintln!("skipped: {}: {error:#}", peers::NATIVE);
        plan.iter_mut().for_each(|series| series.specs.retain(|case| case.spec.peer != peers::NATIVE));
    }
    let steps: usize =
        plan.iter().map(|series| series.specs.len() * if series.once { 1 } else { rounds }).sum();
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed_precise} {wide_msg}")?;
    let bar = ProgressBar::new(steps as u64).with_style(style);
    let mut results = Results { machine: machine(), is_quick: options.quick, ..Results::default() };
    for round in 0..rounds {
        results.limits.push(limits::measure()?);
        for series in plan.iter().filter(|series| round == 0 || !series.once) {
            let answers = results.answers.entry(series.name.to_owned()).or_default();
            for (index, case) in series.specs.iter().enumerate() {
                bar.set_message(format!("{} {}", series.name, case.spec.peer));
                if round == 0 {
                    answers.push(Answers { peer: case.spec.peer.clone(), at: case.at, ..Answers::default() });
                }
                let answer = &mut answers[index];
                match process::measure(&case.spec, &built) {
                    Ok(outcome) => answer.rounds.push(Some(outcome)),
                    Err(error) => {
                        answer.failure = Some(format!("{error:#}"));
                        answer.rounds.push(None);
                    }
                }
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    results.seconds = begun.elapsed().as_secs_f64();
    Ok(results)
}

fn machine() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let processor = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name);
    let mounts = read("/proc/mounts");
    let temp = std::env::temp_dir();
    // The longest mount point that the directory of the measurements lies in.
    let mount = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(point, _)| temp.starts_with(point))
        .max_by_key(|(point, _)| point.len());
    Machine {
        processor: processor.to_owned(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        file_system: mount.map_or("unknown file system", |(_, kind)| kind).to_owned(),
        date: jiff::Timestamp::now().to_string().chars().take(10).collect(),
    }
}

/// Writes the report, and says whether every target is met.
fn finish(results: &Results, options: &Options) -> Result<()> {
    fs::create_dir_all(&options.out)?;
    fs::write(options.out.join("results.json"), serde_json::to_string(results)?)?;
    let plan = plan::all(Size { is_quick: results.is_quick });
    pictures::draw(results, &options.out.join("pictures"))?;
    fs::write(options.out.join("report.md"), report::markdown(results, &plan, "pictures"))?;
    if let Some(page) = &options.page {
        into_page(results, &plan, page)?;
    }
    let rows = verdict::rows(results);
    for row in rows.iter().filter(|row| row.met.is_some()) {
        let value = row.value.map_or_else(String::new, |value| verdict::number(value.median));
        println!(
            "{} {}: {value}, wanted {}",
            if row.met == Some(true) { "met    " } else { "NOT MET" },
            row.figure,
            row.wanted
        );
    }
    let count = |met| rows.iter().filter(|row| row.met == met).count();
    println!(
        "{} of {} targets met, {} not measured; {:.0} s; {}",
        count(Some(true)),
        rows.len(),
        count(None),
        results.seconds,
        options.out.join("report.md").display()
    );
    Ok(())
}

fn into_page(results: &Results, plan: &[Series], page: &Path) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("{}", page.display()))?;
    let pictures = page.parent().unwrap_or(Path::new("")).join("pictures");
    let report = report::markdown(results, plan, "pictures");
    let new = report::insert(&text, &report)
        .with_context(|| format!("{}: no lines {} and {}", page.display(), report::BEGIN, report::END))?;
    pictures::draw(results, &pictures)?;
    Ok(fs::write(page, new)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_series_that_is_asked_for_has_all_rounds() {
        let once = |arguments: &[&str]| {
            let cli = Cli::parse_from(["bench"].iter().chain(arguments));
            chosen(&cli.options).unwrap().iter().any(|series| series.grows() && series.once)
        };
        assert!(once(&[]), "among all the others once is enough");
        assert!(!once(&["--only", "by-"]));
        assert!(chosen(&Cli::parse_from(["bench", "--only", "slow-exit"]).options).unwrap()[0].once);
    }
}
