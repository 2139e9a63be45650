//! A line that tells by itself whether it is whole: who wrote it, its number, its length, a checksum.
//! `L00003 T01 N00000041 W01200 C1a2b3c4d qhx...`, without the newline.

use fastrand::Rng;

/// Bytes before the fill.
pub const HEAD_BYTES: usize = 38;

/// Which line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The process that wrote it, of those that wrote to this log one after the other.
    pub life: u32,
    /// Its thread.
    pub thread: u32,
    /// The how-manieth of that thread, from 0.
    pub number: u64,
    /// Bytes without the newline.
    pub width: usize,
}

/// What a line of a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole line.
    Whole(Line),
    /// Something the spool says about itself.
    Notice,
    /// The beginning of a line, and no more.
    Torn,
    /// More than one line, or a part of one and another, without a newline between them.
    Glued,
    /// Nothing that was ever written so.
    Damaged,
}

impl Line {
    /// The line, without its newline.
    #[must_use]
    pub fn text(&self) -> String {
        let fill = self.fill();
        head_of(self, fill.as_bytes()) + &fill
    }

    fn fill(&self) -> String {
        let seed = (u64::from(self.life) << 48) ^ (u64::from(self.thread) << 40) ^ self.number;
        let mut rng = Rng::with_seed(seed);
        (HEAD_BYTES..self.width).map(|_| rng.lowercase()).collect()
    }
}

/// What `text`, a line without its newline, is.
#[must_use]
pub fn classify(text: &str) -> Kind {
    if let Some(line) = whole(text) {
        return Kind::Whole(line);
    }
    if text.contains(" tracing_spool: ") && !text.starts_with('L') {
        return Kind::Notice;
    }
    let begins_again = |at: usize| at > 0 && head(&text.as_bytes()[at..]).is_some();
    if text.match_indices('L').any(|(at, _)| begins_again(at)) || text.contains(" tracing_spool: ") {
        return Kind::Glued;
    }
    if is_beginning(text) { Kind::Torn } else { Kind::Damaged }
}

/// The line that `text` is, if every byte of it is right.
#[must_use]
pub fn whole(text: &str) -> Option<Line> {
    let (line, stated) = head(text.as_bytes())?;
    let fill = text.get(HEAD_BYTES..)?;
    let is_right =
        text.len() == line.width && checksum(line.life, line.thread, line.number, fill.as_bytes()) == stated;
    is_right.then_some(line)
}

/// Whether `text` is the first bytes of some line.
fn is_beginning(text: &str) -> bool {
    if let Some((line, _)) = head(text.as_bytes()) {
        return text.len() < line.width && line.text().starts_with(text);
    }
    const SHAPE: &[u8; HEAD_BYTES] = b"L##### T## N######## W##### Cxxxxxxxx ";
    let fits = |(byte, shape): (u8, u8)| match shape {
        b'#' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_hexdigit(),
        b'_' | b'&' => false,
        literal => byte == literal,
    };
    text.len() < HEAD_BYTES && text.bytes().zip(*SHAPE).all(fits)
}

/// The first bytes of a line with this fill.
pub(crate) fn head_of(line: &Line, fill: &[u8]) -> String {
    let Line { life, thread, number, width } = *line;
    let checksum = checksum(life, thread, number, fill);
    format!("L{life:05} T{thread:02} N{number:08} W{width:05} C{checksum:08x} ")
}

/// Line and checksum as the first bytes state them.
pub(crate) fn head(bytes: &[u8]) -> Option<(Line, u32)> {
    let text = std::str::from_utf8(bytes.get(..HEAD_BYTES)?).ok()?;
    let mut words = text.split(' ');
    let mut word =
        |mark: char, digits: usize| words.next()?.strip_prefix(mark).filter(|word| word.len() == digits);
    let life = word('L', 5)?.parse().ok()?;
    let thread = word('T', 2)?.parse().ok()?;
    let number = word('N', 8)?.parse().ok()?;
    let width = word('W', 5)?.parse().ok()?;
    let stated = u32::from_str_radix(word('C', 8)?, 16).ok()?;
    Some((Line { life, thread, number, width }, stated))
}

fn checksum(life: u32, thread: u32, number: u64, fill: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&life.to_le_bytes());
    hasher.update(&thread.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(fill);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::{HEAD_BYTES, Kind, Line, classify, whole};

    const LINE: Line = Line { life: 3, thread: 1, number: 41, width: 90 };

    #[test]
    fn a_line_is_whole_or_it_is_not() {
        let text = LINE.text();
        assert_eq!((text.len(), whole(&text)), (90, Some(LINE)));
        assert_eq!(text.rfind(' ').map(|at| at + 1), Some(HEAD_BYTES));
        for end in 1..text.len() {
            assert_eq!(classify(&text[..end]), Kind::Torn, "cut at {end}");
            assert_eq!(classify(&format!("{}{text}", &text[..end])), Kind::Glued, "at {end}");
        }
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let found = classify(std::str::from_utf8(&bytes).unwrap());
            assert_eq!(found, Kind::Damaged, "a bit at {at}");
        }
    }

    #[test]
    fn notices_are_known() {
        let notice = "2026-11-24T10:00:00.000000Z  WARN tracing_spool: the last line was unfinished";
        assert_eq!(classify(notice), Kind::Notice);
        assert_eq!(classify(&(LINE.text() + notice)), Kind::Glued);
        assert_eq!(classify("anything"), Kind::Damaged);
    }
}
