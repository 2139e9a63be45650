//! Starts the threads of a log, as the last step. If that fails, what was opened is closed.

use std::io;
use std::sync::{Arc, PoisonError};

use tracing_spool_fileset::{Batch, Clock};

use crate::leaving::{exit, outputs};
use crate::open::error::OpenError;
use crate::platform::sync::Mutex;
use crate::platform::sync::thread::{self, JoinHandle};
use crate::worker::compressor::Spawn;
use crate::worker::round::Worker;
use crate::worker::shared::Shared;

/// A started log.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) shared: Arc<Shared>,
    pub(crate) thread: JoinHandle<()>,
}

/// Starts the writer thread or the compression thread. A failure is an error of `open`.
pub(super) fn spawn(builder: thread::Builder, life: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
    crate::platform::sync::spawn(builder, life)
}

/// Starts the writer thread. If that fails, closes what was opened.
pub(super) fn launch(
    name: String,
    shared: Arc<Shared>,
    mut worker: Worker,
    clock: &dyn Clock,
    spawn: Spawn,
) -> Result<Started, OpenError> {
    // Shared by both threads: if the second one can't be started, this one closes the file set.
    let helped = worker.start_packer(&name, spawn);
    let worker = Arc::new(Mutex::new(Some(worker)));
    let take = |slot: &Mutex<Option<Worker>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let slot = Arc::clone(&worker);
    let begun = Arc::clone(&shared);
    let life = move || {
        if !begun.thread_starts() {
            return std::mem::forget((begun, slot));
        }
        drop(begun);
        if let Some(worker) = take(&slot) {
            worker.run();
        }
    };
    match helped.and_then(|()| spawn(thread::Builder::new().name(name), Box::new(life))) {
        Ok(thread) => {
            shared.queue.wake.belongs_to(thread.thread().clone());
            outputs::enter(&shared);
            exit::opened();
            Ok(Started { shared, thread })
        }
        Err(error) => {
            if let Some(mut sink) = take(&worker).as_mut().and_then(Worker::give_up) {
                sink.end(&mut Batch::default(), clock.now(), None);
            }
            Err(OpenError::Thread(error))
        }
    }
}
