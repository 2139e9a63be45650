//! Code of the user's that the set calls: hooks, and what a header says. Its panics end there.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs it. None: it panicked.
///
/// ```
/// use tracing_spool_fileset::internal::guest;
/// assert_eq!(guest::run(|| 7), Some(7));
/// ```
pub fn run<T>(code: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // Its destructor is the user's too, and could panic again.
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
