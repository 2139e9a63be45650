//! Decides when a failed step is retried, and when an alert is due. It returns delays; nobody waits here.

use std::time::Duration;

use crate::model::errno_class::Class;

/// The schedule of retries and cool-downs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The number of retries after the first attempt.
    pub retries: u32,
    /// The delay before the first retry. It doubles with each further one.
    pub base_delay: Duration,
    /// The delay after exhausted retries or a permanent error. It doubles with each failed probe.
    pub cooldown: Duration,
    /// The longest cool-down.
    pub cooldown_max: Duration,
}

/// Whether an error may pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// It may: retries are worth it.
    Passing,
    /// It won't: no retries.
    Lasting,
}

impl From<Class> for Prospect {
    fn from(class: Class) -> Self {
        if class == Class::Transient { Self::Passing } else { Self::Lasting }
    }
}

/// What follows from a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The delay until the next call.
    pub delay: Duration,
    /// Whether retries are used up or were not worth it, so that an alert is due.
    pub exhausted: bool,
}

/// Counts the failed calls of one step in a row. Start a new one when the step has succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    calls: u32,
    probes: u32,
    exhausted: bool,
}

impl Retry {
    /// Returns the number of failed calls.
    #[must_use]
    pub const fn calls(&self) -> u32 {
        self.calls
    }

    /// Counts one more failed call, and returns what follows from it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_spool_fileset::internal::backoff::{Backoff, Prospect, Retry};
    /// let schedule = Backoff {
    ///     retries: 3,
    ///     base_delay: Duration::from_millis(100),
    ///     cooldown: Duration::from_secs(30),
    ///     cooldown_max: Duration::from_secs(300),
    /// };
    /// let mut retry = Retry::default();
    /// let delays: Vec<u64> =
    ///     (0..5).map(|_| retry.failed(Prospect::Passing, &schedule).delay.as_millis() as u64).collect();
    /// assert_eq!(delays, [100, 200, 400, 30_000, 60_000]);
    /// ```
    pub fn failed(&mut self, prospect: Prospect, schedule: &Backoff) -> Verdict {
        self.calls = self.calls.saturating_add(1);
        if !self.exhausted && prospect == Prospect::Passing && self.calls <= schedule.retries {
            return Verdict { delay: doubled(schedule.base_delay, self.calls - 1), exhausted: false };
        }
        self.exhausted = true;
        let delay = doubled(schedule.cooldown, self.probes).min(schedule.cooldown_max);
        self.probes = self.probes.saturating_add(1);
        Verdict { delay, exhausted: true }
    }
}

fn doubled(delay: Duration, times: u32) -> Duration {
    delay.saturating_mul(2_u32.saturating_pow(times))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCHEDULE: Backoff = Backoff {
        retries: 3,
        base_delay: Duration::from_millis(100),
        cooldown: Duration::from_secs(30),
        cooldown_max: Duration::from_secs(300),
    };

    #[test]
    fn the_cooldown_doubles_to_its_end() {
        let mut retry = Retry::default();
        let seconds: Vec<u64> =
            (0..6).map(|_| retry.failed(Prospect::Lasting, &SCHEDULE).delay.as_secs()).collect();
        assert_eq!(seconds, [30, 60, 120, 240, 300, 300]);
        assert_eq!(retry.calls(), 6);
    }

    #[test]
    fn a_lasting_error_ends_the_retries() {
        let mut retry = Retry::default();
        assert!(!retry.failed(Prospect::Passing, &SCHEDULE).exhausted);
        assert!(retry.failed(Prospect::Lasting, &SCHEDULE).exhausted);
        // A probe is one call: a passing error doesn't start the retries again.
        assert_eq!(
            retry.failed(Prospect::Passing, &SCHEDULE),
            Verdict { delay: Duration::from_secs(60), exhausted: true }
        );
    }

    #[test]
    fn no_retries_at_all() {
        let schedule = Backoff { retries: 0, ..SCHEDULE };
        assert!(Retry::default().failed(Prospect::Passing, &schedule).exhausted);
    }

    proptest! {
        #[test]
        fn at_most_one_call_and_the_retries_before_it_is_told(retries in 0_u32..20, calls in 1_u32..60) {
            let schedule = Backoff { retries, ..SCHEDULE };
            let mut retry = Retry::default();
            for call in 1..=calls {
                let verdict = retry.failed(Prospect::Passing, &schedule);
                prop_assert_eq!(verdict.exhausted, call > retries);
                prop_assert!(!verdict.exhausted || verdict.delay <= schedule.cooldown_max);
            }
        }
    }
}
