//! Rust text with its comments and literals blanked out, so that a rule does not trip over an example or a message.
//! Every byte keeps its place: an offence is reported on the line where it stands.

/// Blanks out comments, strings and characters; newlines stay.
pub(crate) fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = token_end(bytes, at);
        match end {
            Some(end) => {
                for byte in &mut out[at..end] {
                    if *byte != b'\n' {
                        *byte = b' ';
                    }
                }
                at = end;
            }
            None => at = after_plain(bytes, at),
        }
    }
    // Multi-byte characters stand in comments and literals only; one in an identifier would be blanked in parts.
    String::from_utf8(out)
        .unwrap_or_else(|error| error.into_bytes().iter().map(|byte| char::from(*byte)).collect())
}

/// Where the comment or literal that begins here ends; none if none begins here.
fn token_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let end = match rest {
        [b'/', b'/', ..] => line_comment(rest),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => string(rest, 1),
        [b'b' | b'c', b'"', ..] => string(rest, 2),
        [b'r', b'"' | b'#', ..] => raw_string(rest, 1)?,
        [b'b' | b'c', b'r', b'"' | b'#', ..] => raw_string(rest, 2)?,
        [b'\'', ..] => character(rest, 1)?,
        [b'b', b'\'', ..] => character(rest, 2)?,
        _ => return None,
    };
    Some(at + end)
}

/// Past a whole word, so that the `r` of `for` begins no raw string; past one byte otherwise.
fn after_plain(bytes: &[u8], at: usize) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let word = bytes[at..].iter().take_while(|byte| is_word(byte)).count();
    at + word.max(1)
}

fn line_comment(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

/// Block comments nest.
fn block_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A string whose content begins at `from`.
fn string(rest: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// A raw string whose hashes begin at `from`; none for a raw identifier such as `r#type`.
fn raw_string(rest: &[u8], from: usize) -> Option<usize> {
    let hashes = rest[from..].iter().take_while(|byte| **byte == b'#').count();
    let content = from + hashes + 1;
    if rest.get(content - 1) != Some(&b'"') {
        return None;
    }
    let close = [&b"\""[..], &vec![b'#'; hashes]].concat();
    let length = rest[content..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(rest.len(), |length| content + length + close.len()))
}

/// A character whose content begins at `from`; none for a lifetime.
fn character(rest: &[u8], from: usize) -> Option<usize> {
    match rest.get(from)? {
        b'\\' => {
            // The escaped character itself may be a quote.
            let close = rest.get(from + 2..)?.iter().position(|byte| *byte == b'\'')?;
            Some(from + 2 + close + 1)
        }
        first => {
            let width = match first {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            };
            (rest.get(from + width) == Some(&b'\'')).then_some(from + width + 1)
        }
    }
}

#[test]
fn comments_and_literals_go() {
    let cases = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        ("f(\"a \\\" b\") + g", "f(          ) + g"),
        ("r#\"a \" b\"# + x", "           + x"),
        ("for x in y {}", "for x in y {}"),
        ("let r#type = 'a';", "let r#type =    ;"),
        ("&'a str, '\\'', '…', b'x', b\"y\"", "&'a str,     ,    ,     ,     "),
        ("\"ends in a comment //\" + c", "                       + c"),
    ];
    for (text, want) in cases {
        let got = mask(text).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(got, want.split_whitespace().collect::<Vec<_>>().join(" "), "{text}");
        assert_eq!(mask(text).len(), text.len(), "{text}");
    }
}
