//! For Fluent Bit: a `tail` input in YAML, by its documented syntax.

use super::layout::Layout;
use super::words::{PATTERN, quoted, refuse};
use crate::say::Problem;

pub(super) fn snippet(layout: &Layout) -> Result<String, Problem> {
    // Commas part paths, and a `$` begins the name of an environment variable.
    refuse("Fluent Bit", &layout.live, &format!("{PATTERN},$"))?;
    refuse("Fluent Bit", layout.archive.as_deref().unwrap_or_default(), &format!("{PATTERN},$"))?;
    let (told, label) = (layout.told(), &layout.label);
    let (file, backups) = (quoted(&layout.live), quoted(&layout.backups_pattern()));
    Ok(format!(
        r#"# {told}
# For Fluent Bit: put it into /etc/fluent-bit/{label}.yaml and name that file under `includes`.
# Not tested here against the program: written by its documented syntax.

pipeline:
  inputs:
    - name: tail
      tag: {label}
      # The live name alone: a pattern that matches backups reads each of them again after a rotation.
      path: {file}
      exclude_path: {backups}
      # Begin with what stands there already, and remember the place over restarts.
      read_from_head: true
      db: /var/lib/fluent-bit/{label}.db
      # Read a renamed file for 30 s more, even if this program is behind. By default it's given up after 5 s.
      rotate_wait: 30
"#
    ))
}
