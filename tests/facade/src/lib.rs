//! Nothing but a name: `tracing_appender`, behind which is `tracing-spool-appender`. The tests are in `tests/original.rs`.
#![forbid(unsafe_code)]
