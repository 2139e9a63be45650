//! Looks at every name of the set, and only at those, and builds the inventory. It lists a directory only if backups
//! are named by time, and changes nothing.

use std::collections::BTreeSet;

use crate::effect::site::Ground;
use crate::model::compression::Compression;
use crate::model::error::{Failure, Op};
use crate::model::inventory::{Backup, FileKind, Inventory};
use crate::model::name::{BACKUPS_MAX, Role};
use crate::model::settings::{Naming, Settings};
use crate::model::slot::Slot;
use crate::policy::retention;

/// What stands in the directories beside the file that takes the records, as last seen.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) inventory: Inventory,
    /// The most bytes that may stand under the name of a compression's temporary.
    pub(crate) temporary: Option<u64>,
    /// The forms in which backups are looked for: the one they are stored in, and any that was seen.
    pub(crate) forms: BTreeSet<Compression>,
    /// Whether it may miss a backup or have one too many. If names are by time, the next survey then lists the
    /// directory.
    pub(crate) is_stale: bool,
}

impl Picture {
    pub(crate) fn new() -> Self {
        Self {
            inventory: Inventory::default(),
            temporary: None,
            forms: Compression::ALL.into(),
            is_stale: false,
        }
    }

    /// Looks at what is known, and at every number that a rotation may use.
    pub(super) fn survey(&mut self, ground: Ground<'_>, settings: &Settings) -> Result<(), Failure> {
        match settings.naming {
            Naming::Numbered => {
                let surplus = retention::surplus(&self.inventory, settings.backup_count);
                let stuck = self
                    .inventory
                    .immovable
                    .iter()
                    .copied()
                    .filter(|slot| slot.number().is_some_and(|number| number > settings.backup_count));
                let known: Vec<Slot> = surplus.into_iter().chain(stuck).collect();
                for slot in (1..=settings.backup_count).map(Slot::Number).chain(known) {
                    self.survey_slot(ground, slot)?;
                }
            }
            Naming::Timestamped => {
                let known: Vec<Slot> = self.inventory.backups.keys().copied().collect();
                for slot in known {
                    // Never ask again for a name that seems to be gone: the directory has to confirm it.
                    self.is_stale |= !self.survey_slot(ground, slot)?;
                }
                if self.is_stale {
                    self.survey_listed(ground)?;
                }
            }
        }
        self.inventory.foreign.retain(|number| *number <= settings.backup_count);
        self.inventory.standing_live = None;
        Ok(())
    }

    /// Looks at everything, as if nothing were known.
    pub(crate) fn survey_afresh(&mut self, ground: Ground<'_>, settings: &Settings) -> Result<(), Failure> {
        self.inventory = Inventory::default();
        self.forms = Compression::ALL.into();
        match settings.naming {
            Naming::Numbered => self.survey_numbers(ground, settings.backup_count)?,
            Naming::Timestamped => self.survey_listed(ground)?,
        }
        let mut seen = BTreeSet::from([Compression::None, settings.compression]);
        seen.extend(self.inventory.backups.values().map(|backup| backup.compression));
        seen.extend(self.inventory.twins.keys().map(|(_, form)| *form));
        self.forms = seen;
        if self.temporary.is_none() {
            let left = ground.look(&ground.pack_temporary())?;
            self.temporary = left.filter(|meta| meta.kind == FileKind::File).map(|meta| meta.bytes);
        }
        Ok(())
    }

    /// Looks at every number up to `backup_count`, and further as long as numbers follow without a gap. A number behind
    /// a gap is a process number, or whatever somebody else counts.
    fn survey_numbers(&mut self, ground: Ground<'_>, backup_count: u32) -> Result<(), Failure> {
        for number in 1..=BACKUPS_MAX {
            let is_taken = self.survey_slot(ground, number.into())?;
            if number > backup_count && !is_taken {
                break;
            }
        }
        Ok(())
    }

    /// Returns whether anything stands at the slot.
    pub(super) fn survey_slot(&mut self, ground: Ground<'_>, slot: Slot) -> Result<bool, Failure> {
        let (mut backup, mut twins, mut is_foreign) = (None, Vec::new(), false);
        for form in &self.forms {
            let Some(meta) = ground.look(&ground.backup(slot, *form))? else { continue };
            match backup {
                _ if meta.kind != FileKind::File => is_foreign = true,
                None => backup = Some(Backup { compression: *form, ..meta.into() }),
                // The plain file is removed last: while it exists, it is the one that is whole.
                Some(Backup { compression: Compression::None, modified, .. })
                    if modified == meta.modified =>
                {
                    twins.push(((slot, *form), Backup { compression: *form, ..meta.into() }));
                }
                // With another time, or without the plain file, it is not of our making, and is not removed.
                Some(_) => is_foreign = true,
            }
        }
        let is_taken = backup.is_some() || is_foreign;
        self.inventory.twins.retain(|(of, _), _| *of != slot);
        self.inventory.twins.extend(twins);
        let before = match backup {
            Some(backup) => self.inventory.backups.insert(slot, backup),
            None => self.inventory.backups.remove(&slot),
        };
        if before.map(|before| before.id) != backup.map(|backup| backup.id) {
            // Another file may be movable.
            self.inventory.immovable.remove(&slot);
        }
        if let Some(number) = slot.number() {
            self.inventory.foreign.remove(&number);
            if is_foreign {
                self.inventory.foreign.insert(number);
            }
        }
        Ok(is_taken)
    }

    /// Looks at every backup that the directory lists: names by time can't be guessed.
    fn survey_listed(&mut self, ground: Ground<'_>) -> Result<(), Failure> {
        let names = ground
            .fs
            .list(ground.backups)
            .map_err(|error| Failure::new(Op::List, ground.backups.path(), error))?;
        let mut slots = BTreeSet::new();
        for name in names {
            match ground.names.role(&name) {
                Some(Role::Backup(slot)) => _ = slots.insert(slot),
                Some(Role::Packed(slot, form)) => {
                    self.forms.insert(form);
                    slots.insert(slot);
                }
                _ => {}
            }
        }
        let last = last_in_a_row(&slots);
        slots.retain(|slot| slot.number().is_none_or(|number| number <= last));
        self.inventory.backups.retain(|slot, _| slots.contains(slot));
        self.inventory.twins.retain(|(slot, _), _| slots.contains(slot));
        self.inventory.immovable.retain(|slot| slots.contains(slot));
        self.is_stale = false;
        for slot in slots {
            let is_seen = self.survey_slot(ground, slot);
            self.is_stale |= !matches!(is_seen, Ok(true));
            is_seen?;
        }
        // Here a number that something else has does no harm.
        self.inventory.foreign.clear();
        Ok(())
    }
}

/// Returns the last number of those that follow from 1 without a gap.
fn last_in_a_row(slots: &BTreeSet<Slot>) -> u32 {
    let is_there = |number: &u32| slots.contains(&Slot::Number(*number));
    (1..).take_while(is_there).last().unwrap_or(0)
}
