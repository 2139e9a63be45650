//! Proves that syslog-ng reads every line once while the log rotates.

use std::fs;
use std::process::{Command, Stdio};

use super::course::{assert_follows, for_each_kind, is_there};

#[test]
fn syslog_ng_follows_fifty_rotations_without_loss_or_repetition() {
    if !is_there("syslog_ng_follows_fifty_rotations_without_loss_or_repetition", "syslog-ng", "--version") {
        return;
    }
    for_each_kind(|kind| {
        assert_follows(kind, |path, printed| {
            let own = |name: &str| printed.with_file_name(name);
            let text = format!(
                "@version: 3.38\n\
                 source s {{ file(\"{}\" follow-freq(0.05) flags(no-parse) read-old-records(yes)); }};\n\
                 destination d {{ file(\"{}\" template(\"$MSG\\n\") flush-lines(1)); }};\n\
                 log {{ source(s); destination(d); flags(flow-control); }};\n",
                path.display(),
                printed.display()
            );
            fs::write(own("conf"), text).unwrap();
            let mut command = Command::new("syslog-ng");
            command.args(["--foreground", "--no-caps"]);
            command.arg("--cfgfile").arg(own("conf")).arg("--persist-file").arg(own("persist"));
            command.arg("--pidfile").arg(own("pid")).arg("--control").arg(own("control"));
            command.stdout(Stdio::null());
            command
        });
    });
}
