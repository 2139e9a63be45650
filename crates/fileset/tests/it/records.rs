//! Checks what the files of a world must hold: every record once, whole and in order, where the set is and where it
//! was. The world says what was sent and what may be missing.

use std::collections::BTreeSet;
use std::io::Read as _;

use tracing_spool_fileset::internal::name::{Names, Role};
use tracing_spool_fileset::internal::slot::Slot;
use tracing_spool_fileset::sim::SimDisk;
use tracing_spool_fileset::{Compression, Naming, Settings};

use crate::territory::{self, FOREIGN_FROM, Left, Territory, names};
use crate::world::{NUMBER_DIGITS, World};

impl World {
    /// Contents of the set, oldest file first.
    pub(crate) fn files(&self) -> Vec<String> {
        files_of(&self.disk, &self.settings, &self.territory, self.stepped_over)
    }

    /// Asserts that the files hold the records from `from` on, each once, whole, in order, and nothing else, but for
    /// records in `excused` (in hand when the process died), which may be missing or torn; and the same of what the set
    /// has left elsewhere.
    pub(crate) fn assert_records(&self, from: u32, excused: &BTreeSet<u32>) {
        let excused: BTreeSet<u32> = excused.union(&self.taken).copied().collect();
        let era = &self.territory.era;
        self.assert_lines(
            &self.files(),
            &mut era.expected(self.sent).filter(|number| *number >= from),
            &excused,
            false,
        );
        self.assert_left(&excused);
    }

    /// Asserts that what the set has left is as it left it, and that nothing is missing there.
    fn assert_left(&self, excused: &BTreeSet<u32>) {
        self.territory.assert_untouched(&self.disk);
        let exact = self.territory.left.iter().filter(|left| !self.stepped_over && !left.is_vague);
        for Left { files, era, end, elsewhere, .. } in exact {
            let excused = &excused.union(elsewhere).copied().collect();
            let oldest = if era.trimmed { territory::numbers(files).next().unwrap_or(*end) } else { 0 };
            self.assert_lines(
                files,
                &mut era.expected(*end).filter(|number| *number >= oldest),
                excused,
                true,
            );
        }
    }

    fn assert_lines(
        &self,
        files: &[String],
        expected: &mut dyn Iterator<Item = u32>,
        excused: &BTreeSet<u32>,
        is_left: bool,
    ) {
        let mut expected = expected.peekable();
        for line in files.iter().flat_map(|file| file.split_inclusive('\n')) {
            // Whoever comes to a directory that was left ends the line.
            let is_in_hand = number_of(line).is_some_and(|number| excused.contains(&number));
            let may_end_torn =
                is_left && (is_torn(line, excused) || is_torn(line, &self.begun) || is_in_hand);
            assert!(line.ends_with('\n') || may_end_torn, "torn at the end of a file: {line:?}");
            let line = line.trim_end_matches('\n');
            if is_torn(line, excused)
                || is_torn(line, &self.begun)
                || self.is_beheaded(line)
                || is_others(line)
            {
                continue;
            }
            while expected.peek().is_some_and(|next| excused.contains(next) && Self::text(*next) != line) {
                expected.next();
            }
            let next = expected.next().unwrap_or_else(|| panic!("one too many: {line:?}"));
            assert_eq!(line, Self::text(next), "out of order, repeated or lost before this");
        }
        let rest: Vec<u32> = expected.filter(|number| !excused.contains(number)).collect();
        assert!(rest.is_empty(), "lost: {rest:?}");
    }

    /// Asserts that the files hold whole records, each at most once and in order within its file, and nothing else: what is
    /// left where the oldest by number was removed, and an older one could not be.
    pub(crate) fn assert_whole_records(&self, excused: &BTreeSet<u32>) {
        let mut seen = BTreeSet::new();
        self.territory.assert_untouched(&self.disk);
        for file in self.files() {
            let is_whole = |line: &&str| {
                let is_ours = !is_others(line) && !self.is_beheaded(line);
                is_ours
                    && !is_torn(line, excused)
                    && !is_torn(line, &self.taken)
                    && !is_torn(line, &self.begun)
            };
            let lines: Vec<&str> = file.lines().filter(is_whole).collect();
            let numbers: Vec<u32> = lines.iter().map(|line| number_of(line).unwrap()).collect();
            assert!(lines.iter().zip(&numbers).all(|(line, number)| *line == Self::text(*number)), "{file}");
            assert!(numbers.is_sorted() && numbers.into_iter().all(|number| seen.insert(number)), "{file}");
        }
    }

    /// Whether a line is the end of a record whose beginning others took, and not the whole of it.
    fn is_beheaded(&self, line: &str) -> bool {
        let ends = |number: &u32| {
            let text = Self::text(*number);
            text.ends_with(line) && text != line
        };
        self.beheaded.iter().any(ends)
    }

    /// The number of the oldest record that is still kept.
    pub(crate) fn oldest_kept(&self) -> u32 {
        let files = self.files();
        let oldest = files.iter().flat_map(|file| file.lines()).find_map(number_of);
        // Without backups a rotation by the clock leaves nothing.
        oldest.unwrap_or_else(|| {
            assert_eq!(self.settings.backup_count, 0, "nothing is kept");
            self.sent
        })
    }
}

/// Contents of the set where it is, oldest file first.
pub(crate) fn files_of(
    disk: &SimDisk,
    settings: &Settings,
    territory: &Territory,
    stepped_over: bool,
) -> Vec<String> {
    let [live, archive] = territory.dirs(disk, settings);
    let names = Names::new(&live.join(names(settings).base()))
        .unwrap()
        .with_periods(settings.naming == Naming::Timestamped && settings.rotate_every.is_some())
        .with_archive(archive);
    let is_ours = |slot: &Slot| slot.number().is_none_or(|number| number < FOREIGN_FROM);
    let mut backups: Vec<(Slot, Compression)> = disk
        .list(names.archive())
        .iter()
        .filter_map(|(name, _)| match names.role(name) {
            Some(Role::Backup(slot)) => Some((slot, Compression::None)),
            Some(Role::Packed(slot, form)) => Some((slot, form)),
            _ => None,
        })
        .filter(|(slot, _)| is_ours(slot))
        .collect();
    backups.sort_unstable();
    let backups = backups.iter().rev().map(|(slot, form)| (names.backup_as(*slot, *form), *form));
    let live = [names.live().to_owned(), names.hidden()].map(|path| (path, Compression::None));
    let mut files: Vec<String> = backups
        .chain(live)
        .filter_map(|(path, form)| Some(unpacked(disk.read(path)?, form)))
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect();
    if stepped_over {
        files.sort_by_key(|file| file.lines().find_map(number_of).unwrap_or(u32::MAX));
    }
    files
}

/// The number of the record that a line is.
pub(crate) fn number_of(line: &str) -> Option<u32> {
    line.get(..NUMBER_DIGITS)?.parse().ok()
}

/// Whether a line is of another log, which had the directory before.
fn is_others(line: &str) -> bool {
    line.starts_with("other ")
}

/// What was compressed.
pub(crate) fn unpacked(bytes: Vec<u8>, form: Compression) -> Vec<u8> {
    let mut content = Vec::new();
    match form {
        Compression::Gzip => {
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut content).unwrap();
        }
        Compression::Zstd => content = zstd::decode_all(bytes.as_slice()).unwrap(),
        _ => content = bytes,
    }
    content
}

/// Whether a line is the beginning of a record in `excused`, and not the whole of it.
fn is_torn(line: &str, excused: &BTreeSet<u32>) -> bool {
    let begins = |number: &u32| {
        let text = World::text(*number);
        text.starts_with(line) && text != line
    };
    match line.get(..NUMBER_DIGITS).and_then(|digits| digits.parse().ok()) {
        Some(number) => excused.contains(&number) && begins(&number),
        None => excused.iter().any(begins),
    }
}
