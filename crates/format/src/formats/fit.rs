//! Shortens lines that are too long and keeps them valid. In JSON the longest strings are cut first, in logfmt the end
//! of the line. The line says by how much in a member or pair of its own.

use std::ops::Range;

use crate::fields::escape::push_int;
use crate::fields::logfmt::push_pair;

/// An object without members.
const EMPTY: &str = "{}\n";
/// Follows a string that was cut.
const MARK: &str = "…";

/// Cuts `line`, an object with a newline behind it, to at most `limit` bytes. The member `truncated` says how many
/// bytes went. If not even the beginning of the object fits, an empty object is left.
pub(crate) fn fit_json(line: &mut String, limit: usize, truncated: &str) {
    if line.len() <= limit {
        return;
    }
    let reserved = truncated.len() + ",18446744073709551615}\n".len();
    let Some(room) = limit.checked_sub(reserved) else {
        line.clear();
        line.push_str(if limit >= EMPTY.len() { EMPTY } else { "" });
        return;
    };
    let strings = Tokens::of(line).strings;
    let fixed: usize = line.len() - strings.iter().map(Range::len).sum::<usize>();
    let mut shorter = match longest_string(&strings, room.checked_sub(fixed)) {
        Some(longest) => with_shorter_strings(line, &strings, longest),
        // There are too many members: keep those from the beginning that fit.
        None => line.clone(),
    };
    close_before(&mut shorter, room);
    let cut = (line.len() - shorter.len()).max(1);
    if shorter.len() > 1 {
        shorter.push(',');
    }
    shorter.push_str(truncated);
    push_int(&mut shorter, cut);
    shorter.push_str("}\n");
    *line = shorter;
}

/// Returns the most bytes per string with which all of them fit into `room`, or `None` if they never do.
fn longest_string(strings: &[Range<usize>], room: Option<usize>) -> Option<usize> {
    let room = room?;
    let total = |longest: usize| -> usize {
        let cut = |len: usize| if len > longest { longest + MARK.len() } else { len };
        strings.iter().map(|string| cut(string.len())).sum()
    };
    let (mut low, mut high) = (0, strings.iter().map(Range::len).max().unwrap_or(0));
    if total(low) > room {
        return None;
    }
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if total(middle) <= room { low = middle } else { high = middle - 1 }
    }
    Some(low)
}

fn with_shorter_strings(line: &str, strings: &[Range<usize>], longest: usize) -> String {
    let mut out = String::with_capacity(line.len());
    let mut done = 0;
    for string in strings.iter().filter(|string| string.len() > longest) {
        out.push_str(&line[done..string.start]);
        out.push_str(whole_units(&line[string.clone()], longest));
        out.push_str(MARK);
        done = string.end;
    }
    out.push_str(&line[done..]);
    out
}

/// Returns the beginning of a string's inside, at most `longest` bytes long, without splitting a character or an
/// escape.
fn whole_units(inside: &str, longest: usize) -> &str {
    let mut end = 0;
    while end < inside.len() {
        let unit = unit_bytes(&inside[end..]);
        if end + unit > longest {
            break;
        }
        end += unit;
    }
    &inside[..end]
}

/// Returns the length of the escape or character that `text`, the inside of a string, begins with.
fn unit_bytes(text: &str) -> usize {
    match text.as_bytes() {
        [b'\\', b'u', ..] => 6,
        [b'\\', ..] => 2,
        _ => char_bytes(text),
    }
}

fn char_bytes(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

/// Cuts a line of pairs, with a newline behind it, to at most `limit` bytes, and closes the quotes if it was cut inside
/// some.
pub(crate) fn fit_pairs(line: &mut String, limit: usize) {
    if line.len() <= limit {
        return;
    }
    let room = limit.saturating_sub("…\" truncated_bytes=18446744073709551615\n".len());
    let (mut end, mut is_quoted) = (0, false);
    while end < line.len() {
        let rest = &line[end..];
        let unit = if is_quoted { unit_bytes(rest) } else { char_bytes(rest) };
        if end + unit > room {
            break;
        }
        is_quoted ^= rest.starts_with('"');
        end += unit;
    }
    let cut = line.len() - end;
    line.truncate(end);
    if end > 0 {
        line.push_str(if is_quoted { "…\"" } else { MARK });
        push_pair(line, "truncated_bytes", itoa::Buffer::new().format(cut));
    }
    line.push('\n');
}

/// Removes the end of the line: the newline, the closing brace, and members beyond `room`.
fn close_before(line: &mut String, room: usize) {
    let tokens = Tokens::of(line);
    let ends = tokens.members.iter().copied().filter(|end| *end <= room);
    let end = ends.max().unwrap_or(1);
    line.truncate(end);
}

/// Where the string values stand, and where the members of the outermost object end.
#[derive(Debug, Default)]
struct Tokens {
    /// The insides of the strings.
    strings: Vec<Range<usize>>,
    members: Vec<usize>,
}

impl Tokens {
    fn of(line: &str) -> Self {
        let bytes = line.as_bytes();
        let mut tokens = Self::default();
        let (mut at, mut depth) = (0, 0_usize);
        while at < bytes.len() {
            match bytes[at] {
                b'"' => {
                    let inside = at + 1;
                    at = inside;
                    while at < bytes.len() && bytes[at] != b'"' {
                        at += if bytes[at] == b'\\' { 2 } else { 1 };
                    }
                    if bytes.get(at + 1) != Some(&b':') {
                        tokens.strings.push(inside..at.min(bytes.len()));
                    }
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    if depth == 1 {
                        tokens.members.push(at);
                    }
                    depth = depth.saturating_sub(1);
                }
                b',' if depth == 1 => tokens.members.push(at),
                _ => {}
            }
            at += 1;
        }
        tokens
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    const KEY: &str = "\"truncated_bytes\":";

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,80}".prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(3, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,8}", inner, 0..5)
                    .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    fn object() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-z]{1,8}", value(), 0..8)
            .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>()))
    }

    proptest! {
        #[test]
        fn a_line_that_was_cut_is_valid_and_says_so(object in object(), limit in 64_usize..600) {
            let line = format!("{object}\n");
            let mut cut = line.clone();
            fit_json(&mut cut, limit, KEY);
            prop_assert!(cut.len() <= limit);
            let read: Map<String, Value> = serde_json::from_str(&cut).unwrap();
            if line.len() <= limit {
                prop_assert_eq!(cut, line);
            } else {
                prop_assert!(read["truncated_bytes"].as_u64().unwrap() > 0);
                let known = |key: &String| key == "truncated_bytes" || object.get(key).is_some();
                prop_assert!(read.keys().all(known));
            }
        }
    }

    #[test]
    fn the_longest_string_goes_first() {
        let mut line = format!("{{\"level\":\"INFO\",\"message\":\"{}\",\"order\":7}}\n", "x".repeat(1_000));
        fit_json(&mut line, 200, KEY);
        let read: Map<String, Value> = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["level"], &read["order"]), (&Value::from("INFO"), &Value::from(7)));
        assert!(read["message"].as_str().unwrap().ends_with('…') && line.len() > 150, "{line}");
    }

    #[test]
    fn no_room_leaves_an_empty_object() {
        for (limit, left) in [(10, "{}\n"), (2, "")] {
            let mut line = "{\"a\":\"a long string\"}\n".to_owned();
            fit_json(&mut line, limit, KEY);
            assert_eq!(line, left);
        }
    }
}
