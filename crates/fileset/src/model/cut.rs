//! Renders a record character by character, with control characters escaped, and cuts it if it is too long: at a
//! character boundary, with the mark `…[+N bytes]`.

use std::io::Write as _;

use super::rules::{Rendered, Rules};

/// The room that the mark `…[+N bytes]` takes with the largest N.
pub(super) const MARK_BYTES: usize = "…[+ bytes]".len() + 20;

/// A record being rendered unit by unit, where a unit is a character or an invalid byte.
pub(super) struct Rendering<'a> {
    out: &'a mut Vec<u8>,
    rules: &'a Rules,
    start: usize,
    /// Source bytes rendered so far.
    source: usize,
    /// The last point (in `out`, in the source) that still leaves room for a mark.
    safe: (usize, usize),
    full: bool,
}

impl<'a> Rendering<'a> {
    /// Begins a rendering at the end of `out`.
    pub(super) fn new(out: &'a mut Vec<u8>, rules: &'a Rules) -> Self {
        let start = out.len();
        Self { start, out, rules, safe: (start, 0), source: 0, full: false }
    }

    pub(super) fn fill(&mut self, body: &[u8], cut_before: bool) {
        let mut chunks = body.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            let mut text = chunk.valid();
            while let Some(character) = text.chars().next() {
                let bytes = if self.rules.colours { colour(text) } else { 0 };
                if bytes > 0 {
                    self.unit(&text.as_bytes()[..bytes], bytes);
                } else {
                    self.character(character);
                }
                if self.full {
                    return;
                }
                text = &text[bytes.max(character.len_utf8())..];
            }
            if cut_before && chunks.peek().is_none() && is_beginning(chunk.invalid()) {
                return; // half a character, torn by the cut before
            }
            for byte in chunk.invalid() {
                self.byte(*byte);
                if self.full {
                    return;
                }
            }
        }
    }

    fn escapes(&self) -> bool {
        self.rules.escape && !self.rules.verbatim
    }

    fn character(&mut self, character: char) {
        let mut utf8 = [0; 4];
        match character {
            '\n' if self.rules.single_line => self.unit(b"\\n", 1),
            '\n' | '\t' => self.unit(character.encode_utf8(&mut utf8).as_bytes(), 1),
            '\0'..='\x1f' | '\x7f' if self.escapes() => self.escaped(character as u32),
            '\u{80}'..='\u{9f}' if self.escapes() => {
                let escaped = format!("\\u{{{:x}}}", character as u32);
                self.unit(escaped.as_bytes(), character.len_utf8());
            }
            _ => self.unit(character.encode_utf8(&mut utf8).as_bytes(), character.len_utf8()),
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.escapes() { self.escaped(byte.into()) } else { self.unit(&[byte], 1) }
    }

    fn escaped(&mut self, code: u32) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u32| HEX[(nibble & 0xf) as usize];
        self.unit(&[b'\\', b'x', digit(code >> 4), digit(code)], 1);
    }

    fn unit(&mut self, rendered: &[u8], source_bytes: usize) {
        let used = self.out.len() - self.start + rendered.len();
        if used + 1 > self.rules.max_bytes {
            self.full = true;
            return;
        }
        self.out.extend_from_slice(rendered);
        self.source += source_bytes;
        if used + MARK_BYTES < self.rules.max_bytes {
            self.safe = (self.out.len(), self.source);
        }
    }

    /// Ends the rendering. If not all of the record's `source_bytes` fitted, cuts it where the mark fits.
    pub(super) fn finish(self, source_bytes: usize) -> Rendered {
        let mut rendered = Rendered::default();
        if self.source < source_bytes {
            self.out.truncate(self.safe.0);
            rendered.cut_bytes = source_bytes - self.safe.1;
            // Writing to a `Vec` cannot fail.
            let _ = write!(self.out, "…[+{} bytes]", rendered.cut_bytes);
        }
        self.out.push(b'\n');
        rendered
    }
}

/// Returns the length of the escape sequence for a colour or style that `text` begins with, or 0 if it begins with
/// none.
fn colour(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\x1b[") else { return 0 };
    let end = rest.find(|character: char| !character.is_ascii_digit() && !";:".contains(character));
    end.filter(|end| rest[*end..].starts_with('m')).map_or(0, |end| "\x1b[".len() + end + "m".len())
}

/// Returns whether `bytes` are an incomplete UTF-8 character.
fn is_beginning(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
