//! Decides which backups are removed, and in which order. It never names the live file, which is not among an
//! inventory's backups.

use std::time::Duration;

use crate::model::inventory::{Backup, Inventory};
use crate::model::slot::Slot;
use crate::model::time::Wall;

/// Returns the backups beyond their count, oldest first, except those that can't be removed.
#[must_use]
pub fn surplus(inventory: &Inventory, backup_count: u32) -> Vec<Slot> {
    let is_beyond = |(position, slot): &(usize, Slot)| {
        let is_counted_out =
            *position >= backup_count as usize || slot.number().is_some_and(|number| number > backup_count);
        is_counted_out && !inventory.immovable.contains(slot)
    };
    let mut beyond: Vec<Slot> =
        inventory.backups.keys().copied().enumerate().filter(is_beyond).map(|(_, slot)| slot).collect();
    beyond.reverse();
    beyond
}

/// Returns the backups whose last record is older than `max_age`, oldest first, except the newest `keep`.
#[must_use]
pub fn expired(inventory: &Inventory, max_age: Duration, keep: u32, now: Wall) -> Vec<Slot> {
    let is_expired = |(_, backup): &(&Slot, &Backup)| end_of(backup, max_age) <= now;
    let mut expired: Vec<Slot> = beyond(inventory, keep).filter(is_expired).map(|(slot, _)| *slot).collect();
    expired.reverse();
    expired
}

/// Returns when the next backup except the newest `keep` expires, even if that has passed.
#[must_use]
pub fn next_expiry(inventory: &Inventory, max_age: Duration, keep: u32) -> Option<Wall> {
    beyond(inventory, keep).map(|(_, backup)| end_of(backup, max_age)).min()
}

/// Returns all backups except the newest `keep`.
fn beyond(inventory: &Inventory, keep: u32) -> impl Iterator<Item = (&Slot, &Backup)> {
    inventory.backups.iter().skip(keep as usize)
}

fn end_of(backup: &Backup, max_age: Duration) -> Wall {
    let micros = i64::try_from(max_age.as_micros()).unwrap_or(i64::MAX);
    Wall::from_unix_micros(backup.modified.unix_micros().saturating_add(micros))
}

/// Returns the next backup to remove for room: the oldest that can be removed, as long as there are more than `keep`.
///
/// ```
/// use tracing_spool_fileset::internal::inventory::{Backup, Inventory};
/// use tracing_spool_fileset::{Slot, internal::retention::victim};
/// let mut inventory = Inventory::default();
/// inventory.backups.extend([(Slot::Number(1), Backup::default()), (Slot::Number(2), Backup::default())]);
/// assert_eq!(victim(&inventory, 1), Some(Slot::Number(2)));
/// assert_eq!(victim(&inventory, 2), None);
/// ```
#[must_use]
pub fn victim(inventory: &Inventory, keep: u32) -> Option<Slot> {
    let spare = inventory.backups.len().saturating_sub(keep as usize);
    if spare == 0 {
        return None;
    }
    inventory.backups.keys().rev().find(|slot| !inventory.immovable.contains(slot)).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::slot::Stamp;

    fn inventory(numbers: &[u32]) -> Inventory {
        let backups = numbers.iter().map(|number| (Slot::Number(*number), Backup::default()));
        Inventory { backups: backups.collect(), ..Inventory::default() }
    }

    #[test]
    fn surplus_oldest_first() {
        assert_eq!(surplus(&inventory(&[1, 2, 5, 6, 70]), 5), [70, 6]);
        assert_eq!(surplus(&inventory(&[1, 2]), 0), [2, 1]);
        assert_eq!(surplus(&inventory(&[1, u32::MAX]), u32::MAX), [0_u32; 0]);
    }

    #[test]
    fn stamps_are_counted_and_numbers_from_before_are_older() {
        let stamp = |text| Slot::from(Stamp::parse(text).unwrap());
        let (old, new) = (stamp("20260101T000000Z"), stamp("20260101T000000Z-0001"));
        let mut inventory = inventory(&[1]);
        inventory.backups.extend([old, new].map(|slot| (slot, Backup::default())));
        assert_eq!(surplus(&inventory, 3), [0_u32; 0]);
        assert_eq!(surplus(&inventory, 1), [Slot::Number(1), old]);
        assert_eq!(victim(&inventory, 0), Some(Slot::Number(1)));
        inventory.immovable.insert(Slot::Number(1));
        assert_eq!(surplus(&inventory, 1), [old]);
    }

    #[test]
    fn what_is_too_old_goes_whatever_its_number() {
        let aged = |number: u32, seconds: i64| {
            let modified = Wall::from_unix_micros(seconds * 1_000_000);
            (Slot::Number(number), Backup { bytes: 1, modified, ..Backup::default() })
        };
        let backups = [aged(1, 300), aged(2, 100), aged(3, 200)].into();
        let inventory = Inventory { backups, ..Inventory::default() };
        let expired = |now: i64| {
            expired(&inventory, Duration::from_secs(60), 0, Wall::from_unix_micros(now * 1_000_000 - 1))
        };
        assert_eq!(expired(160), [0_u32; 0]);
        assert_eq!(expired(161), [2]);
        assert_eq!(expired(361), [3, 2, 1]);
        let age = Duration::from_secs(60);
        let end = next_expiry(&inventory, age, 0).unwrap();
        assert_eq!(end.unix_micros(), 160_000_000);
        assert_eq!(next_expiry(&Inventory::default(), Duration::MAX, 0), None);
        // The newest are kept, whatever their age.
        let late = Wall::from_unix_micros(i64::MAX);
        assert_eq!(super::expired(&inventory, age, 2, late), [3]);
        assert_eq!(next_expiry(&inventory, age, 2).unwrap().unix_micros(), 260_000_000);
        assert_eq!(
            (super::expired(&inventory, age, 3, late), next_expiry(&inventory, age, 3)),
            (vec![], None)
        );
    }

    #[test]
    fn what_cannot_be_removed_is_passed_over() {
        let stuck = |numbers: &[u32]| Inventory { immovable: [Slot::Number(3)].into(), ..inventory(numbers) };
        assert_eq!(victim(&stuck(&[1, 2, 3]), 0), Some(Slot::Number(2)));
        assert_eq!(victim(&stuck(&[3]), 0), None);
        assert_eq!(victim(&inventory(&[]), 0), None);
    }

    proptest! {
        #[test]
        fn a_victim_exists_and_the_kept_are_kept(
            numbers in proptest::collection::btree_set(1_u32..20, 0..10),
            stuck in proptest::collection::btree_set(1_u32..20, 0..4),
            keep in 0_u32..12,
        ) {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            let immovable = stuck.iter().copied().map(Slot::Number).collect();
            let inventory = Inventory { immovable, ..inventory(&numbers) };
            if let Some(Slot::Number(number)) = victim(&inventory, keep) {
                prop_assert!(numbers.contains(&number) && !stuck.contains(&number));
                prop_assert!(numbers.len() > keep as usize);
                prop_assert!(numbers.iter().all(|other| *other <= number || stuck.contains(other)));
            }
        }
    }
}
