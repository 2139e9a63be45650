//! For Grafana Alloy: `loki.source.file` behind `local.file_match`, by its documented syntax.

use super::layout::Layout;
use super::words::{PATTERN, quoted, refuse};
use crate::say::Problem;

/// Where Loki takes lines on this machine.
const LOKI: &str = "http://localhost:3100/loki/api/v1/push";

pub(super) fn snippet(layout: &Layout, to: Option<&str>) -> Result<String, Problem> {
    refuse("Alloy", &layout.live, PATTERN)?;
    let url = to.unwrap_or(LOKI);
    let is_url = url.starts_with("http://") || url.starts_with("https://");
    if !is_url || url.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return Err(Problem::unusable(format_args!(
            "--to {url:?}: must be the push URL of Loki, such as {LOKI}"
        )));
    }
    let (told, label) = (layout.told(), &layout.label);
    let (file, url) = (quoted(&layout.live), quoted(url));
    Ok(format!(
        r#"// {told}
// For Alloy: put it into /etc/alloy/{label}.alloy, then check with `alloy fmt`.
// Not tested here against the program: written by its documented syntax.
//
// Alloy looks at files every 250 ms. So that it reaches the end of each before the rename, set quiet_rotation of the
// log to 400ms.

local.file_match "{label}" {{
  // The live name alone: Alloy remembers places by path, and numbered backups change theirs.
  path_targets = [{{"__path__" = {file}, "job" = "{label}"}}]
}}

loki.source.file "{label}" {{
  targets    = local.file_match.{label}.targets
  forward_to = [loki.write.{label}.receiver]
}}

loki.write "{label}" {{
  endpoint {{
    url = {url}
  }}
}}
"#
    ))
}
