//! `tspool man` and `tspool completions`: what packagers install, made from the same description as the help.

use std::io::{self, Write as _};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::say::{self, EXIT_CODES, End, Problem};

/// Print the man page of a command
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    tspool man | man -l -\n  \
    tspool man cat >/usr/local/share/man/man1/tspool-cat.1")]
pub(crate) struct ManOptions {
    /// The command, such as cat; without it, tspool itself
    command: Option<String>,
}

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    tspool completions bash >/etc/bash_completion.d/tspool\n  \
    tspool completions zsh >~/.zfunc/_tspool")]
pub(crate) struct CompletionsOptions {
    shell: Shell,
}

/// Prints a man page with the exit codes.
pub(crate) fn man<C: CommandFactory>(options: &ManOptions) -> Result<End, Problem> {
    let tspool = C::command().disable_help_subcommand(true);
    let page = page_of(&tspool, options.command.as_deref())?;
    let mut text = Vec::new();
    let rendered = render(&Man::new(page), &mut text).and_then(|()| say::stdout()?.write_all(&text));
    rendered.map_err(|error| Problem::stdout(&error))?;
    Ok(End::Well)
}

/// Prints completions.
pub(crate) fn completions<C: CommandFactory>(options: &CompletionsOptions) -> Result<End, Problem> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut C::command(), "tspool", &mut text);
    let printed = say::stdout().and_then(|mut out| out.write_all(&text));
    printed.map_err(|error| Problem::stdout(&error))?;
    Ok(End::Well)
}

/// Returns the description of a command under the name of its page, `tspool-cat`.
fn page_of(tspool: &Command, name: Option<&str>) -> Result<Command, Problem> {
    let Some(name) = name else { return Ok(tspool.clone()) };
    let found = tspool.get_subcommands().find(|command| command.get_name() == name);
    let found = found.ok_or_else(|| {
        let names: Vec<&str> = tspool.get_subcommands().map(Command::get_name).collect();
        Problem::unusable(format_args!("{name:?} is no command: must be one of {}", names.join(", ")))
    })?;
    Ok(found
        .clone()
        .name(format!("tspool-{name}"))
        .bin_name(format!("tspool {name}"))
        .disable_version_flag(true))
}

fn render(man: &Man, text: &mut Vec<u8>) -> io::Result<()> {
    man.render(text)?;
    writeln!(text, ".SH \"EXIT STATUS\"")?;
    EXIT_CODES.iter().try_for_each(|(codes, meaning)| writeln!(text, ".TP\n{codes}\n{meaning}"))
}
