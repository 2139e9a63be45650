//! The messages to the writer thread, and its answers. Rare; records travel by `queue`.
//!
//! Whoever waits for a flush stands in a list, and the message only says that there is one; a rotation that was asked for
//! and not begun is not asked for again. A thread that hangs in a system call would else be left a message for each call.

use std::sync::PoisonError;
use std::time::Duration;

use tracing_spool_fileset::Settings;

use crate::platform::answer::{self, Answer, Reply};
use crate::platform::sync::{AtomicBool, Mutex, Ordering};
use crate::sink;

/// A message to the writer thread.
#[derive(Debug)]
pub(crate) enum Control {
    /// Somebody [asks](Asks) for a flush.
    Flush,
    /// Begin a new file.
    Rotate,
    /// Look whether the live file is still ours.
    Reopen,
    /// Take other limits, which were checked.
    Reconfigure(Box<Settings>),
    /// Write what waits, within this time, and leave.
    Stop(Duration, Reply<Left>),
}

/// The answer to a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// All is in the file.
    Done,
    /// The file set is blocked; so many records wait.
    Blocked(u64),
    /// All was written, and the writer cannot flush it.
    Unflushed,
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
    /// Whether the user's writer could not flush what it was given.
    pub(crate) unflushed: bool,
}

/// Whether a flush is content with hearing that there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It hears so at once.
    Asks,
    /// It waits, as its process ends after it: there may be room within its time.
    Waits,
}

/// A flush that somebody waits for.
#[derive(Debug)]
pub(crate) struct Ask {
    reply: Reply<Flushed>,
    patience: Patience,
}

/// What was asked for that the writer thread has not heard of yet.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    /// Held for an exchange of lists.
    flushes: Mutex<Vec<Ask>>,
    pub(crate) rotate: Once,
    pub(crate) reopen: Once,
}

/// A message that is under way once at most.
#[derive(Debug, Default)]
pub(crate) struct Once(AtomicBool);

impl Once {
    /// Whether it is to be sent.
    pub(crate) fn ask(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }

    /// For the writer thread, before it does what is asked: what is asked from here on is asked anew.
    pub(crate) fn hear(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Asks {
    /// Enters one, in the place of those that nobody waits for any more. True: the writer thread is to be told.
    pub(crate) fn enter(&self, patience: Patience) -> (Answer<Flushed>, bool) {
        let (reply, answer) = answer::pair();
        let mut asks = self.flushes.lock().unwrap_or_else(PoisonError::into_inner);
        // Not by whether one waits: the message about the last one, gone since, may still be on its way.
        let is_first = asks.is_empty();
        asks.retain(|ask| ask.reply.is_awaited());
        asks.push(Ask { reply, patience });
        (answer, is_first)
    }

    /// For the writer thread: all of them, of which it then has to be told anew.
    pub(crate) fn take(&self) -> Vec<Ask> {
        std::mem::take(&mut *self.flushes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Flushes that wait for their answer.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Vec<Ticket>);

#[derive(Debug)]
struct Ticket {
    /// Records settled since the start when it can be answered.
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

    /// Answers what can be answered. An asker that has gone does not matter.
    pub(crate) fn answer(&mut self, settled: u64, is_said: bool, is_blocked: bool, flushed: sink::Flushed) {
        self.take_where(|ticket| {
            let left = ticket.target.saturating_sub(settled);
            // Blocked with only a notice unsaid: the records are where they belong.
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

    /// The writer thread leaves.
    pub(crate) fn close(&mut self, settled: u64) {
        self.take_where(|ticket| {
            let left = ticket.target.saturating_sub(settled);
            Some(if left == 0 { Flushed::Done } else { Flushed::Closed(left) })
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
        tickets.close(6);
        assert_eq!(third_answer.now(), Ok(Flushed::Closed(3)));
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
