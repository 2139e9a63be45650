//! Where the reader is, and which file comes next: the one that is being read is known because it is held open, older ones
//! by their first bytes, which compression doesn't change.

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::time::{Duration, Instant};

use tracing_spool_fileset::FileId;

use super::lines::Lines;
use super::troubles::Troubles;
use crate::read::from_the_end::last;
use crate::say::{self, Problem};
use crate::set::{self, Log, Member, Role, Snapshot};

/// Bytes by which an older file is known.
const MARK: usize = 1024;
/// Bytes read at once.
const BLOCK: usize = 256 * 1024;
/// How long a file that was left is looked at again: with an outside rotator, the writer may go on in it for a while.
const LATE: Duration = Duration::from_secs(5);

/// The reader's place in the log.
#[derive(Debug)]
pub(super) struct Trail<'a> {
    log: &'a Log,
    current: Member,
    /// How much of it was printed.
    read: u64,
    /// The file before it, as long as somebody may write to it.
    left: Option<(Member, u64, Instant)>,
    /// What the files before it begin with.
    known: HashSet<u64>,
    hasher: RandomState,
    block: Vec<u8>,
}

impl<'a> Trail<'a> {
    /// Prints the records to begin with: the last `first` ones, or all that the filter wants. Returns nothing if there is no
    /// log yet.
    pub(super) fn begin(
        log: &'a Log,
        first: Option<usize>,
        lines: &mut Lines<'_>,
        troubles: &mut Troubles,
    ) -> Result<Option<Self>, Problem> {
        let mut all = set::open_until(log, &mut |_| Ok(false))?;
        say_shut(&mut all, troubles);
        let mut members = all.members;
        let Some(current) = members.pop() else { return Ok(None) };
        let mut trail = Self {
            log,
            read: 0,
            current,
            left: None,
            known: HashSet::new(),
            hasher: RandomState::new(),
            block: vec![0; BLOCK],
        };
        for member in &members {
            // A damaged file can't be known again. It is said when it is read.
            let mark = trail.mark(member).unwrap_or(None);
            trail.known.extend(mark);
        }
        match first {
            Some(limit) => trail.print_last(&members, limit, lines)?,
            None => members.iter().try_for_each(|member| trail.print_whole(member, lines))?,
        }
        Ok(Some(trail))
    }

    /// Prints what has come. Returns whether there may be more at once.
    pub(super) fn advance(
        &mut self,
        lines: &mut Lines<'_>,
        troubles: &mut Troubles,
    ) -> Result<bool, Problem> {
        self.read_late(lines)?;
        if self.read_on(lines)? {
            troubles.are_over();
            return Ok(true);
        }
        if !self.has_moved()? {
            return Ok(false);
        }
        // Nobody writes to a file after it was renamed, so what was written before is there.
        while self.read_on(lines)? {}
        self.move_on(lines, troubles)
    }

    /// Prints the next bytes of the file. Returns whether there were any.
    fn read_on(&mut self, lines: &mut Lines<'_>) -> Result<bool, Problem> {
        let path = &self.current.path;
        let size = self.current.file.metadata().map_err(Problem::doing("reading", path))?.len();
        if size < self.read {
            say::warn(format_args!(
                "{}: the file was cut short by others: records may be missing here; reading it from its beginning",
                path.display()
            ));
            lines.end_file()?;
            self.read = 0;
        }
        let count = read_at(&self.current, &mut self.block, self.read)?;
        lines.push(&self.block[..count])?;
        self.read += count as u64;
        Ok(count > 0)
    }

    /// Prints what somebody wrote to the last file after it was left.
    fn read_late(&mut self, lines: &mut Lines<'_>) -> Result<(), Problem> {
        let Some((member, read, since)) = &mut self.left else { return Ok(()) };
        let count = read_at(member, &mut self.block, *read)?;
        if count > 0 {
            lines.end_file()?;
            lines.push(&self.block[..count])?;
            lines.end_file()?;
            *read += count as u64;
        } else if since.elapsed() > LATE {
            self.left = None;
        }
        Ok(())
    }

    /// Returns whether the path of the log leads to another file by now.
    fn has_moved(&self) -> Result<bool, Problem> {
        match fs::metadata(&self.log.path) {
            Ok(meta) => Ok(FileId { device: meta.dev(), inode: meta.ino() } != self.current.id),
            // In the middle of a rotation, or gone: wait for the next one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Problem::doing("looking at", &self.log.path)(error)),
        }
    }

    /// Goes to the newest file, and prints those between. Returns whether there was one.
    fn move_on(&mut self, lines: &mut Lines<'_>, troubles: &mut Troubles) -> Result<bool, Problem> {
        let mark = self.mark_of_current();
        self.known.extend(mark);
        let mut newer = self.newer()?;
        say_shut(&mut newer, troubles);
        let mut members = newer.members;
        let Some(newest) = members.pop() else { return Ok(false) };
        troubles.are_over();
        lines.end_file()?;
        if !newer.follows_known {
            let what = "files were removed before they could be read: records may be missing here";
            say::warn(format_args!("{}: gap: {what}", self.log.path.display()));
        }
        let left = std::mem::replace(&mut self.current, newest);
        self.left = Some((left, std::mem::take(&mut self.read), Instant::now()));
        for member in &members {
            self.print_whole(member, lines)?;
            let mark = self.mark(member).unwrap_or(None);
            self.known.extend(mark);
        }
        Ok(true)
    }

    /// Opens the files behind this one.
    ///
    /// As long as it has a name, its identity tells it from all others. Once it is compressed or removed, files are known by
    /// what they begin with, which is not certain if many lines are the same.
    fn newer(&self) -> Result<Snapshot, Problem> {
        let here = self.current.id;
        let newer = set::open_until(self.log, &mut |member| Ok(member.id == here))?;
        if newer.follows_known {
            return Ok(newer);
        }
        set::open_until(self.log, &mut |member| {
            let is_complete = matches!(member.role, Role::Backup(_));
            Ok(is_complete && self.mark(member)?.is_some_and(|mark| self.known.contains(&mark)))
        })
    }

    /// Prints all of a file. One that is damaged is said, and the rest of the log goes on.
    fn print_whole(&mut self, member: &Member, lines: &mut Lines<'_>) -> Result<(), Problem> {
        let mut reader = match member.reader() {
            Ok(reader) => reader,
            Err(error) => {
                say_damage(member, error);
                return Ok(());
            }
        };
        loop {
            match reader.read(&mut self.block) {
                Ok(0) => return lines.end_file(),
                Ok(count) => lines.push(&self.block[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    say_damage(member, error);
                    return lines.end_file();
                }
            }
        }
    }

    /// Prints the last records, of older files too if the newest has too few.
    fn print_last(&mut self, members: &[Member], limit: usize, lines: &mut Lines<'_>) -> Result<(), Problem> {
        self.read = complete(&self.current).map_err(Problem::doing("reading", &self.current.path))?;
        let newest_first: Vec<&Member> = std::iter::once(&self.current).chain(members.iter().rev()).collect();
        let end =
            |member: &Member| if std::ptr::eq(member, &self.current) { self.read } else { member.bytes };
        let found = last(&newest_first, |member| Ok(0..end(member)), lines.filter, limit, say_damage);
        found.iter().try_for_each(|record| lines.print_record(record))
    }

    /// Returns the mark of the file that is being left, which is complete now.
    fn mark_of_current(&self) -> Option<u64> {
        let mut head = vec![0; MARK];
        let count = self.current.file.read_at(&mut head, 0).ok()?;
        (count > 0).then(|| self.hasher.hash_one(&head[..count]))
    }

    /// Returns the mark of a complete file, unless it is empty.
    fn mark(&self, member: &Member) -> io::Result<Option<u64>> {
        let head = member.head(MARK)?;
        Ok((!head.is_empty()).then(|| self.hasher.hash_one(&head[..])))
    }
}

/// Says which files can't be opened.
fn say_shut(snapshot: &mut Snapshot, troubles: &mut Troubles) {
    snapshot.shut.drain(..).for_each(|shut| troubles.say(&shut.problem()));
}

/// Says that a file couldn't be read to its end.
fn say_damage(member: &Member, error: io::Error) {
    say::warn(member.unreadable()(error));
}

/// Reads from `at` on, as far as the file goes by now.
fn read_at(member: &Member, block: &mut [u8], at: u64) -> Result<usize, Problem> {
    loop {
        match member.file.read_at(block, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map_err(Problem::doing("reading", &member.path)),
        }
    }
}

/// Returns where the last complete line of a plain file ends.
fn complete(member: &Member) -> io::Result<u64> {
    let mut end = member.bytes;
    let mut block = vec![0; BLOCK];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let count = member.read_at(&mut block[..usize::try_from(end - start).unwrap_or(BLOCK)], start)?;
        if let Some(place) = memchr::memrchr(b'\n', &block[..count]) {
            return Ok(start + place as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
