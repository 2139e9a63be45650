//! `check-log app.log` reads a log of `torture drive`, plain or compressed, and says what is wrong with it.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it reads logs, and prints what it finds"
)]

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use tracing_spool_torture::checker::check;
use tracing_spool_torture::{page, set};

/// Reads a log that `torture drive` wrote, and says what is wrong with it
#[derive(Parser)]
struct Arguments {
    /// The live file
    live: PathBuf,
    /// The page of a life: what it accepted and flushed
    #[arg(long)]
    page: Option<PathBuf>,
    /// Which life the page and the account are of
    #[arg(long, default_value_t = 0)]
    life: u32,
    /// What the driver printed at its end
    #[arg(long, requires = "page")]
    account: Option<PathBuf>,
    /// The oldest files may have been removed
    #[arg(long)]
    pruned: bool,
    /// So many lines may be torn
    #[arg(long, default_value_t = 0)]
    torn: u64,
    /// Only the files that were rotated, not the live one
    #[arg(long)]
    rotated: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut files = set::read(&arguments.live)?;
    if arguments.rotated {
        let is_backup = |name: &str| !name.starts_with('.') && !arguments.live.ends_with(name);
        files.retain(|file| file.path.file_name().and_then(|name| name.to_str()).is_some_and(is_backup));
    }
    let findings = check(&files);
    let mut faults = findings.faults();
    if findings.torn.len() as u64 > arguments.torn {
        faults.extend(findings.torn.iter().map(|place| format!("torn: {place}")));
    }
    if findings.holes() > 0 {
        faults.push(format!("missing between others: {}", findings.holes()));
    }
    if let Some(path) = arguments.page {
        let progress = page::read(&path);
        faults.extend(findings.faults_of_life(arguments.life, &progress, arguments.pruned));
        if let Some(path) = arguments.account {
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let account = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
            faults.extend(findings.faults_of_account(&account, &progress));
        }
    }
    println!("{findings}");
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}
