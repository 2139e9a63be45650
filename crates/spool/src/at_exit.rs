//! The end of the process without the guard: what waits is written as the thread that calls `exit` ends.
//! How much time there is, and for whom, is decided here; the flush itself is `flush_all`'s.
//!
//! `exit`, and so a return from `main`, runs the destructors of thread-local values of the thread that calls it, and of
//! no other; the threads that write are still there meanwhile. So a value with a destructor is left
//!
//! - on the main thread, when it opens a spool or logs: the main thread ends with the process only, so all spools are
//!   flushed;
//! - on any other thread that opens a spool. Whether that thread ends, or the process, cannot be told, so the spools that
//!   it opened are flushed, and no others.
//!
//! A signal that kills, and `abort`, run nothing.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;

use crate::flush_all::{flush_each, is_open, open};
use crate::handle::FlushError;
use crate::shared::Shared;

/// What the runtime calls the thread that `main` runs on.
const MAIN: &str = "main";

thread_local! {
    static LAST_WORD: LastWord = const { LastWord { is_main: Cell::new(false), opened: RefCell::new(Vec::new()) } };
}

/// What is flushed when this thread ends.
struct LastWord {
    is_main: Cell<bool>,
    opened: RefCell<Vec<Weak<Shared>>>,
}

/// This thread opened a spool.
pub(crate) fn opened(shared: &Arc<Shared>) {
    if cfg!(shuttle) {
        return; // its threads are not the process's
    }
    logs();
    let _ = LAST_WORD.try_with(|word| {
        if let Ok(mut opened) = word.opened.try_borrow_mut() {
            opened.retain(|spool| spool.strong_count() > 0);
            opened.push(Arc::downgrade(shared));
        }
    });
}

/// This thread logs for the first time, or has no memory for it at hand: called where that is found out anyway.
#[cold]
pub(crate) fn logs() {
    if cfg!(shuttle) {
        return;
    }
    // Only inside: a thread whose values are gone has no name any more, and asking for it would panic.
    let _ = LAST_WORD.try_with(|word| {
        if !word.is_main.get() && thread::current().name() == Some(MAIN) {
            word.is_main.set(true);
        }
    });
}

impl Drop for LastWord {
    fn drop(&mut self) {
        // A panic in a destructor of a thread-local value would abort the process.
        let flush = || {
            let (is_main, opened) = (self.is_main.get(), self.opened.take());
            let spools = if is_main { open() } else { opened.iter().filter_map(Weak::upgrade).collect() };
            let open = spools.into_iter().filter(|shared| is_open(shared)).collect();
            for (shared, error) in flush_each(open, |shared| shared.shutdown_timeout) {
                if is_main && !matches!(error, FlushError::Forked | FlushError::OnWriterThread) {
                    shared
                        .sink
                        .print(&format_args!("{}: as the process ends: {error}", shared.path.display()));
                }
            }
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(flush)) {
            std::mem::forget(payload); // its destructor could panic too
        }
    }
}
