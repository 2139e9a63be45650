//! A program that kills its own child, which logs through a durable spool, a hundred times with SIGKILL, and then looks for
//! every record that the child had handed over. It keeps nothing: the log goes to a temporary directory.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example speaks, waits, and looks at its files"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tracing_spool::{Durable, Overflow, Spool, SpoolBuilder};
use tracing_subscriber::prelude::*;

const KILLS: u32 = 100;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn describe(dir: &Path) -> SpoolBuilder {
    Spool::builder(dir.join("app.log"))
        .durable(Durable::at(dir.join("app.ring")).on_any_file_system()) // a service needs none of this: see the manual
        .overflow(Overflow::Block)
        .max_bytes(4 << 20)
        .backup_count(200)
        .max_total_bytes(1 << 30)
}

/// The child: logs, and says after each event that it has returned, until it is killed.
fn log_until_killed(dir: &Path, life: u32) -> Outcome {
    let (spool, guard) = describe(dir).open()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "recovered {}", guard.recovered().records)?;
    tracing_subscriber::registry().with(spool.layer()).init();
    for order in 0_u64.. {
        tracing::info!(life, order, "shipped");
        writeln!(out, "{order}")?;
    }
    Ok(())
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, dir, life] = &arguments[..] {
        return log_until_killed(Path::new(dir), life.parse()?);
    }
    let dir = tempfile::tempdir()?;
    let (mut accepted, mut recovered, begun) = (BTreeMap::new(), 0, Instant::now());
    for life in 0..KILLS {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(dir.path())
            .arg(life.to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        let words = BufReader::new(child.stdout.take().ok_or("no output")?);
        let reader = std::thread::spawn(move || words.lines().map_while(Result::ok).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_micros(3_000 + u64::from(life) * 7_919 % 40_000));
        child.kill()?; // SIGKILL
        child.wait()?;
        let words = reader.join().map_err(|_| "the reader panicked")?;
        recovered += words.first().and_then(|word| word.split(' ').nth(1)?.parse::<u64>().ok()).unwrap_or(0);
        // A line without its end is a number that was cut; the event before it had returned all the same.
        accepted.insert(life, words.len().saturating_sub(1).saturating_sub(1) as u64);
    }
    let (_spool, guard) = describe(dir.path()).open()?;
    recovered += guard.recovered().records;
    guard.shutdown(Duration::from_secs(5));

    let mut found: BTreeMap<(u32, u64), u32> = BTreeMap::new();
    let mut odd = 0;
    for entry in std::fs::read_dir(dir.path())?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with("app.log") {
            continue;
        }
        for line in
            std::fs::read_to_string(entry.path())?.lines().filter(|line| !line.contains(" tracing_spool: "))
        {
            let field = |name: &str| line.split(name).nth(1)?.split(' ').next()?.parse::<u64>().ok();
            match (field("life="), field("order=")) {
                (Some(life), Some(order)) if line.contains(" shipped ") => {
                    *found.entry((u32::try_from(life)?, order)).or_default() += 1;
                }
                _ => odd += 1,
            }
        }
    }
    let of = |life: u32, order: u64| found.get(&(life, order)).copied().unwrap_or(0);
    let all = accepted.iter().flat_map(|(life, count)| (0..*count).map(|order| of(*life, order)));
    let (once, lost) =
        all.fold((0, 0), |(once, lost), times| (once + u64::from(times == 1), lost + u64::from(times == 0)));
    let twice = found.values().filter(|times| **times > 1).count();
    println!("{KILLS} kills in {:.1} s", begun.elapsed().as_secs_f64());
    println!("{:>9} events had returned when their process was killed", accepted.values().sum::<u64>());
    println!("{once:>9} of them are in the files, once");
    println!("{lost:>9} are lost");
    println!("{twice:>9} records stand there twice");
    println!("{odd:>9} lines are torn or glued");
    println!("{recovered:>9} records were taken out of the ring by the next process");
    Ok(())
}
