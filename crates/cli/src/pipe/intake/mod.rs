//! What was read and isn't in the ring yet, in files that outlive the process. Together with the ring's count of admitted
//! records they tell the next process which lines its predecessor handed over, so that each line is in the log once.
//!
//! A stream is moved to the end of its file, the lane. Lines are handed to the ring from there, and then the state is
//! stored: up to where that is done, and how many records the ring has admitted by then. A process that is killed in between
//! leaves a state that is behind by as many lines as the ring's count is ahead of it.

mod file;
mod state;

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::ErrorKind;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use memchr::{memchr, memchr_iter, memrchr};
use nix::errno::Errno;
use tracing_spool::Spool;
use tracing_spool::internal::CLAIM;

use crate::pipe::lines::Lines;
use crate::pipe::platform::WIDE;
use crate::say::{self, Problem};
use file::{PAGE, Store};
use state::{BYTES, LANES, State};

/// What the names of the lanes add to the ring's.
const ENDINGS: [&str; LANES] = [".intake", ".intake.stderr"];

/// The intake of a log whose ring is held by this process, and with it the lock on these files.
#[derive(Debug)]
pub(crate) struct Intake {
    spool: Spool,
    stores: Vec<Store>,
    state: State,
}

/// What an earlier process left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    lines: u64,
    /// The bytes behind the last newline.
    fragment: u64,
}

/// Returns the path of a lane's file.
fn beside(ring: &Path, ending: &str) -> PathBuf {
    let mut name = ring.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Hands over what an earlier process read and didn't hand over, for whoever opens its log only to recover it. The log must
/// keep the claim. Returns nothing if there is no intake beside the ring.
pub(crate) fn recover(ring: &Path, spool: &Spool) -> Result<Option<Intake>, Problem> {
    if !is_beside(ring) {
        return Ok(None);
    }
    let mut intake = Intake::open(ring, spool)?;
    intake.resume(&mut [], &mut vec![0; WIDE])?;
    Ok(Some(intake))
}

/// Returns whether there is an intake beside the ring.
pub(crate) fn is_beside(ring: &Path) -> bool {
    beside(ring, ENDINGS[0]).symlink_metadata().is_ok()
}

/// Returns how many bytes wait beside the ring, at most: the last ones may have been handed over before this was noted.
pub(crate) fn bytes_beside(ring: &Path) -> Result<u64, Problem> {
    if !is_beside(ring) {
        return Ok(0);
    }
    let path = beside(ring, ENDINGS[0]);
    let mut bytes = [0; BYTES];
    let read = File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, 0));
    match read {
        // Its process died as it made the file.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
        read => read.map_err(Problem::doing("reading", &path))?,
    }
    let Some(state) = State::decode(&bytes) else { return Ok(0) };
    let size = |ending: &str| beside(ring, ending).metadata().map_or(0, |meta| meta.len());
    let lanes = ENDINGS.iter().zip(&state.lanes);
    Ok(lanes.map(|(ending, lane)| size(ending).saturating_sub(lane.until)).sum())
}

impl Intake {
    /// Opens the intake beside the ring. The lines in it wait for `resume`.
    pub(super) fn open(ring: &Path, spool: &Spool) -> Result<Self, Problem> {
        let stores = ENDINGS.map(|ending| Store::open(beside(ring, ending)));
        let stores = stores.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut intake = Self { spool: spool.clone(), stores, state: State::default() };
        if intake.stores[0].is_new() {
            intake.begin()?;
            return Ok(intake);
        }
        let mut bytes = [0; BYTES];
        let is_read = intake.stores[0].read(&mut bytes, 0).is_ok();
        let Some(state) = State::decode(&bytes).filter(|_| is_read) else {
            let path = intake.stores[0].path().display();
            return Err(Problem::failed(format_args!(
                "{path}: must be an intake of tspool; move it elsewhere"
            )));
        };
        intake.state = state;
        for (lane, store) in intake.state.lanes.iter_mut().zip(&intake.stores) {
            // Others may have removed one of the two.
            lane.until = lane.until.clamp(PAGE, store.size());
        }
        Ok(intake)
    }

    /// Makes the intake one of which nothing is known. Whatever it holds will be handed over.
    fn begin(&mut self) -> Result<(), Problem> {
        for lane in &mut self.state.lanes {
            lane.until = lane.until.max(PAGE);
        }
        self.state.claim = RandomState::new().build_hasher().finish() | 1;
        self.store()
    }

    /// Hands over what an earlier process read and didn't hand over. `lanes` are the lines of each stream there is now, with
    /// the stream's device and inode; a fragment of a line that came from the same stream stays open.
    pub(super) fn resume(
        &mut self,
        lanes: &mut [(&mut Lines, (u64, u64))],
        space: &mut [u8],
    ) -> Result<(), Problem> {
        let ring = self.spool.ring();
        let is_counted = ring.counter(CLAIM).load(Ordering::Acquire) == self.state.claim;
        let mut handed = if is_counted { self.state.admitted_since(ring.admitted()) } else { 0 };
        let turn = usize::try_from(self.state.turn).unwrap_or(0).min(LANES - 1);
        let left = self.left(turn, space)?;
        if handed > left.lines + u64::from(left.fragment > 0) || !is_counted {
            if self.holds_any() {
                say::warn(format_args!(
                    "{}: the ring isn't the one that this was handed to; lines that were read last may be in the log twice",
                    self.stores[0].path().display()
                ));
            }
            handed = 0;
            self.begin()?;
        }
        // The lane whose lines are counted goes first: after the other's, the count would mean nothing.
        for lane in [turn, 1 - turn] {
            let handed = if lane == turn { handed } else { 0 };
            let stream = lanes.get_mut(lane);
            self.resume_lane(lane, handed, stream, space)?;
        }
        for (lane, (_, stream)) in lanes.iter().enumerate() {
            self.state.lanes[lane].stream = *stream;
        }
        self.store()
    }

    /// Counts what is left in a lane.
    fn left(&self, lane: usize, space: &mut [u8]) -> Result<Left, Problem> {
        let mut left = Left::default();
        let (mut at, end) = (self.state.lanes[lane].until, self.stores[lane].size());
        while at < end {
            let piece = self.stores[lane].piece(at, end, space)?;
            at += piece.len() as u64;
            left.lines += memchr_iter(b'\n', piece).count() as u64;
            left.fragment = match memrchr(b'\n', piece) {
                Some(at) => (piece.len() - at - 1) as u64,
                None => left.fragment + piece.len() as u64,
            };
        }
        Ok(left)
    }

    fn holds_any(&self) -> bool {
        self.stores.iter().zip(&self.state.lanes).any(|(store, lane)| store.size() > lane.until)
    }

    /// Hands over what is left in a lane, except for the first `handed` lines.
    fn resume_lane(
        &mut self,
        lane: usize,
        mut handed: u64,
        stream: Option<&mut (&mut Lines, (u64, u64))>,
        space: &mut [u8],
    ) -> Result<(), Problem> {
        let was = self.state.lanes[lane].stream;
        let mut own = Lines::of_levels_seen(&self.spool, tracing_core::Level::INFO);
        let is_same = stream.as_ref().is_some_and(|(_, stream)| *stream == was);
        let lines = stream.map_or(&mut own, |(lines, _)| *lines);
        self.turn_to(lane)?;
        let (mut at, end) = (self.state.lanes[lane].until, self.stores[lane].size());
        while at < end {
            let mut piece = self.stores[lane].piece(at, end, space)?;
            at += piece.len() as u64;
            while handed > 0 && !piece.is_empty() {
                // A fragment that was handed over as a line has no newline.
                let line = memchr(b'\n', piece).map(|end| end + 1);
                piece = &piece[line.unwrap_or(piece.len())..];
                handed -= u64::from(line.is_some() || at == end);
            }
            lines.push(piece);
            if handed == 0 {
                self.settle_at(lane, at, lines.open())?;
            }
        }
        if !is_same && lines.open() > 0 {
            lines.end();
            self.settle(lane, 0)?;
        }
        Ok(())
    }

    /// Takes what is in a stream and returns it. It is stored before anybody can see it.
    pub(super) fn take<'a>(
        &mut self,
        lane: usize,
        stream: BorrowedFd<'_>,
        space: &'a mut [u8],
    ) -> Result<Result<&'a [u8], Errno>, Problem> {
        self.turn_to(lane)?;
        self.stores[lane].take(stream, space)
    }

    /// Counts the ring's records for this lane from now on.
    fn turn_to(&mut self, lane: usize) -> Result<(), Problem> {
        if self.state.turn == lane as u64 {
            return Ok(());
        }
        self.state.turn = lane as u64;
        self.store()
    }

    /// Notes that everything taken is in the ring, except for the last `open` bytes.
    pub(super) fn settle(&mut self, lane: usize, open: u64) -> Result<(), Problem> {
        self.settle_at(lane, self.stores[lane].size(), open)
    }

    /// Notes that everything below `end` is in the ring, except for the last `open` bytes before it.
    fn settle_at(&mut self, lane: usize, end: u64, open: u64) -> Result<(), Problem> {
        let until = end - open;
        self.state.lanes[lane].until = until;
        self.store()?;
        // What a line has beyond the longest record is cut from it anyway, so an endless one takes no endless memory.
        let longest = self.spool.ring().longest() as u64;
        self.stores[lane].give_back(until, until + longest..end);
        Ok(())
    }

    /// Stores the state, and then the claim, which a ring that has just replaced another doesn't have.
    fn store(&mut self) -> Result<(), Problem> {
        let ring = self.spool.ring();
        self.state.admitted = ring.admitted();
        self.stores[0].write(&self.state.encode(), 0)?;
        ring.counter(CLAIM).store(self.state.claim, Ordering::Release);
        Ok(())
    }

    /// Makes a line of what waits for its newline at the end of a lane.
    pub(super) fn end(&mut self, lane: usize, lines: &mut Lines) -> Result<(), Problem> {
        self.turn_to(lane)?;
        lines.end();
        self.settle(lane, 0)
    }

    /// Returns how many bytes are taken and not in the ring.
    pub(super) fn waiting(&self) -> u64 {
        self.stores.iter().zip(&self.state.lanes).map(|(store, lane)| store.size() - lane.until).sum()
    }

    /// Removes the files, when everything is in the log.
    pub(crate) fn remove(self) {
        if self.waiting() == 0 {
            self.stores.iter().for_each(Store::remove);
        }
    }
}
