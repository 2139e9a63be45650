//! The messages to the writer thread, and its answers. They are rare; records go through the queue.
//!
//! Whoever waits for a flush is entered in a list, and the message only says that there is one. A rotation that was
//! requested and hasn't begun isn't requested again. Otherwise every call would leave a message for a thread that hangs in
//! a system call.

use std::sync::PoisonError;
use std::time::Duration;

use tracing_spool_fileset::Settings;

use crate::platform::answer::{self, Answer, Reply};
use crate::platform::sync::{AtomicBool, Mutex, Ordering};
use crate::sink;

/// A message to the writer thread.
#[derive(Debug)]
pub(crate) enum Control {
    /// Somebody [asked](Asks) for a flush.
    Flush,
    /// Rotate.
    Rotate,
    /// Check whether the live file is still ours.
    Reopen,
    /// Apply new limits, which have been checked.
    Reconfigure(Box<Settings>),
    /// Write what is queued, within this time, and leave.
    Stop(Duration, Reply<Left>),
}

/// The answer to a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// All is in the file.
    Done,
    /// The file set is blocked, and this many records wait.
    Blocked(u64),
    /// Everything was written, but the writer can't flush it.
    Unflushed,
    /// The writer thread left first, and this many records are in no file.
    Closed(u64),
}

/// The answer to a stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// Accepted records that are in no file.
    pub(crate) records: u64,
    /// Whether part of one of them had to stay at the end of the file.
    pub(crate) fragment: bool,
    /// Whether the time ran out.
    pub(crate) late: bool,
    /// Whether the user's writer failed to flush what it was given.
    pub(crate) unflushed: bool,
}

/// Whether a flush returns early when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It returns at once.
    Asks,
    /// It waits, because the process ends after it and there may be room within its time.
    Waits,
}

/// A flush that somebody waits for.
#[derive(Debug)]
pub(crate) struct Ask {
    reply: Reply<Flushed>,
    patience: Patience,
}

/// Requests that the writer thread hasn't seen yet.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    /// Locked only to exchange lists.
    flushes: Mutex<Vec<Ask>>,
    pub(crate) rotate: Once,
    pub(crate) reopen: Once,
}

/// A message of which at most one is in flight.
#[derive(Debug, Default)]
pub(crate) struct Once(AtomicBool);

impl Once {
    /// Returns whether to send it.
    pub(crate) fn ask(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }

    /// Marks the message as received. The writer thread does this before it acts, so that a request from here on sends a
    /// new one.
    pub(crate) fn hear(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Asks {
    /// Enters a request, and removes those that nobody waits for any more. Returns true if the writer thread must be told.
    pub(crate) fn enter(&self, patience: Patience) -> (Answer<Flushed>, bool) {
        let (reply, answer) = answer::pair();
        let mut asks = self.flushes.lock().unwrap_or_else(PoisonError::into_inner);
        // Don't decide by whether a request waits: the message about the last one, removed since, may still be in flight.
        let is_first = asks.is_empty();
        asks.retain(|ask| ask.reply.is_awaited());
        asks.push(Ask { reply, patience });
        (answer, is_first)
    }

    /// Takes all requests. The next one sends a message again. For the writer thread.
    pub(crate) fn take(&self) -> Vec<Ask> {
        std::mem::take(&mut *self.flushes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Flushes that wait for their answer.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Vec<Ticket>);

#[derive(Debug)]
struct Ticket {
    /// The number of settled records from which it can be answered.
    target: u64,
    ask: Ask,
}

impl Tickets {
    pub(crate) fn add(&mut self, target: u64, asks: Vec<Ask>) {
        self.0.retain(|ticket| ticket.ask.reply.is_awaited());
        self.0.extend(asks.into_iter().map(|ask| Ticket { target, ask }));
    }

    pub(crate) fn are_waiting(&self) -> bool {
        !self.0.is_empty()
    }

    /// Answers the flushes that can be answered. It doesn't matter if one's caller is gone.
    pub(crate) fn answer(&mut self, settled: u64, is_said: bool, is_blocked: bool, flushed: sink::Flushed) {
        self.take_where(|ticket| {
            let left = ticket.target.saturating_sub(settled);
            // If only a notice is unwritten because the set is blocked, all records are in the file.
            let is_all = left == 0 && (is_said || is_blocked);
            if is_all && flushed == sink::Flushed::Done {
                Some(Flushed::Done)
            } else if is_all && flushed == sink::Flushed::Failing && ticket.ask.patience == Patience::Asks {
                Some(Flushed::Unflushed)
            } else if is_all {
                None
            } else if is_blocked && ticket.ask.patience == Patience::Asks {
                Some(Flushed::Blocked(left))
            } else {
                None
            }
        });
    }

    /// Answers all flushes as the writer thread leaves. `is_unflushed` tells whether the output kept what it took.
    pub(crate) fn close(&mut self, settled: u64, is_unflushed: bool) {
        self.take_where(|ticket| {
            Some(match ticket.target.saturating_sub(settled) {
                0 if is_unflushed => Flushed::Unflushed,
                0 => Flushed::Done,
                left => Flushed::Closed(left),
            })
        });
    }

    fn take_where(&mut self, answer: impl Fn(&Ticket) -> Option<Flushed>) {
        let mut at = 0;
        while let Some(ticket) = self.0.get(at) {
            match answer(ticket) {
                Some(answer) => self.0.swap_remove(at).ask.reply.give(answer),
                None => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::answer::Unanswered;

    fn ask(patience: Patience) -> (Vec<Ask>, Answer<Flushed>) {
        let asks = Asks::default();
        let (answer, _) = asks.enter(patience);
        (asks.take(), answer)
    }

    #[test]
    fn tickets_are_answered_once_when_it_is_their_turn() {
        let mut tickets = Tickets::default();
        let (first, first_answer) = ask(Patience::Asks);
        let (second, second_answer) = ask(Patience::Asks);
        tickets.add(3, first);
        tickets.add(5, second);
        tickets.answer(4, false, false, sink::Flushed::Done);
        assert_eq!(first_answer.now(), Err(Unanswered::InTime));
        tickets.answer(4, true, false, sink::Flushed::Done);
        assert_eq!(first_answer.now(), Ok(Flushed::Done));
        tickets.answer(4, true, true, sink::Flushed::Done);
        assert_eq!(second_answer.now(), Ok(Flushed::Blocked(1)));
        let (third, third_answer) = ask(Patience::Asks);
        tickets.add(9, third);
        let (fourth, fourth_answer) = ask(Patience::Waits);
        tickets.add(6, fourth);
        tickets.close(6, true);
        assert_eq!(third_answer.now(), Ok(Flushed::Closed(3)));
        assert_eq!(fourth_answer.now(), Ok(Flushed::Unflushed));
    }

    #[test]
    fn who_waits_for_room_is_answered_when_there_is_some() {
        let mut tickets = Tickets::default();
        let (asks, answer) = ask(Patience::Waits);
        tickets.add(3, asks);
        tickets.answer(2, true, true, sink::Flushed::Done);
        assert_eq!(answer.now(), Err(Unanswered::InTime));
        tickets.answer(3, true, false, sink::Flushed::Done);
        assert_eq!(answer.now(), Ok(Flushed::Done));
    }

    #[test]
    fn flushes_that_nobody_waits_for_leave_nothing() {
        let asks = Asks::default();
        let (waits, is_first) = asks.enter(Patience::Asks);
        assert!(is_first);
        for _ in 0..10_000 {
            let (gone, is_first) = asks.enter(Patience::Asks);
            assert!(!is_first, "told once");
            drop(gone);
        }
        let mut tickets = Tickets::default();
        let taken = asks.take();
        assert_eq!(taken.len(), 2, "the one that waits, and the last one");
        tickets.add(1, taken);
        for _ in 0..1_000 {
            asks.enter(Patience::Asks);
            tickets.add(1, asks.take());
        }
        assert_eq!(tickets.0.len(), 2);
        tickets.answer(1, true, false, sink::Flushed::Done);
        assert_eq!((waits.now(), tickets.are_waiting()), (Ok(Flushed::Done), false));
    }
}
