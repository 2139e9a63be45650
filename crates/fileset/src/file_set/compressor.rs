//! The thread that compresses the backups of a [`FileSet`](super::FileSet). The engine changes names, on the thread
//! that writes.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use tracing_spool_process::spawn;

use crate::effect::clock::Clock;
use crate::effect::compress::{PackOrder, Packed};
use crate::engine::Engine;
use crate::model::time::Now;

#[derive(Debug)]
pub(super) struct Packer {
    orders: Sender<PackOrder>,
    done: Receiver<Packed>,
    /// Whether the thread has an order.
    is_busy: bool,
}

impl Packer {
    /// Starts the thread, which ends by itself when the packer is dropped.
    pub(super) fn start() -> io::Result<Self> {
        let (orders, to_do) = channel::<PackOrder>();
        let (finished, done) = channel();
        let life = move || {
            PackOrder::give_way();
            for order in to_do {
                if finished.send(order.perform()).is_err() {
                    return;
                }
            }
        };
        spawn(thread::Builder::new().name("fileset-pack".to_owned()), life)?;
        Ok(Self { orders, done, is_busy: false })
    }

    /// Takes back a finished order, and hands out the next one.
    pub(super) fn attend(&mut self, engine: &mut Engine, now: Now) {
        while let Ok(packed) = self.done.try_recv() {
            self.is_busy = false;
            engine.packed(packed, now);
        }
        if let Some(order) = engine.take_order(now) {
            // If the thread is gone, the engine notices that the order is lost.
            self.is_busy = self.orders.send(order).is_ok();
        }
    }

    /// Compresses what is left to compress, for at most `most`.
    pub(super) fn end(mut self, engine: &mut Engine, clock: &dyn Clock, most: Duration) {
        let end = clock.now().mono + most;
        self.attend(engine, clock.now());
        while self.is_busy {
            let Ok(packed) = self.done.recv_timeout(end - clock.now().mono) else { break };
            self.is_busy = false;
            engine.packed(packed, clock.now());
            self.attend(engine, clock.now());
        }
        engine.stop_packing(clock.now());
    }
}
