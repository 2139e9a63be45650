//! Which settings come from which environment variables and flags, so that a fault found later can name both.

use std::collections::BTreeMap;

use tracing_spool_fileset::Fault;

/// Maps each setting that comes from an environment variable, or a flag, to its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variables(BTreeMap<&'static str, String>);

impl Variables {
    pub(crate) fn set(&mut self, field: &'static str, variable: Option<&str>) {
        match variable {
            Some(variable) => drop(self.0.insert(field, variable.to_owned())),
            None => drop(self.0.remove(field)),
        }
    }

    /// Adds to each fault the variable that its setting comes from.
    pub(crate) fn attribute(&self, faults: Vec<Fault>) -> Vec<Fault> {
        let named = |mut fault: Fault| {
            if let Some(variable) = self.0.get(fault.field) {
                fault.wanted = format!("{} (it is set by {variable})", fault.wanted);
            }
            fault
        };
        faults.into_iter().map(named).collect()
    }
}
