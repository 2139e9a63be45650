//! Proves that systemd reads its unit and its drop-in without a word, whatever the log is called.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{ODD_NAMES, program, snippet};

/// What `systemd-analyze verify` says about a unit and its drop-ins.
fn complaints(analyze: &str, unit: &Path) -> String {
    let output = Command::new(analyze).arg("verify").arg("--man=no").arg(unit).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { said } else { format!("{}: {said}", output.status) }
}

#[test]
fn systemd_has_no_complaint() {
    let Some(analyze) = program("systemd_has_no_complaint", &["/usr/bin/systemd-analyze"]) else { return };
    for name in ODD_NAMES {
        let path = format!("/var/log/shop & co/{name}");
        let dir = tempfile::tempdir().unwrap();
        let unit = dir.path().join("shop.service");
        let archive = ["--archive-dir", "/srv/old logs", "--naming", "timestamped", "--compression", "zstd"];
        let command = ["--", "/bin/echo", "a b", "$HOME 100% \"x\" \\"];
        let whole = [&["systemd", path.as_str()][..], &archive, &command].concat();
        fs::write(&unit, snippet(&whole)).unwrap();
        assert_eq!(complaints(analyze, &unit), "", "{}", snippet(&whole));

        fs::write(&unit, "[Service]\nExecStart=/bin/true\n").unwrap();
        let drop_ins = dir.path().join("shop.service.d");
        fs::create_dir(&drop_ins).unwrap();
        fs::write(drop_ins.join("log.conf"), snippet(&["systemd", &path])).unwrap();
        assert_eq!(complaints(analyze, &unit), "", "{}", snippet(&["systemd", &path]));
        // It reads the drop-in, too.
        fs::write(drop_ins.join("log.conf"), "[Service]\nLogDirectory=shop\n").unwrap();
        assert!(complaints(analyze, &unit).contains("Unknown key"));
    }
}

#[test]
fn a_unit_says_what_differs_from_the_defaults() {
    let unit = |more: &[&str]| {
        snippet(&[&["systemd", "/var/log/shop/shop.log"], more, &["--", "/usr/bin/shop"]].concat())
    };
    let start = |text: String| text.lines().find(|line| line.starts_with("ExecStart=")).unwrap().to_owned();
    let plain = start(unit(&[]));
    assert!(plain.ends_with(" pipe /var/log/shop/shop.log -- /usr/bin/shop"), "{plain}");
    let flags = ["--naming", "timestamped", "--compression", "gzip", "--archive-dir", "/var/log/shop/old"];
    let (told, flags) = (start(unit(&flags)), flags.join(" "));
    assert!(told.ends_with(&format!(" pipe /var/log/shop/shop.log {flags} -- /usr/bin/shop")), "{told}");
    assert!(unit(&["--archive-dir", "/var/log/shop/old"]).contains("\nLogsDirectory=shop shop/old\n"));
    let elsewhere = snippet(&["systemd", "/srv/shop.log"]);
    assert!(
        !elsewhere.contains("LogsDirectory=") && elsewhere.contains("# systemd makes no /srv:"),
        "{elsewhere}"
    );
}
