//! Proves that `tracing-spool-appender` stands wherever `tracing-appender` stood: one file is compiled, and run, against both.
//! What only ours does is proved beside it, in `crates/appender`.

mod alone;
mod ours;
mod theirs;
