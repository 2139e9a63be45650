//! Proves that the programs that stand beside a log in practice read it, and move it, without loss.
//! What they do is theirs: only what they find is judged.

mod course;
mod lnav;
mod logrotate;
mod shipping;
mod syslog_ng;
mod tail;
mod visitors;
