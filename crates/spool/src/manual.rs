//! The manual: one page per task, from the first log to the dashboard.
//!
// The pages are `docs/manual/*.md`, to which `crates/spool/manual` is a symlink so that they are packaged. Their links lead to
// each other's files; here the definitions of `manual/links.md` come first, and lead to the modules instead.
#![doc = include_str!("manual/links.md")]
#![doc = include_str!("../manual/README.md")]

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/getting-started.md")]
pub mod getting_started {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/settings.md")]
pub mod settings {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/what-happens-when.md")]
pub mod what_happens_when {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/files-and-alerts.md")]
pub mod files_and_alerts {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/rotation-and-retention.md")]
pub mod rotation_and_retention {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/several-outputs.md")]
pub mod several_outputs {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/leaving-and-crashing.md")]
pub mod leaving_and_crashing {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/durable-queue.md")]
pub mod durable_queue {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/containers.md")]
pub mod containers {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/formats.md")]
pub mod formats {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/tailers-and-shipping.md")]
pub mod tailers_and_shipping {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/shipping.md")]
pub mod shipping {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/metrics-and-health.md")]
pub mod metrics_and_health {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/moving.md")]
pub mod moving {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/daemons.md")]
pub mod daemons {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("manual/links.md")]
#[doc = include_str!("../manual/tspool.md")]
pub mod tspool {}
