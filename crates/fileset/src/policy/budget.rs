//! Decides how much more may be written, by the budget and the free-space floor. `retention` says what is removed to
//! make room.

/// Returns how many bytes may be added to a set of `total_bytes` under a budget of `max_total_bytes`.
#[must_use]
pub const fn room(total_bytes: u64, max_total_bytes: u64) -> u64 {
    max_total_bytes.saturating_sub(total_bytes)
}

/// Returns whether a set exceeds its budget.
#[must_use]
pub const fn is_exceeded(total_bytes: u64, max_total_bytes: u64) -> bool {
    total_bytes > max_total_bytes
}

/// Returns how many bytes may be written while `min_free_bytes` of the file system's `free_bytes` stay free. Without a
/// floor there is no limit.
#[must_use]
pub const fn above_floor(free_bytes: u64, min_free_bytes: u64) -> u64 {
    if min_free_bytes == 0 { u64::MAX } else { free_bytes.saturating_sub(min_free_bytes) }
}

/// Returns whether a set is near enough to its budget to warn when nothing is left to prune.
///
/// ```
/// use tracing_spool_fileset::internal::budget::is_near;
/// assert!(is_near(54, 60, 90));
/// assert!(!is_near(53, 60, 90));
/// ```
#[must_use]
pub fn is_near(total_bytes: u64, max_total_bytes: u64, percent: u8) -> bool {
    u128::from(total_bytes) * 100 >= u128::from(max_total_bytes) * u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_never_wraps() {
        assert_eq!((room(10, 60), room(60, 60), room(61, 60)), (50, 0, 0));
    }

    #[test]
    fn no_floor_is_no_limit() {
        assert_eq!((above_floor(5, 0), above_floor(5, 3), above_floor(5, 9)), (u64::MAX, 2, 0));
    }

    #[test]
    fn near_is_exact_at_any_size() {
        assert!(is_near(u64::MAX, u64::MAX, 100));
        assert!(!is_near(u64::MAX - 1, u64::MAX, 100));
    }
}
