//! `tspool pipe`: stdin, or the output of a command, into a set of files.
//!
//! It is a spool like any program's, fed from large reads by a thread of its own (`feeder`), while the main thread hears
//! signals (`keeper`). With `--durable` what is read goes through files in memory first (`intake`).

mod child;
mod events;
mod feeder;
mod help;
pub(crate) mod intake;
mod keeper;
mod lines;
mod place;
mod platform;
mod source;
mod tee;

use std::ffi::OsString;
use std::path::PathBuf;

use tracing_core::Level;
use tracing_spool::{OpenError, Overflow, Setting, Spool, SpoolGuard, SyncPolicy};

use crate::flags::{Choice, Flags, Read};
use crate::say::{End, Problem};
use child::Child;
use events::Events;
use feeder::Feeder;
use intake::Intake;
use keeper::{Ending, Keeper};
use lines::Lines;
use source::{Source, Stream};
use tee::Tee;

/// Write stdin, or the output of a command, into a log that rotates
///
/// Nothing is lost while it runs: if the disk is full or fails, it stops reading until the disk is well, and whoever writes
/// to the pipe waits. Each line becomes a record; a line that is longer than --max-record-bytes is cut and marked.
#[derive(Debug, clap::Args)]
#[command(after_long_help = help::LONG)]
pub(crate) struct Options {
    /// The live file of the log
    path: PathBuf,
    /// Also writes what is read to stdout, and a command's stderr to stderr, byte by byte
    #[arg(long)]
    tee: bool,
    #[command(flatten)]
    settings: Flags<Every>,
    /// A command whose stdout and stderr are the input
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Every setting has a flag.
#[derive(Clone, Debug)]
pub(crate) struct Every;

impl Choice for Every {
    fn takes(_: &Setting) -> bool {
        true
    }

    fn default_of(setting: &Setting) -> &'static str {
        match setting.name {
            "overflow" => "block",
            "sync" => "never, or on_rotate with --sync-at",
            "durable" => "off",
            _ => setting.default,
        }
    }
}

/// What the settings come to.
#[derive(Debug)]
struct Plan {
    read: Read,
    /// The ring in a file.
    ring: Option<PathBuf>,
    /// Whether levels matter, so that they have to be seen in the lines.
    sees_levels: bool,
}

pub(crate) fn run(options: &Options) -> Result<End, Problem> {
    let plan = Plan::of(options)?;
    if let Some(end) = options.command.first().and_then(|command| child::is_missing(command)) {
        return Ok(end);
    }
    let events = Events::listen(!options.command.is_empty())?;
    let (spool, guard) = plan.open(options)?;
    let intake = plan.ring.as_ref().map(|ring| Intake::open(ring, &spool)).transpose()?;
    // Handlers come before the command, in which they are reset.
    events.listen_to_ends()?;
    let (child, sources) = match plan.sources(options, &spool) {
        Ok(ready) => ready,
        Err(end) => return Ok(end),
    };
    let (feeder, orders) = Feeder::new(sources, intake)?;
    events.run(move || feeder.run())?;
    let (path, end) = (options.path.clone(), Ending::default());
    Keeper { path, handle: spool.handle(), child, orders, events, ring: plan.ring, end }.run(guard)
}

impl Plan {
    fn of(options: &Options) -> Result<Self, Problem> {
        let mut read = options.settings.read();
        let overflow = read.text("overflow").cloned();
        let is_lossless = overflow.as_ref().is_none_or(|text| text.value.trim() == "block");
        let durable = read.text("durable").cloned();
        let ring = match durable.as_ref().map(|text| text.value.trim()) {
            None | Some("off") => None,
            Some("automatic") => Some(place::ring_of(&options.path)),
            Some(_) => durable.as_ref().map(|text| PathBuf::from(&text.value)),
        };
        if let (Some(_), Some(overflow), false) = (&ring, &overflow, is_lossless) {
            read.blame(
                overflow,
                "must be \"block\" with --durable: what is dropped can't be there after a restart",
            );
        }
        let or_memory = read.text("durable_or_memory").filter(|text| text.value.trim() != "false").cloned();
        if let (Some(_), Some(or_memory)) = (&ring, or_memory) {
            read.blame(
                &or_memory,
                "must be \"false\" with --durable: what is in memory ends with the process",
            );
        }
        let origin = durable.map_or_else(|| "--durable".to_owned(), |text| text.origin);
        match ring.as_deref().map(|ring| ring.to_str()) {
            None => read.set("durable", "off", &origin),
            Some(Some(ring)) => read.set("durable", ring, &origin),
            Some(None) => read.set("durable", "", &origin),
        }
        read.check()?;
        let sees_levels = !is_lossless || read.text("sync_at").is_some();
        Ok(Self { read, ring, sees_levels })
    }

    fn open(&self, options: &Options) -> Result<(Spool, SpoolGuard), Problem> {
        let has_sync_at = self.read.text("sync_at").is_some();
        let sync = if has_sync_at { SyncPolicy::OnRotate } else { SyncPolicy::Never };
        let builder = Spool::builder(&options.path).overflow(Overflow::Block).sync(sync);
        let builder = builder.configure(&self.read.config);
        let builder = if self.ring.is_some() { builder.keep_claim() } else { builder };
        builder.open().map_err(|error| match error {
            OpenError::Unusable(_) => Problem::unusable(error),
            other => Problem::failed(other),
        })
    }

    /// Starts the command, if there is one, and returns the streams to read.
    fn sources(&self, options: &Options, spool: &Spool) -> Result<(Option<Child>, Vec<Source>), End> {
        let lines = |otherwise| {
            if self.sees_levels {
                Lines::of_levels_seen(spool, otherwise)
            } else {
                Lines::of_one_level(spool, Level::INFO)
            }
        };
        let tee = |stream| options.tee.then(|| Tee::to(stream));
        if options.command.is_empty() {
            let stdin = Stream::Stdin(std::io::stdin());
            let tee = tee(tee::Stream::Stdout);
            return Ok((None, vec![Source::new("stdin", stdin, lines(Level::INFO), tee, 0)]));
        }
        let (child, [stdout, stderr]) = Child::start(&options.command)?;
        let out = Source::new(
            "the command's stdout",
            Stream::Child(stdout),
            lines(Level::INFO),
            tee(tee::Stream::Stdout),
            0,
        );
        let err = Source::new(
            "the command's stderr",
            Stream::Child(stderr),
            lines(Level::WARN),
            tee(tee::Stream::Stderr),
            1,
        );
        Ok((Some(child), vec![out, err]))
    }
}
