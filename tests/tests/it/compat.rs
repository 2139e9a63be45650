//! Proves that `tracing_spool::compat::` stands wherever `tracing_appender::` stood: one file is compiled, and run, against both.
//! What only ours does is proved beside it, in `crates/spool/src/compat/`.

mod alone;
mod ours;
mod theirs;
