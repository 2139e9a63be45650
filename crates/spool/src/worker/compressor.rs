//! The thread that compresses backups. It receives open files and touches no names. The engine decides what is compressed
//! and what becomes of it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing_spool_fileset::{Engine, Now, PackOrder, Packed};

use crate::platform::sync;
use crate::platform::sync::thread::{self, JoinHandle};
use crate::worker::shared::Shared;

/// Starts a thread.
pub(crate) type Spawn = fn(thread::Builder, Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>>;

/// The writer thread's side.
#[derive(Debug)]
pub(crate) struct Packer {
    orders: Sender<PackOrder>,
    done: Receiver<Packed>,
}

impl Packer {
    /// Starts the thread.
    pub(crate) fn start(name: &str, shared: &Arc<Shared>, spawn: Spawn) -> io::Result<Self> {
        // The engine issues one order at a time, so neither end ever waits for room.
        let (orders, to_do) = bounded::<PackOrder>(1);
        let (to_worker, done) = bounded(1);
        let shared = Arc::clone(shared);
        let life = move || {
            if shared.thread_starts() {
                live(&to_do, &to_worker, &shared);
            } else {
                std::mem::forget((to_do, to_worker, shared));
            }
        };
        spawn(thread::Builder::new().name(format!("{name}-pack")), Box::new(life))?;
        Ok(Self { orders, done })
    }

    /// Returns whether a result came back.
    pub(crate) fn has_news(&self) -> bool {
        !self.done.is_empty()
    }

    /// Passes results to the engine, and the next order to the thread.
    pub(crate) fn attend(&self, file_set: &mut Engine, now: Now) {
        while let Ok(packed) = self.done.try_recv() {
            file_set.packed(packed, now);
        }
        if let Some(order) = file_set.take_order(now) {
            // If the thread has died, the engine notices that the order is lost.
            let _ = self.orders.try_send(order);
        }
    }

    /// Ends the thread: once the engine has given up the current order, the thread stops between two blocks. Waits for
    /// that, but no longer than `time`.
    pub(crate) fn leave(self, time: Duration) {
        let Self { orders, done } = self;
        drop(orders);
        while sync::recv_timeout(&done, time).is_ok() {}
    }
}

fn live(orders: &Receiver<PackOrder>, done: &Sender<Packed>, shared: &Shared) {
    PackOrder::give_way();
    for order in orders {
        match catch_unwind(AssertUnwindSafe(|| order.perform())) {
            // An error means that the writer thread is gone and has removed the temporary file.
            Ok(packed) => drop(done.send(packed)),
            Err(payload) => std::mem::forget(payload), // its destructor could panic too; the order is lost
        }
        shared.queue.wake.rouse();
    }
}
