//! One record on its way from a writer into the queue: it is shed, or copied and handed over.

use crate::account::ledger::Reason;
use crate::account::rank::Rank;
use crate::hand_off::draft::Draft;
use crate::hand_off::queue::Refusal;
use crate::leaving::exit;
use crate::worker::shared::{HandedOver, Shared};

/// Hands a record over, and waits for it if the process is ending. On an error the record is lost and counted.
#[inline]
pub(super) fn hand_over(draft: &Draft, shared: &Shared) -> Result<(), Reason> {
    if shared.submit(draft)? == HandedOver::Waits && exit::ends() {
        exit::follow(shared);
    }
    Ok(())
}

/// A record that is being written, in as many pieces as arrive.
#[derive(Debug)]
pub(super) struct Record {
    state: State,
    /// Filled and handed over in place: moving the draft would cost as much as everything else.
    draft: Draft,
}

#[derive(Debug)]
enum State {
    /// Nothing was written, so there is no record.
    Nothing,
    /// The queue was too full when the first byte came, so nothing is copied.
    Shed(Refusal),
    /// There is a record.
    Begun,
}

impl Record {
    #[inline]
    pub(super) fn new(rank: Rank) -> Self {
        Self { state: State::Nothing, draft: Draft::new(rank) }
    }

    pub(super) fn rank(&self) -> Rank {
        self.draft.rank
    }

    #[inline]
    pub(super) fn push(&mut self, piece: &[u8], shared: &Shared) {
        if piece.is_empty() {
            return;
        }
        if matches!(self.state, State::Nothing) {
            self.state = match shared.foresee(self.draft.rank) {
                Err(refusal) => State::Shed(refusal),
                Ok(()) => State::Begun,
            };
        }
        if matches!(self.state, State::Begun) {
            self.draft.push(piece, shared.queue.max_record());
        }
    }

    /// Hands the record over, or counts it as lost.
    #[inline]
    pub(super) fn finish(&self, shared: &Shared) {
        match self.state {
            State::Nothing => {}
            State::Shed(refusal) => _ = shared.refuse(self.draft.rank, refusal),
            State::Begun => _ = hand_over(&self.draft, shared),
        }
    }
}
