//! The messages to the writer thread, and its answers. Rare; records travel by `queue`.

use std::time::Duration;

use crossbeam_channel::Sender;
use tracing_spool_fileset::Settings;

/// A message to the writer thread.
#[derive(Debug)]
pub(crate) enum Control {
    /// Answer when everything accepted before this is in the file.
    Flush(Sender<Flushed>),
    /// Begin a new file.
    Rotate,
    /// Look whether the live file is still ours.
    Reopen,
    /// Take other limits, which were checked.
    Reconfigure(Box<Settings>),
    /// Write what waits, within this time, and leave.
    Stop(Duration, Sender<Left>),
}

/// The answer to a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// All is in the file.
    Done,
    /// The file set is blocked; so many records wait.
    Blocked(u64),
    /// The writer thread left first; so many records are in no file.
    Closed(u64),
}

/// The answer to a stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// Records that had been accepted and are in no file.
    pub(crate) records: u64,
    /// Whether a part of one of them had to stay at the end of the file.
    pub(crate) fragment: bool,
    /// Whether the time was over.
    pub(crate) late: bool,
}

/// Flushes that wait for their answer.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Vec<Ticket>);

#[derive(Debug)]
struct Ticket {
    /// Records settled since the start when it can be answered.
    target: u64,
    reply: Sender<Flushed>,
}

impl Tickets {
    pub(crate) fn add(&mut self, target: u64, reply: Sender<Flushed>) {
        self.0.push(Ticket { target, reply });
    }

    pub(crate) fn are_waiting(&self) -> bool {
        !self.0.is_empty()
    }

    /// Answers what can be answered. An asker that has gone does not matter.
    pub(crate) fn answer(&mut self, settled: u64, is_said: bool, is_blocked: bool) {
        self.0.retain(|ticket| {
            let left = ticket.target.saturating_sub(settled);
            // Blocked with only a notice unsaid: the records are where they belong.
            let answer = if left == 0 && (is_said || is_blocked) {
                Flushed::Done
            } else if is_blocked {
                Flushed::Blocked(left)
            } else {
                return true;
            };
            let _ = ticket.reply.try_send(answer);
            false
        });
    }

    /// The writer thread leaves.
    pub(crate) fn close(&mut self, settled: u64) {
        for ticket in self.0.drain(..) {
            let left = ticket.target.saturating_sub(settled);
            let _ = ticket.reply.try_send(if left == 0 { Flushed::Done } else { Flushed::Closed(left) });
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::*;

    #[test]
    fn tickets_are_answered_once_when_it_is_their_turn() {
        let mut tickets = Tickets::default();
        let (first, first_answer) = bounded(1);
        let (second, second_answer) = bounded(1);
        tickets.add(3, first);
        tickets.add(5, second);
        tickets.answer(4, false, false);
        assert!(first_answer.is_empty());
        tickets.answer(4, true, false);
        assert_eq!(first_answer.try_recv(), Ok(Flushed::Done));
        tickets.answer(4, true, true);
        assert_eq!(second_answer.try_recv(), Ok(Flushed::Blocked(1)));
        let (third, third_answer) = bounded(1);
        tickets.add(9, third);
        tickets.close(6);
        assert_eq!(third_answer.try_recv(), Ok(Flushed::Closed(3)));
    }
}
