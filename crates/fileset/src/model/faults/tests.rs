//! Tests settings, their defaults, and their faults one by one.

use super::*;
use crate::model::schedule::Schedule;
use crate::model::settings::*;

fn fields(change: impl FnOnce(&mut Settings)) -> Vec<&'static str> {
    let mut settings = Settings::new("/logs/app.log");
    change(&mut settings);
    settings.faults().into_iter().map(|fault| fault.field).collect()
}

#[test]
fn defaults_are_the_contract() {
    let settings = Settings::new("app.log");
    assert!(settings.faults().is_empty());
    assert_eq!(settings.max_bytes, 10_485_760);
    assert_eq!(settings.max_total_bytes, 62_914_560);
    assert_eq!(settings.record_limit(), 1_048_576);
    assert_eq!((settings.backup_count, settings.kept_backups()), (5, 1));
    assert_eq!((settings.mode, settings.dir_mode), (0o640, 0o750));
    assert_eq!(settings.sync, SyncPolicy::OnRotate);
    assert!(!settings.raw_bytes && !settings.single_line && !settings.require_dir);
    assert_eq!((&settings.rotate_every, settings.rotate_on_start), (&None, false));
    assert_eq!((settings.quiet_rotation, settings.min_rotation_interval), (Duration::ZERO, Duration::ZERO));
}

#[test]
fn limits_follow_each_other() {
    let mut settings = Settings::new("app.log");
    settings.backup_count = 0;
    settings.max_bytes = 1_000;
    settings.max_total_bytes = 2_000;
    assert_eq!((settings.kept_backups(), settings.record_limit()), (0, 2_000));
    settings.max_record_bytes = Some(100);
    assert_eq!(settings.rules().max_bytes, 100);
}

#[test]
fn every_fault_at_once_with_field_value_and_wish() {
    let mut settings = Settings::new("");
    settings.max_bytes = 0;
    settings.max_total_bytes = 0;
    settings.mode = 0o1_000_000;
    let said: Vec<String> = settings.faults().iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said[0].starts_with("path = : must name a file"));
    assert!(said[1].starts_with("max_bytes = 0: must be at least 1"));
}

#[test]
fn each_fault_names_its_field() {
    for bad in ["", "/", "logs/", "..", "/logs/.", "a/.."] {
        assert_eq!(fields(|s| s.path = bad.into()), ["path"], "{bad:?}");
    }
    assert_eq!(fields(|s| s.path = "/logs/a\0b".into()), ["path"]);
    assert_eq!(fields(|s| s.path = "/logs/app.log.3".into()), ["path"]);
    assert_eq!(
        fields(|s| {
            s.path = "/logs/app.log.3".into();
            s.allow = vec![Allow::ReservedName];
        })
        .len(),
        0
    );
    assert_eq!(fields(|s| s.path = format!("/logs/{}", "x".repeat(226)).into()), ["path"]);
    assert_eq!(fields(|s| s.path = format!("/logs/{}", "x".repeat(225)).into()).len(), 0);
    assert_eq!(fields(|s| s.alert_file = Some("/logs/app.log.2".into())), ["alert_file"]);
    assert_eq!(fields(|s| s.alert_file = Some("/logs/".into())), ["alert_file"]);
    assert_eq!(fields(|s| s.alert_file = Some("a\0".into())), ["alert_file"]);
    assert_eq!(fields(|s| s.alert_file = Some("data/ALERT.txt".into())).len(), 0);
    for bad in
        ["/logs/", "a\0", "/logs/app.log", "/logs/.app.log.link", "/logs/ALERT_LOG_ROTATION_FAILED.txt"]
    {
        assert_eq!(fields(|s| s.latest_link = Some(bad.into())), ["latest_link"], "{bad:?}");
    }
    let bad = |s: &mut Settings| {
        (s.archive_dir, s.alert_file) = (Some("/old".into()), Some("/data/alert".into()));
        s.latest_link = Some("/data/alert".into());
    };
    assert_eq!(fields(bad), ["latest_link"]);
    let bad = |s: &mut Settings| {
        (s.archive_dir, s.latest_link) = (Some("/old".into()), Some("/old/app.log.7".into()));
    };
    assert_eq!(fields(bad), ["latest_link"]);
    assert_eq!(fields(|s| s.latest_link = Some("/logs/current".into())).len(), 0);
    let by_period = |s: &mut Settings| {
        (s.naming, s.rotate_every) = (Naming::Timestamped, Some(Schedule::daily()));
        s.latest_link = Some("/logs/app.log.2026-11-27".into());
    };
    assert_eq!(fields(by_period), ["latest_link"]);
    assert_eq!(fields(|s| s.latest_link = Some("/logs/app.log.2026-11-27".into())).len(), 0);
    assert_eq!(fields(|s| s.archive_dir = Some("".into())), ["archive_dir"]);
    assert_eq!(fields(|s| s.archive_dir = Some("a\0".into())), ["archive_dir"]);
    assert_eq!(fields(|s| s.archive_dir = Some("old".into())).len(), 0);
}

#[test]
fn each_fault_of_a_number_or_a_time_names_its_field() {
    assert_eq!(fields(|s| s.max_total_bytes = 100), ["max_total_bytes"]);
    assert_eq!(
        fields(|s| {
            s.max_bytes = 10;
            s.max_total_bytes = 10;
        }),
        ["max_total_bytes"]
    );
    assert_eq!(fields(|s| s.max_record_bytes = Some(63)), ["max_record_bytes"]);
    assert_eq!(fields(|s| s.max_record_bytes = Some(61 << 20)), ["max_record_bytes"]);
    assert_eq!(fields(|s| s.budget_warning_percent = 0), ["budget_warning_percent"]);
    assert_eq!(fields(|s| s.budget_warning_percent = 101), ["budget_warning_percent"]);
    assert_eq!(fields(|s| s.min_backups = Some(6)), ["min_backups"]);
    assert_eq!(fields(|s| s.backup_count = 10_001), ["backup_count"]);
    assert_eq!(fields(|s| s.retry_base_delay = Duration::ZERO), ["retry_base_delay"]);
    assert_eq!(fields(|s| s.retry_cooldown = Duration::ZERO), ["retry_cooldown"]);
    assert_eq!(fields(|s| s.retry_cooldown_max = Duration::ZERO), ["retry_cooldown_max"]);
    assert_eq!(fields(|s| s.retry_attempts = 17), ["retry_attempts"]);
    assert_eq!(fields(|s| s.max_age = Some(Duration::from_millis(999))), ["max_age"]);
    assert_eq!(fields(|s| s.rotate_every = Some(Schedule::daily().at(24, 0))), ["rotate_every"]);
    assert_eq!(fields(|s| s.quiet_rotation = Duration::from_millis(10_001)), ["quiet_rotation"]);
    assert_eq!(fields(|s| s.sync = SyncPolicy::Interval(Duration::ZERO)), ["sync"]);
    assert_eq!(fields(|s| s.mode = 0o040), ["mode"]);
    assert_eq!(fields(|s| s.dir_mode = 0o600), ["dir_mode"]);
}
