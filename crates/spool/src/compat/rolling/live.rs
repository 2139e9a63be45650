//! One file that takes records: each goes in whole, or what is missing of it is said.
//! When a new file is begun is the appender's.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::disk::Appending;

/// An open file.
#[derive(Debug)]
pub(super) struct LiveFile {
    /// None where it could not be opened.
    file: Option<Appending>,
    /// It ends in the middle of a record whose rest will not come.
    is_torn: AtomicBool,
}

/// A write that ended early.
#[derive(Debug)]
pub(in crate::compat) struct Cut {
    /// Bytes of it that are in the file.
    pub(in crate::compat) written: usize,
    pub(in crate::compat) error: io::Error,
}

impl LiveFile {
    pub(super) fn new(file: Appending) -> Self {
        Self { file: Some(file), is_torn: AtomicBool::new(false) }
    }

    /// A file that takes nothing.
    pub(super) fn missing() -> Self {
        Self { file: None, is_torn: AtomicBool::new(false) }
    }

    /// Appends records. Behind one that was torn before comes a newline, so that nothing is glued to it.
    pub(super) fn append(&self, records: &[u8]) -> Result<(), Cut> {
        if self.is_torn.load(Ordering::Acquire) {
            self.write(b"\n")?;
            self.is_torn.store(false, Ordering::Release);
        }
        self.write(records).inspect_err(|cut| {
            let is_torn = records[..cut.written].last().is_some_and(|last| *last != b'\n');
            self.is_torn.fetch_or(is_torn, Ordering::AcqRel);
        })
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Cut> {
        let mut written = 0;
        let Some(mut file) = self.file.as_ref() else {
            return Err(Cut { written, error: io::ErrorKind::NotConnected.into() });
        };
        while written < bytes.len() {
            let error = match file.write(&bytes[written..]) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(more) => {
                    written += more;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            return Err(Cut { written, error });
        }
        Ok(())
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |mut file| file.flush())
    }
}
