//! Whether each line of a log of JSON is one object, and if not, what happened to it.

use serde::de::IgnoredAny;

use super::finding::{Findings, Kind, Place, excerpt};
use super::lines::Line;

/// The longest beginning of a record that is remembered.
const OPENING_MAX: usize = 64;

/// The lines of a log of JSON so far.
#[derive(Debug)]
pub(super) struct Json {
    /// How records begin, up to the first colon.
    opening: Vec<u8>,
    /// A line that was cut short, until the next one tells whether its rest is there.
    short: Option<(Place, Vec<u8>)>,
    /// A line that was torn, until the log tells of it or the file ends.
    torn: Option<(Place, Vec<u8>)>,
}

impl Default for Json {
    fn default() -> Self {
        Self { opening: b"{\"timestamp\":".to_vec(), short: None, torn: None }
    }
}

impl Json {
    /// Looks at a line that is no notice.
    pub(super) fn line(&mut self, line: &Line<'_>, place: Place, findings: &mut Findings) {
        if line.is_cut() {
            self.end(findings);
            let mib = line.length >> 20;
            findings.add(Kind::Long, place, || format!("{mib} MiB in one line"), line.bytes);
            return;
        }
        if is_object(line.bytes) {
            self.end(findings);
            self.learn(line.bytes);
            return;
        }
        if let Some((begun, mut both)) = self.short.take() {
            both.extend(line.bytes);
            if is_object(&both) {
                let at = both.len() - line.bytes.len();
                findings.add(Kind::Split, begun, || format!("a newline stands in it at byte {at}"), &both);
                return;
            }
            both.truncate(both.len() - line.bytes.len());
            self.short = Some((begun, both));
            self.end(findings);
        }
        self.judge(line.bytes, place, findings);
    }

    /// Takes out the line that was torn and that the log now tells of, if there is one.
    pub(super) fn forgive(&mut self) -> Option<(Place, Vec<u8>)> {
        self.torn.take().or_else(|| self.short.take())
    }

    /// Decides about a line whose rest didn't follow.
    fn end(&mut self, findings: &mut Findings) {
        if let Some(short) = self.short.take() {
            self.tell_torn(findings);
            self.torn = Some(short);
        }
    }

    /// Decides about what is left at the end of a file.
    pub(super) fn end_file(&mut self, findings: &mut Findings) {
        self.end(findings);
        self.tell_torn(findings);
    }

    fn tell_torn(&mut self, findings: &mut Findings) {
        if let Some((place, bytes)) = self.torn.take() {
            findings.add(Kind::Torn, place, || "its end is missing".to_owned(), &bytes);
        }
    }

    fn judge(&mut self, line: &[u8], place: Place, findings: &mut Findings) {
        if let Some(at) = second_in(line, &self.opening) {
            let why = || {
                format!(
                    "another record begins at its byte {at}: {}",
                    excerpt(&line[at..at + 20.min(line.len() - at)])
                )
            };
            findings.add(Kind::Glued, place, why, line);
        } else if !line.starts_with(b"{") && !line.ends_with(b"}") {
            findings.add(Kind::Foreign, place, || "the other lines of this log are JSON".to_owned(), line);
        } else if line.starts_with(b"{") && is_short(line) {
            self.short = Some((place, line.to_vec()));
        } else {
            findings.add(Kind::Damaged, place, || fault(line), line);
        }
    }

    fn learn(&mut self, line: &[u8]) {
        if line.starts_with(&self.opening) {
            return;
        }
        if let Some(colon) = memchr::memchr(b':', &line[..line.len().min(OPENING_MAX)]) {
            self.opening = line[..=colon].to_vec();
        }
    }
}

/// Returns whether a file whose first bytes are these is one of JSON. Nothing can be said of less than four lines.
pub(super) fn is_json(head: &[u8]) -> Option<bool> {
    let lines: Vec<&[u8]> =
        head.split(|byte| *byte == b'\n').take(32).filter(|line| !line.is_empty()).collect();
    let objects = lines.iter().filter(|line| line.starts_with(b"{\"") || **line == b"{}").count();
    (lines.len() >= 4)
        .then_some(objects * 2 > lines.len())
        .or((objects > 0 && objects == lines.len()).then_some(true))
}

fn is_object(line: &[u8]) -> bool {
    line.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok()
}

/// Returns where a second record begins in a line that doesn't parse.
fn second_in(line: &[u8], opening: &[u8]) -> Option<usize> {
    if let Some(at) = line.get(1..).and_then(|rest| memchr::memmem::find(rest, opening)) {
        return Some(at + 1);
    }
    // Behind a whole object, whatever stands there.
    let mut objects = serde_json::Deserializer::from_slice(line).into_iter::<IgnoredAny>();
    let _first = objects.next()?.ok()?;
    let end = objects.byte_offset();
    line[end..].starts_with(b"{").then_some(end)
}

/// Returns whether a line that doesn't parse is the beginning of one that does.
fn is_short(line: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

fn fault(line: &[u8]) -> String {
    match serde_json::from_slice::<IgnoredAny>(line) {
        Err(error) => format!("is no JSON: {}", error.to_string().replace("line 1 ", "")),
        Ok(_) => "is no JSON object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(lines: &[&str]) -> Vec<(Kind, u64)> {
        let (mut json, mut findings) = (Json::default(), Findings::default());
        for (index, text) in lines.iter().enumerate() {
            let place = Place { file: 0, line: index as u64 + 1, at: 0 };
            let line = Line {
                bytes: text.as_bytes(),
                number: place.line,
                at: 0,
                length: text.len() as u64,
                is_ended: true,
                rest: super::super::flaws::Flaws::default(),
            };
            json.line(&line, place, &mut findings);
        }
        json.end_file(&mut findings);
        findings.listed().iter().map(|finding| (finding.kind, finding.place.line)).collect()
    }

    #[test]
    fn each_damage_has_its_name() {
        let good = "{\"timestamp\":\"x\",\"fields\":{\"message\":\"a\"}}";
        assert_eq!(found_in(&[good, good]), []);
        for (at, _) in good.char_indices().skip(1) {
            let (start, rest) = good.split_at(at);
            assert_eq!(found_in(&[good, start, good]), [(Kind::Torn, 2)], "{start}");
            assert_eq!(found_in(&[good, start, rest, good]), [(Kind::Split, 2)], "{start}");
            assert_eq!(found_in(&[&format!("{start}{good}")]), [(Kind::Glued, 1)], "{start}");
        }
        assert_eq!(found_in(&["{\"a\":1}{\"b\":2}"]), [(Kind::Glued, 1)]);
        assert_eq!(found_in(&[&good.replace('{', "z")]), [(Kind::Damaged, 1)]);
        assert_eq!(found_in(&[&good.replace("\"x\"", "\"x#")]), [(Kind::Damaged, 1)]);
        assert_eq!(found_in(&["panicked at shop.rs:7"]), [(Kind::Foreign, 1)]);
    }

    #[test]
    fn depth_is_no_damage() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(found_in(&[&deep]), []);
    }

    #[test]
    fn a_file_is_json_if_most_of_its_first_lines_are() {
        assert_eq!(is_json(b"{\"a\":1}\n{}\n{\"b\":2}\nplain\n"), Some(true));
        assert_eq!(is_json(b"a\nb\n{\"b\":2}\nplain\n"), Some(false));
        assert_eq!(is_json(b"{\"a\":1}\n"), Some(true));
        assert_eq!(is_json(b"a\n"), None);
        assert_eq!(is_json(b""), None);
    }
}
