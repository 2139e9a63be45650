//! Decides whether the live file is rotated, and why: the one place that answers this. `plan` says how.

/// Why the live file is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The owner, the start or a failed sync asked for it.
    Asked,
    /// It takes no more bytes (EFBIG).
    Full,
    /// Its period on the clock is over.
    Period,
    /// The next record would make it larger than `max_bytes`.
    Size,
}

/// What is known of the live file, and of what is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Whether a regular file stands under the live name and takes the records.
    pub is_in_place: bool,
    /// Its size in bytes without the header.
    pub content_bytes: u64,
    /// Its size in bytes.
    pub live_bytes: u64,
    /// The size of the next record in bytes, if there is one.
    pub next_bytes: Option<u64>,
    /// The setting `max_bytes`.
    pub max_bytes: u64,
    /// Somebody asked for a rotation.
    pub is_asked: bool,
    /// It takes no more bytes.
    pub is_full: bool,
    /// Its period is over.
    pub is_period_over: bool,
}

/// Returns why the live file must be rotated now, if it must. A file without content never is: a record that is longer
/// than a file gets one of its own.
///
/// ```
/// use tracing_spool_fileset::internal::rotation::{Cause, Facts, due};
/// let live = Facts { is_in_place: true, content_bytes: 90, live_bytes: 90, max_bytes: 100, ..Facts::default() };
/// assert_eq!(due(&Facts { next_bytes: Some(10), ..live }), None);
/// assert_eq!(due(&Facts { next_bytes: Some(11), ..live }), Some(Cause::Size));
/// assert_eq!(due(&Facts { is_asked: true, ..live }), Some(Cause::Asked));
/// ```
#[must_use]
pub fn due(facts: &Facts) -> Option<Cause> {
    if !facts.is_in_place || facts.content_bytes == 0 {
        return None;
    }
    let is_size =
        facts.next_bytes.is_some_and(|next| facts.live_bytes.saturating_add(next) > facts.max_bytes);
    let causes = [
        (facts.is_asked, Cause::Asked),
        (facts.is_full, Cause::Full),
        (facts.is_period_over, Cause::Period),
        (is_size, Cause::Size),
    ];
    causes.into_iter().find(|(holds, _)| *holds).map(|(_, cause)| cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(bytes: u64) -> Facts {
        Facts {
            is_in_place: true,
            content_bytes: bytes,
            live_bytes: bytes,
            max_bytes: 100,
            ..Facts::default()
        }
    }

    #[test]
    fn size_counts_with_the_next_record_alone() {
        let size = |bytes, next| due(&Facts { next_bytes: next, ..live(bytes) });
        assert_eq!(size(90, Some(10)), None);
        assert_eq!(size(91, Some(10)), Some(Cause::Size));
        assert_eq!(size(200, None), None);
        assert_eq!(size(1, Some(u64::MAX)), Some(Cause::Size));
        assert_eq!(size(0, Some(101)), None, "a file of its own");
    }

    #[test]
    fn a_header_alone_is_no_content_but_takes_room() {
        let begun = Facts { content_bytes: 0, next_bytes: Some(95), is_asked: true, ..live(10) };
        assert_eq!(due(&begun), None);
        let one = Facts { content_bytes: 1, next_bytes: Some(95), ..live(11) };
        assert_eq!(due(&one), Some(Cause::Size));
    }

    #[test]
    fn every_cause_wants_a_file_in_its_place_with_content() {
        let all = Facts { is_asked: true, is_full: true, is_period_over: true, ..live(1) };
        assert_eq!(due(&all), Some(Cause::Asked));
        assert_eq!(due(&Facts { is_asked: false, ..all }), Some(Cause::Full));
        assert_eq!(due(&Facts { is_asked: false, is_full: false, ..all }), Some(Cause::Period));
        assert_eq!(due(&Facts { is_in_place: false, ..all }), None);
        assert_eq!(due(&Facts { content_bytes: 0, ..all }), None);
    }
}
