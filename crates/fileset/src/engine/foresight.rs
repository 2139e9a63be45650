//! Looks at a set that isn't open, and predicts what opening it under given limits would remove. It takes no lock, creates
//! nothing, and shows nothing but names, sizes and times. `policy::foresight` predicts.

use std::path::PathBuf;

use super::alert_file::is_ours;
use super::period::Period;
use crate::effect::execute::Picture;
use crate::effect::fs::{Dir, Fs};
use crate::effect::site::{Ground, look, open_dir, split};
use crate::effect::zone;
use crate::model::error::{Failure, Op, OsError};
use crate::model::inventory::{Backup, FileKind, Inventory, Meta};
use crate::model::name::Names;
use crate::model::settings::{Naming, Settings};
use crate::model::slot::{Slot, Stamp};
use crate::model::time::{Now, Wall};
use crate::policy::forecast::Limits;
use crate::policy::foresight::{Course, Facts, foresee};
use crate::policy::plan::Scheme;

/// A set that isn't open: what stands there, and what would go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foresight {
    /// The names of the set.
    pub names: Names,
    /// The file that takes the records: the live file, or the hidden one if a rotation was interrupted.
    pub live: Option<Backup>,
    /// Whether that is the hidden file.
    pub is_hidden: bool,
    /// The live file that an interrupted rotation left.
    pub standing: Option<Backup>,
    /// The backups, newest first.
    pub backups: Vec<(Slot, Backup)>,
    /// Compressed backups whose plain file still stands, and a compression that was cut short. A start removes them.
    pub leftovers: u64,
    /// The alert file of this log, if one stands.
    pub alert: Option<PathBuf>,
    /// When the period of the live file ends, if the clock rotates.
    pub period_end: Option<Wall>,
    /// What would happen, or `None` if backups are wanted and every number is taken by something else.
    pub course: Option<Course>,
}

impl Foresight {
    /// Looks at the set of `settings.path`, which must be absolute.
    ///
    /// # Errors
    ///
    /// Returns the failure of a look.
    pub fn of(settings: &Settings, fs: &dyn Fs, now: Now) -> Result<Self, Failure> {
        let no_name = || Failure::new(Op::Stat, &settings.path, OsError::EINVAL);
        let names = settings.names().ok_or_else(no_name)?;
        let live_dir = open_dir(fs, names.dir())?;
        let backups = match names.archive() == names.dir() {
            true => Some(live_dir.clone()),
            false => existing(open_dir(fs, names.archive()))?,
        };
        let ground =
            Ground { fs, names: &names, live: &live_dir, backups: backups.as_ref().unwrap_or(&live_dir) };
        let mut picture = Picture::new();
        if backups.is_some() {
            picture.survey_afresh(ground, settings)?;
        }
        let file = |meta: Option<Meta>| meta.filter(|meta| meta.kind == FileKind::File).map(Backup::from);
        let standing = file(ground.look(&ground.live_file())?);
        let hidden = file(look(fs, &ground.hidden_file())?).filter(|file| file.bytes > 0);
        let is_hidden = hidden.is_some();
        let (live, standing) = if is_hidden { (hidden, standing) } else { (standing, None) };
        let twins = picture.inventory.twins.values().map(|twin| twin.bytes).sum::<u64>();
        let leftovers = twins.saturating_add(picture.temporary.unwrap_or(0));
        let free = fs.space(&live_dir).map_or(u64::MAX, |space| space.available);
        let facts = Facts { inventory: picture.inventory, standing, live, is_period_over: false };
        let backups = facts.inventory.backups.iter().map(|(slot, backup)| (*slot, *backup)).collect();
        let calendar = zone::calendar(settings.rotate_every.as_ref()).unwrap_or(None);
        let mut period = Period::new(calendar);
        period.begin(facts.live.filter(|live| live.bytes > 0).map(|live| live.modified), now);
        let period_end = period.end();
        let course = course(facts, settings, &period, free, now);
        let alert = alert(&names, settings, fs);
        Ok(Self { names, live, is_hidden, standing, backups, leftovers, alert, period_end, course })
    }

    /// Returns the files with the paths that they have now, newest first.
    pub fn files(&self) -> impl Iterator<Item = (PathBuf, &Backup)> {
        let Self { names, .. } = self;
        let live_path = if self.is_hidden { names.hidden() } else { names.live().to_owned() };
        let live = self.live.as_ref().map(|live| (live_path, live));
        let standing = self.standing.as_ref().map(|standing| (names.live().to_owned(), standing));
        let backups =
            self.backups.iter().map(|(slot, backup)| (names.backup_as(*slot, backup.compression), backup));
        live.into_iter().chain(standing).chain(backups)
    }

    /// Returns the size of the whole set in bytes, as the budget counts it.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files().map(|(_, file)| file.bytes).sum::<u64>().saturating_add(self.leftovers)
    }
}

/// Returns the alert file that stands for this log, under its usual name or beside another log's.
fn alert(names: &Names, settings: &Settings, fs: &dyn Fs) -> Option<PathBuf> {
    let wanted = settings.alert_path(names);
    [names.own_alert(&wanted), wanted].into_iter().find(|path| {
        let (dir, name) = split(path);
        fs.open_dir(dir).is_ok_and(|dir| is_ours(fs, &dir.at(name), names))
    })
}

/// Returns what is there, or `None` if it doesn't exist.
fn existing(opened: Result<Dir, Failure>) -> Result<Option<Dir>, Failure> {
    match opened {
        Ok(dir) => Ok(Some(dir)),
        Err(failure) if failure.error == OsError::ENOENT => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn course(mut facts: Facts, settings: &Settings, period: &Period, free: u64, now: Now) -> Option<Course> {
    facts.is_period_over = period.is_over(now);
    let standing = facts.standing.map(|standing| standing.modified);
    let scheme = |inventory: &Inventory| scheme(period, inventory, standing, settings, now);
    foresee(facts, &scheme, &Limits::of(settings, free), now.wall).ok()
}

fn scheme(
    period: &Period,
    inventory: &Inventory,
    standing: Option<Wall>,
    settings: &Settings,
    now: Now,
) -> Scheme {
    let wanted = || {
        let standing = standing.filter(|_| settings.has_periods() && inventory.standing_live.is_some());
        period.stamp(standing, now).unwrap_or_else(|| Stamp::second(now.wall))
    };
    let stamp = match settings.naming {
        Naming::Numbered => None,
        Naming::Timestamped => Some(Stamp::after(inventory.newest_stamp(), wanted())),
    };
    Scheme { backup_count: settings.backup_count, stamp }
}
