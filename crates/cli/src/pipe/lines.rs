//! Bytes into records: one for each line, however the bytes arrive. The beginning of a line that isn't complete waits here,
//! and its length is known.

use std::io::Write as _;

use memchr::{memchr, memchr_iter, memrchr};
use tracing_core::Level;
use tracing_spool::{Lines as Records, Spool};

use crate::text;
use crate::text::level::{LOOK, level_of};

/// The lines of one source.
#[derive(Debug)]
pub(super) struct Lines {
    spool: Spool,
    levels: Levels,
    /// The bytes of the line that isn't complete.
    open: u64,
}

#[derive(Debug)]
enum Levels {
    /// All lines are of one level. The writer has the line that isn't complete.
    One(Level, Records),
    /// Each line is of the level that it names.
    Seen(Seen),
}

#[derive(Debug)]
struct Seen {
    /// The level of a line that names none.
    otherwise: Level,
    /// The beginning of a line whose level isn't known yet, less than `LOOK` bytes.
    beginning: Vec<u8>,
    /// The line whose level is known and whose end isn't there yet.
    current: Option<Records>,
}

impl Lines {
    /// All lines are of one level.
    pub(super) fn of_one_level(spool: &Spool, level: Level) -> Self {
        Self { levels: Levels::One(level, spool.lines(level)), spool: spool.clone(), open: 0 }
    }

    /// Each line is of the level that can be seen in it, or else of this one.
    pub(super) fn of_levels_seen(spool: &Spool, otherwise: Level) -> Self {
        let seen = Seen { otherwise, beginning: Vec::with_capacity(LOOK), current: None };
        Self { levels: Levels::Seen(seen), spool: spool.clone(), open: 0 }
    }

    /// Returns how many bytes came since the last newline.
    pub(super) fn open(&self) -> u64 {
        self.open
    }

    /// Hands over every line that is complete now. Waits if the queue is full and the overflow policy says so.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        // Writers never fail, and what a policy other than waiting drops is counted.
        match &mut self.levels {
            Levels::One(level, records) => {
                let begun =
                    if self.open == 0 { 0 } else { memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1) };
                let _ = records.write_all(&bytes[..begun]);
                let mut from = begun;
                // Whole lines go from here to the queue, which costs half as much.
                for end in memchr_iter(b'\n', &bytes[begun..]) {
                    let _ = self.spool.hand_over(*level, &bytes[from..=begun + end]);
                    from = begun + end + 1;
                }
                let _ = records.write_all(&bytes[from..]);
            }
            Levels::Seen(seen) => seen.push(bytes, &self.spool),
        }
        self.open = match memrchr(b'\n', bytes) {
            Some(end) => (bytes.len() - end - 1) as u64,
            None => self.open + bytes.len() as u64,
        };
    }

    /// Makes a line of what waits for its newline.
    pub(super) fn end(&mut self) {
        match &mut self.levels {
            Levels::One(_, records) => _ = records.flush(),
            Levels::Seen(seen) => seen.end(&self.spool),
        }
        self.open = 0;
    }
}

impl Seen {
    fn push(&mut self, mut bytes: &[u8], spool: &Spool) {
        while !bytes.is_empty() {
            let end = memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            let (piece, rest) = bytes.split_at(end);
            self.piece(piece, spool);
            bytes = rest;
        }
    }

    /// Takes a piece of one line.
    fn piece(&mut self, piece: &[u8], spool: &Spool) {
        let is_whole = piece.ends_with(b"\n");
        if self.current.is_none() && !is_whole && self.beginning.len() + piece.len() < LOOK {
            self.beginning.extend_from_slice(piece);
            return;
        }
        if self.current.is_none() {
            let level = if self.beginning.is_empty() {
                level_of(piece)
            } else {
                let missing = piece.len().min(LOOK - self.beginning.len());
                level_of(&[&self.beginning, &piece[..missing]].concat())
            };
            self.begin(level, spool);
        }
        if let Some(records) = &mut self.current {
            let _ = records.write_all(piece);
        }
        if is_whole {
            self.current = None;
        }
    }

    fn begin(&mut self, seen: Option<text::level::Level>, spool: &Spool) {
        let mut records = spool.lines(seen.map_or(self.otherwise, Level::from));
        let _ = records.write_all(&self.beginning);
        self.beginning.clear();
        self.current = Some(records);
    }

    fn end(&mut self, spool: &Spool) {
        if self.current.is_none() && !self.beginning.is_empty() {
            let level = level_of(&self.beginning);
            self.begin(level, spool);
        }
        // The drop hands the line over.
        self.current = None;
    }
}
