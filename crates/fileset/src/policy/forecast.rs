//! What the next rotation would do, what it would keep, and why the rest goes: a plan that is shown, not performed.
//! `plan` makes the steps, and `retention` chooses the backups.

use std::fmt;
use std::time::Duration;

use super::plan::{self, Durability, NoSlot, Scheme, Step};
use super::{budget, retention};
use crate::model::inventory::{Backup, Inventory};
use crate::model::removal::Reason;
use crate::model::settings::Settings;
use crate::model::slot::Slot;
use crate::model::time::Wall;

/// The limits of a set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The size of a file in bytes.
    pub(crate) max_bytes: u64,
    /// The budget in bytes.
    pub(crate) max_total_bytes: u64,
    /// How long backups are kept.
    pub(crate) max_age: Option<Duration>,
    /// Bytes that may be written until the free-space floor is reached.
    pub(crate) above_floor: u64,
    /// Backups that stay whatever their age, and even if free space is short.
    pub(crate) kept_backups: u32,
}

impl Limits {
    /// Returns the limits of the settings, where `free` bytes are available.
    pub(crate) fn of(settings: &Settings, free: u64) -> Self {
        Self {
            max_bytes: settings.max_bytes,
            max_total_bytes: settings.max_total_bytes,
            max_age: settings.max_age,
            above_floor: budget::above_floor(free, settings.min_free_bytes),
            kept_backups: settings.kept_backups(),
        }
    }
}

/// What the next rotation would do. It displays as one line per step, per backup that would be removed, and per backup
/// that would stay.
///
/// [`Engine::plan`](crate::Engine::plan) makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forecast {
    /// The file name of the log.
    pub log: String,
    /// The steps of the rotation, in order.
    pub steps: Vec<Step>,
    /// The backups that would be removed, in this order, with their names by then, their sizes in bytes, and the
    /// reasons.
    pub goes: Vec<(Slot, u64, Reason)>,
    /// The backups that would stay, beginning with the newest, with their names by then and their sizes in bytes.
    pub stays: Vec<(Slot, u64)>,
}

/// Predicts the rotation of a live file of `live_bytes` at the time `now`.
///
/// # Errors
///
/// Returns [`NoSlot`] if backups are wanted and no number is free for one.
pub(crate) fn forecast(
    log: String,
    inventory: &Inventory,
    live_bytes: u64,
    scheme: Scheme,
    limits: &Limits,
    now: Wall,
) -> Result<Forecast, NoSlot> {
    let mut after = inventory.clone();
    let live = Backup { bytes: live_bytes, ..Backup::default() };
    let (steps, goes) = rotate(&mut after, live, scheme, limits, now)?;
    let goes = goes.into_iter().map(|(slot, backup, why)| (slot, backup.bytes, why)).collect();
    let stays = after.backups.iter().map(|(slot, backup)| (*slot, backup.bytes)).collect();
    Ok(Forecast { log, steps, goes, stays })
}

/// Backups that would be removed, with their names by then.
type Goes = Vec<(Slot, Backup, Reason)>;

/// Takes `after` to what the set would be after a rotation, when the new live file is full.
pub(super) fn rotate(
    after: &mut Inventory,
    live: Backup,
    scheme: Scheme,
    limits: &Limits,
    now: Wall,
) -> Result<(Vec<Step>, Goes), NoSlot> {
    let mut goes: Goes = Vec::new();
    drop_expired(after, limits, now, &mut goes);
    let steps = plan::rotation(after, scheme, Durability::Unsynced)?;
    let removed = perform(&steps, after, Backup { modified: now, ..live });
    goes.extend(removed.into_iter().map(|(slot, backup)| (slot, backup, Reason::Rotation)));
    // Now the live file is the newest backup, and one that stayed as the newest may be too old.
    drop_expired(after, limits, now, &mut goes);
    let mut above_floor = limits.above_floor;
    loop {
        let (keep, why) = if budget::room(after.bytes(), limits.max_total_bytes) < limits.max_bytes {
            (0, Reason::Budget)
        } else if above_floor < limits.max_bytes {
            (limits.kept_backups, Reason::FreeSpace)
        } else {
            break;
        };
        let Some(slot) = retention::victim(after, keep) else { break };
        above_floor = above_floor.saturating_add(after.backups.get(&slot).map_or(0, |backup| backup.bytes));
        goes.extend(after.backups.remove(&slot).map(|backup| (slot, backup, why)));
    }
    Ok((steps, goes))
}

fn drop_expired(after: &mut Inventory, limits: &Limits, now: Wall, goes: &mut Goes) {
    let Some(age) = limits.max_age else { return };
    for slot in retention::expired(after, age, limits.kept_backups, now) {
        goes.extend(after.backups.remove(&slot).map(|backup| (slot, backup, Reason::Age)));
    }
}

/// Performs the steps of a rotation on a picture of the set, and returns the backups that they remove.
pub(super) fn perform(steps: &[Step], after: &mut Inventory, live: Backup) -> Vec<(Slot, Backup)> {
    let mut removed = Vec::new();
    for step in steps {
        match *step {
            Step::Remove(slot) => removed.extend(after.backups.remove(&slot).map(|backup| (slot, backup))),
            Step::Shift { from, to } => {
                if let Some(backup) = after.backups.remove(&Slot::Number(from)) {
                    after.backups.insert(Slot::Number(to), backup);
                }
            }
            Step::Retire { to } => _ = after.backups.insert(to, live),
            _ => {}
        }
    }
    removed
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = &self.log;
        for step in &self.steps {
            match step {
                Step::Shift { from, to } => writeln!(f, "{log}.{from} becomes {log}.{to}")?,
                Step::Retire { to } => writeln!(f, "{log} becomes {log}.{to}")?,
                Step::Discard => writeln!(f, "{log} is discarded")?,
                _ => {}
            }
        }
        for (slot, bytes, why) in &self.goes {
            writeln!(f, "{log}.{slot} ({bytes} bytes) goes: {}", why.setting())?;
        }
        for (slot, bytes) in &self.stays {
            writeln!(f, "{log}.{slot} ({bytes} bytes) stays")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(ages: &[(u32, u64, i64)]) -> Inventory {
        let backups = ages.iter().map(|(number, bytes, second)| {
            let modified = Wall::from_unix_micros(second * 1_000_000);
            (Slot::Number(*number), Backup { bytes: *bytes, modified, ..Backup::default() })
        });
        Inventory { backups: backups.collect(), ..Inventory::default() }
    }

    fn limits() -> Limits {
        Limits {
            max_bytes: 100,
            max_total_bytes: 1_000,
            max_age: None,
            above_floor: u64::MAX,
            kept_backups: 1,
        }
    }

    fn foreseen(inventory: &Inventory, limits: &Limits) -> String {
        let scheme = Scheme { backup_count: 3, stamp: None };
        let now = Wall::from_unix_micros(1_000_000_000);
        forecast("a.log".to_owned(), inventory, 90, scheme, limits, now).unwrap().to_string()
    }

    #[test]
    fn whichever_bites_first_is_named() {
        let set = inventory(&[(1, 80, 900), (2, 70, 800), (3, 60, 700)]);
        assert_eq!(
            foreseen(&set, &limits()),
            "a.log.2 becomes a.log.3\na.log.1 becomes a.log.2\na.log becomes a.log.1\n\
             a.log.3 (60 bytes) goes: backup_count\n\
             a.log.1 (90 bytes) stays\na.log.2 (80 bytes) stays\na.log.3 (70 bytes) stays\n"
        );
        let aged = foreseen(&set, &Limits { max_age: Some(Duration::from_secs(200)), ..limits() });
        assert!(
            aged.contains("a.log.3 (60 bytes) goes: max_age\na.log.2 (70 bytes) goes: max_age\n"),
            "{aged}"
        );
        assert!(aged.ends_with("a.log.1 (90 bytes) stays\na.log.2 (80 bytes) stays\n"), "{aged}");
        let tight = foreseen(&set, &Limits { max_total_bytes: 280, ..limits() });
        assert!(tight.contains("a.log.3 (70 bytes) goes: max_total_bytes"), "{tight}");
        assert!(tight.ends_with("a.log.1 (90 bytes) stays\na.log.2 (80 bytes) stays\n"), "{tight}");
        let full = foreseen(&set, &Limits { above_floor: 0, ..limits() });
        assert_eq!(full.matches("goes: min_free_bytes").count(), 2, "{full}");
        let kept = foreseen(&set, &Limits { above_floor: 0, kept_backups: 3, ..limits() });
        assert_eq!(kept.matches("goes: min_free_bytes").count(), 0, "{kept}");
    }

    #[test]
    fn a_backup_that_only_its_rank_kept_expires_with_the_rotation() {
        let set = inventory(&[(1, 80, 700), (2, 70, 600)]);
        let aged = foreseen(&set, &Limits { max_age: Some(Duration::from_secs(200)), ..limits() });
        assert!(
            aged.contains("a.log.2 (70 bytes) goes: max_age\na.log.2 (80 bytes) goes: max_age\n"),
            "{aged}"
        );
        assert!(aged.ends_with("a.log.1 (90 bytes) stays\n"), "{aged}");
    }
}
