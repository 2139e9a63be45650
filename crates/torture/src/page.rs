//! The page of a driver: how far each thread has come. Written with `pwrite`, so that the kernel keeps it when the
//! process is killed between two instructions.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const WORD: usize = 8;
const WORDS: usize = 3;

/// How far a thread has come: numbers of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Lines whose event was begun.
    pub offered: u64,
    /// Lines whose event returned.
    pub accepted: u64,
    /// Lines that a flush reported as written.
    pub flushed: u64,
}

/// The page while it is written.
#[derive(Debug)]
pub struct Page {
    file: File,
}

impl Page {
    /// A page of `threads` threads that have done nothing.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn create(path: &Path, threads: u32) -> io::Result<Self> {
        fs::write(path, vec![0; threads as usize * WORDS * WORD])?;
        Ok(Self { file: File::options().write(true).open(path)? })
    }

    /// Thread `thread` begins an event: its lines are `lines` with it.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn offered(&self, thread: u32, lines: u64) -> io::Result<()> {
        self.put(thread, 0, lines)
    }

    /// The event has returned.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn accepted(&self, thread: u32, lines: u64) -> io::Result<()> {
        self.put(thread, 1, lines)
    }

    /// A flush has returned, and told of success.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn flushed(&self, thread: u32, lines: u64) -> io::Result<()> {
        self.put(thread, 2, lines)
    }

    fn put(&self, thread: u32, word: usize, lines: u64) -> io::Result<()> {
        let at = (thread as usize * WORDS + word) * WORD;
        self.file.write_all_at(&lines.to_le_bytes(), at as u64)
    }
}

/// What a page says, thread by thread; nothing if there is none: its process died before it had one.
#[must_use]
pub fn read(path: &Path) -> Vec<Progress> {
    let bytes = fs::read(path).unwrap_or_default();
    let words: Vec<u64> = bytes
        .chunks_exact(WORD)
        .map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
        .collect();
    let progress = |words: &[u64]| Progress { offered: words[0], accepted: words[1], flushed: words[2] };
    words.chunks_exact(WORDS).map(progress).collect()
}

#[cfg(test)]
mod tests {
    use super::{Page, Progress, read};

    #[test]
    fn a_page_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("page");
        assert_eq!(read(&path), []);
        let page = Page::create(&path, 2).unwrap();
        page.offered(1, 9).unwrap();
        page.accepted(1, 8).unwrap();
        page.flushed(1, 5).unwrap();
        assert_eq!(read(&path), [Progress::default(), Progress { offered: 9, accepted: 8, flushed: 5 }]);
    }
}
