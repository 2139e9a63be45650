//! Runs `tspool` as operators do: real processes, real files, and the programs that its output is for.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test is part of the outside world, and fails by panics"
)]

mod cat;
mod config;
mod demo;
mod follow;
mod inspect;
mod picture;
mod pipe;
mod set_of;
mod verify;
mod verify_damage;
mod writer;

use std::ffi::OsStr;
use std::process::{Command, Output};

/// How many runs a test makes that is the better the longer it runs.
fn runs(few: usize) -> usize {
    std::env::var("TRACING_SPOOL_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(few)
}

/// Returns the program, to be run.
fn tspool<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tspool"));
    command.args(arguments);
    command
}

/// Runs the program to its end.
fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    tspool(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
