//! Proves that lnav shows the whole history of a log, compressed backups with it, each line once and in order.

use std::process::Command;

use super::course::{Course, ROTATIONS, for_each_kind, is_there};

#[test]
fn lnav_shows_fifty_rotations_without_loss_or_repetition() {
    if !is_there("lnav_shows_fifty_rotations_without_loss_or_repetition", "lnav", "-V") {
        return;
    }
    for_each_kind(|kind| {
        let mut course = Course::new(kind, u32::try_from(ROTATIONS).unwrap());
        course.run_with_visitor(|_| {});
        // Its own directory: it remembers files, and unpacks archives there.
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new("lnav");
        command.arg("-n").args(course.at_rest(kind)).env("HOME", home.path()).env("TMPDIR", home.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        course.assert_read(&String::from_utf8_lossy(&output.stdout));
    });
}
