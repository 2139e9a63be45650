//! For systemd: a unit that runs a program under `tspool pipe`, or a drop-in for one that writes its log itself.

use std::ffi::OsString;
use std::path::Path;

use super::layout::Layout;
use super::words;
use crate::say::Problem;

pub(super) fn snippet(layout: &Layout, command: &[OsString]) -> Result<String, Problem> {
    let label = &layout.label;
    let place = if command.is_empty() {
        format!(
            "# For a service that writes this log itself: put it into /etc/systemd/system/{label}.service.d/log.conf.\n\n[Service]\n"
        )
    } else {
        unit(layout, command)?
    };
    let install = if command.is_empty() { "" } else { "\n[Install]\nWantedBy=multi-user.target\n" };
    Ok(format!(
        r#"# {told}
{place}{directories}
# Where the queue outlives a killed process. Without `restart`, systemd empties it before the program starts again.
RuntimeDirectory={label}
RuntimeDirectoryPreserve=restart
Restart=on-failure

{reload}
ExecReload=/bin/kill -HUP $MAINPID
# Longer than shutdown_timeout (5 s), so that what waits is written.
TimeoutStopSec=15
# Alerts, one line each, go to the journal even when the log's disk is full.
StandardError=journal
{install}"#,
        told = layout.told(),
        directories = directories(layout)?,
        reload = if command.is_empty() {
            "# Reopens the log. Only for a program that calls install_signals(): any other is killed by SIGHUP."
        } else {
            "# Reopens the log; SIGUSR1 rotates it."
        },
    ))
}

/// The head of a whole unit, with settings of the log that differ from the defaults.
fn unit(layout: &Layout, command: &[OsString]) -> Result<String, Problem> {
    let own = std::env::current_exe().ok().and_then(|own| own.to_str().map(str::to_owned));
    let own = own.unwrap_or_else(|| "/usr/bin/tspool".to_owned());
    let mut words = vec![argument(&own), "pipe".to_owned(), argument(&layout.live)];
    words.extend(layout.flags.iter().map(|(flag, value)| format!("{flag} {}", argument(value))));
    words.push("--".to_owned());
    for word in command {
        words.push(argument(&words::plain("COMMAND", Path::new(word))?));
    }
    let (label, live, words) = (&layout.label, percent(&layout.live), words.join(" "));
    Ok(format!(
        r#"# Runs a program that logs to stdout and stderr: put it into /etc/systemd/system/{label}.service.

[Unit]
Description={label}, logging to {live}

[Service]
ExecStart={words}
# SIGTERM goes to tspool alone, which passes it on and writes what the program still says.
KillMode=mixed

"#
    ))
}

/// systemd makes directories below /var/log and gives them to the service's user. Others have to be there.
fn directories(layout: &Layout) -> Result<String, Problem> {
    let dirs = [Some(layout.dir()), layout.archive.as_deref()];
    let below = |dir: &str| dir.strip_prefix("/var/log/").map(str::to_owned);
    let mut names = Vec::new();
    let mut others = Vec::new();
    for dir in dirs.into_iter().flatten() {
        match below(dir) {
            Some(name) => names.push(argument_of_list(&name)?),
            None => others.push(dir),
        }
    }
    let mut text = String::new();
    if !names.is_empty() {
        text += "# Made before the program starts, for its user.\n";
        text += &format!("LogsDirectory={}\nLogsDirectoryMode=0750\n", names.join(" "));
    }
    for dir in others {
        text += &format!("# systemd makes no {dir}: create it and give it to the service's user.\n");
    }
    Ok(text + "UMask=0027\n")
}

/// A word of a command line: quoted, with neither specifiers nor variables in it.
fn argument(text: &str) -> String {
    let text = percent(text).replace('$', "$$");
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:,@%$".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { words::quoted(&text) }
}

/// A word of a list of directories, in which a colon begins the name of a link.
fn argument_of_list(text: &str) -> Result<String, Problem> {
    words::refuse("systemd", text, ":")?;
    let text = percent(text);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-%".contains(letter);
    Ok(if text.chars().all(is_plain) { text } else { words::quoted(&text) })
}

fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::argument;

    #[test]
    fn arguments_reach_the_program_as_they_are() {
        assert_eq!(argument("/usr/bin/shop"), "/usr/bin/shop");
        assert_eq!(argument("100% $HOME"), "\"100%% $$HOME\"");
        assert_eq!(argument("say \"\\\""), "\"say \\\"\\\\\\\"\"");
        assert_eq!(argument(""), "\"\"");
    }
}
