//! `torture drive` is a service that logs; the others put it through what their names say, and print one line of verdict.
#![expect(clippy::print_stdout, reason = "it prints its verdict")]

use std::path::PathBuf;

use anyhow::{Context as _, Error, Result};
use clap::{Parser, Subcommand};
use tracing_spool::Compression;
use tracing_spool_tests::{forked, opens};
use tracing_spool_torture::driver::{self, Life};
use tracing_spool_torture::sweep::Ground;
use tracing_spool_torture::{kill, kill_drawn, kill_durable, shim, soak, streams, sweep};

/// Kills, starves and misleads real processes that log, and reads what they leave
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Logs numbered lines; prints its account as JSON when it ends in order
    Drive(Life),
    /// Kills drivers at random moments, on the same files, and reads them after each kill
    Kill {
        kills: u32,
        /// What the moments are drawn from
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Where the log stands; a temporary directory if not said
        #[arg(long)]
        dir: Option<PathBuf>,
        /// How backups are stored: none, gzip or zstd
        #[arg(long, value_parser = driver::form, default_value_t = Compression::None)]
        form: Compression,
    },
    /// Kills drivers whose queue outlives them, and looks for every line whose event had returned
    KillDurable {
        kills: u32,
        /// What the moments are drawn from
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Where the log stands; a temporary directory if not said
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Where the ring is, and what is kept of each life; a temporary directory if not said
        #[arg(long)]
        aside: Option<PathBuf>,
        /// What befalls the log besides
        #[arg(long, value_enum, default_value = "plain")]
        scene: kill_durable::Scene,
    },
    /// Kills drivers whose queue outlives them, each of which logs in another manner, some of them as they take over
    KillDrawn {
        kills: u32,
        /// What everything is drawn from
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Where the logs and their rings stand; a temporary directory if not said
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Forks children beside threads that log, and sees each of them end
    Forks { forks: u32 },
    /// Puts readers that sleep, terminals that are stopped and ends without a guard before logs that go to streams
    Streams { runs: u32 },
    /// What a child of that does
    #[command(hide = true)]
    StreamLife { life: streams::Life, dir: Option<PathBuf> },
    /// Opens and closes logs in one process, and looks for what is left
    Opens { times: u32 },
    /// Fails, shortens and delays every call of a driver, one by one
    Sweep,
    /// Logs for so many seconds while the disk fails now and then
    Soak {
        seconds: u64,
        /// What the faults are drawn from
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> Result<()> {
    let this = std::env::current_exe()?;
    let scratch = tempfile::tempdir()?;
    let ground = || -> Result<Ground> {
        let library = shim::build(scratch.path()).context("no fault can be injected")?;
        Ok(Ground { driver: this.clone(), library, dir: scratch.path().to_owned() })
    };
    match Arguments::parse().what {
        What::Drive(life) => driver::live(&life)?,
        What::Kill { kills, seed, dir, form } => {
            let dir = dir.unwrap_or_else(|| scratch.path().to_owned());
            println!("{}", kill::kill_loop(&this, &dir, form, kills, seed)?);
        }
        What::KillDurable { kills, seed, dir, aside, scene } => {
            let dir = dir.unwrap_or_else(|| scratch.path().to_owned());
            let aside = aside.unwrap_or_else(|| scratch.path().to_owned());
            println!("{}", kill_durable::kill_loop(&this, &dir, &aside, scene, kills, seed)?);
        }
        What::KillDrawn { kills, seed, dir } => {
            let dir = dir.unwrap_or_else(|| scratch.path().join("drawn"));
            let library = shim::build(scratch.path()).ok();
            println!("{}", kill_drawn::kill_loop(&this, &dir, library.as_deref(), kills, seed)?);
        }
        What::Forks { forks } => println!("{}", said(forked::storm(&scratch.path().join("app.log"), forks))?),
        What::Streams { runs } => println!("{}", streams::streams(&this, scratch.path(), runs)?),
        What::StreamLife { life, dir } => streams::live(life, &dir.unwrap_or_default())?,
        What::Opens { times } => {
            println!("{}", said(opens::open_and_close(&scratch.path().join("app.log"), times))?);
        }
        What::Sweep => println!("{}", sweep::sweep(&ground()?, |_| true)?),
        What::Soak { seconds, seed } => println!("{}", soak::soak(&ground()?, seconds, seed)?),
    }
    Ok(())
}

/// What the tests' library says of it.
fn said<T>(outcome: Result<T, String>) -> Result<T> {
    outcome.map_err(Error::msg)
}
