//! For logrotate, where it rotates in place of the log itself: by renaming, never by copying.

use super::layout::{Compression, Layout};
use super::words::{PATTERN, refuse, shell};
use crate::say::Problem;

pub(super) fn snippet(layout: &Layout, hup: bool) -> Result<String, Problem> {
    let live = word(&layout.live)?;
    let (told, label) = (layout.told(), &layout.label);
    let compression = match layout.compression {
        Compression::None => "nocompress",
        Compression::Gzip => {
            "compress\n    # Readers may still be at the end of the newest one.\n    delaycompress"
        }
        Compression::Zstd => {
            "compress\n    compresscmd /usr/bin/zstd\n    compressext .zst\n    uncompresscmd /usr/bin/unzstd\n    \
             # Readers may still be at the end of the newest one.\n    delaycompress"
        }
    };
    let olddir = match &layout.archive {
        Some(archive) => format!("\n    olddir {}", word(archive)?),
        None => String::new(),
    };
    let told_to_reopen = if hup { postrotate(layout) } else { NO_SIGNAL.to_owned() };
    Ok(format!(
        r#"# {told}
# For logrotate: put it into /etc/logrotate.d/{label}, then try it with `logrotate -d`.
#
# The log rotates by itself and needs no logrotate. Only one of the two may rotate: for logrotate, set max_bytes and
# max_total_bytes beyond what a day and all backups bring, and no rotate_every.
{live} {{
    daily
    rotate 14
    missingok
    notifempty
    # Names that are neither numbers nor time stamps of the log's own.
    dateext
    dateformat -%Y%m%d-%s
    # Rename, and leave the new file to the program: it knows its owner and mode. Never copytruncate, which loses
    # what is written between the copy and the cut.
    nocreate{olddir}
    {compression}
{told_to_reopen}}}
"#
    ))
}

const NO_SIGNAL: &str = "    # No postrotate: the program finds its file moved within 50 ms of logging. Until then it writes to the moved one.\n";

/// The lock file names the process that writes, and its lock says whether that one still lives.
fn postrotate(layout: &Layout) -> String {
    let lock = shell(&format!("{}/.{}.lock", layout.dir().trim_end_matches('/'), layout.file_name()));
    format!(
        "    # SIGHUP makes the program open its new file at once. Without a handler it would kill the program.\n    \
         # The lock file names that process. A lock that can be had belongs to nobody, and its number may be another's.\n    \
         postrotate\n        \
         lock={lock}\n        \
         if [ -e \"$lock\" ] && ! flock --shared --nonblock \"$lock\" true; then\n            \
         kill -HUP \"$(sed -n 's/^process \\([0-9][0-9]*\\) on .*/\\1/p' \"$lock\")\"\n        \
         fi\n    \
         endscript\n"
    )
}

/// Quotes a path. logrotate knows no escapes within quotes, but two kinds of quotes.
fn word(path: &str) -> Result<String, Problem> {
    refuse("logrotate", path, PATTERN)?;
    match (path.contains('"'), path.contains('\'')) {
        (false, _) => Ok(format!("\"{path}\"")),
        (true, false) => Ok(format!("'{path}'")),
        (true, true) => Err(Problem::unusable(format_args!(
            "PATH {path}: logrotate can't be given a name with both kinds of quotes; give the log a path without one"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn quotes_are_those_the_path_has_not() {
        assert_eq!(word("/var/log/a b.log").unwrap(), "\"/var/log/a b.log\"");
        assert_eq!(word("/var/log/a\"b.log").unwrap(), "'/var/log/a\"b.log'");
        assert!(word("/var/log/a\"'b.log").unwrap_err().to_string().contains("both kinds of quotes"));
        assert!(word("/var/log/a*.log").is_err());
    }
}
