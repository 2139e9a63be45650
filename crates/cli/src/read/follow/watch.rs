//! Waits until something in the log's directory changes, or the reader of stdout has gone.

use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::say::Problem;
use crate::set::Log;

/// How long to wait at most, in milliseconds. A network file system doesn't tell of the changes that other machines make.
const LONGEST: u16 = 1_000;
/// The same where the system tells of no changes at all.
const WITHOUT_NEWS: u16 = 50;

#[derive(Debug)]
pub(super) struct Watch {
    /// None where there is none to be had.
    news: Option<Inotify>,
    stdout: File,
}

impl Watch {
    /// Begins to watch the directory of the log.
    pub(super) fn new(log: &Log, stdout: &File) -> Result<Self, Problem> {
        let naming = log.naming()?;
        let changes = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE;
        let news = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
            .ok()
            .filter(|news| news.add_watch(naming.names.dir(), changes).is_ok());
        let stdout = stdout.try_clone().map_err(|error| Problem::stdout(&error))?;
        Ok(Self { news, stdout })
    }

    /// Waits for a change. Returns false if nobody reads stdout any more.
    pub(super) fn wait(&mut self) -> bool {
        let stdout = PollFd::new(self.stdout.as_fd(), PollFlags::empty());
        let news: Option<BorrowedFd<'_>> = self.news.as_ref().map(Inotify::as_fd);
        let news = news.map(|news| PollFd::new(news, PollFlags::POLLIN));
        let longest = if news.is_some() { LONGEST } else { WITHOUT_NEWS };
        let mut waited: Vec<PollFd<'_>> = [Some(stdout), news].into_iter().flatten().collect();
        // Interrupted or not: whoever asked looks again.
        let _ = poll(&mut waited, PollTimeout::from(longest));
        let is_gone = waited[0].revents().is_some_and(|events| events.contains(PollFlags::POLLERR));
        if let Some(news) = &self.news {
            // What they tell doesn't matter: the files say it themselves.
            while news.read_events().is_ok_and(|events| !events.is_empty()) {}
        }
        !is_gone
    }
}
