//! Why a file of the set is removed. [`Event::Removed`](super::alert::Event::Removed) reports which one;
//! `policy::retention` chooses it.

use std::fmt;

/// Why a file of the set was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Reason {
    /// A rotation needed the place of the oldest backup, since there are `backup_count` of them.
    Rotation,
    /// The set had more backups than `backup_count`, at the start or after the limit was lowered.
    Count,
    /// The backup was older than `max_age`.
    Age,
    /// The set would have exceeded `max_total_bytes`.
    Budget,
    /// The disk was full, or fewer than `min_free_bytes` would have been left.
    FreeSpace,
    /// A rotation discarded the live file, because `backup_count` is 0.
    Discard,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 6] =
        [Self::Rotation, Self::Count, Self::Age, Self::Budget, Self::FreeSpace, Self::Discard];

    /// Returns the setting that the file was removed for.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Rotation | Self::Count | Self::Discard => "backup_count",
            Self::Age => "max_age",
            Self::Budget => "max_total_bytes",
            Self::FreeSpace => "min_free_bytes",
        }
    }

    /// Returns whether the log reports the removal in a line. What an ordinary rotation removes needs none.
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
