//! How a backup is stored, and the ending of its name that says so. `effect::codec` compresses; `policy::compression`
//! decides which backup is next.

use std::fmt;

/// How backups are stored.
///
/// ```
/// use tracing_spool_fileset::Compression;
/// assert_eq!((Compression::Gzip.ending(), Compression::Zstd.ending()), (".gz", ".zst"));
/// assert_eq!(Compression::default(), Compression::None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Stores backups as they were written.
    #[default]
    None,
    /// Stores backups as `app.log.3.gz`. Needs the feature `gzip`.
    Gzip,
    /// Stores backups as `app.log.3.zst`. Needs the feature `zstd`.
    Zstd,
}

impl Compression {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// Returns what the compression adds to a file name.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// Returns the word for it in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Returns whether this build has the feature that this compression needs.
    #[must_use]
    pub const fn is_built(self) -> bool {
        match self {
            Self::None => true,
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
