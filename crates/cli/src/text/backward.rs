//! Records from the last to the first, read by blocks from the end.

use std::io;
use std::ops::ControlFlow;

use super::records::{BLOCK, RECORD_MAX, Record, Taker};
use super::time::time_of;

/// Bytes that can be read from any place.
pub(crate) trait ReadAt {
    /// Returns how many there are.
    fn len(&self) -> u64;
    /// Fills `buffer` from `at` on. Returns how many bytes there were.
    fn fill_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn fill_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Gives each record to `take`, the last one first.
pub(crate) fn backward<S: ReadAt + ?Sized>(
    source: &S,
    have_times: bool,
    take: &mut Taker<'_>,
) -> io::Result<ControlFlow<()>> {
    let mut at = source.len();
    // What stands from `at` on and is not taken yet, and how far from its front lines were not looked at.
    let mut buffer: Vec<u8> = Vec::new();
    let mut unseen = 0;
    loop {
        while let Some(start) = line_start(&buffer, unseen) {
            let time = time_of(&buffer[start..]);
            unseen = start;
            if have_times && time.is_none() && buffer.len() < RECORD_MAX {
                continue;
            }
            if take(Record { text: &buffer[start..], time })?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            buffer.truncate(start);
        }
        if at == 0 {
            break;
        }
        let block = (BLOCK as u64).min(at);
        at -= block;
        let block = usize::try_from(block).unwrap_or(BLOCK);
        buffer.splice(0..0, std::iter::repeat_n(0, block));
        if source.fill_at(&mut buffer[..block], at)? < block {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        unseen += block;
        // A line without an end, such as the hole in a file that was cut under its writer, takes no endless memory.
        if buffer.len() >= RECORD_MAX && line_start(&buffer, unseen).is_none() {
            if take(Record { text: &buffer, time: None })?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            buffer.clear();
            unseen = 0;
        }
    }
    if buffer.is_empty() {
        return Ok(ControlFlow::Continue(()));
    }
    take(Record { text: &buffer, time: time_of(&buffer) })
}

/// Returns where the last line before `unseen` begins, if its beginning is in the buffer and is not the buffer's own.
fn line_start(buffer: &[u8], unseen: usize) -> Option<usize> {
    let before = unseen.checked_sub(1)?;
    memchr::memrchr(b'\n', &buffer[..before]).map(|place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of nothing but NULs.
    struct Hole(u64);

    impl ReadAt for Hole {
        fn len(&self) -> u64 {
            self.0
        }

        fn fill_at(&self, buffer: &mut [u8], _: u64) -> io::Result<usize> {
            buffer.fill(0);
            Ok(buffer.len())
        }
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let hole = Hole(3 * RECORD_MAX as u64 + 7);
        let mut taken = Vec::new();
        let _ = backward(&hole, true, &mut |record| {
            taken.push(record.text.len());
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        assert_eq!(taken.iter().sum::<usize>() as u64, hole.0);
        assert_eq!(taken, [RECORD_MAX, RECORD_MAX, RECORD_MAX, 7]);
    }
}
