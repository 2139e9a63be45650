//! Records with characters that the rules of rendering treat differently: a head as that of [`Line`], and behind it letters
//! among which stand escapes, newlines, bytes that are no UTF-8. How each may look in a file is written down here a second
//! time, so that the spool's own rendering is not what it is judged by.

use fastrand::Rng;

use crate::line::{HEAD_BYTES, Line, head, head_of};

/// How a life renders records, as far as it shows in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Control characters and bytes that are no UTF-8 stand there as they are.
    pub raw_bytes: bool,
    /// Newlines are escaped.
    pub single_line: bool,
    /// The longest record, with its newline.
    pub longest: u64,
}

/// What stands at the end of a record that was cut, before the number of bytes and behind it.
const MARK: (&str, &str) = ("…[+", " bytes]\n");
/// Less than its limit a record that was cut is not, but for this: the mark, and a character that did not fit.
const CUT_SHORT: u64 = 64;

/// Some bytes of a record, and how they look escaped.
type Piece = (&'static [u8], &'static [u8]);

const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
const NEWLINE: Piece = (b"\n", br"\n");
/// None is the beginning of another, none is in the mark of a cut, and no two of them make up a third.
const WILD: [Piece; 8] = [
    (b"\x1b", br"\x1b"),
    (b"\xff", br"\xff"),
    (b"\x7f", br"\x7f"),
    (b"\r", br"\x0d"),
    (b"\t", b"\t"),
    ("é".as_bytes(), "é".as_bytes()),
    ("\u{9b}".as_bytes(), br"\u{9b}"),
    NEWLINE,
];

fn look_of(piece: Piece, look: &Look) -> &'static [u8] {
    let is_escaped = if piece == NEWLINE { look.single_line } else { !look.raw_bytes };
    if is_escaped { piece.1 } else { piece.0 }
}

/// The fill of a line, which ends in a letter.
fn pieces(line: &Line) -> Vec<Piece> {
    let mut rng = Rng::with_seed((u64::from(line.life) << 48) ^ (u64::from(line.thread) << 40) ^ line.number);
    let mut left = line.width.saturating_sub(HEAD_BYTES);
    let mut pieces = Vec::with_capacity(left);
    while left > 0 {
        let dice = rng.usize(..256);
        let wild = WILD.get(dice).filter(|piece| piece.0.len() < left);
        let letter = &LETTERS[dice % 26..=dice % 26];
        let piece = wild.copied().unwrap_or((letter, letter));
        left -= piece.0.len();
        pieces.push(piece);
    }
    pieces
}

fn fill_of(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.0).copied().collect()
}

/// The record, without its newline.
#[must_use]
pub fn record(line: &Line) -> Vec<u8> {
    let fill = fill_of(&pieces(line));
    let mut record = head_of(line, &fill).into_bytes();
    record.extend(fill);
    record
}

/// A record as it stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub line: Line,
    /// Its bytes there.
    pub bytes: usize,
    /// Which of the looks it has, the first that fits.
    pub look: usize,
    /// Whether it was cut.
    pub is_cut: bool,
}

/// The line that is begun by a whole head.
#[must_use]
pub fn begun(bytes: &[u8]) -> Option<Line> {
    Some(head(bytes)?.0)
}

/// The whole record that `bytes` begin with, if each byte of it is right under one of the `looks`. The first is that of the
/// life that handed it over.
#[must_use]
pub fn seen(bytes: &[u8], looks: &[Look]) -> Option<Seen> {
    let line = begun(bytes)?;
    let pieces = pieces(&line);
    if !bytes.starts_with(head_of(&line, &fill_of(&pieces)).as_bytes()) {
        return None;
    }
    let shortest = looks.first()?.longest;
    looks.iter().enumerate().find_map(|(number, look)| {
        let (len, is_cut) = fits(bytes, &line, &pieces, look, shortest)?;
        Some(Seen { line, bytes: len, look: number, is_cut })
    })
}

/// How many bytes it has under this look, and whether it was cut.
fn fits(bytes: &[u8], line: &Line, pieces: &[Piece], look: &Look, handed: u64) -> Option<(usize, bool)> {
    let (mut at, mut source) = (HEAD_BYTES, HEAD_BYTES);
    for piece in pieces {
        let form = look_of(*piece, look);
        if !bytes[at..].starts_with(form) {
            break;
        }
        at += form.len();
        source += piece.0.len();
    }
    let rest = &bytes[at..];
    let (len, is_cut) = if source == line.width && rest.starts_with(b"\n") {
        (at + 1, false)
    } else {
        let mark = rest.split_inclusive(|byte| *byte == b'\n').next()?;
        let number = std::str::from_utf8(mark).ok()?.strip_prefix(MARK.0)?.strip_suffix(MARK.1)?;
        // What was cut when it was handed over had its newline.
        let missing = (line.width - source) as u64;
        (missing..=missing + 1).contains(&number.parse().ok()?).then_some((at + mark.len(), true))?
    };
    let is_long = !is_cut || len as u64 + CUT_SHORT >= look.longest.min(handed);
    (is_long && len as u64 <= look.longest).then_some((len, is_cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Line = Line { life: 3, thread: 1, number: 41, width: 700 };
    const RAW: Look = Look { raw_bytes: true, single_line: false, longest: 1 << 20 };

    fn shown(look: &Look) -> Vec<u8> {
        let mut shown = head_of(&LINE, &fill_of(&pieces(&LINE))).into_bytes();
        shown.extend(pieces(&LINE).iter().flat_map(|piece| look_of(*piece, look)));
        shown.push(b'\n');
        shown
    }

    #[test]
    fn it_is_known_in_each_look_and_in_no_other() {
        let looks = [(true, false), (true, true), (false, false), (false, true)]
            .map(|(raw_bytes, single_line)| Look { raw_bytes, single_line, longest: 4_096 });
        for (number, look) in looks.iter().enumerate() {
            let shown = shown(look);
            let seen = seen(&shown, &looks).unwrap();
            assert_eq!((seen.line, seen.bytes, seen.look, seen.is_cut), (LINE, shown.len(), number, false));
        }
        assert_eq!(record(&LINE).len(), 700);
        assert_eq!([record(&LINE), b"\n".to_vec()].concat(), shown(&RAW));
        let glyphs: Vec<u8> = (0..40).flat_map(|number| record(&Line { number, ..LINE })).collect();
        for piece in WILD {
            assert!(glyphs.windows(piece.0.len()).any(|window| window == piece.0), "{piece:?}");
        }
    }

    #[test]
    fn any_other_byte_is_seen() {
        let shown = shown(&RAW);
        for at in 0..shown.len() {
            let mut other = shown.clone();
            other[at] ^= 1;
            assert_eq!(seen(&other, &[RAW]), None, "at {at}");
            assert_eq!(seen(&shown[..at], &[RAW]), None, "cut at {at}");
        }
        let short = Look { longest: 300, ..RAW };
        assert_eq!(seen(&shown, &[short]), None, "longer than allowed");
    }

    #[test]
    fn a_cut_names_what_is_missing() {
        let look = Look { longest: 300, ..RAW };
        let cut = |at: usize, missing: usize| {
            let mut cut = shown(&RAW)[..at].to_vec();
            cut.extend(format!("…[+{missing} bytes]\n").bytes());
            seen(&cut, &[look]).is_some_and(|seen| seen.is_cut)
        };
        // Behind a letter, so that the cut is at the end of a piece.
        let at = (260..280).find(|at| shown(&RAW)[at - 1].is_ascii_lowercase()).unwrap();
        assert!(cut(at, 700 - at) && cut(at, 701 - at));
        assert!(!cut(at, 699 - at) && !cut(at, 702 - at));
        assert!(!cut(100, 600), "far shorter than it may be");
    }
}
