//! `tspool demo`, the help, and the pages made from it.

use std::fs;

use crate::{run, text};

#[test]
fn the_demo_shows_both_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(["demo", "--dir", dir.path().to_str().unwrap()]);
    let printed = text(&output.stdout);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{printed}");
    assert!(!printed.contains('\u{1b}'), "colours are for terminals: {printed}");
    let budget = printed.split("may take 2 MiB").nth(1).unwrap();
    assert!(budget.contains("tracing-spool    ") && budget.contains("tracing-appender "), "{printed}");
    if printed.contains("The full disk is left out") {
        return println!("skipped: the full disk: none can be mounted here");
    }
    assert!(printed.contains("kept 30,000, lost none"), "{printed}");
    assert!(printed.contains("and told of 0 of them"), "{printed}");
}

#[test]
fn every_command_has_a_man_page_with_the_exit_codes() {
    for command in ["cat", "config", "demo", "follow", "pipe", "plan", "recover", "status", "verify"] {
        let output = run(["man", command]);
        let page = text(&output.stdout);
        assert!(
            output.status.success() && page.contains(".SH SYNOPSIS") && page.contains("EXIT STATUS"),
            "{page}"
        );
        assert!(page.contains(&format!("tspool\\-{command}")), "{page}");
    }
    let all = text(&run(["man"]).stdout);
    assert!(all.contains("tspool\\-verify") && all.contains("EXIT STATUS"), "{all}");
    let unknown = run(["man", "dog"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("must be one of"));
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&run(["completions", shell]).stdout);
        assert!(script.contains("verify") && script.contains("archive-dir"), "{shell}");
    }
}
