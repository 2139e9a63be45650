//! Logs described by a configuration: by environment variables, or by a file that serde has read. `settings::config` reads
//! the values; `open` checks whether they fit together.

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use crate::open::builder::SpoolBuilder;
use crate::settings::config::{ConfigError, ConfigFault, SpoolConfig};
use crate::writer::event_writer::Spool;

impl SpoolConfig {
    /// Returns a builder with these settings. Opening it fails if `path` isn't among them.
    ///
    /// ```
    /// # let config = tracing_spool::SpoolConfig::default();
    /// let error = config.builder().open().unwrap_err();
    /// assert!(error.to_string().contains("path"));
    /// ```
    pub fn builder(&self) -> SpoolBuilder {
        Spool::builder("").configure(self)
    }
}

impl Spool {
    /// Returns a builder for a log that environment variables describe alone, as [`SpoolConfig::from_env`] reads them. With
    /// the prefix `APP_LOG`, `APP_LOG_PATH` must be set.
    ///
    /// # Errors
    /// Returns every variable whose value can't be read, and a missing path.
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
    /// Applies the settings that `config` names. Everything else stays as it is.
    ///
    /// ```
    /// let config = tracing_spool::SpoolConfig::default();
    /// let builder = tracing_spool::Spool::builder("app.log").backup_count(3).configure(&config);
    /// # drop(builder);
    /// ```
    pub fn configure(mut self, config: &SpoolConfig) -> Self {
        config.apply(&mut self.description);
        self
    }

    /// Applies the settings that environment variables name, as [`SpoolConfig::from_env`] reads them. Everything else stays
    /// as it is. Call it last to let the environment override the program.
    ///
    /// # Errors
    /// Same as [`SpoolConfig::from_env`].
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

    /// Keeps the claim on a ring in a file, for `tspool`, which feeds it alone.
    #[doc(hidden)]
    pub fn keep_claim(mut self) -> Self {
        self.description.durable.keeps_claim = true;
        self
    }
}
