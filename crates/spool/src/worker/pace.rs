//! How long the writer thread rests when it has nothing to do: naps while there is traffic, and a park after silence.
//! `wake` does the resting.

use std::time::Duration;

use tracing_spool_fileset::Mono;

use crate::hand_off::wake::Rest;

/// The share of the linger that the shortest nap takes, in percent: 4 ms of 10. Every round steals the callers' cache lines
/// once, so at 50,000 events/s we want at most one round per hundred calls. Faster traffic crosses a watermark of the
/// queue, which ends the nap.
const NAP_MIN_PERCENT: u32 = 40;
/// The shortest rest, however near a deadline is.
const SHORTEST: Duration = Duration::from_millis(1);
/// A nap that brought fewer records than this was too short: a nap costs 19 to 38 µs of CPU.
const WORTH_IT: u64 = 4;
/// After this long without a record, the thread parks, and the next record must wake it.
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
        Self { nap: Duration::ZERO, brought: 0, last_record: now }
    }

    /// Notes that records came.
    pub(crate) fn took(&mut self, records: u64, now: Mono) {
        if records > 0 {
            self.brought += records;
            self.last_record = now;
        }
    }

    /// Returns how to rest until records come or it is `wake_at`, when a record may wait for `linger`.
    pub(crate) fn rest(&mut self, now: Mono, wake_at: Option<Mono>, linger: Duration) -> Rest {
        let shortest = linger * NAP_MIN_PERCENT / 100;
        self.nap = if self.brought >= WORTH_IT { shortest } else { (self.nap * 2).clamp(shortest, linger) };
        self.brought = 0;
        let until = wake_at.map(|wake_at| (wake_at - now).max(SHORTEST));
        // A record that may not linger wakes the thread, like the first one after a silence.
        if linger.is_zero() || now - self.last_record >= SILENCE {
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

    const LINGER: Duration = Duration::from_millis(10);

    fn nap(millis: u64) -> Rest {
        Rest::Nap(Duration::from_millis(millis))
    }

    #[test]
    fn naps_grow_with_little_traffic_and_shrink_with_much() {
        let mut pace = Pace::new(at(0));
        assert_eq!(pace.rest(at(0), None, LINGER), nap(4));
        pace.took(100, at(1));
        assert_eq!(pace.rest(at(1), None, LINGER), nap(4));
        pace.took(1, at(2));
        assert_eq!(pace.rest(at(2), None, LINGER), nap(8));
        assert_eq!(pace.rest(at(10), None, LINGER), nap(10));
        assert_eq!(pace.rest(at(20), Some(at(23)), LINGER), nap(3));
        assert_eq!(pace.rest(at(20), Some(at(20)), LINGER), nap(1), "never a busy loop");
        pace.took(4, at(30));
        assert_eq!(pace.rest(at(30), None, LINGER), nap(4));
    }

    #[test]
    fn parks_after_silence() {
        let mut pace = Pace::new(at(0));
        assert!(matches!(pace.rest(at(999), None, LINGER), Rest::Nap(_)));
        assert_eq!(pace.rest(at(1_000), None, LINGER), Rest::Park(None));
        assert_eq!(
            pace.rest(at(1_000), Some(at(1_500)), LINGER),
            Rest::Park(Some(Duration::from_millis(500)))
        );
        assert_eq!(
            pace.rest(at(1_000), Some(at(5)), LINGER),
            Rest::Park(Some(SHORTEST)),
            "never a busy loop"
        );
        pace.took(1, at(2_000));
        assert!(matches!(pace.rest(at(2_001), None, LINGER), Rest::Nap(_)));
    }

    #[test]
    fn no_record_waits_longer_than_it_may() {
        for linger in [1, 7, 10, 500, 5_000].map(Duration::from_millis) {
            let mut pace = Pace::new(at(0));
            for records in [0, 1, 100, 0, 0, 0, 1, 3, 0] {
                pace.took(records, at(1));
                let Rest::Nap(time) = pace.rest(at(1), None, linger) else { panic!("it parks") };
                assert!(time <= linger && time >= linger * 4 / 10, "{time:?} of {linger:?}");
            }
        }
        let mut pace = Pace::new(at(0));
        pace.took(100, at(1));
        assert_eq!(pace.rest(at(1), Some(at(5)), Duration::ZERO), Rest::Park(Some(Duration::from_millis(4))));
    }
}
