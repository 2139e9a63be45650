//! How the bytes of a backup are stored, and the ending of its name that says so.
//! Nothing is compressed here; which backup is, `policy::packing` decides.

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
    /// As they were written.
    #[default]
    None,
    /// `app.log.3.gz`; needs the feature `gzip`.
    Gzip,
    /// `app.log.3.zst`; needs the feature `zstd`.
    Zstd,
}

impl Compression {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// What it adds to a name.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// The word for it in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Whether this build can compress so: whether it has the feature.
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
