//! The limits of an appender's files: size, number, mode, and which of these settings contradict each other.

use super::init_error::InitError;

/// The mode of new files if none is set, subject to umask.
pub(super) const DEFAULT_MODE: u32 = 0o666;

/// The permission bits of a mode.
const PERMISSIONS: u32 = 0o777;
/// Without it, the file couldn't be opened at the next start.
const OWNER_WRITES: u32 = 0o200;

/// The limits of an appender's files. None means no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_files: Option<usize>,
    pub(super) max_bytes: Option<u64>,
    pub(super) max_total_bytes: Option<u64>,
    pub(super) mode: u32,
}

impl Limits {
    pub(super) const fn new() -> Self {
        Self { max_files: None, max_bytes: None, max_total_bytes: None, mode: DEFAULT_MODE }
    }

    /// Whether old files are removed at all.
    pub(super) fn prunes(&self) -> bool {
        self.max_files.is_some() || self.max_total_bytes.is_some()
    }

    /// Checks the limits.
    ///
    /// # Errors
    /// Returns the setting that can't be used, its value, and what would be right.
    pub(super) fn check(&self) -> Result<(), InitError> {
        let wrong = |text: String| Err(InitError::setting(text));
        if self.max_bytes == Some(0) {
            return wrong(
                "max_bytes = 0: must be at least 1, or left out for files of any length".to_owned(),
            );
        }
        if let Some(total) = self.max_total_bytes {
            match self.max_bytes {
                _ if total == 0 => {
                    return wrong("max_total_bytes = 0: must be at least max_bytes, or left out".to_owned());
                }
                None => {
                    return wrong(format!(
                        "max_total_bytes = {total}: needs max_bytes, of at most {total}, or one file could outgrow it"
                    ));
                }
                Some(each) if each > total => {
                    return wrong(format!(
                        "max_total_bytes = {total}: must be at least max_bytes, which is {each}"
                    ));
                }
                Some(_) => {}
            }
        }
        if self.mode & !PERMISSIONS != 0 || self.mode & OWNER_WRITES == 0 {
            return wrong(format!(
                "mode = {:#o}: must be permissions up to 0o777 that let the owner write, such as 0o640",
                self.mode
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_kept_is_told_with_what_would_be_right() {
        for (limits, told) in [
            (Limits { max_bytes: Some(0), ..Limits::new() }, "max_bytes = 0: must be at least 1"),
            (
                Limits { max_bytes: Some(1), max_total_bytes: Some(0), ..Limits::new() },
                "max_total_bytes = 0: must be at least max_bytes",
            ),
            (
                Limits { max_bytes: Some(11), max_total_bytes: Some(10), ..Limits::new() },
                "max_total_bytes = 10: must be at least max_bytes, which is 11",
            ),
            (
                Limits { max_total_bytes: Some(10), ..Limits::new() },
                "max_total_bytes = 10: needs max_bytes, of at most 10",
            ),
            (Limits { mode: 0o100_644, ..Limits::new() }, "mode = 0o100644: must be permissions"),
            (Limits { mode: 0o444, ..Limits::new() }, "mode = 0o444: must be permissions"),
        ] {
            let error = limits.check().unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
        for limits in [
            Limits::new(),
            Limits { max_bytes: Some(1), max_total_bytes: Some(1), mode: 0o600, ..Limits::new() },
        ] {
            assert!(limits.check().is_ok(), "{limits:?}");
        }
    }
}
