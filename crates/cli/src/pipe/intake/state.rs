//! The note at the beginning of an intake: up to where its lines are in the ring, and how many records the ring had admitted
//! by then. Plain data; `intake` stores it.

use tracing_spool_ring::Checksum;

const MAGIC: u64 = u64::from_le_bytes(*b"tspoolin");
/// The ring counts its records modulo this.
const ROUND: u64 = 1 << 22;
/// The streams that an intake has at most: a child's stdout and stderr.
pub(super) const LANES: usize = 2;
const WORDS: usize = 4 + 3 * LANES;
/// The size of a state in bytes, with its checksum.
pub(super) const BYTES: usize = (WORDS + 1) * 8;

/// The note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The claim on the ring: its count of admitted records says something as long as this stands in it.
    pub(super) claim: u64,
    /// How many records the ring had admitted.
    pub(super) admitted: u64,
    /// The lane whose lines the ring has admitted since.
    pub(super) turn: u64,
    pub(super) lanes: [Settled; LANES],
}

/// What is settled of one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// The place in the file up to which every line is in the ring.
    pub(super) until: u64,
    /// The device and inode of the stream that filled it.
    pub(super) stream: (u64, u64),
}

impl State {
    /// Returns how many records the ring has admitted since, if it now counts `admitted`.
    pub(super) fn admitted_since(&self, admitted: u64) -> u64 {
        admitted.wrapping_sub(self.admitted) % ROUND
    }

    pub(super) fn encode(&self) -> [u8; BYTES] {
        let mut words = vec![MAGIC, self.claim, self.admitted, self.turn];
        words.extend(self.lanes.iter().flat_map(|lane| [lane.until, lane.stream.0, lane.stream.1]));
        let mut bytes = [0; BYTES];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let sum = Checksum::of(&bytes[..WORDS * 8]);
        bytes[WORDS * 8..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Returns the state that these bytes hold, if it is whole.
    pub(super) fn decode(bytes: &[u8; BYTES]) -> Option<Self> {
        let word = |at: usize| bytes[at * 8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if word(0) != MAGIC || word(WORDS) != Checksum::of(&bytes[..WORDS * 8]) {
            return None;
        }
        let lane = |at: usize| Settled { until: word(at), stream: (word(at + 1), word(at + 2)) };
        Some(Self { claim: word(1), admitted: word(2), turn: word(3), lanes: [lane(4), lane(7)] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_what_was_stored_or_nothing() {
        let lanes = [Settled { until: 4, stream: (5, 6) }, Settled { until: 7, stream: (8, 9) }];
        let state = State { claim: 1, admitted: 2, turn: 1, lanes };
        let bytes = state.encode();
        assert_eq!(State::decode(&bytes), Some(state));
        for at in 0..BYTES {
            let mut spoiled = bytes;
            spoiled[at] ^= 1;
            assert_eq!(State::decode(&spoiled), None, "{at}");
        }
        assert_eq!(State::decode(&[0; BYTES]), None);
    }

    #[test]
    fn the_count_of_the_ring_begins_anew() {
        let state = State { admitted: ROUND - 2, ..State::default() };
        assert_eq!((state.admitted_since(ROUND - 2), state.admitted_since(3)), (0, 5));
    }
}
