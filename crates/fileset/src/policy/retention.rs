//! Which backups go, and in which order.
//! It never names the live file: that is not in an inventory's backups.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::model::inventory::Inventory;

/// Backups beyond their count, oldest first.
#[must_use]
pub fn surplus(inventory: &Inventory, backup_count: u32) -> Vec<u32> {
    inventory
        .backups
        .range((Bound::Excluded(backup_count), Bound::Unbounded))
        .rev()
        .map(|(number, _)| *number)
        .collect()
}

/// The next backup to go for room: the oldest that is not `stuck`, as long as more than `keep` are left.
///
/// ```
/// use std::collections::BTreeSet;
/// use tracing_spool_fileset::{model::inventory::Inventory, policy::retention::victim};
/// let mut inventory = Inventory::default();
/// inventory.backups.extend([(1, 10), (2, 10)]);
/// assert_eq!(victim(&inventory, 1, &BTreeSet::new()), Some(2));
/// assert_eq!(victim(&inventory, 2, &BTreeSet::new()), None);
/// ```
#[must_use]
pub fn victim(inventory: &Inventory, keep: u32, stuck: &BTreeSet<u32>) -> Option<u32> {
    let spare = inventory.backups.len().saturating_sub(keep as usize);
    if spare == 0 {
        return None;
    }
    inventory.backups.keys().rev().find(|number| !stuck.contains(number)).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inventory(numbers: &[u32]) -> Inventory {
        Inventory { backups: numbers.iter().map(|number| (*number, 1)).collect(), ..Inventory::default() }
    }

    #[test]
    fn surplus_oldest_first() {
        assert_eq!(surplus(&inventory(&[1, 2, 5, 6, 70]), 5), [70, 6]);
        assert_eq!(surplus(&inventory(&[1, 2]), 0), [2, 1]);
        assert_eq!(surplus(&inventory(&[1, u32::MAX]), u32::MAX), [0_u32; 0]);
    }

    #[test]
    fn what_cannot_be_removed_is_passed_over() {
        assert_eq!(victim(&inventory(&[1, 2, 3]), 0, &BTreeSet::from([3])), Some(2));
        assert_eq!(victim(&inventory(&[3]), 0, &BTreeSet::from([3])), None);
        assert_eq!(victim(&inventory(&[]), 0, &BTreeSet::new()), None);
    }

    proptest! {
        #[test]
        fn a_victim_exists_and_the_kept_are_kept(
            numbers in proptest::collection::btree_set(1_u32..20, 0..10),
            stuck in proptest::collection::btree_set(1_u32..20, 0..4),
            keep in 0_u32..12,
        ) {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            let inventory = inventory(&numbers);
            if let Some(number) = victim(&inventory, keep, &stuck) {
                prop_assert!(numbers.contains(&number) && !stuck.contains(&number));
                prop_assert!(numbers.len() > keep as usize);
                prop_assert!(numbers.iter().all(|other| *other <= number || stuck.contains(other)));
            }
        }
    }
}
