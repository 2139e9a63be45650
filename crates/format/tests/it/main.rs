//! Tests the formats against `tracing_subscriber`'s own, and what they add, through real subscribers.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panics")]

mod besides;
mod draw;
mod museum;
mod otel;
mod same_bytes;
mod scopes;
mod strangers;
#[cfg(all(tracing_unstable, feature = "valuable"))]
mod valuable;
mod world;
