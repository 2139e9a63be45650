//! A stream as a sink: stdout, stderr, or any descriptor, which may stop taking bytes at any moment. Lines are written
//! whole. Only this thread waits for a reader, and only briefly.
//!
//! A descriptor's number doesn't identify the thing behind it, so before each batch we check what it refers to. Writes to a
//! pipe or a terminal go through a descriptor of our own, opened again, so that the flags of the shared one stay as they
//! are.

#[cfg(test)]
mod tests;

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use tracing_spool_fileset::{
    Batch, Clock, CloseReport, Engine, Event, Failure, Fault, Mono, Now, Op, OsError, Witness,
};

use super::desk::Desk;
use super::hold::Hold;
use super::{PATIENCE, Sink, State, View, left_of};
use crate::account::ledger::Reason;
use crate::platform::descriptor::{self, End, Kind, Room, Thing};
use crate::platform::ours::{Identity, Ours};

/// Time between two checks of what a standard stream's number refers to, while nothing is written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Stream {
    end: End,
    /// What it refers to. None if that is nothing a log belongs to.
    thing: Option<Thing>,
    /// The same pipe or terminal, opened again for writes that don't wait.
    anew: Option<Ours>,
    /// Nobody reads what is written there now.
    is_gone: bool,
    /// The beginning of the current record went to another thing.
    has_moved: bool,
    line: HalfLine,
    next_look: Mono,
    desk: Desk,
    hold: Hold,
    clock: Arc<dyn Clock>,
}

/// The beginning of a line that was written without its end.
#[derive(Debug, Default)]
struct HalfLine {
    /// It is at the end of the current output.
    is_here: bool,
    /// It is at the end of an output that was left.
    left_at: Option<Identity>,
    /// A newline must come before anything else.
    is_to_be_ended: bool,
}

/// Why nothing can be written to what a number refers to.
#[derive(Clone, Copy, Debug)]
enum Astray {
    Errno(Errno),
    /// It refers to something that other code seems to have opened for itself.
    Anothers,
}

impl Stream {
    /// Opens a stream to what `end` refers to now. `field` is its name in a fault.
    pub(crate) fn open(
        end: End,
        name: &Path,
        field: &'static str,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Fault> {
        let fault = |value: String, wanted| Err(Fault::new(field, value, wanted));
        let thing = match end.descriptor().and_then(Thing::behind) {
            Ok(thing) => thing,
            Err(errno) => return fault(OsError::from(errno).to_string(), "must be open"),
        };
        if !end.descriptor().and_then(descriptor::is_for_writing).unwrap_or(true) {
            return fault("open for reading".to_owned(), "must be open for writing");
        }
        let mut stream = Self {
            end,
            thing: Some(thing),
            anew: None,
            is_gone: false,
            has_moved: false,
            line: HalfLine::default(),
            next_look: Mono::from_start(Duration::ZERO),
            desk: Desk::new(name),
            hold: Hold::default(),
            clock: Arc::clone(clock),
        };
        stream.open_anew();
        Ok(stream)
    }

    fn open_anew(&mut self) {
        // Drop the old one first: a number that others closed may be reused for the same thing, and would then be the new
        // one's.
        self.anew = None;
        self.anew = match self.thing {
            Some(Thing { kind: Kind::Pipe | Kind::Terminal, .. }) => {
                // If it can't be opened, rely on what `poll` says.
                let opened = self.end.descriptor().and_then(descriptor::open_anew);
                opened.and_then(Ours::opened).ok()
            }
            _ => None,
        };
    }

    fn descriptor(&self) -> nix::Result<BorrowedFd<'_>> {
        self.anew.as_ref().map_or_else(|| self.end.descriptor(), Ours::descriptor)
    }

    /// Checks what the number refers to now, and whether what was opened again is still ours.
    fn look(&mut self) -> Result<Thing, Astray> {
        let identity = self.end.descriptor().and_then(Identity::behind);
        match (identity, self.thing) {
            (Ok(identity), Some(thing)) if identity == thing.identity => {
                if self.anew.as_ref().is_some_and(|anew| anew.descriptor().is_err()) {
                    self.open_anew();
                }
                Ok(thing)
            }
            (Ok(_), _) if !matches!(self.end, End::Own(_)) => self.follow(),
            // Only our own descriptor still refers to the old thing, or others have closed it.
            (identity, _) => Err(self.leave(Astray::Errno(identity.err().unwrap_or(Errno::EBADF)))),
        }
    }

    /// Follows the number to the new thing it refers to, if a log belongs there.
    fn follow(&mut self) -> Result<Thing, Astray> {
        let found = self.end.descriptor().and_then(|descriptor| {
            let thing = Thing::behind(descriptor)?;
            Ok((thing, thing.may_be_anothers(descriptor)))
        });
        let astray = match found {
            Ok((_, true)) => Astray::Anothers,
            Err(errno) => Astray::Errno(errno),
            Ok((thing, false)) => {
                self.leave_behind();
                self.line.is_to_be_ended =
                    self.line.left_at.take_if(|left| *left == thing.identity).is_some();
                self.thing = Some(thing);
                self.is_gone = false;
                self.hold.end();
                self.open_anew();
                return Ok(thing);
            }
        };
        Err(self.leave(astray))
    }

    fn leave(&mut self, why: Astray) -> Astray {
        self.leave_behind();
        (self.thing, self.anew) = (None, None);
        why
    }

    /// Ends an unfinished line on an output that is being left, if that can be done at once.
    fn leave_behind(&mut self) {
        self.has_moved = true;
        let (Some(thing), true) = (self.thing, std::mem::take(&mut self.line.is_here)) else { return };
        if self.anew.is_none() || self.write(thing, b"\n").is_err() {
            self.line.left_at = Some(thing.identity);
        }
    }

    /// Returns what to write next: whole lines, or the rest of a line that is too long for one write.
    fn piece<'b>(&self, thing: Thing, batch: &'b Batch) -> &'b [u8] {
        let bytes = batch.unwritten();
        match batch.whole_within(thing.piece() as u64) {
            0 if thing.piece() == 0 || self.anew.is_some() => &bytes[..batch.next_len()],
            0 => &bytes[..batch.next_len().min(thing.piece())],
            whole => &bytes[..whole],
        }
    }

    fn write(&self, thing: Thing, piece: &[u8]) -> nix::Result<usize> {
        let descriptor = self.descriptor()?;
        let may_wait = self.anew.is_none() && matches!(thing.kind, Kind::Pipe | Kind::Terminal);
        if may_wait && descriptor::room(descriptor, Duration::ZERO) == Room::None {
            return Err(Errno::EAGAIN);
        }
        descriptor::write_once(descriptor, thing.kind, piece)
    }

    fn has_room_soon(&self) -> bool {
        self.descriptor().is_ok_and(|descriptor| descriptor::room(descriptor, PATIENCE) != Room::None)
    }

    /// Writes until the batch is done, there is no room, or an error occurs.
    fn write_all(&mut self, thing: Thing, batch: &mut Batch, writes_max: usize, now: Now) -> nix::Result<()> {
        let mut has_waited = false;
        for _ in 0..writes_max {
            if batch.is_done() || self.clock.now().mono - now.mono > PATIENCE {
                break;
            }
            let is_newline = self.line.is_to_be_ended;
            let piece = if is_newline { &b"\n"[..] } else { self.piece(thing, batch) };
            match self.write(thing, piece) {
                Ok(_) if is_newline => self.line.is_to_be_ended = false,
                Ok(bytes) => {
                    let finished = batch.finished();
                    batch.advance(bytes);
                    self.desk.wrote(batch.finished() - finished, bytes, now);
                    self.hold.end();
                    has_waited = false;
                }
                // A connection refused here is what an earlier datagram met: try again.
                Err(Errno::EINTR) => {}
                Err(Errno::ECONNREFUSED) if !thing.is_lost(Errno::ECONNREFUSED, self.descriptor()?) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    // The wait was in vain, or others took the room. Return, because this thread may have more to do.
                    if has_waited || !self.has_room_soon() {
                        self.hold.full(now);
                        return Ok(());
                    }
                    has_waited = true;
                }
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn failed(&mut self, why: Astray, batch: &mut Batch, now: Now) {
        let errno = match why {
            Astray::Errno(errno) => errno,
            Astray::Anothers => {
                let detail = "it leads to what looks like another's file or connection; records are lost until it leads \
                              somewhere else";
                return self.lose(None, detail, batch, now);
            }
        };
        let failure = Failure::new(Op::Write, self.desk.name(), OsError::from(errno));
        let takes_messages = matches!(self.thing, Some(Thing { kind: Kind::Messages | Kind::Device, .. }));
        if takes_messages && matches!(errno, Errno::EMSGSIZE | Errno::EINVAL) {
            self.desk.failed(Some(failure), "longer than what it takes at once", now);
            return self.refuse(batch, 1);
        }
        let is_lost = self.thing.is_none_or(|thing| {
            self.descriptor().map_or(true, |descriptor| thing.is_lost(errno, descriptor))
        });
        if is_lost {
            let detail = match self.end {
                End::Own(_) => "records for it are lost",
                End::Stdout | End::Stderr => "records for it are lost, until it leads somewhere else",
            };
            return self.lose(Some(failure), detail, batch, now);
        }
        let detail = "tried again each half a second; records wait, and those that find no room are lost";
        self.desk.failed(Some(failure), detail, now);
        self.hold.failed(now);
        if self.anew.is_none() {
            self.open_anew();
        }
    }

    fn lose(&mut self, failure: Option<Failure>, detail: &str, batch: &mut Batch, now: Now) {
        self.is_gone = true;
        self.desk.failed(failure, detail, now);
        self.refuse(batch, usize::MAX);
    }

    /// Returns whether a descriptor of ours keeps a pipe or a terminal open that the number may have left.
    fn is_watched(&self) -> bool {
        self.anew.is_some() && !matches!(self.end, End::Own(_))
    }

    fn refuse(&mut self, batch: &mut Batch, records_max: usize) {
        let mut records = 0;
        while records < records_max && !batch.is_done() {
            batch.refuse_record();
            records += 1;
        }
        self.hold.end();
        self.desk.refused(records);
    }
}

impl Sink for Stream {
    fn append(&mut self, batch: &mut Batch, writes_max: usize, now: Now, _: Option<&mut dyn Witness>) {
        if self.hold.is_early(now) {
            return;
        }
        let looked = self.look();
        if std::mem::take(&mut self.has_moved) {
            batch.rewind_record();
        }
        let outcome = match looked {
            Ok(_) if self.is_gone => return self.refuse(batch, usize::MAX),
            Ok(thing) => self.write_all(thing, batch, writes_max, now).map_err(Astray::Errno),
            Err(astray) => Err(astray),
        };
        if let Err(astray) = outcome {
            self.failed(astray, batch, now);
        }
        self.line.is_here = batch.partial() > 0;
        self.desk.waits(self.hold.long_since());
    }

    /// Checks the number even when idle: a reader of a redirected stream doesn't see its end before we let go of it.
    fn tick(&mut self, now: Now) {
        self.desk.tick(now);
        if self.is_watched() && self.next_look <= now.mono {
            self.next_look = now.mono + LOOK_EVERY;
            let _ = self.look(); // an error is reported when there is something to write
        }
    }

    fn hurry(&mut self) {
        self.hold.hurry();
    }

    fn reopen(&mut self, _: Now) {
        self.hold.hurry();
        let _ = self.look();
    }

    fn wake_at(&self) -> Option<Mono> {
        let look = self.is_watched().then_some(self.next_look);
        [self.hold.wake_at(), look, self.desk.wake_at()].into_iter().flatten().min()
    }

    fn state(&self) -> State {
        self.hold.state()
    }

    fn take_events(&mut self) -> Vec<Event> {
        self.desk.take_events()
    }

    fn view(&self) -> View {
        self.desk.view()
    }

    fn refusal(&self) -> Reason {
        Reason::Output
    }

    fn end(&mut self, batch: &mut Batch, now: Now, _: Option<&mut dyn Witness>) -> CloseReport {
        // Write the rest of an unfinished line, if there is room for it now.
        if batch.partial() > 0 {
            self.hold.hurry();
            self.append(batch, 1, now, None);
        }
        left_of(batch)
    }

    fn files(&mut self) -> Option<&mut Engine> {
        None
    }
}
