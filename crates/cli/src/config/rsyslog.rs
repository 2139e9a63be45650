//! For rsyslog: imfile reads the log, and hands lines to the other rules or over TCP to a server.

use super::layout::{Compression, Layout, Naming};
use super::words::{PATTERN, quoted, refuse};
use crate::say::Problem;

pub(super) fn snippet(layout: &Layout, to: Option<&str>) -> Result<String, Problem> {
    // imfile hands the name to glob(3), braces and backslashes with it.
    refuse("rsyslog", &layout.live, &format!("{PATTERN}\\"))?;
    let server = to.map(address).transpose()?;
    let (told, label, file) = (layout.told(), &layout.label, quoted(&layout.live));
    let backups = match (layout.naming, layout.compression) {
        (Naming::Numbered, _) => "a pattern would read each backup again under every new number",
        (Naming::Timestamped, Compression::None) => "needs no pattern for it",
        (Naming::Timestamped, _) => "a pattern would also match compressed backups, and read them as text",
    };
    let ruleset = if server.is_some() { format!("\n      ruleset=\"{label}\"") } else { String::new() };
    let action = server.map_or_else(String::new, |(host, port)| forward(label, host, port));
    Ok(format!(
        r#"# {told}
# For rsyslog: put it into /etc/rsyslog.d/{label}.conf, then check with `rsyslogd -N1`.

# Once per machine: leave this line out if another file loads imfile.
module(load="imfile" mode="inotify")

# The live name alone: rsyslog finishes a renamed file before it goes on with the new one, and
# {backups}.
input(type="imfile"
      File={file}
      Tag="{label}:"
      # Begin with what stands there already, also at the first start.
      freshStartTail="off"
      # Remember the place after every 100 lines: at most these are read twice after a crash of rsyslog. Not more often:
      # the place in a file of less than 512 bytes is remembered by inode alone, and may be taken for the next file's.
      PersistStateInterval="100"
      # If something else cuts the file (copytruncate), begin at its start again.
      reopenOnTruncate="on"{ruleset})
{action}"#
    ))
}

/// A ruleset whose action has a queue. A queue of the ruleset would not do: it holds imfile up when it is nearly full, instead
/// of going on to the disk, and what rotates away meanwhile is lost.
fn forward(label: &str, host: &str, port: u16) -> String {
    format!(
        r#"
# While the server is away, lines wait in the queue of the action: in memory, then in rsyslog's work directory, because
# the files may rotate away. When that is full, imfile waits for up to 24 days (timeoutEnqueue) instead of dropping
# lines. Plain TCP can lose what is on its way when the connection breaks; RELP (omrelp) can't.
ruleset(name="{label}") {{
    action(type="omfwd" target="{host}" port="{port}" protocol="tcp"
           action.resumeRetryCount="-1" action.resumeInterval="5"
           queue.type="LinkedList" queue.size="10000"
           queue.filename="{label}" queue.maxDiskSpace="1g" queue.saveOnShutdown="on"
           queue.timeoutEnqueue="2147483647")
}}
"#
    )
}

fn address(to: &str) -> Result<(&str, u16), Problem> {
    let parts = to.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || ".-:".contains(letter);
    match parts {
        Some((host, port)) if port != 0 => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            if !host.is_empty() && host.chars().all(is_host) {
                return Ok((host, port));
            }
        }
        _ => {}
    }
    Err(Problem::unusable(format_args!("--to {to:?}: must be HOST:PORT, such as logs.example.org:514")))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_host_and_port() {
        assert_eq!(address("logs.example.org:514").unwrap(), ("logs.example.org", 514));
        assert_eq!(address("[::1]:10514").unwrap(), ("::1", 10514));
        for wrong in ["logs", ":514", "logs:0", "logs:99999", "a\"b:514"] {
            assert!(address(wrong).unwrap_err().to_string().contains("must be HOST:PORT"), "{wrong}");
        }
    }
}
