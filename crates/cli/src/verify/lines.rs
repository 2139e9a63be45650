//! Cuts a stream into lines in bounded memory, however long a line is.

use std::io::{self, Read};

use super::flaws::Flaws;

/// Bytes that are read at once.
const BLOCK: usize = 256 * 1024;
/// A longer line is given with its first bytes only; the rest is read, looked at, and forgotten.
pub(crate) const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A line, without its newline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// At most `LINE_BYTES_MAX` of its bytes.
    pub(crate) bytes: &'a [u8],
    /// Counted from 1.
    pub(crate) number: u64,
    /// Where it begins.
    pub(crate) at: u64,
    /// How long it is, however much of it is in `bytes`.
    pub(crate) length: u64,
    pub(crate) is_ended: bool,
    /// What was seen in the bytes that aren't in `bytes`.
    pub(crate) rest: Flaws,
}

impl Line<'_> {
    /// Returns whether `bytes` isn't all of it.
    pub(crate) fn is_cut(&self) -> bool {
        self.length > self.bytes.len() as u64
    }
}

/// The lines of a stream.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What of the buffer is filled and not yet given.
    start: usize,
    end: usize,
    /// What was read behind a line that was too long for the buffer.
    carry: Option<Vec<u8>>,
    number: u64,
    at: u64,
    is_done: bool,
    /// What ended the stream, until the lines before it have been given.
    failure: Option<io::Error>,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; BLOCK],
            start: 0,
            end: 0,
            carry: None,
            number: 0,
            at: 0,
            is_done: false,
            failure: None,
        }
    }

    /// Returns the first bytes of the stream, before the first line was taken.
    pub(crate) fn peek(&mut self) -> &[u8] {
        while self.end < BLOCK && !self.is_done {
            self.fill();
        }
        &self.buffer[self.start..self.end]
    }

    /// Returns the next line. The last one may have no newline. A stream that fails gives its whole lines first.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.take_carry();
        let mut searched = 0;
        loop {
            let unseen = self.start + searched;
            if let Some(length) = memchr::memchr(b'\n', &self.buffer[unseen..self.end]) {
                return Ok(Some(self.give(searched + length, true)));
            }
            searched = self.end - self.start;
            if searched >= LINE_BYTES_MAX {
                return self.give_head(searched).map(Some);
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.is_done {
                return Ok((searched > 0).then(|| self.give(searched, false)));
            }
            self.fill();
        }
    }

    /// Reads once, making room first.
    fn fill(&mut self) {
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            if self.end > self.buffer.len() / 2 {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        let count = read(&mut self.reader, &mut self.buffer[self.end..]).unwrap_or_else(|error| {
            self.failure = Some(error);
            0
        });
        self.end += count;
        self.is_done = count == 0;
    }

    fn give(&mut self, length: usize, is_ended: bool) -> Line<'_> {
        let (from, at) = (self.start, self.at);
        let taken = length + usize::from(is_ended);
        self.start += taken;
        self.at += taken as u64;
        self.number += 1;
        Line {
            bytes: &self.buffer[from..from + length],
            number: self.number,
            at,
            length: length as u64,
            is_ended,
            rest: Flaws::default(),
        }
    }

    /// Gives the `kept` bytes in the buffer as the head of a line, and reads the rest of it.
    fn give_head(&mut self, kept: usize) -> io::Result<Line<'_>> {
        let mut block = vec![0; BLOCK];
        let mut rest = Flaws::default();
        let (mut length, mut is_ended) = (kept as u64, false);
        while !is_ended && !self.is_done {
            let count = read(&mut self.reader, &mut block)?;
            self.is_done = count == 0;
            let end = memchr::memchr(b'\n', &block[..count]);
            is_ended = end.is_some();
            let of_line = end.unwrap_or(count);
            length += of_line as u64;
            rest = rest.and(Flaws::of_bytes(&block[..of_line]));
            if is_ended {
                self.carry = Some(block[of_line + 1..count].to_vec());
            }
        }
        let (from, at) = (self.start, self.at);
        self.start = self.end;
        self.at += length + u64::from(is_ended);
        self.number += 1;
        let bytes = &self.buffer[from..from + kept];
        Ok(Line { bytes, number: self.number, at, length, is_ended, rest })
    }

    fn take_carry(&mut self) {
        let Some(carry) = self.carry.take() else { return };
        self.buffer[..carry.len()].copy_from_slice(&carry);
        (self.start, self.end) = (0, carry.len());
    }
}

fn read(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

impl<R> std::fmt::Debug for Lines<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("number", &self.number).field("at", &self.at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives at most so many bytes at once.
    struct Sips<'a>(&'a [u8], usize);

    impl Read for Sips<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let wanted = buffer.len().min(self.1);
            self.0.read(&mut buffer[..wanted])
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text(text in "[ab\n]{0,200}", sip in 1_usize..20) {
            let mut lines = Lines::new(Sips(text.as_bytes(), sip));
            let mut found = Vec::new();
            let (mut at, mut number) = (0, 0);
            while let Some(line) = lines.next().unwrap() {
                number += 1;
                prop_assert_eq!((line.at, line.number), (at, number));
                at += line.length + u64::from(line.is_ended);
                found.extend(line.bytes);
                found.extend(line.is_ended.then_some(b'\n'));
            }
            prop_assert_eq!(String::from_utf8(found).unwrap(), text);
        }
    }

    #[test]
    fn a_line_of_any_length_is_read_in_bounded_memory() {
        let long = 3 * LINE_BYTES_MAX as u64 + 7;
        let stream = io::repeat(b'x').take(long).chain(&b"\nnext\n"[..]).chain(io::repeat(0).take(long));
        let mut lines = Lines::new(stream);
        let first = lines.next().unwrap().unwrap();
        assert!(first.is_cut() && first.is_ended && first.length == long && !first.rest.any());
        let next = lines.next().unwrap().unwrap();
        assert_eq!((next.bytes, next.number, next.at), (&b"next"[..], 2, long + 1));
        let last = lines.next().unwrap().unwrap();
        assert!(!last.is_ended && last.rest.nul && last.length == long);
        assert!(lines.next().unwrap().is_none());
        assert!(lines.buffer.len() <= 2 * LINE_BYTES_MAX, "{}", lines.buffer.len());
    }
}
