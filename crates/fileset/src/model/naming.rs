//! How a set names its backups, and which time stamps are then its own.
//! The names themselves are `name`'s and `slot`'s.

use super::name::SLOT_BYTES_MAX;

/// What backups are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Naming {
    /// `app.log.1` is the newest, and each rotation renames them all.
    #[default]
    Numbered,
    /// Backups are named by time. Each is renamed once and never again, so that readers which know files by their path
    /// read nothing twice. The directory is listed once at start.
    ///
    /// With a schedule ([`rotate_every`](crate::Settings::rotate_every)) a backup is named by the period that it holds, as
    /// the clock of the schedule's zone shows its beginning: `app.log.2026-11-27` if it is daily,
    /// `app.log.2026-11-27-18` if hourly, `app.log.2026-11-27-18-19` if minutely. A weekly one has the day on which the
    /// week began. Further backups of the same period, as rotation by size makes them, are
    /// `app.log.2026-11-27-0001` and on.
    ///
    /// Without a schedule the name tells when the backup was made, in UTC: `app.log.20261123T181911Z`, and
    /// `app.log.20261123T181911Z-0001` and on within the same second. Names of periods are then another program's: they
    /// are neither counted nor removed.
    ///
    /// Names stay in the order of their content. Where the clock went back, the next name is the newest backup's own with
    /// the next number behind it.
    Timestamped,
}

impl Naming {
    /// The most that it adds to a name, in bytes.
    pub(crate) const fn bytes_max(self) -> usize {
        match self {
            Self::Numbered => ".10000".len(),
            Self::Timestamped => SLOT_BYTES_MAX,
        }
    }
}
