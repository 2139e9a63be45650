//! Makes a rotation, a recovery or a reopening into a list of steps, from what stands in the directory.
//! `effect::execute` performs the steps; each is safe to repeat, and the list can stop anywhere.

use crate::model::inventory::Inventory;
use crate::model::slot::{Slot, Stamp};

use super::retention;

/// One operation on the file set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Survey every name of the set.
    Survey,
    /// Make the bytes of the live file durable.
    SyncLive,
    /// Create the next live file, under the hidden name.
    CreateHidden,
    /// Remove a backup.
    Remove(Slot),
    /// Remove compressed backups whose plain file still stands.
    RemoveTwins,
    /// Rename a backup to the next number, which is free.
    Shift {
        /// Its number.
        from: u32,
        /// The free number.
        to: u32,
    },
    /// Make the live file a backup; from here on records go to the hidden file.
    Retire {
        /// The free slot.
        to: Slot,
    },
    /// Remove the live file; from here on records go to the hidden file.
    Discard,
    /// Give the hidden file the live name.
    Publish,
    /// Make the names durable.
    SyncDir,
    /// Open the live file, or create it.
    OpenLive,
}

impl Step {
    /// Returns whether the step renames or removes anything, or prepares that. Such a step needs the locks.
    #[must_use]
    pub const fn changes_names(self) -> bool {
        !matches!(self, Self::Survey | Self::SyncLive | Self::SyncDir)
    }

    /// Returns whether the step only moves or removes backups, so that the rotation can do without it.
    #[must_use]
    pub const fn is_of_backup(self) -> bool {
        matches!(self, Self::Remove(_) | Self::RemoveTwins | Self::Shift { .. })
    }

    /// Returns whether records may go to another file after the step. Such a step runs only between two records.
    #[must_use]
    pub const fn changes_file(self) -> bool {
        matches!(self, Self::Retire { .. } | Self::Discard | Self::OpenLive)
    }
}

/// Whether files and names are made durable on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The old file before it becomes a backup, then the directory.
    Synced,
    /// Nothing: the kernel decides.
    Unsynced,
}

/// How the live file becomes a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// How many backups are kept.
    pub backup_count: u32,
    /// The stamp of the next backup; `None` if backups have numbers.
    pub stamp: Option<Stamp>,
}

/// The error when every number that a backup could have is taken by something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSlot;

/// Returns the steps, after a survey, that make the live file a backup and open a new one.
///
/// The new file comes first, because that step fails most and is easily undone. Then gap absorption makes room.
///
/// # Errors
///
/// Returns [`NoSlot`] if backups are wanted and no number can hold one.
pub fn rotation(inventory: &Inventory, scheme: Scheme, durability: Durability) -> Result<Vec<Step>, NoSlot> {
    let mut steps = vec![Step::CreateHidden];
    steps.extend(displacement(inventory, scheme)?);
    if let (Durability::Synced, Some(Step::Retire { .. })) = (durability, steps.last()) {
        // A file becomes a backup only once its bytes are durable: after a power cut, rotated files are whole.
        steps.insert(steps.len() - 1, Step::SyncLive);
    }
    finish(&mut steps, durability);
    Ok(steps)
}

/// Returns the steps that finish a rotation whose hidden file takes records already: if a live file is still there, it
/// is rotated; then the hidden file becomes live.
///
/// # Errors
///
/// Returns [`NoSlot`] if a live file stands, backups are wanted and no number can hold one.
pub fn recovery(inventory: &Inventory, scheme: Scheme, durability: Durability) -> Result<Vec<Step>, NoSlot> {
    let mut steps = Vec::new();
    if inventory.standing_live.is_some() {
        steps.extend(displacement(inventory, scheme)?);
    }
    finish(&mut steps, durability);
    Ok(steps)
}

/// Returns the steps that find the live file again, in the current directory, after others moved or deleted it.
#[must_use]
pub fn reopening() -> Vec<Step> {
    vec![Step::OpenLive]
}

fn finish(steps: &mut Vec<Step>, durability: Durability) {
    steps.push(Step::Publish);
    if durability == Durability::Synced {
        steps.push(Step::SyncDir);
    }
}

/// Frees a slot for the live file, and moves it there.
fn displacement(inventory: &Inventory, scheme: Scheme) -> Result<Vec<Step>, NoSlot> {
    let surplus = retention::surplus(inventory, scheme.backup_count);
    let kept = inventory.backups.len() - surplus.len();
    // Remove twins first: without its plain file, one would be left behind.
    let is_in_the_way = inventory.twins.keys().any(|(slot, _)| !inventory.immovable.contains(slot));
    let mut steps: Vec<Step> = is_in_the_way.then_some(Step::RemoveTwins).into_iter().collect();
    steps.extend(surplus.iter().copied().map(Step::Remove));
    match scheme.stamp {
        _ if scheme.backup_count == 0 => steps.push(Step::Discard),
        None => renumber(inventory, scheme.backup_count, &mut steps)?,
        Some(stamp) => {
            let stays = |slot: &&Slot| !surplus.contains(slot) && !inventory.immovable.contains(slot);
            let oldest = inventory.backups.keys().rev().find(stays);
            let goes = oldest.filter(|_| kept >= scheme.backup_count as usize);
            steps.extend(goes.copied().map(Step::Remove));
            steps.push(Step::Retire { to: stamp.into() });
        }
    }
    Ok(steps)
}

/// Frees the first number by moving backups up to the lowest gap, and moves the live file there.
fn renumber(inventory: &Inventory, backup_count: u32, steps: &mut Vec<Step>) -> Result<(), NoSlot> {
    // Leave out numbers that foreign files or immovable backups have: their neighbours count as adjacent.
    let is_left_out = |number: &u32| {
        inventory.foreign.contains(number) || inventory.immovable.contains(&Slot::Number(*number))
    };
    let slots: Vec<u32> = (1..=backup_count).filter(|number| !is_left_out(number)).collect();
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return Err(NoSlot) };
    let gap = slots.iter().position(|number| !inventory.backups.contains_key(&Slot::Number(*number)));
    let gap = gap.unwrap_or_else(|| {
        // Remove it instead of renaming over it: ext4 flushes a file that is renamed over another.
        steps.push(Step::Remove(Slot::Number(*last)));
        slots.len() - 1
    });
    steps.extend(slots[..=gap].windows(2).rev().map(|pair| Step::Shift { from: pair[0], to: pair[1] }));
    steps.push(Step::Retire { to: Slot::Number(*first) });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::model::inventory::Backup;

    fn inventory(backups: &[u32], foreign: &[u32]) -> Inventory {
        Inventory {
            backups: backups.iter().map(|number| (Slot::Number(*number), Backup::default())).collect(),
            foreign: foreign.iter().copied().collect(),
            ..Inventory::default()
        }
    }

    fn moves(backups: &[u32], foreign: &[u32], count: u32) -> Vec<Step> {
        displacement(&inventory(backups, foreign), numbered(count)).unwrap()
    }

    fn numbered(backup_count: u32) -> Scheme {
        Scheme { backup_count, stamp: None }
    }

    fn remove(number: u32) -> Step {
        Step::Remove(Slot::Number(number))
    }

    fn shift(from: u32, to: u32) -> Step {
        Step::Shift { from, to }
    }

    const RETIRE: Step = Step::Retire { to: Slot::Number(1) };

    #[test]
    fn a_whole_rotation() {
        let steps = rotation(&inventory(&[1], &[]), numbered(2), Durability::Synced).unwrap();
        let wanted = [Step::CreateHidden, shift(1, 2), Step::SyncLive, RETIRE, Step::Publish, Step::SyncDir];
        assert_eq!(steps, wanted);
        let steps = rotation(&inventory(&[], &[]), numbered(0), Durability::Synced).unwrap();
        assert_eq!(steps, [Step::CreateHidden, Step::Discard, Step::Publish, Step::SyncDir]);
        let steps = rotation(&inventory(&[], &[]), numbered(2), Durability::Unsynced).unwrap();
        assert_eq!(steps, [Step::CreateHidden, RETIRE, Step::Publish]);
    }

    #[test]
    fn gaps_are_absorbed() {
        assert_eq!(moves(&[], &[], 3), [RETIRE]);
        assert_eq!(moves(&[2, 3], &[], 3), [RETIRE]);
        assert_eq!(moves(&[1, 3], &[], 3), [shift(1, 2), RETIRE]);
        assert_eq!(moves(&[1, 2], &[], 3), [shift(2, 3), shift(1, 2), RETIRE]);
        assert_eq!(moves(&[1, 2, 3], &[], 3), [remove(3), shift(2, 3), shift(1, 2), RETIRE]);
    }

    #[test]
    fn what_is_not_ours_is_stepped_over() {
        assert_eq!(moves(&[1, 3], &[2], 3), [remove(3), shift(1, 3), RETIRE]);
        assert_eq!(moves(&[2], &[1], 3), [shift(2, 3), Step::Retire { to: Slot::Number(2) }]);
        assert_eq!(displacement(&inventory(&[], &[1, 2]), numbered(2)), Err(NoSlot));
        assert_eq!(rotation(&inventory(&[], &[1]), numbered(1), Durability::Unsynced), Err(NoSlot));
    }

    #[test]
    fn what_cannot_be_moved_is_stepped_over() {
        let stuck =
            |backups: &[u32], slot: Slot| Inventory { immovable: [slot].into(), ..inventory(backups, &[]) };
        let numbered =
            |backups: &[u32], slot: u32| displacement(&stuck(backups, slot.into()), numbered(3)).unwrap();
        assert_eq!(numbered(&[1, 2, 3], 2), [remove(3), shift(1, 3), RETIRE]);
        assert_eq!(numbered(&[1, 2, 3], 3), [remove(2), shift(1, 2), RETIRE]);
        assert_eq!(numbered(&[1, 2], 1), [shift(2, 3), Step::Retire { to: Slot::Number(2) }]);
        assert_eq!(numbered(&[1, 9], 9), [shift(1, 2), RETIRE], "beyond the count");
        let stamp = |text| Stamp::parse(text).unwrap();
        let (old, new) = (stamp("20260101T000000Z"), stamp("20260102T000000Z"));
        let next = stamp("20260103T000000Z");
        let mut set = stuck(&[], old.into());
        set.backups.extend([old, new].map(|stamp| (Slot::from(stamp), Backup::default())));
        let moves =
            |set: &Inventory| displacement(set, Scheme { backup_count: 2, stamp: Some(next) }).unwrap();
        assert_eq!(moves(&set), [Step::Remove(new.into()), Step::Retire { to: next.into() }]);
        set.immovable.insert(new.into());
        assert_eq!(
            moves(&set),
            [Step::Retire { to: next.into() }],
            "a new one beyond the count beats no rotation"
        );
    }

    #[test]
    fn a_lowered_count_is_caught_up() {
        assert_eq!(moves(&[1, 2, 5, 9], &[], 2), [remove(9), remove(5), remove(2), shift(1, 2), RETIRE]);
        assert_eq!(moves(&[1], &[], 0), [remove(1), Step::Discard]);
    }

    #[test]
    fn a_stamp_needs_one_rename_and_the_oldest_goes() {
        let stamp = |text| Stamp::parse(text).unwrap();
        let (old, new) = (stamp("20260101T000000Z"), stamp("20260102T000000Z"));
        let next = stamp("20260103T000000Z");
        let mut inventory = inventory(&[1, 4], &[2]);
        inventory.backups.extend([old, new].map(|stamp| (Slot::from(stamp), Backup::default())));
        let moves =
            |backup_count| displacement(&inventory, Scheme { backup_count, stamp: Some(next) }).unwrap();
        let retire = Step::Retire { to: next.into() };
        assert_eq!(moves(5), [retire]);
        assert_eq!(moves(4), [remove(4), retire]);
        assert_eq!(moves(2), [remove(4), remove(1), Step::Remove(old.into()), retire]);
        let all = [remove(4), remove(1), Step::Remove(old.into()), Step::Remove(new.into()), Step::Discard];
        assert_eq!(moves(0), all);
    }

    #[test]
    fn a_recovery_publishes_what_was_hidden() {
        assert_eq!(
            recovery(&inventory(&[1], &[]), numbered(1), Durability::Unsynced).unwrap(),
            [Step::Publish]
        );
        let standing = Inventory { standing_live: Some(7), ..inventory(&[1], &[]) };
        let wanted = [remove(1), RETIRE, Step::Publish, Step::SyncDir];
        assert_eq!(recovery(&standing, numbered(1), Durability::Synced).unwrap(), wanted);
        let foreign = Inventory { standing_live: Some(7), ..inventory(&[], &[1]) };
        assert_eq!(recovery(&foreign, numbered(1), Durability::Synced), Err(NoSlot));
    }

    #[test]
    fn only_between_records() {
        let changing: Vec<Step> = rotation(&inventory(&[1], &[]), numbered(1), Durability::Synced)
            .unwrap()
            .into_iter()
            .chain(reopening())
            .chain([Step::Discard])
            .filter(|step| step.changes_file())
            .collect();
        assert_eq!(changing, [RETIRE, Step::OpenLive, Step::Discard]);
    }

    /// A directory as names and what each file holds: the age of its content, 0 the oldest.
    #[derive(Clone, Debug, PartialEq)]
    struct Directory {
        files: BTreeMap<u32, usize>,
        live: Option<usize>,
        hidden: bool,
    }

    impl Directory {
        fn apply(&mut self, step: Step) {
            match step {
                Step::CreateHidden => self.hidden = true,
                Step::Remove(Slot::Number(number)) => drop(self.files.remove(&number)),
                Step::Shift { from, to } => {
                    if let Some(age) = self.files.remove(&from) {
                        assert_eq!(self.files.insert(to, age), None, "{step:?} overwrites");
                    }
                }
                Step::Retire { to: Slot::Number(to) } => {
                    assert!(self.hidden, "the new file comes first");
                    if let Some(age) = self.live.take() {
                        assert_eq!(self.files.insert(to, age), None, "{step:?} overwrites");
                    }
                }
                Step::Discard => self.live = None,
                Step::Publish if std::mem::take(&mut self.hidden) => {
                    assert_eq!(self.live.replace(usize::MAX), None, "{step:?} overwrites");
                }
                _ => {}
            }
        }

        fn plan(&self, foreign: &BTreeSet<u32>, count: u32) -> Result<Vec<Step>, NoSlot> {
            let inventory = Inventory {
                backups: self.files.keys().map(|number| (Slot::Number(*number), Backup::default())).collect(),
                foreign: foreign.clone(),
                ..Inventory::default()
            };
            let plan = if self.live.is_some() { rotation } else { recovery };
            plan(&inventory, numbered(count), Durability::Synced)
        }
    }

    proptest! {
        #[test]
        fn a_plan_cut_anywhere_and_made_anew_equals_the_plan(
            present in proptest::collection::btree_set(1_u32..8, 0..7),
            foreign in proptest::collection::btree_set(1_u32..8, 0..3),
            count in 0_u32..6,
            cut in 0_usize..14,
        ) {
            let present: Vec<u32> = present.difference(&foreign).copied().collect();
            let before = Directory {
                files: present.iter().rev().enumerate().map(|(age, number)| (*number, age)).collect(),
                live: Some(present.len()),
                hidden: false,
            };
            let Ok(plan) = before.plan(&foreign, count) else { return Ok(()) };
            let mut whole = before.clone();
            plan.iter().for_each(|step| whole.apply(*step));
            let mut cut_short = before.clone();
            let cut = cut.min(plan.len());
            plan[..cut].iter().for_each(|step| cut_short.apply(*step));
            if cut_short.live != Some(usize::MAX) {
                let rest = cut_short.plan(&foreign, count).unwrap();
                rest.iter().for_each(|step| cut_short.apply(*step));
            }
            // The same content in the same order, nothing lost that the whole plan keeps.
            prop_assert_eq!(&cut_short, &whole);
            // Newest first, at most `count`.
            let ages: Vec<usize> = whole.files.values().copied().collect();
            prop_assert!(ages.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", ages);
            prop_assert!(ages.len() <= count as usize);
            prop_assert_eq!(count > 0, ages.contains(&present.len()));
        }

        #[test]
        fn each_step_may_be_repeated(
            present in proptest::collection::btree_set(1_u32..8, 0..7),
            count in 1_u32..6,
        ) {
            let before = Directory {
                files: present.iter().rev().enumerate().map(|(age, number)| (*number, age)).collect(),
                live: Some(present.len()),
                hidden: false,
            };
            let plan = before.plan(&BTreeSet::new(), count).unwrap();
            let (mut once, mut twice) = (before.clone(), before);
            for step in plan {
                once.apply(step);
                twice.apply(step);
                twice.apply(step);
            }
            prop_assert_eq!(once, twice);
        }
    }
}
