//! Proves that `tail -F` reads every line once while the log rotates.
//! The rotations do not outrun it: what a reader that is too slow loses is its own affair.

use std::fs::File;
use std::process::Command;

use super::course::{assert_follows, for_each_kind, is_there};

#[test]
fn tail_follows_fifty_rotations_without_loss_or_repetition() {
    if !is_there("tail_follows_fifty_rotations_without_loss_or_repetition", "tail", "--version") {
        return;
    }
    for_each_kind(|kind| {
        assert_follows(kind, |path, printed| {
            let mut command = Command::new("tail");
            command.args(["-n", "+1", "-F"]).arg(path).stdout(File::create(printed).unwrap());
            command
        });
    });
}
