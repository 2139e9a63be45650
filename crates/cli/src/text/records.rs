//! Cuts bytes into records: a line with a time stamp and the lines without one that follow it, such as a stack trace.

use std::io::{self, Read};
use std::ops::ControlFlow;

use super::time::time_of;

/// Bytes read at once.
pub(crate) const BLOCK: usize = 1 << 20;
/// The most bytes of a record that are held. What is longer is cut into several.
pub(crate) const RECORD_MAX: usize = 64 << 20;

/// A record: its bytes, newlines included, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) time: Option<i64>,
}

/// What takes records. It may end the reading.
pub(crate) type Taker<'a> = dyn FnMut(Record<'_>) -> io::Result<ControlFlow<()>> + 'a;

/// Returns whether any of these lines has a time stamp. If none has, each line is a record.
pub(crate) fn have_times(lines: &[u8]) -> bool {
    first_time(lines).is_some()
}

/// Returns the first time stamp in these lines.
pub(crate) fn first_time(lines: &[u8]) -> Option<i64> {
    lines.split(|byte| *byte == b'\n').find_map(time_of)
}

/// Reads to the end, and gives each record to `take`, in order. Returns whether `take` has ended it.
pub(crate) fn forward(
    reader: &mut dyn Read,
    have_times: bool,
    take: &mut Taker<'_>,
) -> io::Result<ControlFlow<()>> {
    let mut cutter = Cutter { have_times, ..Cutter::default() };
    let mut buffer = vec![0; BLOCK];
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            let kept = cutter.drop_taken(&mut buffer, filled);
            if kept == filled {
                if filled >= RECORD_MAX {
                    if cutter.finish(&buffer[..filled], take)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    filled = 0;
                    cutter = Cutter { have_times, ..Cutter::default() };
                    continue;
                }
                buffer.resize(filled * 2, 0);
            }
            filled = kept;
        }
        let count = match reader.read(&mut buffer[filled..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if count == 0 {
            return cutter.finish(&buffer[..filled], take);
        }
        filled += count;
        if cutter.cut(&buffer[..filled], take)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

/// Where in a buffer the record in hand begins, and how far lines were looked at.
#[derive(Debug, Default)]
struct Cutter {
    have_times: bool,
    record: usize,
    time: Option<i64>,
    line: usize,
    searched: usize,
}

impl Cutter {
    /// Takes all records that are followed by another one.
    fn cut(&mut self, buffer: &[u8], take: &mut Taker<'_>) -> io::Result<ControlFlow<()>> {
        while let Some(place) = memchr::memchr(b'\n', &buffer[self.searched..]) {
            let end = self.searched + place + 1;
            if self.begin(buffer, end, take)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            (self.line, self.searched) = (end, end);
        }
        self.searched = buffer.len();
        Ok(ControlFlow::Continue(()))
    }

    /// Looks at the line that ends at `end`. If it begins a record, the one before it is complete.
    fn begin(&mut self, buffer: &[u8], end: usize, take: &mut Taker<'_>) -> io::Result<ControlFlow<()>> {
        let time = time_of(&buffer[self.line..end]);
        if self.have_times && time.is_none() && self.line > 0 {
            return Ok(ControlFlow::Continue(()));
        }
        if self.line > self.record {
            let record = Record { text: &buffer[self.record..self.line], time: self.time };
            if take(record)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        (self.record, self.time) = (self.line, time);
        Ok(ControlFlow::Continue(()))
    }

    /// Takes the last record, and the one before it if a line without a newline begins another.
    fn finish(&mut self, buffer: &[u8], take: &mut Taker<'_>) -> io::Result<ControlFlow<()>> {
        if self.line < buffer.len() && self.begin(buffer, buffer.len(), take)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if self.record == buffer.len() {
            return Ok(ControlFlow::Continue(()));
        }
        take(Record { text: &buffer[self.record..], time: self.time })
    }

    /// Moves the record in hand to the front of the buffer. Returns how many bytes it has.
    fn drop_taken(&mut self, buffer: &mut [u8], filled: usize) -> usize {
        buffer.copy_within(self.record..filled, 0);
        let gone = std::mem::take(&mut self.record);
        self.line -= gone;
        self.searched -= gone;
        filled - gone
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reader that returns a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn records(text: &[u8], have_times: bool, step: usize) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let _ = forward(&mut Slow(text, step), have_times, &mut |record| {
            found.push(record.text.to_vec());
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        found
    }

    const TRACE: &[u8] =
        b"2026-11-24T18:19:11Z ERROR failed\n   at shop.rs:7\n\n2026-11-24T18:19:12Z INFO on\nrest";

    #[test]
    fn lines_without_a_time_belong_to_the_one_before() {
        for step in [1, 7, 1_000] {
            let found = records(TRACE, true, step);
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(found[0].ends_with(b"shop.rs:7\n\n") && found[1].ends_with(b"on\nrest"));
            assert_eq!(records(TRACE, false, step).len(), 5);
        }
    }

    #[test]
    fn a_record_longer_than_the_buffer_stays_whole() {
        let long = [
            b"2026-11-24T18:19:11Z ".to_vec(),
            vec![b'x'; 3 * BLOCK],
            b"\n2026-11-24T18:19:12Z y\n".to_vec(),
        ];
        let found = records(&long.concat(), true, BLOCK);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [22 + 3 * BLOCK, 23]);
    }

    #[test]
    fn the_taker_can_end_it() {
        let mut count = 0;
        let ended = forward(&mut Slow(TRACE, 9), false, &mut |_| {
            count += 1;
            Ok(if count == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        assert_eq!((ended.unwrap(), count), (ControlFlow::Break(()), 2));
    }

    proptest! {
        #[test]
        fn records_are_the_bytes_in_order(
            lines in proptest::collection::vec(
                prop_oneof!["[a-z ]{0,12}", Just("2026-11-24T18:19:11Z x".to_owned())], 0..12),
            ended: bool, have_times: bool, step in 1_usize..40,
        ) {
            let mut text = lines.join("\n").into_bytes();
            if ended && !text.is_empty() {
                text.push(b'\n');
            }
            let found = records(&text, have_times, step);
            prop_assert!(found.iter().all(|record| !record.is_empty()));
            prop_assert_eq!(found.concat(), text.clone());
            let mut backward = Vec::new();
            let _ = super::super::backward::backward(&text[..], have_times, &mut |record| {
                backward.push(record.text.to_vec());
                Ok(ControlFlow::Continue(()))
            }).unwrap();
            backward.reverse();
            prop_assert_eq!(found, backward);
        }
    }
}
