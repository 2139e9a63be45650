//! Runs code of the user's (hooks, header functions) and catches its panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `code` and returns its value, or `None` if it panicked.
///
/// ```
/// use tracing_spool_fileset::internal::guest;
/// assert_eq!(guest::run(|| 7), Some(7));
/// ```
pub fn run<T>(code: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // Its destructor is the user's code too, and could panic again.
            std::mem::forget(payload);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }

    #[test]
    fn a_panic_whose_payload_panics_ends_here_too() {
        assert_eq!(run(|| std::panic::panic_any(Bomb)), None::<()>);
    }
}
