//! The records of one file from the last one on.

use std::io::{self, Read as _};
use std::ops::{ControlFlow, Range};

use crate::set::Member;
use crate::text::backward::{ReadAt, backward};
use crate::text::records::{Taker, have_times};

/// How much of a file is looked at for time stamps.
pub(super) const HEAD: usize = 64 * 1024;

/// Takes the records of a file from the last one on; of a plain file, those in `part`.
///
/// A packed file can't be read from its end, so it is unpacked into memory. If it is damaged, what stands before is taken.
pub(super) fn from_the_end(
    member: &Member,
    part: Range<u64>,
    take: &mut Taker<'_>,
) -> io::Result<ControlFlow<()>> {
    if member.is_plain() {
        let times = have_times(&member.head(HEAD)?);
        return backward(&Part { member, part }, times, take);
    }
    let mut lines = Vec::new();
    let unpacked = member.reader().and_then(|mut reader| reader.read_to_end(&mut lines));
    let taken = backward(&lines[..], have_times(&lines[..lines.len().min(HEAD)]), take)?;
    unpacked.map(|_| taken)
}

/// A part of a plain file.
struct Part<'a> {
    member: &'a Member,
    part: Range<u64>,
}

impl ReadAt for Part<'_> {
    fn len(&self) -> u64 {
        self.part.end - self.part.start
    }

    fn fill_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.member.read_at(buffer, self.part.start + at)
    }
}
