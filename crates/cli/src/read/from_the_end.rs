//! Records from the last one on: of one file, or of as many as are needed.

use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::ops::{ControlFlow, Range};

use crate::set::Member;
use crate::text::backward::{ReadAt, backward};
use crate::text::filter::Filter;
use crate::text::records::{Record, Taker, have_times};

/// How much of a file is looked at for time stamps.
pub(super) const HEAD: usize = 64 * 1024;

/// Returns the last `limit` records that the filter takes, in their order. Once there are enough, no older file is
/// read. Of a plain file, its `part` is read. `damaged` hears of a file that can't be read
/// to its end, and the others are read all the same.
pub(super) fn last(
    newest_first: &[&Member],
    part: impl Fn(&Member) -> io::Result<Range<u64>>,
    filter: &Filter,
    limit: usize,
    mut damaged: impl FnMut(&Member, io::Error),
) -> VecDeque<Vec<u8>> {
    let mut found: VecDeque<Vec<u8>> = VecDeque::new();
    for member in newest_first {
        if found.len() >= limit {
            break;
        }
        let mut take = |record: Record<'_>| {
            if filter.takes(record) {
                found.push_front(record.text.to_vec());
            }
            Ok(if found.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        let outcome = part(member).and_then(|part| from_the_end(member, part, &mut take));
        if let Err(error) = outcome {
            damaged(member, error);
        }
    }
    found
}

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
