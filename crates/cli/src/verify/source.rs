//! What is wrong with a file that can't be read, in words.

use std::io;

use tracing_spool_fileset::Compression;

use crate::say::plain;
use crate::set::Member;

/// Returns what is wrong with a file that can't be read to its end, and whether its bytes are to blame.
pub(super) fn fault(member: &Member, error: &io::Error) -> (bool, String) {
    let name = match member.form {
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        _ => return (false, plain(error)),
    };
    if error.raw_os_error().is_some() {
        return (false, plain(error));
    }
    let words = if error.kind() == io::ErrorKind::UnexpectedEof {
        format!("the {name} data ends too early: what follows here is gone")
    } else {
        format!("{}: these are no {name} data, from here on at the latest", plain(error))
    };
    (true, words)
}
