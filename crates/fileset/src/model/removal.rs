//! Why a file of the set is removed. What was removed is told by [`Event::Removed`](super::alert::Event::Removed).
//! Which file goes is `policy::retention`'s.

use std::fmt;

/// Why a file of the set goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Reason {
    /// A rotation needs the place of the oldest backup: `backup_count` are there.
    Rotation,
    /// It is beyond `backup_count`: found so at start, or since the limit was lowered.
    Count,
    /// It is older than `max_age`.
    Age,
    /// `max_total_bytes` would be exceeded.
    Budget,
    /// The disk is full, or `min_free_bytes` would not be left.
    FreeSpace,
    /// With `backup_count` 0 a rotation discards the live file.
    Discard,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 6] =
        [Self::Rotation, Self::Count, Self::Age, Self::Budget, Self::FreeSpace, Self::Discard];

    /// The setting that it is removed for.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Rotation | Self::Count | Self::Discard => "backup_count",
            Self::Age => "max_age",
            Self::Budget => "max_total_bytes",
            Self::FreeSpace => "min_free_bytes",
        }
    }

    /// Whether the log says so in a line. What an ordinary rotation removes needs none.
    #[must_use]
    pub const fn is_remarkable(self) -> bool {
        !matches!(self, Self::Rotation)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rotation => "the oldest makes room for a rotation",
            Self::Count => "beyond backup_count",
            Self::Age => "older than max_age",
            Self::Budget => "max_total_bytes is reached",
            Self::FreeSpace => "free space is needed",
            Self::Discard => "backup_count is 0",
        })
    }
}
