//! A progress bar on stderr, if that is a terminal and there is much to read.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Less than this is read in a moment.
const LARGE: u64 = 256 * 1024 * 1024;

/// How much of a set has been read.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    before: u64,
}

impl Progress {
    /// Begins to show how much of `bytes` was read.
    pub(super) fn begin(bytes: u64, is_quiet: bool) -> Self {
        let is_shown = bytes >= LARGE && !is_quiet && anstream::stderr().is_terminal();
        let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style =
            ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        let bar = ProgressBar::with_draw_target(Some(bytes), target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, before: 0 }
    }

    /// Shows that so many bytes of a file of `size` bytes were read. Unpacked, there may be more of them than the file has.
    pub(super) fn within(&self, read: u64, size: u64) {
        self.bar.set_position(self.before + read.min(size));
    }

    /// Ends a file.
    pub(super) fn end_file(&mut self, size: u64) {
        self.before += size;
        self.bar.set_position(self.before);
    }

    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }
}
