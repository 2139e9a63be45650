//! Passes a whole file on to stdout: a plain one by the kernel, a packed one as it is unpacked.

use std::fs::File;
use std::io::{self, Read, Write as _};

use nix::fcntl::{FcntlArg, fcntl};

use crate::say::Problem;
use crate::set::Member;

/// Bytes that are read before they are written.
const BLOCK: usize = 256 * 1024;
/// The room that stdout gets if it is a pipe, in bytes.
const PIPE: i32 = 1 << 20;

/// Stdout, and how bytes get there fastest.
#[derive(Debug)]
pub(super) struct Copy {
    is_pipe: bool,
    block: Vec<u8>,
}

impl Copy {
    /// Prepares to copy to `out`. A pipe gets more room, so that its reader is woken less often.
    pub(super) fn to(out: &File) -> Self {
        // More than a pipe of an unprivileged user may have: then it stays as it is.
        let is_pipe = fcntl(out, FcntlArg::F_SETPIPE_SZ(PIPE)).is_ok();
        let is_pipe = is_pipe || fcntl(out, FcntlArg::F_GETPIPE_SZ).is_ok();
        Self { is_pipe, block: vec![0; BLOCK] }
    }

    /// Copies the lines of a file. A last line that was never ended is ended.
    pub(super) fn copy(&mut self, member: &Member, out: &mut File) -> Result<(), Problem> {
        let ends = if member.is_plain() && !self.is_pipe {
            // The kernel copies from file to file without our help.
            io::copy(&mut (&member.file).take(member.bytes), out).map_err(|error| blame(error, member))?;
            let mut last = [b'\n'];
            let at = member.bytes.saturating_sub(1);
            member.read_at(&mut last, at).map_err(member.unreadable())?;
            last[0] == b'\n'
        } else {
            self.pass_on(member, out)?
        };
        if ends { Ok(()) } else { out.write_all(b"\n").map_err(|error| Problem::stdout(&error)) }
    }

    /// Reads and writes by blocks. Into a pipe that is faster than the kernel's copy, which moves sixteen pages at a time.
    /// Returns whether the lines end in a newline.
    fn pass_on(&mut self, member: &Member, out: &mut File) -> Result<bool, Problem> {
        let mut reader = member.reader().map_err(member.unreadable())?;
        let mut last = b'\n';
        loop {
            let count = fill(&mut reader, &mut self.block).map_err(member.unreadable())?;
            let Some(end) = count.checked_sub(1) else { return Ok(last == b'\n') };
            last = self.block[end];
            out.write_all(&self.block[..count]).map_err(|error| Problem::stdout(&error))?;
        }
    }
}

fn fill(reader: &mut dyn Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match reader.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A copy by the kernel doesn't say which side failed. Reading a regular file fails for few reasons.
fn blame(error: io::Error, member: &Member) -> Problem {
    match error.raw_os_error().map(nix::errno::Errno::from_raw) {
        Some(nix::errno::Errno::EIO | nix::errno::Errno::ESTALE) => member.unreadable()(error),
        _ => Problem::stdout(&error),
    }
}
