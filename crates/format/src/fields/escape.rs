//! Writes the bytes of values into a line, escaping what a terminal would obey and what would end a JSON string or a
//! logfmt pair.

use std::fmt;

/// Follows what a failed `Debug` or `Display` wrote.
const FAILED: &str = "[could not be formatted]";

/// How the characters of a value are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Not at all.
    Nothing,
    /// Control characters that a terminal obeys, as `fmt` escapes them in messages.
    Terminal,
    /// As in a JSON string, the way `serde_json` does.
    Json,
}

/// Writes a value, bounded and escaped.
#[derive(Debug)]
pub(crate) struct Value<'a> {
    line: &'a mut String,
    escape: Escape,
    /// Bytes of the value that may still be written, counted before escaping.
    left: usize,
    /// Bytes of the value that were cut.
    cut: usize,
}

impl<'a> Value<'a> {
    pub(crate) fn new(line: &'a mut String, escape: Escape, max_bytes: Option<usize>) -> Self {
        Self { line, escape, left: max_bytes.unwrap_or(usize::MAX), cut: 0 }
    }

    pub(crate) fn push(&mut self, text: &str) {
        let kept = if self.cut > 0 {
            ""
        } else if text.len() <= self.left {
            text
        } else {
            let mut end = self.left;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            &text[..end]
        };
        self.left -= kept.len();
        self.cut += text.len() - kept.len();
        match self.escape {
            Escape::Nothing => self.line.push_str(kept),
            Escape::Terminal => push_for_terminal(self.line, kept),
            Escape::Json => push_json(self.line, kept),
        }
    }

    /// Writes formatted text. If formatting fails, what was written by then stays, followed by a mark.
    pub(crate) fn words(&mut self, words: fmt::Arguments<'_>) {
        if fmt::Write::write_fmt(self, words).is_err() {
            self.push(FAILED);
        }
    }

    /// Ends the value, and writes how much was cut if anything was.
    pub(crate) fn finish(self) {
        if self.cut > 0 {
            self.line.push_str("…[+");
            push_int(self.line, self.cut);
            self.line.push_str(" bytes]");
        }
    }
}

impl fmt::Write for Value<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

pub(crate) fn push_int(line: &mut String, value: impl itoa::Integer) {
    line.push_str(itoa::Buffer::new().format(value));
}

/// Returns whether any byte is special. Looks at whole blocks without an early exit, which lets the compiler vectorise
/// the loop: hardly any text has such a byte.
fn any_byte(text: &str, is_special: impl Fn(u8) -> bool) -> bool {
    const WIDE: usize = 32;
    let any = |block: &[u8]| block.iter().fold(0, |any, byte| any | u8::from(is_special(*byte))) != 0;
    let blocks = text.as_bytes().chunks_exact(WIDE);
    let rest = blocks.remainder();
    blocks.filter_map(|block| block.first_chunk::<WIDE>()).any(|block| any(block)) || any(rest)
}

/// Pushes `text`, with each byte for which `is_special` returns true replaced by what `replace` pushes.
fn push_replacing(
    line: &mut String,
    text: &str,
    is_special: impl Fn(u8) -> bool,
    replace: impl Fn(&mut String, &str) -> usize,
) {
    if !any_byte(text, &is_special) {
        line.push_str(text);
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(&is_special) {
        line.push_str(&rest[..at]);
        rest = &rest[at..];
        let used = replace(line, rest);
        rest = &rest[used..];
    }
    line.push_str(rest);
}

const DEL: u8 = 0x7f;
/// The first byte of U+0080 to U+00BF in UTF-8; the first half of these are control characters.
const C1: u8 = 0xc2;

/// Pushes `text` with ESC, BEL, BS, FF, DEL and the C1 controls escaped.
pub(crate) fn push_for_terminal(line: &mut String, text: &str) {
    let is_special = |byte| matches!(byte, 0x1b | 0x07 | 0x08 | 0x0c | DEL | C1);
    push_replacing(line, text, is_special, |line, rest| {
        let character = rest.chars().next().unwrap_or_default();
        match character {
            '\x1b' => line.push_str("\\x1b"),
            '\x07' => line.push_str("\\x07"),
            '\x08' => line.push_str("\\x08"),
            '\x0c' => line.push_str("\\x0c"),
            '\x7f' => line.push_str("\\x7f"),
            '\u{80}'..='\u{9f}' => {
                line.push_str("\\u{");
                push_hex(line, character as u32);
                line.push('}');
            }
            other => line.push(other),
        }
        character.len_utf8()
    });
}

fn push_hex(line: &mut String, code: u32) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for nibble in [code >> 4 & 0xf, code & 0xf] {
        line.push(char::from(HEX[nibble as usize]));
    }
}

/// Pushes `text` as the inside of a JSON string.
pub(crate) fn push_json(line: &mut String, text: &str) {
    push_replacing(
        line,
        text,
        |byte| byte < 0x20 || byte == b'"' || byte == b'\\',
        |line, rest| {
            match rest.as_bytes()[0] {
                b'"' => line.push_str("\\\""),
                b'\\' => line.push_str("\\\\"),
                b'\n' => line.push_str("\\n"),
                b'\r' => line.push_str("\\r"),
                b'\t' => line.push_str("\\t"),
                0x08 => line.push_str("\\b"),
                0x0c => line.push_str("\\f"),
                byte => {
                    line.push_str("\\u00");
                    push_hex(line, byte.into());
                }
            }
            1
        },
    );
}

/// Escapes DEL and the C1 controls in a line of JSON. JSON allows them as they are, but terminals obey them. They can
/// only occur in strings.
pub(crate) fn escape_controls(line: &mut String) {
    if !has_controls(line) {
        return;
    }
    let mut escaped = String::with_capacity(line.len() + line.len() / 8);
    for character in line.chars() {
        if is_late_control(character) {
            escaped.push_str("\\u00");
            push_hex(&mut escaped, character.into());
        } else {
            escaped.push(character);
        }
    }
    line.clear();
    line.push_str(&escaped);
}

fn is_late_control(character: char) -> bool {
    matches!(character, '\x7f'..='\u{9f}')
}

/// Returns whether `text` contains DEL or a C1 control.
pub(crate) fn has_controls(text: &str) -> bool {
    any_byte(text, |byte| (byte == DEL) | (byte == C1)) && text.contains(is_late_control)
}

/// Pushes `text` as a JSON string.
pub(crate) fn push_json_string(line: &mut String, text: &str) {
    line.push('"');
    push_json(line, text);
    line.push('"');
}

/// Pushes what `write` writes as a JSON string, bounded.
pub(crate) fn push_json_value(
    line: &mut String,
    max_bytes: Option<usize>,
    write: impl FnOnce(&mut Value<'_>),
) {
    line.push('"');
    let mut to = Value::new(line, Escape::Json, max_bytes);
    write(&mut to);
    to.finish();
    line.push('"');
}

/// Pushes `text` the way `{:?}` writes a string.
pub(crate) fn push_quoted(line: &mut String, text: &str) {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\') {
        line.push('"');
        line.push_str(text);
        line.push('"');
    } else {
        // Writing to a `String` cannot fail.
        let _ = fmt::Write::write_fmt(line, format_args!("{text:?}"));
    }
}

/// Pushes a number as JSON, which is `null` if it isn't finite.
pub(crate) fn push_json_float(line: &mut String, value: f64) {
    if value.is_finite() {
        line.push_str(zmij::Buffer::new().format_finite(value));
    } else {
        line.push_str("null");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(escape: Escape, max: Option<usize>, pieces: &[&str]) -> String {
        let mut line = String::new();
        let mut value = Value::new(&mut line, escape, max);
        pieces.iter().for_each(|piece| value.push(piece));
        value.finish();
        line
    }

    #[test]
    fn a_value_is_cut_at_a_character_and_says_so() {
        assert_eq!(written(Escape::Nothing, Some(4), &["ab", "für", "x"]), "abf…[+4 bytes]");
        assert_eq!(written(Escape::Nothing, Some(5), &["abc", "de"]), "abcde");
        assert_eq!(written(Escape::Json, Some(2), &["\n\n\n"]), "\\n\\n…[+1 bytes]");
        assert_eq!(
            written(Escape::Terminal, None, &["a\x1b[2Jb\u{85}c\u{a0}é"]),
            "a\\x1b[2Jb\\u{85}c\u{a0}é"
        );
    }

    proptest! {
        #[test]
        fn json_strings_are_those_of_serde_json(text in ".*") {
            let mut line = String::new();
            push_json_string(&mut line, &text);
            prop_assert_eq!(line, serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn quoted_strings_are_those_of_debug(text in ".*") {
            let mut line = String::new();
            push_quoted(&mut line, &text);
            prop_assert_eq!(line, format!("{text:?}"));
        }

        #[test]
        fn floats_are_those_of_serde_json(bits: u64) {
            let value = f64::from_bits(bits);
            let mut line = String::new();
            push_json_float(&mut line, value);
            prop_assert_eq!(line, serde_json::to_string(&value).unwrap());
        }
    }
}
