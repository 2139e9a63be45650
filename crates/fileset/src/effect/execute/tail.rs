//! Repairs the end of a file that was found: an unfinished line, and NUL bytes left by a power cut.

use crate::effect::fs::LogFile;
use crate::model::error::OsError;

/// Bytes at the end of a file that are read at a time.
const TAIL_BYTES: usize = 4096;

/// How a file ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The number of NUL bytes at its very end.
    pub(crate) nuls: u64,
    /// Whether what precedes them is a line without its newline.
    pub(crate) is_torn: bool,
}

impl Tail {
    /// Reads the end of a file of `bytes` bytes backwards, past NUL bytes. A file that can't be read counts as well
    /// ended.
    pub(crate) fn of(file: &dyn LogFile, bytes: u64) -> Result<Self, OsError> {
        let (mut end, mut block) = (bytes, [0; TAIL_BYTES]);
        while end > 0 {
            let start = end.saturating_sub(TAIL_BYTES as u64);
            let wanted = usize::try_from(end - start).unwrap_or(TAIL_BYTES);
            let read = match read_whole(file, start, &mut block[..wanted]) {
                Err(OsError::EBADF) => return Ok(Self::default()),
                read => read?,
            };
            // Fewer bytes than expected: somebody has truncated the file since its size was read.
            let kept = block[..read].iter().rposition(|byte| *byte != 0);
            if let Some(last) = kept {
                let nuls = bytes - start - last as u64 - 1;
                return Ok(Self { nuls, is_torn: block[last] != b'\n' });
            }
            end = start;
        }
        Ok(Self { nuls: bytes, is_torn: false })
    }
}

fn read_whole(file: &dyn LogFile, offset: u64, bytes: &mut [u8]) -> Result<usize, OsError> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(offset + read as u64, &mut bytes[read..])? {
            0 => break,
            count => read += count,
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::effect::fs::Follow;
    use crate::sim::SimDisk;

    fn tail(bytes: &[u8]) -> (u64, bool) {
        let disk = SimDisk::new();
        disk.put("/a", bytes);
        let fs = disk.fs();
        let file = fs.open(&fs.open_dir(Path::new("/")).unwrap().at("a"), Follow::No).unwrap();
        let tail = Tail::of(file.as_ref(), bytes.len() as u64).unwrap();
        (tail.nuls, tail.is_torn)
    }

    #[test]
    fn a_tail_is_read_backwards_over_nul_bytes() {
        assert_eq!(tail(b""), (0, false));
        assert_eq!(tail(b"one\n"), (0, false));
        assert_eq!(tail(b"one"), (0, true));
        assert_eq!(tail(b"one\n\0\0\0"), (3, false));
        assert_eq!(tail(b"one\0"), (1, true));
        assert_eq!(tail(b"\0\0"), (2, false));
        assert_eq!(tail(b"o\0ne\n"), (0, false));
        for nuls in [TAIL_BYTES - 1, TAIL_BYTES, TAIL_BYTES + 1, 3 * TAIL_BYTES] {
            let bytes = [b"one\n".to_vec(), vec![0; nuls]].concat();
            assert_eq!(tail(&bytes), (nuls as u64, false), "{nuls}");
        }
    }
}
