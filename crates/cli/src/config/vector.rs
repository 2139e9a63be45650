//! For Vector: a `file` source in TOML, by its documented syntax.

use super::layout::{Compression, Layout, Naming};
use super::words::{PATTERN, quoted, refuse};
use crate::say::Problem;

pub(super) fn snippet(layout: &Layout) -> Result<String, Problem> {
    // A `$` would begin the name of an environment variable.
    refuse("Vector", &layout.live, &format!("{PATTERN}$"))?;
    let (told, label, file) = (layout.told(), &layout.label, quoted(&layout.live));
    let backups = match (layout.naming, layout.compression) {
        (Naming::Numbered, Compression::None) => "are renamed at each rotation",
        (Naming::Numbered, _) => "are renamed at each rotation and compressed later",
        (Naming::Timestamped, Compression::None) => "are files that Vector has read already",
        (Naming::Timestamped, _) => "are files that Vector has read already, and are compressed later",
    };
    Ok(format!(
        r#"# {told}
# For Vector: put it into /etc/vector/{label}.toml, then check with `vector validate`.
# Not tested here against the program: written by its documented syntax.

[sources.{label}]
type = "file"
# The live name alone: Vector reads a renamed file to its end. Backups ({pattern})
# {backups}.
include = [{file}]
# Begin with what stands there already, also at the first start.
read_from = "beginning"

[sources.{label}.fingerprint]
# Know a file by its first line, whatever its name. Lines need a time stamp: with equal first lines, the file after
# a rotation is taken for the one before.
strategy = "checksum"
"#,
        pattern = layout.backups_pattern(),
    ))
}
