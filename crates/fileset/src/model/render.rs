//! Turns a record's bytes into bytes of the file: escapes control characters, bounds the length, and ends it with one
//! newline. Pure; it runs on the writer thread, never on a caller's.

use super::cut::Rendering;
pub use super::rules::{Rendered, Rules};

/// Appends the rendered `record` to `out`; `missing` bytes were cut from it before.
pub(crate) fn render(record: &[u8], missing: usize, rules: &Rules, out: &mut Vec<u8>) -> Rendered {
    if rules.verbatim && missing == 0 && record.len() <= rules.max_bytes {
        out.extend_from_slice(record);
        return Rendered::default();
    }
    let body = record.strip_suffix(b"\n").unwrap_or(record);
    if missing == 0 && body.len() < rules.max_bytes && is_plain(body, rules) {
        out.extend_from_slice(body);
        out.push(b'\n');
        return Rendered::default();
    }
    let mut rendering = Rendering::new(out, rules);
    rendering.fill(body, missing > 0);
    rendering.finish(body.len() + missing)
}

/// Returns whether the record can be copied as it is.
fn is_plain(body: &[u8], rules: &Rules) -> bool {
    if !rules.escape || rules.verbatim {
        return !rules.single_line || !body.contains(&b'\n');
    }
    // Nearly all records are printable ASCII, which one comparison per byte can tell.
    if !any_byte(body, is_unprintable) {
        return true;
    }
    let keeps = |byte: u8| byte == b'\t' || (byte == b'\n' && !rules.single_line);
    if body.iter().any(|byte| byte.is_ascii_control() && !keeps(*byte)) {
        return false;
    }
    let is_c1 = |character: char| ('\u{80}'..='\u{9f}').contains(&character);
    std::str::from_utf8(body).is_ok_and(|text| !text.contains(is_c1))
}

/// Returns whether a byte is not printable ASCII.
fn is_unprintable(byte: u8) -> bool {
    byte.wrapping_sub(b' ') > b'~' - b' '
}

/// Returns how many bytes are not printable ASCII. Counts in blocks whose count fits into a byte, which lets the
/// compiler vectorise the loop.
pub(crate) fn unprintable(text: &[u8]) -> usize {
    const WIDE: usize = 128;
    let count = |block: &[u8]| block.iter().fold(0, |sum: u8, byte| sum + u8::from(is_unprintable(*byte)));
    text.chunks(WIDE).map(|block| usize::from(count(block))).sum()
}

/// Returns whether `is_wanted` returns true for any byte. Looks at whole blocks without an early exit, which lets the
/// compiler vectorise the loop.
fn any_byte(body: &[u8], is_wanted: impl Fn(u8) -> bool) -> bool {
    const WIDE: usize = 32;
    let any = |block: &[u8; WIDE]| block.iter().fold(false, |any, byte| any | is_wanted(*byte));
    match body.last_chunk::<WIDE>() {
        // Let the last block overlap the one before, which is cheaper than going byte by byte.
        Some(last) => body.chunks_exact(WIDE).filter_map(|block| block.first_chunk()).any(any) || any(last),
        None => body.iter().any(|byte| is_wanted(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::cut::MARK_BYTES;

    fn shown(record: &[u8], missing: usize, rules: &Rules) -> (String, usize) {
        let mut out = b"before\n".to_vec();
        let rendered = render(record, missing, rules, &mut out);
        (String::from_utf8_lossy(&out[7..]).into_owned(), rendered.cut_bytes)
    }

    fn plain(record: &[u8]) -> String {
        shown(record, 0, &Rules::default()).0
    }

    #[test]
    fn ordinary_lines_stay_as_they_are() {
        assert_eq!(plain(b"a line"), "a line\n");
        assert_eq!(plain(b"a line\n"), "a line\n");
        assert_eq!(plain(b"a\tb\nc\n"), "a\tb\nc\n");
        assert_eq!(plain("für 10 €, 日本 🦀\n".as_bytes()), "für 10 €, 日本 🦀\n");
        assert_eq!(plain(b"\n"), "\n");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(plain(b"\x1b[2Jgone\0\x7f\r\n"), "\\x1b[2Jgone\\x00\\x7f\\x0d\n");
        assert_eq!(plain("x\u{9b}31m\u{85}y\u{a0}".as_bytes()), "x\\u{9b}31m\\u{85}y\u{a0}\n");
        assert_eq!(plain(b"ok \xff\xc3 ok"), "ok \\xff\\xc3 ok\n");
    }

    #[test]
    fn raw_when_asked() {
        let rules = Rules { escape: false, ..Rules::default() };
        let mut out = Vec::new();
        render(b"\x1b[1m\xff\n", 0, &rules, &mut out);
        assert_eq!(out, b"\x1b[1m\xff\n");
    }

    #[test]
    fn colours_stay_where_they_may_and_nothing_else_of_a_terminal_does() {
        let rules = Rules { colours: true, ..Rules::default() };
        assert_eq!(
            shown(b"\x1b[2m12:00\x1b[0m \x1b[38;5;9mx\n", 0, &rules).0,
            "\x1b[2m12:00\x1b[0m \x1b[38;5;9mx\n"
        );
        for other in
            ["\x1b[2J", "\x1b[6n", "\x1b]0;t\x07", "\x1b[", "\x1b", "\x1b[1\x1b", "\x1b[?25l", "\x1b[1 m"]
        {
            let (text, _) = shown(other.as_bytes(), 0, &rules);
            assert!(!text.contains('\x1b') && text.starts_with("\\x1b"), "{text:?}");
        }
        let long = format!("{}\x1b[31mred", "x".repeat(30));
        let (text, cut) = shown(long.as_bytes(), 0, &Rules { max_bytes: 64, ..rules });
        assert_eq!((text, cut), (format!("{long}\n"), 0));
        let longer = "\x1b[31m".repeat(20);
        let (text, _) = shown(longer.as_bytes(), 0, &Rules { max_bytes: 64, ..rules });
        let kept = text.split('…').next().unwrap();
        assert_eq!(kept, "\x1b[31m".repeat(kept.len() / 5), "none is cut in two");
    }

    #[test]
    fn verbatim_is_byte_for_byte() {
        let rules = Rules { verbatim: true, max_bytes: 64, ..Rules::default() };
        for record in [&b"no newline"[..], b"\x1b[2J\0\n", b"\n", &[0xff; 64]] {
            let mut out = Vec::new();
            assert_eq!(render(record, 0, &rules, &mut out), Rendered::default());
            assert_eq!(out, record);
        }
        let (text, cut) = shown(&[b'x'; 65], 0, &rules);
        assert!(cut > 0 && text.contains("…[+") && text.len() <= 64, "{text}");
    }

    #[test]
    fn single_line_escapes_inner_newlines() {
        for escape in [true, false] {
            let rules = Rules { single_line: true, escape, ..Rules::default() };
            assert_eq!(shown(b"a\nforged\n", 0, &rules).0, "a\\nforged\n");
            assert_eq!(shown(b"plain\n", 0, &rules).0, "plain\n");
        }
    }

    #[test]
    fn long_records_are_cut_and_say_so() {
        let rules = Rules { max_bytes: 64, ..Rules::default() };
        let fits = "x".repeat(63);
        assert_eq!(shown(fits.as_bytes(), 0, &rules), (format!("{fits}\n"), 0));
        let (text, cut) = shown("x".repeat(100).as_bytes(), 0, &rules);
        let kept = text.matches('x').count();
        assert_eq!((text, cut), (format!("{}…[+{} bytes]\n", "x".repeat(kept), 100 - kept), 100 - kept));
        assert_eq!(kept, 64 - MARK_BYTES - 1);
    }

    #[test]
    fn a_cut_before_is_named_and_leaves_no_half_character() {
        let rules = Rules::default();
        assert_eq!(shown(b"ab\xe2\x82", 5, &rules), ("ab…[+7 bytes]\n".to_owned(), 7));
        assert_eq!(shown(b"ab\xff", 5, &rules), ("ab\\xff…[+5 bytes]\n".to_owned(), 5));
        assert_eq!(shown(b"", 5, &rules), ("…[+5 bytes]\n".to_owned(), 5));
    }

    proptest! {
        #[test]
        fn never_longer_never_controlling(
            record in proptest::collection::vec(any::<u8>(), 0..300),
            max_bytes in 64_usize..200,
            missing in 0_usize..3,
            single_line: bool,
        ) {
            let rules = Rules { single_line, max_bytes, ..Rules::default() };
            let mut out = Vec::new();
            let rendered = render(&record, missing, &rules, &mut out);
            prop_assert!(out.len() <= max_bytes, "{} > {max_bytes}", out.len());
            let text = std::str::from_utf8(&out).unwrap();
            let body = text.strip_suffix('\n').unwrap();
            prop_assert!(!body.contains(|c: char| c.is_control() && c != '\t' && (single_line || c != '\n')));
            prop_assert_eq!(rendered.cut_bytes > 0, body.ends_with(" bytes]") && body.contains("…[+"));
            prop_assert!(rendered.cut_bytes >= missing);
        }

        #[test]
        fn clean_text_is_copied(text in "[ -~äöü€\t]{0,40}") {
            prop_assert_eq!(plain(text.as_bytes()), format!("{text}\n"));
        }
    }
}
