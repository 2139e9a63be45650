//! Runs many small cases on all processors, and names the one that fails. It proves nothing itself.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether the recipe asks for everything.
pub(crate) fn asks_for_all() -> bool {
    std::env::var_os("TRACING_SPOOL_ALL").is_some()
}

/// Runs every case, and fails with the names of the first few that do.
pub(crate) fn each<T: Debug + Sync>(cases: &[T], run: impl Fn(&T) + Sync) {
    const TOLD: usize = 5;
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if failed.lock().unwrap().len() >= TOLD {
                return;
            }
            if catch_unwind(AssertUnwindSafe(|| run(case))).is_err() {
                failed.lock().unwrap().push(case);
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "see above; of {} cases these failed first: {failed:#?}", cases.len());
}
