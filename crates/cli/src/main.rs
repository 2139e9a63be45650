//! `tspool`: the files of a log as one log, for operators. Each command is a module; this file only chooses one.
#![forbid(unsafe_code)]
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make the files that are read"))]

mod config;
mod demo;
mod flags;
mod inspect;
mod page;
mod pipe;
mod read;
mod say;
mod set;
mod text;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const QUESTIONS: &str = "\
Questions, and the commands that answer them:
  the errors of the last hour       tspool cat LOG --since 1h --level error
  follow new records                tspool follow LOG
  is anything missing or damaged?   tspool verify LOG
  what was lost last night?         tspool verify LOG --since yesterday
  why is the disk full?             tspool status LOG
  what if I lower the limit?        tspool plan LOG --max-total-bytes 1GiB
  what didn't a dead process write? tspool recover RING

LOG is the path of the live file, such as /var/log/shop/shop.log; status
names its RING. Only pipe and recover --into change anything. The man
page has the exit codes: tspool man | man -l -";

/// Writes, reads and checks the files of a log as one log
#[derive(Debug, Parser)]
#[command(name = "tspool", version, max_term_width = 110, arg_required_else_help = true, after_help = QUESTIONS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Pipe(pipe::Options),
    Cat(read::cat::Options),
    Follow(read::follow::Options),
    Verify(verify::Options),
    Status(inspect::status::Options),
    Plan(inspect::plan::Options),
    Recover(inspect::recover::Options),
    Config(config::Options),
    Demo(demo::Options),
    Man(page::ManOptions),
    Completions(page::CompletionsOptions),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return without_a_command(&answer),
    };
    let outcome = match cli.command {
        Command::Pipe(options) => pipe::run(&options),
        Command::Cat(options) => read::cat::run(&options),
        Command::Follow(options) => read::follow::run(&options),
        Command::Verify(options) => verify::run(&options),
        Command::Status(options) => inspect::status::run(&options),
        Command::Plan(options) => inspect::plan::run(&options),
        Command::Recover(options) => inspect::recover::run(&options),
        Command::Config(options) => config::run(&options),
        Command::Demo(options) => demo::run(&options),
        Command::Man(options) => page::man::<Cli>(&options),
        Command::Completions(options) => page::completions::<Cli>(&options),
    };
    say::end(outcome)
}

/// Prints what is to be said instead of doing something: the help, the version, or what is wrong with the command line.
fn without_a_command(answer: &clap::Error) -> ExitCode {
    match answer.print() {
        Err(error) if !answer.use_stderr() => say::end(Err(say::Problem::stdout(&error))),
        _ => ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(say::UNUSABLE)),
    }
}
