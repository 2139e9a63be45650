//! A stream as a sink: stdout, stderr, or any descriptor, which may stop taking bytes at any moment. Lines go out whole; nothing
//! waits for a reader but this thread, and that shortly.
//!
//! The number of a descriptor is not the thing: before each batch it is looked where it leads. What is written to a pipe or a
//! terminal goes through a descriptor of our own, opened anew, so that the flags of the one that others share stay as they are.

#[cfg(test)]
mod tests;

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use tracing_spool_fileset::{
    Batch, Clock, CloseReport, Engine, Event, Failure, Fault, Mono, Now, Op, OsError, Witness,
};
use tracing_spool_process::ClosedInChildren;

use super::desk::Desk;
use super::hold::Hold;
use super::{PATIENCE, Sink, State, View};
use crate::account::ledger::Reason;
use crate::platform::descriptor::{self, End, Kind, Room, Thing};

#[derive(Debug)]
pub(crate) struct Stream {
    /// No child keeps the reader from the end of the stream. Taken back before the descriptor is closed.
    _closed: Option<ClosedInChildren>,
    end: End,
    /// Where it leads; None: nowhere that a log belongs.
    thing: Option<Thing>,
    anew: Option<Anew>,
    /// Nobody will read what is written there now.
    is_gone: bool,
    desk: Desk,
    hold: Hold,
    clock: Arc<dyn Clock>,
}

/// The same pipe or terminal, for writes that do not wait.
#[derive(Debug)]
struct Anew {
    /// Taken back before the descriptor is closed, whose number may then be another's.
    _closed: ClosedInChildren,
    descriptor: OwnedFd,
}

impl Stream {
    /// A stream for what `end` leads to now. `field` is how a fault calls it.
    pub(crate) fn open(
        end: End,
        name: &Path,
        field: &'static str,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Fault> {
        let fault = |value: String, wanted| Err(Fault::new(field, value, wanted));
        let thing = match Thing::behind(end.as_fd()) {
            Ok(thing) => thing,
            Err(errno) => return fault(OsError::from(errno).to_string(), "must be open"),
        };
        if !descriptor::is_for_writing(end.as_fd()).unwrap_or(true) {
            return fault("open for reading".to_owned(), "must be open for writing");
        }
        let mut stream = Self {
            _closed: matches!(end, End::Own(_)).then(|| ClosedInChildren::new(&end)),
            end,
            thing: Some(thing),
            anew: None,
            is_gone: false,
            desk: Desk::new(name),
            hold: Hold::default(),
            clock: Arc::clone(clock),
        };
        stream.open_anew();
        Ok(stream)
    }

    fn open_anew(&mut self) {
        self.anew = match self.thing {
            Some(Thing { kind: Kind::Pipe | Kind::Terminal, .. }) => {
                // Where it cannot be done, what `poll` says has to do.
                descriptor::open_anew(self.end.as_fd())
                    .ok()
                    .map(|descriptor| Anew { _closed: ClosedInChildren::new(&descriptor), descriptor })
            }
            _ => None,
        };
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.anew.as_ref().map_or_else(|| self.end.as_fd(), |anew| anew.descriptor.as_fd())
    }

    /// Looks where the number leads now. An error: to nothing, or to what is no log.
    fn look(&mut self, batch: &mut Batch) -> Result<Thing, Errno> {
        let thing = Thing::behind(self.end.as_fd());
        match (thing, self.thing) {
            (Ok(thing), Some(before)) if thing == before => return Ok(thing),
            // Ours alone leads where it led, or has been closed by others.
            (Ok(thing), _)
                if !matches!(self.end, End::Own(_)) && !thing.is_anothers_file(self.end.as_fd()) =>
            {
                self.thing = Some(thing);
                self.is_gone = false;
                self.open_anew();
                batch.rewind_record();
                return Ok(thing);
            }
            _ => {}
        }
        self.thing = None;
        self.anew = None;
        Err(thing.err().unwrap_or(Errno::EBADF))
    }

    /// What is written next: whole lines, or what is left of one that is longer than can go out at once.
    fn piece<'b>(&self, thing: Thing, batch: &'b Batch) -> &'b [u8] {
        let bytes = batch.unwritten();
        match batch.whole_within(thing.piece() as u64) {
            0 if self.anew.is_some() => &bytes[..batch.next_len()],
            0 => &bytes[..batch.next_len().min(thing.piece())],
            whole => &bytes[..whole],
        }
    }

    fn write(&self, thing: Thing, piece: &[u8]) -> nix::Result<usize> {
        let may_wait = self.anew.is_none() && matches!(thing.kind, Kind::Pipe | Kind::Terminal);
        if may_wait && descriptor::room(self.end.as_fd(), Duration::ZERO) == Room::None {
            return Err(Errno::EAGAIN);
        }
        descriptor::write_once(self.descriptor(), thing.kind, piece)
    }

    /// Writes until the batch is done, or there is no room, or an error.
    fn write_all(&mut self, thing: Thing, batch: &mut Batch, writes_max: usize, now: Now) -> nix::Result<()> {
        let mut has_waited = false;
        for _ in 0..writes_max {
            if batch.is_done() || self.clock.now().mono - now.mono > PATIENCE {
                break;
            }
            match self.write(thing, self.piece(thing, batch)) {
                Ok(bytes) => {
                    let finished = batch.finished();
                    batch.advance(bytes);
                    self.desk.wrote(batch.finished() - finished, bytes, now);
                    self.hold.end();
                    has_waited = false;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    // Waited in vain, or others were quicker: there may be more to do than this.
                    if has_waited || descriptor::room(self.descriptor(), PATIENCE) == Room::None {
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

    fn failed(&mut self, errno: Errno, batch: &mut Batch, now: Now) {
        let failure = Failure::new(Op::Write, self.desk.name(), OsError::from(errno));
        if errno == Errno::EMSGSIZE {
            self.desk.failed(Some(failure), "longer than what the socket takes at once", now);
            return self.refuse(batch, 1);
        }
        self.is_gone = self.is_lost(errno);
        let detail = match (self.is_gone, &self.end) {
            (true, End::Own(_)) => "records for it are lost",
            (true, _) => "records for it are lost, until it leads somewhere else",
            (false, _) => {
                "tried again each half a second; records wait, and those that find no room are lost"
            }
        };
        self.desk.failed(Some(failure), detail, now);
        if self.is_gone {
            self.hold.end();
            self.refuse(batch, usize::MAX);
        } else {
            self.hold.failed(now);
            self.anew.is_none().then(|| self.open_anew());
        }
    }

    /// Whether nobody will ever read there again. A number that is the process's may lead somewhere else later.
    fn is_lost(&self, errno: Errno) -> bool {
        let Some(thing) = self.thing else { return true };
        match thing.kind {
            Kind::Pipe => errno == Errno::EPIPE && !thing.may_be_read_again(self.end.as_fd()),
            Kind::Socket => true,
            Kind::Terminal => errno == Errno::EIO,
            Kind::Plain => false,
        }
    }

    fn refuse(&mut self, batch: &mut Batch, records_max: usize) {
        let mut records = 0;
        while records < records_max && !batch.is_done() {
            batch.refuse_record();
            records += 1;
        }
        self.desk.refused(records);
    }
}

impl Sink for Stream {
    fn append(&mut self, batch: &mut Batch, writes_max: usize, now: Now, _: Option<&mut dyn Witness>) {
        if self.hold.is_early(now) {
            return;
        }
        let outcome = match self.look(batch) {
            Ok(_) if self.is_gone => return self.refuse(batch, usize::MAX),
            Ok(thing) => self.write_all(thing, batch, writes_max, now),
            Err(errno) => Err(errno),
        };
        if let Err(errno) = outcome {
            self.failed(errno, batch, now);
        }
        self.desk.waits(self.hold.long_since());
    }

    fn tick(&mut self, _: Now) {}

    fn hurry(&mut self) {
        self.hold.hurry();
    }

    fn reopen(&mut self, _: Now) {
        self.hold.hurry();
    }

    fn wake_at(&self) -> Option<Mono> {
        self.hold.wake_at()
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
        // The rest of a line that was begun, if there is room for it now.
        if batch.partial() > 0 {
            self.hold.hurry();
            self.append(batch, 1, now, None);
        }
        let mut report = CloseReport::default();
        report.records_left = batch.records() - batch.finished();
        report.fragment_left = batch.partial() > 0;
        report
    }

    fn files(&mut self) -> Option<&mut Engine> {
        None
    }
}
