//! Tests how names of a set are read and written.

use proptest::prelude::*;

use super::*;

fn names() -> Names {
    Names::new(Path::new("/logs/app.log")).unwrap()
}

#[test]
fn foreign_names_are_foreign() {
    for name in [
        "app.log.bak",
        "app.log.01",
        "app.log.0",
        "app.log.+1",
        "app.log.1.bz2",
        "app.log.01.gz",
        "app.log.1.gz.gz",
        "app.log.gz",
        "app.log..gz",
        "app.log.",
        "app.log.10001",
        "app.log.20260101",
        "app.log.1764337000",
        "app.log.4294967296",
        "application.log",
        "app-audit.log",
        "app.db",
        "app.toml",
        "app.lo",
        "app.log1",
        ".app.log",
        ".app.log.old",
        "xapp.log.1",
        "",
        ".",
        "app.log.1 ",
        "app.log.20261123T181911",
        "app.log.20261123T181911.gz",
        "app.log.2026-11-27",
        "app.log.2026-11-27-0001.gz",
        "app.log.2026-11-27-18",
        "app.log.2026-11-27-18-19.zst",
    ] {
        assert_eq!(names().role(name.as_ref()), None, "{name}");
    }
}

#[test]
fn whole_periods_are_own_where_there_is_a_schedule() {
    let names = names().with_periods(true);
    for stamp in ["2026-11-27", "2026-11-27-0001", "2026-11-27-18", "2026-11-27-18-19", "20261127T181911Z"] {
        let slot = Slot::from(Stamp::parse(stamp).unwrap());
        let name = format!("app.log.{stamp}");
        assert_eq!(names.role(name.as_ref()), Some(Role::Backup(slot)), "{name}");
        let packed = Some(Role::Packed(slot, Compression::Gzip));
        assert_eq!(names.role(format!("{name}.gz").as_ref()), packed, "{name}");
    }
    for name in [
        "app.log.2026",
        "app.log.2026-11",
        "app.log.2026-11-31",
        "app.log.2026-11-27-1",
        "app.log.2026-11-27.1",
        "app.log.2026-11-27.bak",
        "app.log-2026-11-27",
        "app.2026-11-27",
    ] {
        assert!(
            !matches!(names.role(name.as_ref()), Some(Role::Backup(slot)) if slot.stamp().is_some()),
            "{name}"
        );
    }
}

#[test]
fn a_slot_is_never_longer_than_the_longest() {
    for stamp in ["2026-11-27-18-19-9999", "20261127T181911Z-9999", "2026-11-27-18-9999", "2026-11-27-9999"] {
        let name = names().backup_name(Stamp::parse(stamp).unwrap(), Compression::None);
        assert!(name.len() <= "app.log".len() + SLOT_BYTES_MAX, "{stamp}");
    }
}

#[test]
fn own_names_are_own() {
    let names = names();
    let role = |path: &Path| names.role(path.file_name().unwrap());
    assert_eq!(role(names.live()), Some(Role::Live));
    assert_eq!(role(&names.hidden()), Some(Role::Hidden));
    assert_eq!(role(&names.lock()), Some(Role::Lock));
    assert_eq!(names.role(&names.alert_temporary_name()), Some(Role::AlertTemporary));
    assert_eq!(names.role(&names.link_temporary_name()), Some(Role::LinkTemporary));
    assert_eq!(role(&names.pack_temporary()), Some(Role::PackTemporary));
    assert_eq!(role(&names.backup(BACKUPS_MAX)), Some(Role::Backup(BACKUPS_MAX.into())));
    let stamp = Slot::from(Stamp::parse("20261123T181911Z").unwrap());
    for (slot, form) in [(2.into(), Compression::Gzip), (stamp, Compression::Zstd)] {
        assert_eq!(role(&names.backup_as(slot, form)), Some(Role::Packed(slot, form)));
    }
}

#[test]
fn reserved_live_names() {
    for name in [
        "app.log.3",
        "app.log.20261123T181911Z-0001",
        "app.log.3.gz",
        "app.log.20261123T181911Z.zst",
        "app.2026-11-27",
        "app.log.2026-11-27-18-0001",
        "app.log.2026-11-27-18-19.gz",
        ".a.pack",
        ".app.log.new",
        ".a.lock",
        ".a.alert",
        ".a.link",
        "ALERT_LOG_ROTATION_FAILED.txt",
        "ALERT_LOG_ROTATION_FAILED.app.log.txt",
    ] {
        assert!(is_reserved(name.as_ref()), "{name}");
    }
    for name in [
        "app.log",
        "3",
        ".3",
        "app.log.03",
        "app.log.gz",
        ".3.gz",
        ".new",
        "app.new",
        "ALERT_LOG_ROTATION_FAILED",
        "v1.2a",
        "a.0",
        "2026-11-27",
        ".2026-11-27",
        "app.2026-11",
        "app-2026-11-27",
        "app.2026-11-27.log",
    ] {
        assert!(!is_reserved(name.as_ref()), "{name}");
    }
}

#[test]
fn an_alert_of_its_own() {
    assert_eq!(
        names().own_alert(Path::new("/data/ALERT_LOG_ROTATION_FAILED.txt")),
        Path::new("/data/ALERT_LOG_ROTATION_FAILED.app.log.txt")
    );
    assert_eq!(names().own_alert(Path::new("/data/alert")), Path::new("/data/alert.app.log"));
}

proptest! {
    #[test]
    fn backups_round_trip(number in 1_u32..=BACKUPS_MAX, base in "[a-z.]{0,6}[a-z]") {
        let names = Names::new(&Path::new("/d").join(&base)).unwrap();
        let path = names.backup(number);
        prop_assert_eq!(names.role(path.file_name().unwrap()), Some(Role::Backup(number.into())));
        prop_assert!(is_reserved(path.file_name().unwrap()));
    }

    #[test]
    fn stamps_round_trip_as_names(
        stamp in "20(26|40)-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(-[01][0-9](-[0-5][0-9])?)?(-0[0-9]{2}[1-9])?",
        form in proptest::sample::select(&Compression::ALL[..]),
    ) {
        let slot = Slot::from(Stamp::parse(&stamp).unwrap());
        let name = names().backup_name(slot, form);
        let ours = match form {
            Compression::None => Role::Backup(slot),
            form => Role::Packed(slot, form),
        };
        prop_assert_eq!(names().with_periods(true).role(&name), Some(ours));
        prop_assert_eq!(names().role(&name), None);
        prop_assert!(is_reserved(&name));
    }

    #[test]
    fn a_role_has_one_name(
        name in "\\.?app\\.log([.0-9a-z]{0,6}|\\.2026(-[0-9]{2,4}){2,5}(\\.gz)?)",
        has_periods in any::<bool>(),
    ) {
        let names = names().with_periods(has_periods);
        if let Some(role) = names.role(name.as_ref()) {
            let wanted = match role {
                Role::Live => names.base().to_owned(),
                Role::Backup(slot) => names.backup_name(slot, Compression::None),
                Role::Packed(slot, form) => names.backup_name(slot, form),
                Role::PackTemporary => names.pack_name(),
                Role::Hidden => names.hidden_name(),
                Role::Lock => names.lock_name(),
                Role::AlertTemporary => names.alert_temporary_name(),
                Role::LinkTemporary => names.link_temporary_name(),
            };
            prop_assert_eq!(&wanted, OsStr::new(&name));
        }
    }
}
