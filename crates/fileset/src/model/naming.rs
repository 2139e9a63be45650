//! How a set names its backups, and which time stamps then count as its own. `name` and `slot` write the names.

use super::name::SLOT_BYTES_MAX;

/// How backups are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Naming {
    /// By number: `app.log.1` is the newest, and each rotation renames all of them.
    #[default]
    Numbered,
    /// By time. Each backup is renamed once and never again, so tailers that know files by their path read nothing
    /// twice. The directory is listed once, at the start.
    ///
    /// With a schedule ([`rotate_every`](crate::Settings::rotate_every)), a backup is named by the period that it
    /// holds, by the time at which the period began in the schedule's zone: `app.log.2026-11-27` if it is daily,
    /// `app.log.2026-11-27-18` if hourly, `app.log.2026-11-27-18-19` if minutely. A weekly one has the day on which the
    /// week began. If rotation by size makes further backups in the same period, they are called
    /// `app.log.2026-11-27-0001` and so on.
    ///
    /// Without a schedule, the name tells when the backup was made, in UTC: `app.log.20261123T181911Z`, and within the
    /// same second `app.log.20261123T181911Z-0001` and so on. Names of periods then belong to another program: they are
    /// neither counted nor removed.
    ///
    /// Names always sort in the order of their content. If the clock goes back, the next backup gets the newest
    /// backup's name with the next sequence number.
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
