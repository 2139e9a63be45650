//! Settings from outside the program: from the environment and, with `serde`, from files. `table` lists them; whether they
//! fit together is checked when the log is opened.

#[cfg(feature = "serde")]
mod de;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use tracing_spool_fileset::Settings;

use crate::settings::description::Description;
use crate::settings::nearest::nearest;
use crate::settings::parse::{Value, Wanted};
use crate::settings::table::{ROWS, SETTINGS, Setting, place_of};

/// Settings of a log that come from a configuration file or the environment.
///
/// Each is named like its setter in [`SpoolBuilder`](crate::SpoolBuilder). A setting that isn't named keeps its value.
///
/// Sizes are numbers of bytes or texts such as `"10 MiB"` (`MB`, like the `M` of `10M`, is 1,000,000 bytes). Durations have
/// a unit: `"500ms"`, `"7d"`. Modes are octal and quoted: `"0640"`. `overflow` is `"drop_newest"`, `"block"` or
/// `"block_for 20ms"`; `sync` is `"never"`, `"on_rotate"` or `"interval 1s"`; `allow` is a list.
///
/// With the feature `serde`, use it as a field of your own configuration. An unknown or unusable field is then an error
/// that names the field. Without the feature, it comes [from the environment](Self::from_env).
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.log");
/// # #[cfg(feature = "serde")] {
/// let json = r#"{ "max_bytes": "10 MiB", "backup_count": 3, "retry_cooldown": "1m", "overflow": "block_for 20ms" }"#;
/// let config: tracing_spool::SpoolConfig = serde_json::from_str(json)?;
/// let (_spool, guard) = tracing_spool::Spool::builder(&path).configure(&config).open()?;
/// # drop(guard);
///
/// let error = serde_json::from_str::<tracing_spool::SpoolConfig>(r#"{ "max_byte": 1, "lock_wait": "5" }"#).unwrap_err();
/// assert!(error.to_string().contains("max_byte") && error.to_string().contains("lock_wait"), "both at once");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpoolConfig {
    /// By index in the table.
    given: BTreeMap<usize, Given>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    value: Value,
    /// Where it comes from, if that has a name: an environment variable, a flag.
    origin: Option<String>,
}

/// One setting that can't be used. It displays as `APP_LOG_MAX_BYTES = "ten": must be a size ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigFault {
    /// The name of the variable or the field.
    pub name: String,
    /// Its value as given, or empty if there is none.
    pub value: String,
    /// What would be right.
    pub wanted: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equals = if self.value.is_empty() { "" } else { " = " };
        write!(f, "{}{equals}{}: {}", self.name, self.value, self.wanted)
    }
}

/// All settings that can't be used.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The faults, at least one.
    pub faults: Vec<ConfigFault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of the log cannot be used: ")?;
        for (index, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// In words too: a `main` that returns this error prints it so.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

impl SpoolConfig {
    /// Reads the environment variables that begin with `prefix` and an underscore: `from_env("APP_LOG")` reads
    /// `APP_LOG_PATH`, `APP_LOG_MAX_BYTES` and so on, one for each of [`settings`](Self::settings).
    ///
    /// An empty variable counts as not set. Unknown variables with the same prefix are ignored, because they may belong to
    /// something else.
    ///
    /// # Errors
    /// Returns all variables whose value can't be read, each with its name, its value, and what would be right.
    ///
    /// ```
    /// let config = tracing_spool::SpoolConfig::from_env("APP_LOG")?;
    /// # drop(config);
    /// # Ok::<(), tracing_spool::ConfigError>(())
    /// ```
    pub fn from_env(prefix: &str) -> Result<Self, ConfigError> {
        let (config, faults) = Self::read(prefix, |name| std::env::var_os(name));
        if faults.is_empty() { Ok(config) } else { Err(ConfigError { faults }) }
    }

    pub(crate) fn read(prefix: &str, look_up: impl Fn(&str) -> Option<OsString>) -> (Self, Vec<ConfigFault>) {
        let mut config = Self::default();
        let mut faults = Vec::new();
        for (place, row) in ROWS.iter().enumerate() {
            let variable = format!("{prefix}_{}", row.setting.name.to_uppercase());
            let Some(value) = look_up(&variable).filter(|value| !value.is_empty()) else { continue };
            let outcome = match value.to_str() {
                Some(text) => config.take(place, Value::Text(text.to_owned()), Some(&variable)),
                None => Err("must be UTF-8"),
            };
            if let Err(wanted) = outcome {
                faults.push(ConfigFault {
                    name: variable,
                    value: format!("{value:?}"),
                    wanted: wanted.to_owned(),
                });
            }
        }
        (config, faults)
    }

    /// Returns all settings, with their defaults.
    ///
    /// ```
    /// let settings = tracing_spool::SpoolConfig::settings();
    /// let max_bytes = settings.iter().find(|setting| setting.name == "max_bytes").unwrap();
    /// assert_eq!((max_bytes.default, max_bytes.changes_while_open), ("10 MiB", true));
    /// ```
    #[must_use]
    pub fn settings() -> &'static [Setting] {
        &SETTINGS
    }

    /// Sets one setting by its name, from text as an environment variable would hold it: for flags of a command line, and
    /// for configuration of a kind of your own. Setting it again replaces the value.
    ///
    /// `origin` is where the value comes from, such as `--max-bytes`. Faults name it, those that
    /// [`open`](crate::SpoolBuilder::open) finds later too.
    ///
    /// # Errors
    /// Returns a fault if there is no such setting, with the names that are nearest, and if the value can't be read, with
    /// what would be right. The configuration is then unchanged, so the faults of several settings can be collected.
    ///
    /// ```
    /// let mut config = tracing_spool::SpoolConfig::default();
    /// config.set("max_bytes", "50 MiB", "--max-bytes").unwrap();
    /// let fault = config.set("backup_count", "few", "--backup-count").unwrap_err();
    /// assert_eq!(fault.to_string(), r#"--backup-count = "few": must be a whole number, such as 5"#);
    /// assert!(config.set("max_byte", "1", "--max-byte").unwrap_err().to_string().contains("max_bytes"));
    /// ```
    pub fn set(&mut self, name: &str, value: &str, origin: &str) -> Result<(), ConfigFault> {
        let outcome = match place_of(name) {
            Some(place) => {
                self.take(place, Value::Text(value.to_owned()), Some(origin)).map_err(str::to_owned)
            }
            None => Err(format!("is not a setting; the nearest are {}", nearest(name).join(", "))),
        };
        outcome.map_err(|wanted| ConfigFault { name: origin.to_owned(), value: format!("{value:?}"), wanted })
    }

    /// Returns settings of files with those that are named here set, for a program that looks at a log without opening it.
    #[doc(hidden)]
    #[must_use]
    pub fn over(&self, files: Settings) -> Settings {
        let mut description = Description::new(&files.path);
        description.files = files;
        self.apply(&mut description);
        description.files
    }

    /// Applies the named settings to a description.
    pub(crate) fn apply(&self, description: &mut Description) {
        for (place, given) in &self.given {
            let Some(row) = ROWS.get(*place) else { continue };
            // `take` has tried this value, so it can't fail.
            let _ = (row.set)(description, &given.value);
            description.variables.set(row.setting.name, given.origin.as_deref());
        }
    }

    /// Stores a value if the setting accepts it.
    pub(crate) fn take(&mut self, place: usize, value: Value, origin: Option<&str>) -> Result<(), Wanted> {
        let Some(row) = ROWS.get(place) else { return Ok(()) };
        (row.set)(&mut Description::new(Path::new("")), &value)?;
        self.given.insert(place, Given { value, origin: origin.map(str::to_owned) });
        Ok(())
    }
}
