//! `tspool config`: prints how another program reads, moves or runs a log, fitted to the names of its set.

mod alloy;
mod fluent_bit;
mod layout;
mod logrotate;
mod rsyslog;
mod systemd;
mod vector;
mod words;

use std::ffi::OsString;
use std::io::Write as _;

use clap::ValueEnum;

use self::layout::{Files, Layout};
use crate::say::{End, Problem};

/// Print a configuration for another program that fits the log: its names, rotation and compression
///
/// The names are those found on disk, unless flags say otherwise. Nothing is installed: put what is printed where its first lines say.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The program to configure.
    #[arg(value_enum)]
    program: Program,
    #[command(flatten)]
    files: Files,
    /// Where lines go: HOST:PORT of a syslog server for rsyslog, the push URL of Loki for alloy.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// The program that logs reopens its file at SIGHUP, as `tspool pipe` does (logrotate).
    #[arg(long)]
    hup: bool,
    /// A program that logs to stdout, for a unit that runs it under `tspool pipe` (systemd).
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// A program that reads, moves or runs a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Program {
    /// Reads each line once and hands it on (imfile).
    Rsyslog,
    /// Rotates in place of the log itself.
    Logrotate,
    /// Runs the program that logs.
    Systemd,
    /// Reads each line once (file source).
    Vector,
    /// Reads each line once (tail input).
    FluentBit,
    /// Reads each line once, for Loki (loki.source.file).
    Alloy,
}

pub(crate) fn run(options: &Options) -> Result<End, Problem> {
    refuse_stray_flags(options)?;
    let layout = Layout::look(&options.files)?;
    let snippet = match options.program {
        Program::Rsyslog => rsyslog::snippet(&layout, options.to.as_deref()),
        Program::Logrotate => logrotate::snippet(&layout, options.hup),
        Program::Systemd => systemd::snippet(&layout, &options.command),
        Program::Vector => vector::snippet(&layout),
        Program::FluentBit => fluent_bit::snippet(&layout),
        Program::Alloy => alloy::snippet(&layout, options.to.as_deref()),
    }?;
    anstream::stdout().write_all(snippet.as_bytes()).map_err(|error| Problem::stdout(&error))?;
    Ok(End::Well)
}

/// A flag that a program has no use for is a mistake, and not left unsaid.
fn refuse_stray_flags(options: &Options) -> Result<(), Problem> {
    use Program::{Alloy, Logrotate, Rsyslog, Systemd};
    let stray = [
        ("--to", options.to.is_some(), &[Rsyslog, Alloy][..], "rsyslog or alloy"),
        ("--hup", options.hup, &[Logrotate], "logrotate"),
        ("COMMAND", !options.command.is_empty(), &[Systemd], "systemd"),
    ];
    match stray.into_iter().find(|(_, is_given, users, _)| *is_given && !users.contains(&options.program)) {
        Some((flag, _, _, users)) => Err(Problem::unusable(format_args!("{flag}: only for {users}"))),
        None => Ok(()),
    }
}
