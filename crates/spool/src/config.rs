//! Settings that come from outside the program: from the environment, and with `serde` from files. Which settings there are
//! is the table of `builder::fields`; whether they fit together is seen when the log is opened.

#[cfg(feature = "serde")]
mod de;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use tracing_spool_fileset::Fault;

use crate::builder::SpoolBuilder;
use crate::builder::fields::{FIELDS, NAMES};
use crate::builder::parse::{Value, Wanted};
use crate::error::OpenError;
use crate::writer::Spool;

/// Settings of a log as somebody has written them down; each is called like its setter in [`SpoolBuilder`], and what is not
/// named keeps its value.
///
/// Sizes are numbers of bytes or texts such as `"10 MiB"` (`MB` is 1,000,000 bytes, and so is the `M` of `10M`); durations
/// have a unit, `"500ms"`, `"7d"`; modes are octal and in quotes, `"0640"`; `overflow` is `"drop_newest"`, `"block"` or
/// `"block_for 20ms"`; `sync` is `"never"`, `"on_rotate"`, `"on_demand"` or `"interval 1s"`; `allow` is a list.
///
/// With the feature `serde` it is a part of a configuration file (a field that is not known, or not usable, is an error that
/// names it); without, it comes [from the environment](Self::from_env).
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
    /// By place in the table.
    given: BTreeMap<usize, Given>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    value: Value,
    /// The variable it comes from, where it comes from one.
    variable: Option<String>,
}

/// One setting that cannot be used. Displays as `APP_LOG_MAX_BYTES = "ten": must be a size ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigFault {
    /// The variable, or the field.
    pub name: String,
    /// Its value, as given; empty where there is none.
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

/// Settings that cannot be used: all of them at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Each of them; at least one.
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

impl std::error::Error for ConfigError {}

impl SpoolConfig {
    /// Reads the variables that begin with `prefix` and `_`: `from_env("APP_LOG")` reads `APP_LOG_PATH`,
    /// `APP_LOG_MAX_BYTES` and on, one for each of [`names`](Self::names). An empty variable counts as one that is not set.
    /// Others with the same beginning are left alone: they may be somebody else's.
    ///
    /// # Errors
    /// All variables whose value cannot be read, each with name, value, and what would be right.
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

    fn read(prefix: &str, look_up: impl Fn(&str) -> Option<OsString>) -> (Self, Vec<ConfigFault>) {
        let mut config = Self::default();
        let mut faults = Vec::new();
        for (place, field) in FIELDS.iter().enumerate() {
            let variable = format!("{prefix}_{}", field.name.to_uppercase());
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

    /// The names of all settings.
    ///
    /// ```
    /// assert!(tracing_spool::SpoolConfig::names().contains(&"max_bytes"));
    /// ```
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        NAMES
    }

    /// A builder with these settings. Without a `path` among them, opening it is an error.
    ///
    /// ```
    /// # let config = tracing_spool::SpoolConfig::default();
    /// let error = config.builder().open().unwrap_err();
    /// assert!(error.to_string().contains("path"));
    /// ```
    pub fn builder(&self) -> SpoolBuilder {
        SpoolBuilder::new(Path::new("")).configure(self)
    }

    /// Takes a value, if it can be one of the field's.
    fn take(&mut self, place: usize, value: Value, variable: Option<&str>) -> Result<(), Wanted> {
        let Some(field) = FIELDS.get(place) else { return Ok(()) };
        (field.set)(&mut SpoolBuilder::new(Path::new("")), &value)?;
        self.given.insert(place, Given { value, variable: variable.map(str::to_owned) });
        Ok(())
    }
}

impl Spool {
    /// Begins to describe a log by variables alone, as [`SpoolConfig::from_env`] reads them. `APP_LOG_PATH` has to be
    /// among them.
    ///
    /// # Errors
    /// All variables whose value cannot be read, and a missing path.
    ///
    /// ```no_run
    /// let (spool, guard) = tracing_spool::Spool::from_env("APP_LOG")?.open()?;
    /// # drop((spool, guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_env(prefix: &str) -> Result<SpoolBuilder, ConfigError> {
        from_variables(prefix, |name| std::env::var_os(name))
    }
}

fn from_variables(
    prefix: &str,
    look_up: impl Fn(&str) -> Option<OsString>,
) -> Result<SpoolBuilder, ConfigError> {
    let variable = format!("{prefix}_PATH");
    let is_set = look_up(&variable).is_some_and(|value| !value.is_empty());
    let (config, mut faults) = SpoolConfig::read(prefix, look_up);
    if !is_set {
        let wanted = "is not set: must name the log, such as /var/log/app/app.log".to_owned();
        faults.insert(0, ConfigFault { name: variable, value: String::new(), wanted });
    }
    if faults.is_empty() { Ok(config.builder()) } else { Err(ConfigError { faults }) }
}

impl SpoolBuilder {
    /// Takes over what a configuration names; everything else stays as it is.
    ///
    /// ```
    /// let config = tracing_spool::SpoolConfig::default();
    /// let builder = tracing_spool::Spool::builder("app.log").backup_count(3).configure(&config);
    /// # drop(builder);
    /// ```
    pub fn configure(mut self, config: &SpoolConfig) -> Self {
        for (place, given) in &config.given {
            let Some(field) = FIELDS.get(*place) else { continue };
            // It was tried when it was taken.
            let _ = (field.set)(&mut self, &given.value);
            self.origins_mut().set(field.name, given.variable.as_deref());
        }
        self
    }

    /// Takes over what variables name ([`SpoolConfig::from_env`]); everything else stays as it is. Called last, it lets the
    /// environment overrule the program.
    ///
    /// # Errors
    /// As [`SpoolConfig::from_env`].
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (spool, guard) = tracing_spool::Spool::builder(&path).backup_count(3).configure_from_env("APP_LOG")?.open()?;
    /// # drop((spool, guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn configure_from_env(self, prefix: &str) -> Result<Self, ConfigError> {
        Ok(self.configure(&SpoolConfig::from_env(prefix)?))
    }
}

/// Which settings come from which variables, so that a fault found later can name both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origins(BTreeMap<&'static str, String>);

impl Origins {
    fn set(&mut self, field: &'static str, variable: Option<&str>) {
        match variable {
            Some(variable) => drop(self.0.insert(field, variable.to_owned())),
            None => drop(self.0.remove(field)),
        }
    }

    /// The same faults, with the variables they come from.
    pub(crate) fn attribute(&self, faults: Vec<Fault>) -> Vec<Fault> {
        let named = |mut fault: Fault| {
            if let Some(variable) = self.0.get(fault.field) {
                fault.wanted = format!("{} (it is set by {variable})", fault.wanted);
            }
            fault
        };
        faults.into_iter().map(named).collect()
    }

    /// The same error, with the variables its faults come from.
    pub(crate) fn explain(&self, error: OpenError) -> OpenError {
        match error {
            OpenError::Unusable(faults) => OpenError::Unusable(self.attribute(faults)),
            other => other,
        }
    }
}
