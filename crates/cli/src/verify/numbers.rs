//! Lines that carry a number of their writer: which are missing between others, which stand there again, and which come too
//! late. With their lengths stated as well, which are torn, glued or split.

use std::collections::BTreeMap;

use regex::bytes::Regex;

use super::finding::{Findings, Kind, Place, excerpt};

/// Writers that are told apart, and runs of missing numbers that are remembered. More are only counted.
const WRITERS_MAX: usize = 65_536;
const HOLES_MAX: usize = 65_536;
/// The longest name of a writer.
const KEY_MAX: usize = 256;

/// How a line states its number. Parsed from the command line.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// Parses an expression, for `clap`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let regex = Regex::new(text).map_err(|error| format!("is no regular expression: {error}"))?;
        let names: Vec<&str> = regex.capture_names().flatten().collect();
        if let Some(other) = names.iter().find(|name| !["key", "number", "bytes"].contains(name)) {
            return Err(format!("has a group <{other}>: the groups are <number>, <key> and <bytes>"));
        }
        if names.contains(&"number") || (names.is_empty() && regex.captures_len() == 2) {
            return Ok(Self(regex));
        }
        Err("must have a group for the number, such as ^(?<key>\\S+) N(?<number>\\d+)".to_owned())
    }

    fn read<'a>(&self, line: &'a [u8], from: usize) -> Option<Stated<'a>> {
        let found = self.0.captures_at(line, from)?;
        let number = |name: &str| {
            let text = std::str::from_utf8(found.name(name)?.as_bytes()).ok()?;
            text.parse::<u64>().ok()
        };
        let first = || std::str::from_utf8(found.get(1)?.as_bytes()).ok()?.parse::<u64>().ok();
        let whole = found.get(0)?;
        let key = found.name("key").map_or(&b""[..], |key| key.as_bytes());
        Some(Stated {
            start: whole.start(),
            end: whole.end(),
            key: &key[..key.len().min(KEY_MAX)],
            number: number("number")
                .or_else(|| if found.name("number").is_none() { first() } else { None })?,
            bytes: number("bytes"),
        })
    }
}

/// What a line states of itself.
struct Stated<'a> {
    start: usize,
    end: usize,
    key: &'a [u8],
    number: u64,
    bytes: Option<u64>,
}

/// Missing numbers in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) key: Vec<u8>,
    pub(super) first: u64,
    pub(super) last: u64,
    /// The line behind them.
    pub(super) place: Place,
    /// Between which times they were written, if the lines around them tell.
    pub(super) from: Option<i64>,
    pub(super) until: Option<i64>,
}

impl Hole {
    pub(super) fn count(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// The lines of one writer so far.
#[derive(Debug)]
struct Run {
    first: u64,
    /// The highest number.
    last: u64,
    stamp: Option<i64>,
    /// By their first number: the last one, and where.
    holes: BTreeMap<u64, (u64, Place, Option<i64>, Option<i64>)>,
}

/// The numbers of a log.
#[derive(Debug)]
pub(super) struct Numbers {
    pattern: Pattern,
    runs: BTreeMap<Vec<u8>, Run>,
    holes: usize,
    /// Missing numbers that no hole is remembered for.
    pub(super) unheld: u64,
    /// Lines of writers that there was no place for.
    pub(super) unfollowed: u64,
    pub(super) lines: u64,
    pub(super) unnumbered: u64,
    is_at_start: bool,
    /// A line that is shorter than it says, until the next one tells whether its rest is there.
    short: Option<Short>,
    /// A line that was torn, until the log tells of it or the file ends.
    torn: Option<Short>,
}

/// A line that is shorter than it says.
#[derive(Debug)]
struct Short {
    place: Place,
    lacking: u64,
    head: Vec<u8>,
}

impl Numbers {
    pub(super) fn new(pattern: Pattern) -> Self {
        Self {
            pattern,
            runs: BTreeMap::new(),
            holes: 0,
            unheld: 0,
            unfollowed: 0,
            lines: 0,
            unnumbered: 0,
            is_at_start: true,
            short: None,
            torn: None,
        }
    }

    /// Looks at a line that is no notice.
    pub(super) fn line(
        &mut self,
        (line, length): (&[u8], u64),
        stamp: Option<i64>,
        place: Place,
        findings: &mut Findings,
    ) {
        let stated = self.pattern.read(line, 0);
        if let Some(short) = self.short.take_if(|short| stated.is_none() && short.lacking == length) {
            findings.add(Kind::Split, short.place, || "its rest is the next line".to_owned(), &short.head);
            return;
        }
        self.end_line(findings);
        let Some(stated) = stated else {
            self.unnumbered += 1;
            findings.add(Kind::Unnumbered, place, || "the expression doesn't match".to_owned(), line);
            return;
        };
        self.lines += 1;
        let second = self.pattern.read(line, stated.end).filter(|second| second.end > stated.end);
        let is_inside = self.is_at_start && self.lines > 1 && stated.start > 0;
        self.is_at_start &= stated.start == 0 || is_inside;
        self.count(&stated, stamp, place, line, findings);
        if let Some(second) = &second {
            self.count(second, stamp, place, line, findings);
        }
        if let Some(at) = second.map(|second| second.start).or(is_inside.then_some(stated.start)) {
            let rest = excerpt(&line[at..line.len().min(at + 20)]);
            findings.add(
                Kind::Glued,
                place,
                || format!("another record begins at its byte {at}: {rest}"),
                line,
            );
            return;
        }
        match stated.bytes {
            Some(bytes) if length < bytes => {
                let head = line[..line.len().min(KEY_MAX)].to_vec();
                self.short = Some(Short { place, lacking: bytes - length, head });
            }
            Some(bytes) if length > bytes => {
                findings.add(Kind::Glued, place, || format!("{length} bytes, and says {bytes}"), line);
            }
            _ => {}
        }
    }

    /// Takes out the line that was torn and that the log now tells of, if there is one.
    pub(super) fn forgive(&mut self) -> Option<(Place, Vec<u8>)> {
        self.torn.take().or_else(|| self.short.take()).map(|short| (short.place, short.head))
    }

    /// Decides about a line whose rest didn't follow.
    fn end_line(&mut self, findings: &mut Findings) {
        if let Some(short) = self.short.take() {
            self.tell_torn(findings);
            self.torn = Some(short);
        }
    }

    /// Decides about what is left at the end of a file.
    pub(super) fn end_file(&mut self, findings: &mut Findings) {
        self.end_line(findings);
        self.tell_torn(findings);
    }

    fn tell_torn(&mut self, findings: &mut Findings) {
        if let Some(Short { place, lacking, head }) = self.torn.take() {
            findings.add(Kind::Torn, place, || format!("{lacking} bytes shorter than it says"), &head);
        }
    }

    fn count(
        &mut self,
        stated: &Stated<'_>,
        stamp: Option<i64>,
        place: Place,
        line: &[u8],
        findings: &mut Findings,
    ) {
        let number = stated.number;
        let Some(run) = self.runs.get_mut(stated.key) else {
            if self.runs.len() < WRITERS_MAX {
                let run = Run { first: number, last: number, stamp, holes: BTreeMap::new() };
                self.runs.insert(stated.key.to_vec(), run);
            } else {
                self.unfollowed += 1;
            }
            return;
        };
        if number > run.last {
            let hole = (number - run.last > 1).then_some((run.last + 1, number - 1));
            let around = (run.stamp, stamp);
            (run.last, run.stamp) = (number, stamp.or(run.stamp));
            if let Some((first, last)) = hole {
                self.open(stated.key, first, (last, place, around.0, around.1));
            }
        } else if number < run.first {
            let hole = (run.first - number > 1).then_some((number + 1, run.first - 1));
            run.first = number;
            findings.add(Kind::Disordered, place, || format!("number {number} comes too late"), line);
            if let Some((first, last)) = hole {
                self.open(stated.key, first, (last, place, None, None));
            }
        } else if self.fill(stated.key, number) {
            findings.add(Kind::Disordered, place, || format!("number {number} comes too late"), line);
        } else {
            findings.add(Kind::Repeated, place, || format!("number {number} was there before"), line);
        }
    }

    fn open(&mut self, key: &[u8], first: u64, rest: (u64, Place, Option<i64>, Option<i64>)) {
        match self.runs.get_mut(key) {
            Some(run) if self.holes < HOLES_MAX => {
                self.holes += 1;
                run.holes.insert(first, rest);
            }
            _ => self.unheld = self.unheld.saturating_add((rest.0 - first).saturating_add(1)),
        }
    }

    /// Takes a number out of the hole that it was missing in. Returns whether there was one.
    fn fill(&mut self, key: &[u8], number: u64) -> bool {
        let Some(run) = self.runs.get_mut(key) else { return false };
        let hole = run.holes.range(..=number).next_back().map(|(first, hole)| (*first, *hole));
        let Some((first, hole)) = hole.filter(|(_, hole)| number <= hole.0) else { return false };
        run.holes.remove(&first);
        self.holes -= 1;
        if first < number {
            self.open(key, first, (number - 1, hole.1, hole.2, hole.3));
        }
        if number < hole.0 {
            self.open(key, number + 1, hole);
        }
        true
    }

    /// Returns what is missing between others.
    pub(super) fn into_holes(self) -> Vec<Hole> {
        let of_run = |(key, run): (Vec<u8>, Run)| {
            run.holes.into_iter().map(move |(first, (last, place, from, until))| Hole {
                key: key.clone(),
                first,
                last,
                place,
                from,
                until,
            })
        };
        self.runs.into_iter().flat_map(of_run).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERN: &str = r"^T(?<key>\d) N(?<number>\d+) W(?<bytes>\d+)";

    fn line(thread: u32, number: u64) -> String {
        format!("T{thread} N{number} W20 {:x<12}", "")[..20].to_owned()
    }

    /// What was found in which line, and which numbers are missing.
    type Found = (Vec<(Kind, u64)>, Vec<(u64, u64)>);

    fn found_in(lines: &[String]) -> Found {
        let mut numbers = Numbers::new(Pattern::parse(PATTERN).unwrap());
        let mut findings = Findings::default();
        for (index, line) in lines.iter().enumerate() {
            let place = Place { file: 0, line: index as u64 + 1, at: 0 };
            numbers.line((line.as_bytes(), line.len() as u64), None, place, &mut findings);
        }
        numbers.end_file(&mut findings);
        let found = findings.listed().iter().map(|finding| (finding.kind, finding.place.line)).collect();
        let holes = numbers.into_holes().iter().map(|hole| (hole.first, hole.last)).collect();
        (found, holes)
    }

    fn good() -> Vec<String> {
        (0..8).map(|number| line(number % 2, u64::from(number) / 2 + 5)).collect()
    }

    #[test]
    fn each_damage_has_its_name() {
        let found = |damage: fn(&mut Vec<String>)| {
            let mut lines = good();
            damage(&mut lines);
            found_in(&lines)
        };
        assert_eq!(found(|_| {}), (vec![], vec![]));
        assert_eq!(found(|lines| drop(lines.drain(2..6))), (vec![], vec![(6, 7), (6, 7)]));
        assert_eq!(found(|lines| lines.swap(2, 4)), (vec![(Kind::Disordered, 5)], vec![]));
        assert_eq!(found(|lines| lines.push(line(0, 6))), (vec![(Kind::Repeated, 9)], vec![]));
        assert_eq!(found(|lines| lines.push(line(0, 2))), (vec![(Kind::Disordered, 9)], vec![(3, 4)]));
        assert_eq!(found(|lines| lines[3].truncate(19)), (vec![(Kind::Torn, 4)], vec![]));
        assert_eq!(found(|lines| lines[7].truncate(19)), (vec![(Kind::Torn, 8)], vec![]));
        let glued = |lines: &mut Vec<String>| lines[3] = line(1, 6) + "x";
        assert_eq!(found(glued), (vec![(Kind::Glued, 4)], vec![]));
        let inside = |lines: &mut Vec<String>| lines[3] = "T1 N".to_owned() + &line(1, 6);
        assert_eq!(
            found(inside),
            (vec![(Kind::Unnumbered, 4)], vec![(6, 6)]),
            "as the expression is anchored"
        );
        let split = |lines: &mut Vec<String>| {
            let rest = lines[3].split_off(12);
            lines.insert(4, rest);
        };
        assert_eq!(found(split), (vec![(Kind::Split, 4)], vec![]));
    }

    #[test]
    fn two_records_in_a_line_are_counted_and_glued() {
        let mut numbers = Numbers::new(Pattern::parse(r"N(\d+)").unwrap());
        let mut findings = Findings::default();
        for (index, line) in ["N1 x", "N2 N3", "half N4", "N5"].iter().enumerate() {
            let place = Place { file: 0, line: index as u64 + 1, at: 0 };
            numbers.line((line.as_bytes(), line.len() as u64), None, place, &mut findings);
        }
        assert_eq!(findings.counts().collect::<Vec<_>>(), [(Kind::Glued, 2)]);
        assert!(numbers.into_holes().is_empty());
    }

    #[test]
    fn an_expression_that_cannot_be_used_is_said() {
        for (text, wanted) in [("(", "regular"), ("N\\d+", "group"), ("(?<x>a)", "<x>"), ("(a)(b)", "group")]
        {
            assert!(Pattern::parse(text).unwrap_err().contains(wanted), "{text}");
        }
        assert!(Pattern::parse(r"N(\d+)").is_ok() && Pattern::parse(PATTERN).is_ok());
    }

    #[test]
    fn the_largest_numbers_are_numbers() {
        let most = u64::MAX;
        let (found, holes) = found_in(&[line(0, 0), format!("T0 N{most} W26"), line(0, 7)]);
        assert_eq!(holes, [(1, 6), (8, most - 1)]);
        assert!(found.contains(&(Kind::Disordered, 3)));
    }
}
