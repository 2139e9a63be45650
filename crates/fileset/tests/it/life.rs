//! A world over several processes, and what may be missing from its files: what others took away, and what a kill or a
//! close interrupted. `simulate` and `model` choose what happens; this proves nothing itself.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing_spool_fileset::Settings;
use tracing_spool_fileset::sim::{Survive, When};

use crate::territory::{MOVED, names, sow};
use crate::upheaval::{CURRENT, FLIPPED, Others};
use crate::world::World;

/// More records than this do not wait in the batch.
const WAITING: usize = 40;

/// What others do to the live file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meddling {
    Rename,
    Delete,
    Truncate,
}

impl Meddling {
    pub(crate) const ALL: [Self; 3] = [Self::Rename, Self::Delete, Self::Truncate];
}

pub(crate) struct Life {
    pub(crate) world: World,
    pub(crate) excused: BTreeSet<u32>,
    pub(crate) kills: u32,
    pub(crate) others: Others,
}

impl Life {
    pub(crate) fn new(settings: Settings) -> Self {
        let mut world = World::new(settings);
        FLIPPED.iter().for_each(|dir| sow(&world.disk, dir));
        world.disk.put_symlink(CURRENT, FLIPPED[0]);
        world.clear_after = Duration::from_secs(3_600);
        world.open();
        Self { world, excused: BTreeSet::new(), kills: 0, others: Others::default() }
    }

    /// What holds after every step; and the next process, if this one was killed.
    pub(crate) fn live_on(&mut self) {
        assert_eq!(self.world.disk.violation(), None);
        self.world.assert_unharmed();
        self.world.mind_territory();
        self.world.sweep_strays();
        self.world.assert_total();
        if self.world.disk.crashed() {
            self.kills += 1;
            self.end_process();
            self.world.disk.restart(Survive::Live);
            self.begin_process();
        }
    }

    /// One more record, tried once, unless too many wait.
    pub(crate) fn push(&mut self) {
        let waiting = self.world.batch.records() - self.world.batch.finished();
        if waiting < WAITING && !self.world.disk.crashed() {
            self.world.push();
        }
    }

    pub(crate) fn pass_time(&mut self, time: Duration) {
        self.world.clock.advance(time);
        let now = self.world.clock.now();
        self.world.set().tick(now);
        self.world.append();
    }

    /// Others touch the live file.
    pub(crate) fn meddle(&mut self, meddling: Meddling) {
        self.excuse_live();
        if matches!(meddling, Meddling::Truncate) && self.world.finished < self.world.sent {
            self.world.beheaded.insert(self.world.finished);
        }
        let (disk, live) = (&self.world.disk, self.world.live());
        // It may be gone already.
        let _ = match meddling {
            Meddling::Rename => {
                disk.ext_rename(&live, live.with_file_name(format!("{MOVED}{}", self.world.sent)))
            }
            Meddling::Delete => disk.ext_unlink(live),
            Meddling::Truncate => disk.ext_truncate(live, 0),
        };
    }

    /// What stands in the live file, and what is written before that file is missed, is others' now.
    fn excuse_live(&mut self) {
        let bytes = self.world.disk.read(self.world.live()).unwrap_or_default();
        let numbers = String::from_utf8_lossy(&bytes)
            .lines()
            .filter_map(|line| line.get(..5)?.parse().ok())
            .collect::<Vec<u32>>();
        self.excused.extend(numbers);
        self.excused.extend(self.world.finished..self.world.sent);
    }

    /// A shutdown, and a start with other settings.
    pub(crate) fn restart(&mut self, change: impl FnOnce(&mut Settings)) {
        self.world.close();
        self.end_process();
        change(&mut self.world.settings);
        self.begin_process();
    }

    /// A kill at the call that is so many calls away.
    pub(crate) fn kill_at(&mut self, calls: u64, when: When) {
        self.world.disk.crash_at(self.world.disk.count() + calls, when);
    }

    /// Faults and limits of the disk end, and everything is written.
    pub(crate) fn heal(&mut self) {
        self.world.disk.crash_at(u64::MAX, When::After); // a kill that is still to come does not
        self.world.disk.set_capacity(None);
        self.world.disk.set_short_writes(None);
        self.world.disk.clear_faults();
        self.undo();
        let now = self.world.clock.now();
        self.world.set().reopen(now); // what others did last is seen before more is written
        self.world.finish_batch();
        self.world.settle();
    }

    fn undo(&mut self) {
        let names = names(&self.world.settings);
        let dirs = [names.dir().to_owned(), names.archive().to_owned()];
        self.others.undo(&self.world.disk, &dirs);
        self.unpin();
    }

    /// What was in hand is gone with the process.
    fn end_process(&mut self) {
        self.world.mind_territory();
        self.world.territory.era.trimmed = true; // nobody asked it what has gone
        self.excused.extend(self.world.finished..self.world.sent);
        self.world.set = None;
        self.world.batch.clear();
        self.world.finished = self.world.sent;
    }

    fn begin_process(&mut self) {
        self.world.disk.set_capacity(None);
        self.undo();
        self.world.open();
        while self.world.set.is_none() {
            self.world.disk.restart(Survive::Live);
            self.world.open();
        }
    }
}
