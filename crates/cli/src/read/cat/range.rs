//! Which part of a set can hold the records of a time: which files, and from where to where in a plain one. A file is
//! searched by halves, so that five minutes of ten gigabytes cost a few blocks.

use std::io;
use std::ops::Range;
use std::time::UNIX_EPOCH;

use crate::read::from_the_end::HEAD;
use crate::set::Member;
use crate::text::filter::Filter;
use crate::text::level::level_of;
use crate::text::records;
use crate::text::time::time_of;

/// The size at which the search by halves ends.
const NEAR: u64 = 256 * 1024;
/// By how much records may be out of order, in microseconds: a thread that has its time stamp may be suspended before it
/// hands the record over.
const SLACK: i64 = 5_000_000;

/// Returns whether the lines of a file have time stamps.
pub(super) fn have_times(member: &Member) -> io::Result<bool> {
    Ok(records::have_times(&member.head(HEAD)?))
}

/// Returns whether a line near the beginning of a file has a level.
pub(super) fn have_levels(member: &Member) -> io::Result<bool> {
    Ok(member.head(HEAD)?.split(|byte| *byte == b'\n').any(|line| level_of(line).is_some()))
}

/// Leaves out the files that are older or newer than what is wanted. A damaged file stays: reading it will say what is wrong.
pub(super) fn within(members: Vec<Member>, filter: &Filter) -> Vec<Member> {
    if !filter.has_times() {
        return members;
    }
    let first = |member: &Member| records::first_time(&member.head(HEAD).unwrap_or_default());
    let firsts: Vec<Option<i64>> = members.iter().map(first).collect();
    let is_wanted = |place: usize, member: &Member| {
        let next = firsts[place + 1..].iter().flatten().next();
        // After the clock was set back, or began in 1970, the next file says nothing about this one.
        let is_older = filter
            .since
            .zip(next)
            .is_some_and(|(since, next)| *next < since.saturating_sub(SLACK) && modified(member) < since);
        let is_newer =
            filter.until.zip(firsts[place]).is_some_and(|(until, first)| first > until.saturating_add(SLACK));
        !is_older && !is_newer
    };
    let wanted = members.into_iter().enumerate().filter(|(place, member)| is_wanted(*place, member));
    wanted.map(|(_, member)| member).collect()
}

/// Returns when a file was last written, in microseconds since 1970.
fn modified(member: &Member) -> i64 {
    let since = member.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Returns the part of a plain file that can hold records of the time that is wanted. It begins and ends between records.
pub(super) fn of(member: &Member, filter: &Filter) -> io::Result<Range<u64>> {
    if !member.is_plain() {
        return Ok(0..member.bytes);
    }
    let start = match filter.since {
        Some(since) => search(member, since.saturating_sub(SLACK))?.0,
        None => 0,
    };
    let end = match filter.until {
        Some(until) => {
            let (_, border) = search(member, until.saturating_add(SLACK))?;
            next_with_time(member, border, member.bytes)?.map_or(member.bytes, |(at, _)| at)
        }
        None => member.bytes,
    };
    Ok(start..end.max(start))
}

/// Returns two places near each other. The first is the beginning of a line, before which all records are older than
/// `time`. At or behind the second, the first line with a time stamp is not older.
fn search(member: &Member, time: i64) -> io::Result<(u64, u64)> {
    let (mut low, mut high) = (0, member.bytes);
    while high - low > NEAR {
        let middle = low + (high - low) / 2;
        match next_with_time(member, middle, high)? {
            Some((at, found)) if found < time => low = at,
            _ => high = middle,
        }
    }
    Ok((low, high))
}

/// Returns where the first line with a time stamp begins, behind the first newline from `from` on and before `limit`, and
/// its time.
fn next_with_time(member: &Member, from: u64, limit: u64) -> io::Result<Option<(u64, i64)>> {
    let mut block = vec![0; HEAD];
    let (mut at, mut is_in_line) = (from, true);
    while at < limit {
        let count = member.read_at(&mut block, at)?;
        let lines = &block[..count];
        let mut place = 0;
        if is_in_line {
            let Some(end) = memchr::memchr(b'\n', lines) else {
                at = if count == 0 { limit } else { at + count as u64 };
                continue;
            };
            (place, is_in_line) = (end + 1, false);
        }
        while place < count {
            let begins = at + place as u64;
            if begins >= limit {
                return Ok(None);
            }
            let end = memchr::memchr(b'\n', &lines[place..]).map(|end| place + end + 1);
            if end.is_none() && place > 0 {
                break; // the block ends within this line: the next block begins with it
            }
            if let Some(time) = time_of(&lines[place..end.unwrap_or(count)]) {
                return Ok(Some((begins, time)));
            }
            is_in_line = end.is_none();
            place = end.unwrap_or(count);
        }
        at += place as u64;
        if count == 0 {
            break;
        }
    }
    Ok(None)
}
