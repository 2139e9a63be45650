//! How long the writer thread rests when it has nothing to do: naps while there is traffic, a park after silence.
//! It does not rest: `wake` does.

use std::time::Duration;

use tracing_spool_fileset::Mono;

use crate::wake::Rest;

/// Each round takes the lines of memory that callers change away from them once, so there must be few rounds for a
/// hundred calls at 50,000 a second; what comes faster crosses a mark of the queue and ends the nap.
const NAP_MIN: Duration = Duration::from_millis(4);
/// However near a deadline is.
const SHORTEST: Duration = Duration::from_millis(1);
const NAP_MAX: Duration = Duration::from_millis(10);
/// A nap that brought fewer records than this was too short: a nap costs 19 to 38 µs of CPU.
const WORTH_IT: u64 = 4;
/// After so long without a record, the next one has to wake the thread.
const SILENCE: Duration = Duration::from_secs(1);

/// The length of the next nap.
#[derive(Debug)]
pub(crate) struct Pace {
    nap: Duration,
    brought: u64,
    last_record: Mono,
}

impl Pace {
    pub(crate) fn new(now: Mono) -> Self {
        Self { nap: NAP_MIN, brought: 0, last_record: now }
    }

    /// Records came.
    pub(crate) fn took(&mut self, records: u64, now: Mono) {
        if records > 0 {
            self.brought += records;
            self.last_record = now;
        }
    }

    /// There is nothing to do until records come, or it is `wake_at`.
    pub(crate) fn rest(&mut self, now: Mono, wake_at: Option<Mono>) -> Rest {
        self.nap = if self.brought >= WORTH_IT { NAP_MIN } else { (self.nap * 2).min(NAP_MAX) };
        self.brought = 0;
        let until = wake_at.map(|wake_at| (wake_at - now).max(SHORTEST));
        if now - self.last_record >= SILENCE {
            Rest::Park(until)
        } else {
            Rest::Nap(until.map_or(self.nap, |until| until.min(self.nap)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Mono {
        Mono::from_start(Duration::from_millis(millis))
    }

    fn nap(millis: u64) -> Rest {
        Rest::Nap(Duration::from_millis(millis))
    }

    #[test]
    fn naps_grow_with_little_traffic_and_shrink_with_much() {
        let mut pace = Pace::new(at(0));
        pace.took(100, at(1));
        assert_eq!(pace.rest(at(1), None), nap(4));
        pace.took(1, at(2));
        assert_eq!(pace.rest(at(2), None), nap(8));
        assert_eq!(pace.rest(at(10), None), nap(10));
        assert_eq!(pace.rest(at(20), Some(at(23))), nap(3));
        assert_eq!(pace.rest(at(20), Some(at(20))), nap(1), "never a busy loop");
        pace.took(4, at(30));
        assert_eq!(pace.rest(at(30), None), nap(4));
    }

    #[test]
    fn parks_after_silence() {
        let mut pace = Pace::new(at(0));
        assert!(matches!(pace.rest(at(999), None), Rest::Nap(_)));
        assert_eq!(pace.rest(at(1_000), None), Rest::Park(None));
        assert_eq!(pace.rest(at(1_000), Some(at(1_500))), Rest::Park(Some(Duration::from_millis(500))));
        assert_eq!(pace.rest(at(1_000), Some(at(5))), Rest::Park(Some(SHORTEST)), "never a busy loop");
        pace.took(1, at(2_000));
        assert!(matches!(pace.rest(at(2_001), None), Rest::Nap(_)));
    }
}
