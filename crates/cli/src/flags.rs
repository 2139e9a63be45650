//! The settings of a log as flags and environment variables, made from the one table of settings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{Debug, Write as _};
use std::marker::PhantomData;

use clap::{Arg, ArgMatches, Command};
use tracing_spool::{Part, Setting, SpoolConfig};

use crate::say::Problem;

/// The beginning of each variable's name.
const PREFIX: &str = "TSPOOL";

/// Which settings a command has flags for.
pub(crate) trait Choice: Debug + Clone + Send + Sync + 'static {
    fn takes(setting: &Setting) -> bool;

    /// The default of a setting, if this command has another one than the table.
    fn default_of(setting: &Setting) -> &'static str {
        setting.default
    }
}

/// The flags of the settings that `C` takes, for `#[command(flatten)]`.
#[derive(Clone, Debug)]
pub(crate) struct Flags<C> {
    given: Vec<(&'static str, String)>,
    choice: PhantomData<C>,
}

/// What the flags and variables say, and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) config: SpoolConfig,
    faults: Vec<String>,
    texts: BTreeMap<&'static str, Text>,
}

/// A value as it was given, and the flag or variable that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) origin: String,
}

impl<C: Choice> Flags<C> {
    /// Reads the flags, and the environment for those that weren't given.
    pub(crate) fn read(&self) -> Read {
        self.read_with(|name| std::env::var_os(name))
    }

    fn read_with(&self, look_up: impl Fn(&str) -> Option<OsString>) -> Read {
        let mut read = Read::default();
        for setting in settings::<C>() {
            if let Some((_, value)) = self.given.iter().find(|(name, _)| *name == setting.name) {
                read.take(setting.name, value.clone(), format!("--{}", flag_of(setting)));
                continue;
            }
            let variable = format!("{PREFIX}_{}", setting.name.to_uppercase());
            match look_up(&variable).filter(|value| !value.is_empty()).map(OsString::into_string) {
                Some(Ok(value)) => read.take(setting.name, value, variable),
                Some(Err(value)) => read.faults.push(format!("{variable} = {value:?}: must be UTF-8")),
                None => {}
            }
        }
        read
    }
}

impl Read {
    fn take(&mut self, name: &'static str, value: String, origin: String) {
        match self.config.set(name, &value, &origin) {
            Ok(()) => drop(self.texts.insert(name, Text { value, origin })),
            Err(fault) => self.faults.push(fault.to_string()),
        }
    }

    /// Returns the value that a setting was given, if it was and can be read.
    pub(crate) fn text(&self, name: &str) -> Option<&Text> {
        self.texts.get(name)
    }

    /// Sets a setting to what this command makes of it.
    pub(crate) fn set(&mut self, name: &str, value: &str, origin: &str) {
        if let Err(fault) = self.config.set(name, value, origin) {
            self.faults.push(fault.to_string());
        }
    }

    /// Adds what is wrong with a value that the table takes and this command doesn't.
    pub(crate) fn blame(&mut self, text: &Text, wanted: &str) {
        self.faults.push(format!("{} = {:?}: {wanted}", text.origin, text.value));
    }

    /// Returns all faults at once, if there are any.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::unusable(self.faults.join("; "))) }
    }
}

impl<C: Choice> clap::Args for Flags<C> {
    fn augment_args(command: Command) -> Command {
        command.args(settings::<C>().map(arg::<C>))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<C: Choice> clap::FromArgMatches for Flags<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value = |setting: &'static Setting| {
            Some((setting.name, matches.get_one::<String>(setting.name)?.clone()))
        };
        Ok(Self { given: settings::<C>().filter_map(value).collect(), choice: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The live file is an argument of each command, and no flag.
fn settings<C: Choice>() -> impl Iterator<Item = &'static Setting> {
    SpoolConfig::settings().iter().filter(|setting| setting.name != "path" && C::takes(setting))
}

fn flag_of(setting: &Setting) -> String {
    setting.name.replace('_', "-")
}

fn arg<C: Choice>(setting: &'static Setting) -> Arg {
    let mut help = in_words_of_flags(setting.summary.trim_end_matches('.'));
    if let Some(values) = values(setting.kind) {
        let _ = write!(help, ": {values}");
    }
    let _ = write!(help, " [default: {}]", in_words_of_flags(C::default_of(setting)));
    let arg = Arg::new(setting.name)
        .long(flag_of(setting))
        .value_name(setting.kind.to_uppercase())
        .help(help)
        .help_heading(heading(setting.part));
    // Such a flag may stand alone, so a value has to be joined to it.
    let alone = match setting.kind {
        "flag" => "true",
        "durable" => "automatic",
        _ => return arg,
    };
    arg.num_args(0..=1).require_equals(true).default_missing_value(alone)
}

/// Returns a setter's words as those of a flag: the thing itself instead of "Sets ...", flags for the names of settings.
fn in_words_of_flags(summary: &str) -> String {
    let mut words = String::new();
    for (number, part) in summary.split('`').enumerate() {
        let is_setting =
            number % 2 == 1 && SpoolConfig::settings().iter().any(|setting| setting.name == part);
        words += &if is_setting { format!("--{}", part.replace('_', "-")) } else { part.to_owned() };
    }
    let words = words.strip_prefix("Sets ").unwrap_or(&words);
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Returns the values of a kind whose name doesn't say them.
fn values(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "naming" => "numbered, timestamped",
        "compression" => "none, gzip, zstd",
        "schedule" => "hourly, daily, \"daily at 03:30 in Europe/Berlin\", weekly",
        "sync" => "never, on_rotate, \"interval 1s\"",
        "overflow" => "block, \"block_for 20ms\", drop_newest",
        "notices" => "text, json, off",
        "late_records" => "count, write",
        "level" => "trace, debug, info, warn, error",
        "owner" => "user:group",
        "allow" => "symlink, hard_link, foreign_owner, device, fifo, reserved_name, found_files, no_lock",
        _ => return None,
    })
}

fn heading(part: Part) -> &'static str {
    match part {
        Part::Files => "Files and their names",
        Part::Rotation => "When a new file begins",
        Part::Retention => "How much is kept",
        Part::Trouble => "When the disk refuses",
        Part::Access => "Permissions",
        Part::Durability => "What survives a crash",
        Part::Records => "How lines are rendered",
        Part::Queue => "How lines wait",
        _ => "The writer and its end",
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    #[derive(Clone, Debug)]
    struct Every;

    impl Choice for Every {
        fn takes(_: &Setting) -> bool {
            true
        }
    }

    fn read(args: &[&str], variables: &[(&str, &str)]) -> Result<Read, clap::Error> {
        let command = Flags::<Every>::augment_args(Command::new("x"));
        let matches = command.try_get_matches_from([&["x"], args].concat())?;
        let look_up = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        Ok(Flags::<Every>::from_arg_matches(&matches)?.read_with(look_up))
    }

    #[test]
    fn a_flag_beats_its_variable_and_faults_come_at_once() {
        let variables = [("TSPOOL_MAX_BYTES", "ten"), ("TSPOOL_BACKUP_COUNT", "3"), ("TSPOOL_MODE", "")];
        let given = read(&["--max-bytes", "7 KiB", "--quiet"], &variables).unwrap();
        let text = |name| given.text(name).map(|text| (text.value.as_str(), text.origin.as_str()));
        assert_eq!(text("max_bytes"), Some(("7 KiB", "--max-bytes")));
        assert_eq!(text("backup_count"), Some(("3", "TSPOOL_BACKUP_COUNT")));
        assert_eq!((text("quiet"), text("mode")), (Some(("true", "--quiet")), None));
        assert!(given.check().is_ok());
        let faulty = read(&["--overflow", "maybe", "--quiet=perhaps"], &variables).unwrap();
        let said = faulty.check().unwrap_err().to_string();
        for part in ["TSPOOL_MAX_BYTES = \"ten\"", "--overflow = \"maybe\": must be", "--quiet = \"perhaps\""]
        {
            assert!(said.contains(part), "{part} is not in {said}");
        }
    }

    #[test]
    fn what_may_stand_alone_takes_a_value_only_with_an_equals_sign() {
        let given = read(&["--durable", "--sync=never", "--require-dir=false"], &[]).unwrap();
        let value = |name| given.text(name).map(|text| text.value.as_str());
        assert_eq!(
            [value("durable"), value("sync"), value("require_dir")],
            [Some("automatic"), Some("never"), Some("false")]
        );
        assert!(read(&["--durable", "/run/a.ring"], &[]).is_err(), "it would be the next argument");
        assert!(read(&["--path", "/a"], &[]).is_err(), "the path is no flag");
    }

    #[test]
    fn every_setting_but_the_path_has_a_flag_with_help() {
        let command = Flags::<Every>::augment_args(Command::new("x"));
        assert_eq!(command.get_arguments().count(), SpoolConfig::settings().len() - 1);
        command.clone().debug_assert();
        assert!(command.get_arguments().all(|arg| arg.get_help().is_some()));
    }
}
