//! The first page of a ring file: magic, version, size, the log it belongs to, and whether the ring is complete. Plain
//! data; `locked` writes it and reads it.
//!
//! Words 0–5 hold the magic, the version, the number of granules, the length of the log's name in bytes, a checksum of
//! the full name, and a checksum of all of these and of the stored part of the name. Word 6 holds the state. The end of
//! the name follows. A file is a ring only if all of it is right.
//!
//! The header is written first, by one call and within one page, with the state "being made". What stands behind it
//! counts as soon as the state says "made". So if the making of a ring is interrupted, the file is either empty or says
//! so itself.

use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::memory::{Memory, PAGE, STATE, Shape};
use crate::stamp::Checksum;
use crate::sync::Ordering;

const MAGIC: u64 = u64::from_le_bytes(*b"tspoolrg");
const VERSION: u64 = 2;
const WORDS: usize = 8;
const CHECKED: usize = 5;
const NAME_AT: usize = WORDS * 8;
/// The most bytes of a log's name that are stored: its last ones. The checksum covers the rest of a longer name.
const MOST_NAME: usize = 3_072;
/// The size of a header in bytes.
pub(crate) const BYTES: usize = NAME_AT + MOST_NAME;
const _: () = assert!(BYTES <= PAGE && STATE == (CHECKED + 1) * 8);

const MAKING: u64 = u64::from_le_bytes(*b"making..");
const MADE: u64 = u64::from_le_bytes(*b"made....");

/// Why the contents of a ring file can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The file is not a ring.
    Foreign,
    /// The ring has another version of the format, namely this one.
    Version(u64),
    /// The file's size differs from what its header says.
    Size,
    /// The header or the tags describe contents that are not possible.
    Contents,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("it is not a ring file"),
            Self::Version(version) => write!(f, "it is of version {version}, and not of {VERSION}"),
            Self::Size => f.write_str("its size is not what it says"),
            Self::Contents => f.write_str("what it says about its contents is not possible"),
        }
    }
}

/// The name of a log, as far as a header stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    len: u64,
    sum: u64,
    end: Vec<u8>,
}

impl Log {
    pub(crate) fn of(path: &Path) -> Self {
        let name = path.as_os_str().as_bytes();
        let end = name[name.len().saturating_sub(MOST_NAME)..].to_vec();
        Self { len: name.len() as u64, sum: Checksum::of(name), end }
    }

    /// Returns the stored part of the name, for error messages.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(std::ffi::OsString::from_vec(self.end.clone()))
    }
}

/// A decoded header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) shape: Shape,
    pub(crate) log: Log,
    pub(crate) is_made: bool,
}

/// Encodes the header of a ring that is being made.
pub(crate) fn encode(shape: Shape, log: &Log) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let mut put = |word: usize, value: u64| bytes[word * 8..][..8].copy_from_slice(&value.to_le_bytes());
    for (word, value) in [MAGIC, VERSION, shape.granules() as u64, log.len, log.sum].into_iter().enumerate() {
        put(word, value);
    }
    put(STATE / 8, MAKING);
    bytes[NAME_AT..][..log.end.len()].copy_from_slice(&log.end);
    let check = check(&bytes, log.end.len());
    bytes[CHECKED * 8..][..8].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// Marks the ring as made: everything behind the header is in place.
pub(crate) fn finish(memory: &Memory) {
    memory.owner().store(u64::from(std::process::id()), Ordering::Relaxed);
    memory.state().store(MADE.to_le(), Ordering::Release);
}

/// Decodes the header at the beginning of `bytes`; further bytes are ignored.
pub(crate) fn decode(bytes: &[u8]) -> Result<Header, Damage> {
    let word = |word: usize| {
        let bytes = bytes.get(word * 8..).and_then(<[u8]>::first_chunk).ok_or(Damage::Foreign)?;
        Ok(u64::from_le_bytes(*bytes))
    };
    match (word(0)?, word(1)?) {
        (MAGIC, VERSION) => {}
        (MAGIC, 1) if word(3)? != MAGIC ^ 1 << 8 ^ word(2)?.rotate_left(24) => return Err(Damage::Foreign),
        (MAGIC, version) => return Err(Damage::Version(version)),
        _ => return Err(Damage::Foreign),
    }
    let stored = word(3)?.min(MOST_NAME as u64) as usize;
    let end = bytes.get(NAME_AT..NAME_AT + stored).ok_or(Damage::Foreign)?.to_vec();
    let is_made = match word(STATE / 8)? {
        MADE => true,
        MAKING => false,
        _ => return Err(Damage::Foreign),
    };
    if word(CHECKED)? != check(bytes, stored) {
        return Err(Damage::Foreign);
    }
    let shape = usize::try_from(word(2)?).ok().and_then(Shape::new).ok_or(Damage::Size)?;
    Ok(Header { shape, log: Log { len: word(3)?, sum: word(4)?, end }, is_made })
}

/// Returns the checksum of everything but itself and the state. `bytes` must be long enough.
fn check(bytes: &[u8], name: usize) -> u64 {
    Checksum::of(&[&bytes[..CHECKED * 8], &bytes[NAME_AT..NAME_AT + name]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> Shape {
        Shape::new(64).unwrap()
    }

    #[test]
    fn it_is_read_as_it_was_written_and_any_other_byte_is_seen() {
        for name in ["", "/var/log/app.log", &"x".repeat(5_000)] {
            let log = Log::of(Path::new(name));
            let bytes = encode(shape(), &log);
            let header = decode(&bytes).unwrap();
            assert_eq!(header, Header { shape: shape(), log, is_made: false });
            assert!(name.ends_with(&*header.log.path().to_string_lossy()));
            for at in 0..NAME_AT - 8 + name.len().min(100) {
                let mut other = bytes;
                // The last word is room for more.
                other[if at < NAME_AT - 8 { at } else { at + 8 }] ^= 1;
                assert!(decode(&other).is_err(), "{at}");
            }
            (0..NAME_AT + name.len().min(MOST_NAME)).for_each(|len| assert!(decode(&bytes[..len]).is_err()));
        }
    }

    #[test]
    fn long_names_are_told_apart_by_what_is_not_stored_of_them() {
        let [one, other] =
            ["a", "b"].map(|first| Log::of(Path::new(&(first.to_owned() + &"x".repeat(4_000)))));
        assert!(one != other && one.path() == other.path());
    }

    #[test]
    fn a_version_is_told_only_of_a_ring() {
        let mut bytes = encode(shape(), &Log::of(Path::new("")));
        bytes[8] = 7;
        assert_eq!(decode(&bytes), Err(Damage::Version(7)));
        bytes[8] = 1;
        assert_eq!(decode(&bytes), Err(Damage::Foreign));
        bytes[24..32].copy_from_slice(&(MAGIC ^ 1 << 8 ^ 64 << 24).to_le_bytes());
        assert_eq!(decode(&bytes), Err(Damage::Version(1)));
    }

    #[test]
    fn it_is_made_when_it_says_so() {
        let mut memory = Memory::heap(shape());
        memory.fill_from(&encode(shape(), &Log::of(Path::new("app.log"))));
        finish(&memory);
        let mut image = vec![0; BYTES];
        memory.dump(&mut image);
        assert!(decode(&image).unwrap().is_made);
    }
}
