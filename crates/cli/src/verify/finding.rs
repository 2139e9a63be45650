//! What was found, and where: kinds of damage and of what is only worth a look, a bounded list of each.

use std::collections::BTreeMap;

/// At most so many findings of a kind are listed. The rest is counted.
pub(crate) const LISTED_MAX: usize = 20;
/// The longest excerpt in characters.
const EXCERPT_CHARS: usize = 100;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Unreadable,
    Broken,
    Torn,
    Unfinished,
    Nul,
    Glued,
    Split,
    Damaged,
    Missing,
    Repeated,
    Disordered,
    NoFile,
    /// A torn line that the log tells of.
    Told,
    /// The newest line is still being written.
    Writing,
    Headless,
    Nested,
    Twice,
    ClockStep,
    Foreign,
    Unnumbered,
    Control,
    NotUtf8,
    Long,
}

impl Kind {
    /// Returns its name, as it stands in front of an excerpt.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Broken => "broken archive",
            Self::Torn => "torn",
            Self::Unfinished => "unfinished",
            Self::Nul => "NUL bytes",
            Self::Glued => "glued",
            Self::Split => "split",
            Self::Damaged => "damaged",
            Self::Missing => "missing",
            Self::Repeated => "repeated",
            Self::Disordered => "out of order",
            Self::Told => "torn, and told",
            Self::Writing => "being written",
            Self::NoFile => "missing file",
            Self::Headless => "begins in the middle",
            Self::Nested => "line in a line",
            Self::Twice => "same line twice",
            Self::ClockStep => "clock went back",
            Self::Foreign => "not JSON",
            Self::Unnumbered => "no number",
            Self::Control => "control characters",
            Self::NotUtf8 => "not UTF-8",
            Self::Long => "too long to parse",
        }
    }

    /// Returns whether it means that the log isn't whole. Everything else is only worth a look.
    pub(crate) fn is_damage(self) -> bool {
        self <= Self::NoFile
    }
}

/// Where something was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The index of the file.
    pub(crate) file: usize,
    /// Counted from 1; 0 for the whole file.
    pub(crate) line: u64,
    /// The byte, counted from 0 in the unpacked file.
    pub(crate) at: u64,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    pub(crate) why: String,
    pub(crate) excerpt: String,
}

/// All that was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kinds: BTreeMap<Kind, OfKind>,
}

/// What was found of one kind.
#[derive(Debug, Default)]
struct OfKind {
    /// Lines, of which one finding may mean many.
    count: u64,
    unlisted: u64,
    listed: Vec<Finding>,
}

impl Findings {
    /// Adds a finding. `why` is asked for only if it is listed.
    pub(crate) fn add(&mut self, kind: Kind, place: Place, why: impl FnOnce() -> String, line: &[u8]) {
        self.add_many(kind, 1, place, why, line);
    }

    /// Adds a finding that stands for `count`.
    pub(crate) fn add_many(
        &mut self,
        kind: Kind,
        count: u64,
        place: Place,
        why: impl FnOnce() -> String,
        line: &[u8],
    ) {
        let of_kind = self.kinds.entry(kind).or_default();
        of_kind.count = of_kind.count.saturating_add(count);
        if of_kind.listed.len() < LISTED_MAX {
            of_kind.listed.push(Finding { kind, place, why: why(), excerpt: excerpt(line) });
        } else {
            of_kind.unlisted += 1;
        }
    }

    /// Returns how many there are of a kind.
    pub(crate) fn count(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).map_or(0, |of_kind| of_kind.count)
    }

    /// Forgets a kind that turned out to be the manner of this log.
    pub(crate) fn forget(&mut self, kind: Kind) {
        self.kinds.remove(&kind);
    }

    /// Makes findings of one kind those of another.
    pub(crate) fn turn(&mut self, from: Kind, into: Kind) {
        let Some(mut turned) = self.kinds.remove(&from) else { return };
        turned.listed.iter_mut().for_each(|finding| finding.kind = into);
        let of_kind = self.kinds.entry(into).or_default();
        of_kind.count = of_kind.count.saturating_add(turned.count);
        of_kind.unlisted += turned.unlisted;
        of_kind.listed.append(&mut turned.listed);
    }

    /// Returns each kind that was found, and how often.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        self.kinds.iter().map(|(kind, of_kind)| (*kind, of_kind.count))
    }

    /// Returns those that are listed, in the order of the log.
    pub(crate) fn listed(&self) -> Vec<&Finding> {
        let mut all: Vec<&Finding> = self.kinds.values().flat_map(|of_kind| &of_kind.listed).collect();
        all.sort_by_key(|finding| (finding.place, finding.kind));
        all
    }

    /// Returns of each kind how many aren't listed.
    pub(crate) fn unlisted(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        self.kinds
            .iter()
            .map(|(kind, of_kind)| (*kind, of_kind.unlisted))
            .filter(|(_, unlisted)| *unlisted > 0)
    }

    pub(crate) fn is_damage(&self) -> bool {
        self.kinds.keys().any(|kind| kind.is_damage())
    }
}

/// Returns the first characters of a line, with those escaped that a terminal would obey.
pub(crate) fn excerpt(line: &[u8]) -> String {
    let head = &line[..line.len().min(4 * EXCERPT_CHARS)];
    let mut text = String::new();
    let mut room = EXCERPT_CHARS - 1;
    for chunk in head.utf8_chunks() {
        let valid = chunk.valid().chars().map(|character| match character {
            '\\' | '"' | '\'' => character.to_string(),
            _ => character.escape_debug().to_string(),
        });
        let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        for piece in valid.chain(invalid) {
            let width = piece.chars().count();
            if width > room {
                return text + "…";
            }
            room -= width;
            text += &piece;
        }
    }
    if head.len() < line.len() { text + "…" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_harmless() {
        assert_eq!(excerpt("say \"żółw\"".as_bytes()), "say \"żółw\"");
        assert_eq!(excerpt(b"\x1b[1m\0\xff"), "\\u{1b}[1m\\0\\xff");
        assert_eq!(excerpt(&[b'x'; 500]).chars().count(), EXCERPT_CHARS);
        assert_eq!(excerpt(&[0xFF; 500]).chars().count(), 97);
    }

    #[test]
    fn the_list_is_bounded_and_the_count_is_not() {
        let mut findings = Findings::default();
        for line in (1..=50).rev() {
            findings.add(Kind::Torn, Place { file: 0, line, at: 0 }, String::new, b"x");
        }
        assert_eq!((findings.count(Kind::Torn), findings.listed().len()), (50, LISTED_MAX));
        assert_eq!(findings.unlisted().collect::<Vec<_>>(), [(Kind::Torn, 30)]);
        assert!(findings.listed().is_sorted_by_key(|finding| finding.place) && findings.is_damage());
    }
}
