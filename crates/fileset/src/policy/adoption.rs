//! Decides about files that exist at a start: they are ours, are adopted, or are a reason not to open. The form of a
//! name is no proof of authorship; a lock file of this log in the directory is.

use std::time::Duration;

use crate::model::inventory::Inventory;
use crate::model::removal::Reason;
use crate::model::slot::{Slot, Stamp};
use crate::model::time::Wall;

use super::{budget, retention};

/// What is known of a directory's files before the set takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Provenance {
    /// A lock file of this log stood there: this log has been here before.
    Ours,
    /// No lock file stood there: somebody else wrote what stands there, or this log did under other limits.
    Found,
}

/// A file of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum File {
    /// The live file.
    Live,
    /// A backup.
    Backup(Slot),
    /// What a compression left unfinished.
    Temporary,
    /// The compressed form of a backup whose plain file still stands.
    Twin(Slot),
}

/// What stands there, and the limits under which the set is to be opened.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'a> {
    /// The provenance of what stands in the live file's directory.
    pub(crate) live_dir: Provenance,
    /// The provenance of what stands in the directory of the backups.
    pub(crate) backup_dir: Provenance,
    /// Whether the backups there that are named by a period are this log's.
    pub(crate) periods: Provenance,
    /// The size of the file that will take records: the live file, or the hidden one that a rotation left.
    pub(crate) live_bytes: u64,
    /// All other files.
    pub(crate) inventory: &'a Inventory,
    /// Bytes that a compression left under its temporary name.
    pub(crate) temporary: Option<u64>,
    /// How many backups are kept.
    pub(crate) backup_count: u32,
    /// The budget in bytes.
    pub(crate) max_total_bytes: u64,
    /// Backups that stay whatever their age.
    pub(crate) kept_backups: u32,
    /// How long backups are kept.
    pub(crate) max_age: Option<Duration>,
    /// The time.
    pub(crate) now: Wall,
    /// `allow(FoundFiles)`.
    pub(crate) is_allowed: bool,
}

/// A file that would have to be removed, its size in bytes, and the reason.
pub(crate) type Surplus = (File, u64, Reason);

/// Whether the set may be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Adoption {
    /// Everything that stands there is this log's own, or nothing does.
    Own,
    /// What stands there becomes this log's own, which is reported.
    Adopted {
        /// The number of files.
        files: usize,
        /// Their size in bytes.
        bytes: u64,
    },
    /// Found files would have to be removed, so nothing is opened.
    Refused(Vec<Surplus>),
}

/// Decides whether the set may be opened.
#[must_use]
pub(crate) fn adoption(facts: &Facts<'_>) -> Adoption {
    let surplus: Vec<Surplus> =
        surplus(facts).into_iter().filter(|(file, ..)| facts.of(*file) == Provenance::Found).collect();
    if !surplus.is_empty() && !facts.is_allowed {
        return Adoption::Refused(surplus);
    }
    let mut found: Vec<u64> = Vec::new();
    if facts.live_dir == Provenance::Found {
        found.extend((facts.live_bytes > 0).then_some(facts.live_bytes));
        found.extend(facts.inventory.standing_live);
    }
    let backups = facts.inventory.backups.iter();
    let is_found = |slot: &Slot| facts.of_backup(*slot) == Provenance::Found;
    found.extend(backups.filter(|(slot, _)| is_found(slot)).map(|(_, backup)| backup.bytes));
    if found.is_empty() {
        Adoption::Own
    } else {
        Adoption::Adopted { files: found.len(), bytes: found.iter().sum() }
    }
}

impl Facts<'_> {
    /// Returns the provenance of a backup.
    pub(crate) fn of_backup(&self, slot: Slot) -> Provenance {
        let is_of_period = slot.stamp().is_some_and(Stamp::is_of_period);
        if is_of_period { self.periods } else { self.backup_dir }
    }

    fn of(&self, file: File) -> Provenance {
        match file {
            File::Live => self.live_dir,
            File::Temporary => self.backup_dir,
            File::Backup(slot) | File::Twin(slot) => self.of_backup(slot),
        }
    }
}

/// Returns what a start would have to remove to bring the set under its limits.
fn surplus(facts: &Facts<'_>) -> Vec<Surplus> {
    let mut left = facts.inventory.clone();
    let mut gone: Vec<Surplus> =
        facts.temporary.map(|bytes| (File::Temporary, bytes, Reason::Count)).into_iter().collect();
    for ((slot, _), twin) in std::mem::take(&mut left.twins) {
        gone.push((File::Twin(slot), twin.bytes, Reason::Count));
    }
    let mut go = |left: &mut Inventory, slot: Slot, reason| {
        if let Some(backup) = left.backups.remove(&slot) {
            gone.push((File::Backup(slot), backup.bytes, reason));
        }
    };
    for slot in retention::surplus(&left, facts.backup_count) {
        go(&mut left, slot, Reason::Count);
    }
    for slot in facts
        .max_age
        .iter()
        .flat_map(|age| retention::expired(&left, *age, facts.kept_backups, facts.now))
        .collect::<Vec<_>>()
    {
        go(&mut left, slot, Reason::Age);
    }
    let total = |left: &Inventory| left.bytes().saturating_add(facts.live_bytes);
    while budget::is_exceeded(total(&left), facts.max_total_bytes) {
        let Some(slot) = retention::victim(&left, 0) else { break };
        go(&mut left, slot, Reason::Budget);
    }
    if budget::is_exceeded(total(&left), facts.max_total_bytes) {
        // It exceeds the budget alone: it would be rotated, and then removed.
        gone.push((File::Live, total(&left), Reason::Budget));
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::Backup;

    fn inventory(backups: &[(u32, u64, i64)]) -> Inventory {
        let backups = backups.iter().map(|(number, bytes, second)| {
            let modified = Wall::from_unix_micros(second * 1_000_000);
            (Slot::Number(*number), Backup { bytes: *bytes, modified, ..Backup::default() })
        });
        Inventory { backups: backups.collect(), ..Inventory::default() }
    }

    fn facts(inventory: &Inventory, live_bytes: u64) -> Facts<'_> {
        Facts {
            live_dir: Provenance::Found,
            backup_dir: Provenance::Found,
            periods: Provenance::Found,
            live_bytes,
            inventory,
            temporary: None,
            backup_count: 3,
            kept_backups: 0,
            max_total_bytes: 100,
            max_age: None,
            now: Wall::from_unix_micros(1_000_000_000),
            is_allowed: false,
        }
    }

    fn refused(facts: &Facts<'_>) -> Vec<(File, Reason)> {
        match adoption(facts) {
            Adoption::Refused(surplus) => {
                surplus.into_iter().map(|(file, _, reason)| (file, reason)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn backup(number: u32) -> File {
        File::Backup(number.into())
    }

    #[test]
    fn what_fits_is_adopted_and_nothing_is_nothing() {
        let two = inventory(&[(1, 20, 900), (2, 20, 800)]);
        assert_eq!(adoption(&facts(&two, 60)), Adoption::Adopted { files: 3, bytes: 100 });
        assert_eq!(adoption(&facts(&two, 0)), Adoption::Adopted { files: 2, bytes: 40 });
        assert_eq!(adoption(&facts(&Inventory::default(), 0)), Adoption::Own);
        let standing = Inventory { standing_live: Some(7), ..Inventory::default() };
        assert_eq!(adoption(&facts(&standing, 3)), Adoption::Adopted { files: 2, bytes: 10 });
    }

    #[test]
    fn what_would_have_to_go_is_refused_with_the_reason() {
        let many = inventory(&[(1, 1, 900), (2, 1, 800), (3, 1, 700), (4, 1, 600), (5, 1, 500)]);
        assert_eq!(refused(&facts(&many, 1)), [(backup(5), Reason::Count), (backup(4), Reason::Count)]);
        let big = inventory(&[(1, 30, 900), (2, 60, 800)]);
        assert_eq!(refused(&facts(&big, 20)), [(backup(2), Reason::Budget)]);
        assert_eq!(
            refused(&facts(&big, 101)),
            [(backup(2), Reason::Budget), (backup(1), Reason::Budget), (File::Live, Reason::Budget)]
        );
        let aged = Facts { max_age: Some(Duration::from_secs(150)), ..facts(&big, 1) };
        assert_eq!(refused(&aged), [(backup(2), Reason::Age)]);
        let left = Facts { temporary: Some(5), ..facts(&big, 1) };
        assert_eq!(refused(&left), [(File::Temporary, Reason::Count)]);
    }

    #[test]
    fn what_is_ours_may_go_and_what_is_allowed_is_adopted() {
        let big = inventory(&[(1, 30, 900), (2, 90, 800)]);
        let ours = Facts { live_dir: Provenance::Ours, backup_dir: Provenance::Ours, ..facts(&big, 200) };
        assert_eq!(adoption(&ours), Adoption::Own);
        let allowed = Facts { is_allowed: true, ..facts(&big, 200) };
        assert_eq!(adoption(&allowed), Adoption::Adopted { files: 3, bytes: 320 });
    }

    #[test]
    fn a_date_is_ours_only_where_this_log_has_named_by_dates_before() {
        let day = Slot::from(Stamp::parse("2026-11-27").unwrap());
        let mut set = inventory(&[(1, 30, 900)]);
        set.backups.insert(day, Backup { bytes: 90, ..Backup::default() });
        let ours = Provenance::Ours;
        let known = Facts { live_dir: ours, backup_dir: ours, periods: ours, ..facts(&set, 20) };
        assert_eq!(adoption(&known), Adoption::Own);
        let dates_of_others = Facts { periods: Provenance::Found, ..known };
        assert_eq!(refused(&dates_of_others), [(File::Backup(day), Reason::Budget)]);
        let room = Facts { max_total_bytes: 200, ..dates_of_others };
        assert_eq!(adoption(&room), Adoption::Adopted { files: 1, bytes: 90 });
    }

    #[test]
    fn each_directory_answers_for_its_own_files() {
        let big = inventory(&[(1, 30, 900), (2, 90, 800)]);
        let new_archive = Facts { live_dir: Provenance::Ours, ..facts(&big, 20) };
        assert_eq!(refused(&new_archive), [(backup(2), Reason::Budget)]);
        let old_archive = Facts { backup_dir: Provenance::Ours, ..facts(&big, 20) };
        assert_eq!(adoption(&old_archive), Adoption::Adopted { files: 1, bytes: 20 });
        let old_archive = Facts { backup_dir: Provenance::Ours, ..facts(&big, 200) };
        assert_eq!(refused(&old_archive), [(File::Live, Reason::Budget)]);
    }
}
