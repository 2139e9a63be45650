//! The files that an appender no longer writes, remembered for when the directory can't be listed. It touches no file.

use std::sync::{Arc, Weak};

use super::live::LiveFile;
use super::names::{Own, Segment};
use super::retention::Old;

#[derive(Debug, Default)]
pub(super) struct Past {
    /// With a budget, files that were left and to which others may still write.
    left: Vec<Weak<LiveFile>>,
    /// The files of the last listing that still exist, and those skipped or left since.
    known: Vec<Old>,
}

impl Past {
    /// Notes a file that was left, and to which others may still write what they have reserved.
    pub(super) fn leave(&mut self, before: &Arc<LiveFile>) {
        self.left.retain(|left| left.strong_count() > 0);
        self.left.push(Arc::downgrade(before));
    }

    /// Forgets the file that was left last, because it continues to be written.
    pub(super) fn take_back(&mut self) {
        self.left.pop();
    }

    /// Returns the largest size that each file that was left can reach.
    pub(super) fn on_their_way(&self) -> Vec<(Segment, u64)> {
        self.left.iter().filter_map(Weak::upgrade).map(|left| (left.segment(), left.length())).collect()
    }

    /// Remembers a file that was or will be left.
    pub(super) fn remember(&mut self, live: &LiveFile, name: String) {
        self.known.retain(|known| known.name != name);
        let own = Own { segment: live.segment(), is_compressed: false };
        self.known.push(Old { own, name, bytes: live.length() });
    }

    /// Remembers these files and no others.
    pub(super) fn know(&mut self, old: Vec<Old>) {
        self.known = old;
    }

    pub(super) fn known(&self) -> &[Old] {
        &self.known
    }
}
