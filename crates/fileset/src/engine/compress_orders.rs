//! The compression orders of an engine: hands them out, takes them back, gives them up.

use super::desk::Turn;
use super::machine::Engine;
use crate::effect::compress::{PackOrder, Packed};
use crate::model::time::Now;

impl Engine {
    /// Returns the next backup to compress, if there is one now. [`perform`](PackOrder::perform) the order on any
    /// thread, and pass the result to [`packed`](Self::packed); until then, no other order is handed out.
    ///
    /// Returns `None` while a rotation is under way, while the set is blocked, or while its budget has no room for a
    /// second form of the backup. The newest backup is never compressed, because tailers may still be reading it.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool_fileset::{Batch, Clock, Compression, Engine, Settings, SystemClock};
    ///
    /// let clock = SystemClock::new();
    /// let mut settings = Settings::new(&path);
    /// settings.compression = Compression::Gzip; // with the feature `gzip`
    /// settings.max_bytes = 1_000;
    /// let mut set = Engine::open(settings, clock.now())?;
    /// for number in 0..300 {
    ///     let mut batch = Batch::default();
    ///     batch.push(format!("order {number} shipped").as_bytes(), &set.settings().rules());
    ///     set.append(&mut batch, clock.now());
    ///     // Now and then, or on a thread of its own:
    ///     while let Some(order) = set.take_order(clock.now()) {
    ///         set.packed(order.perform(), clock.now());
    ///     }
    /// }
    /// assert!(dir.path().join("app.log.1").is_file());
    /// assert!(dir.path().join("app.log.2.gz").is_file());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_order(&mut self, now: Now) -> Option<PackOrder> {
        let is_busy = self.job.is_some() || self.writing.hold.is_some();
        let Self { packing, retention, stage, desk, settings, .. } = self;
        let mut floor = |bytes: u64, turn: &mut Turn<'_>| retention.above_floor(bytes, turn);
        let order = packing.take_order(is_busy, &mut floor, &mut Turn { settings, stage, desk, now });
        if order.is_some() {
            self.conclude(now);
        }
        order
    }

    /// Takes back an order that was performed: the compressed backup gets its name, and the plain file is removed. If a
    /// rotation has begun, that waits for its end.
    pub fn packed(&mut self, packed: Packed, now: Now) {
        let is_job_under_way = self.job.is_some();
        let Self { packing, stage, desk, settings, .. } = self;
        packing.packed(packed, is_job_under_way, &mut Turn { settings, stage, desk, now });
        self.conclude(now);
    }

    /// Stops handing out orders, and ends the one that the owner may have: its temporary file is removed.
    pub fn stop_packing(&mut self, now: Now) {
        let Self { packing, stage, desk, settings, .. } = self;
        packing.stop(&mut Turn { settings, stage, desk, now });
    }
}
