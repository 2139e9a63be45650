//! When a file has had enough.
//! How it is then rotated is `plan`'s.

/// Whether the live file of `live_bytes` is rotated before a record of `record_bytes`: it would grow beyond
/// `max_bytes`. An empty file never is: a record longer than a file gets one of its own.
///
/// ```
/// use tracing_spool_fileset::policy::rotation::is_due;
/// assert!(!is_due(90, 10, 100));
/// assert!(is_due(91, 10, 100));
/// assert!(!is_due(0, 500, 100));
/// ```
#[must_use]
pub const fn is_due(live_bytes: u64, record_bytes: u64, max_bytes: u64) -> bool {
    live_bytes > 0 && live_bytes.saturating_add(record_bytes) > max_bytes
}

#[cfg(test)]
mod tests {
    use super::is_due;

    #[test]
    fn due_when_it_would_grow_beyond_and_is_not_empty() {
        assert!(!is_due(90, 10, 100) && is_due(91, 10, 100) && is_due(90, 11, 100));
        assert!(!is_due(0, 101, 100) && is_due(1, u64::MAX, 100));
    }
}
