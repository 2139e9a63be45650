//! Proves that the programs that stand beside a log in practice read it, and move it, without loss.
//! What they do is theirs: only what they find is judged.

mod logrotate;
mod tail;
