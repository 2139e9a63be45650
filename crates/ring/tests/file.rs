//! Proves what a ring file is on a real disk: locked, private, allocated, found again, and set aside if it can't be
//! used.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and looks at files"
)]

use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use tracing_spool_ring::{Damage, FileState, Limits, OpenError, Opened, Options, Ring, Take};

const LIMITS: Limits = Limits { bytes: 1 << 16, records: 1_000, shares: [80, 80, 95, 98, 100] };

fn options(log: &str) -> Options {
    let mut options = Options::default();
    options.any_file_system = true;
    options.log = log.into();
    options
}

fn open(path: &Path, limits: Limits) -> Result<Opened, OpenError> {
    Ring::open(path, limits, options("/var/log/app.log"))
}

fn drain(opened: &mut Opened) -> Vec<String> {
    let mut space = [0; 4_096];
    let mut records = Vec::new();
    while let Take::Record(taken) = opened.reader.take(&mut space) {
        records.push(String::from_utf8_lossy(&space[..taken.len]).into_owned());
        opened.reader.give_back(taken.granules, 1);
    }
    records
}

#[test]
fn it_is_private_allocated_and_locked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let opened = open(&path, LIMITS).unwrap();
    let meta = std::fs::metadata(&path).unwrap();
    assert_eq!(meta.mode() & 0o777, 0o600);
    assert!(meta.blocks() * 512 >= meta.len() && meta.len() > 1 << 16, "no hole in it");
    let second = open(&path, LIMITS).unwrap_err();
    assert_eq!(second, OpenError::Locked { path: path.clone(), process: Some(std::process::id()) });
    assert!(second.to_string().contains(&std::process::id().to_string()));
    drop(opened);
    open(&path, LIMITS).unwrap();
}

#[test]
fn what_was_not_given_back_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    for life in 0..3 {
        let mut opened = open(&path, LIMITS).unwrap();
        assert_eq!(opened.found.as_ref().map_or(0, |found| found.records), u64::from(life > 0));
        let before = drain(&mut opened);
        assert_eq!(before.first().cloned(), (life > 0).then(|| format!("left by {}", life - 1)));
        opened.ring.offer(4, format!("left by {life}").as_bytes(), 0).unwrap();
    }
}

#[test]
fn another_size_is_used_until_it_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let larger = Limits { bytes: 1 << 18, ..LIMITS };
    let opened = open(&path, LIMITS).unwrap();
    opened.ring.offer(4, b"first", 0).unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    drop(opened);
    let mut opened = open(&path, larger).unwrap();
    assert_eq!((opened.ring.bytes_bound(), std::fs::metadata(&path).unwrap().len()), (1 << 16, size));
    assert_eq!(drain(&mut opened), ["first"]);
    opened.ring.counter(5).store(7, std::sync::atomic::Ordering::Relaxed);
    drop(opened);
    let mut opened = open(&path, larger).unwrap();
    assert_eq!(opened.ring.bytes_bound(), 1 << 18);
    let counter = opened.ring.counter(5).load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(
        (counter, opened.ring.admitted(), opened.ring.fill().records()),
        (7, 1, 0),
        "the counts go on"
    );
    opened.ring.offer(4, b"second", 0).unwrap();
    assert_eq!((opened.ring.admitted(), drain(&mut opened).len()), (2, 1));
    assert!(std::fs::metadata(&path).unwrap().len() > 1 << 18);
}

fn spoil(path: &Path, at: usize, byte: u8) {
    let mut image = std::fs::read(path).unwrap();
    image[at] = byte;
    std::fs::write(path, image).unwrap();
}

#[test]
fn what_is_damaged_or_of_another_version_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let open_spoiled = |number: u32, wanted: Damage| {
        let mut opened = open(&path, LIMITS).unwrap();
        let (aside, damage) = opened.set_aside.take().unwrap();
        assert_eq!(damage, wanted);
        assert_eq!(aside, dir.path().join(format!("ring.damaged.{number}")));
        assert!(aside.is_file() && opened.found.is_none());
        opened.ring.offer(4, b"goes on", 0).unwrap();
        drain(&mut opened);
    };
    drop(open(&path, LIMITS).unwrap());
    spoil(&path, 8, 7);
    open_spoiled(1, Damage::Version(7));
    // The tail is a lap behind the head.
    spoil(&path, 4_096 + 2, 99);
    open_spoiled(2, Damage::Contents);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    open_spoiled(3, Damage::Size);
}

#[test]
fn what_is_no_ring_is_refused_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    drop(open(&path, LIMITS).unwrap());
    let ring = std::fs::read(&path).unwrap();
    let mut no_ring = ring.clone();
    no_ring[17] ^= 1;
    let zeros = [&[0; 8][..], b"eight zero bytes, and then somebody's work"].concat();
    for content in [&b"x"[..], &[0; 8], &zeros, &ring[..16], &ring[..40], &no_ring] {
        std::fs::write(&path, content).unwrap();
        let error = open(&path, LIMITS).unwrap_err();
        assert_eq!(error, OpenError::Foreign { path: path.clone() });
        assert!(error.to_string().contains("is not a ring file"));
        assert!(std::fs::read(&path).unwrap() == content);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_making_that_was_cut_short_is_made_anew() {
    const STATE: usize = 48;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    drop(open(&path, LIMITS).unwrap());
    let mut image = std::fs::read(&path).unwrap();
    image[STATE..STATE + 8].copy_from_slice(b"making..");
    image[4_096..].fill(0);
    let made = image.len();
    for len in [0, 4_000, 8_192, made] {
        std::fs::write(&path, &image[..len]).unwrap();
        let mut opened = open(&path, LIMITS).unwrap();
        assert!(opened.found.is_none() && opened.set_aside.is_none(), "{len}");
        opened.ring.offer(4, b"goes on", 0).unwrap();
        assert_eq!(drain(&mut opened), ["goes on"]);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), made as u64);
    }
}

#[test]
fn another_logs_ring_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let opened = open(&path, LIMITS).unwrap();
    opened.ring.offer(4, b"of the app", 0).unwrap();
    drop(opened);
    let before = std::fs::read(&path).unwrap();
    for log in ["/var/log/other.log", "", "/var/log/app.log/"] {
        let error = Ring::open(&path, LIMITS, options(log)).unwrap_err();
        assert!(error.to_string().contains("/var/log/app.log") && error.to_string().contains(log));
        assert!(matches!(error, OpenError::OtherLog { .. }));
        assert!(std::fs::read(&path).unwrap() == before);
    }
    assert_eq!(drain(&mut open(&path, LIMITS).unwrap()), ["of the app"]);
}

#[test]
fn a_ring_knows_whether_its_file_still_stands_there() {
    let dir = tempfile::tempdir().unwrap();
    let [path, other] = ["ring", "other"].map(|name| dir.path().join(name));
    let opened = open(&path, LIMITS).unwrap();
    assert_eq!(opened.ring.file_state(), FileState::InPlace);
    std::fs::rename(&path, &other).unwrap();
    assert_eq!(opened.ring.file_state(), FileState::Removed);
    let second = open(&path, LIMITS).unwrap();
    assert_eq!(
        (opened.ring.file_state(), second.ring.file_state()),
        (FileState::Replaced, FileState::InPlace)
    );
    opened.ring.offer(4, b"it is mapped still", 0).unwrap();
    assert_eq!(Ring::in_memory(LIMITS).unwrap().0.file_state(), FileState::InPlace);
}

#[test]
fn a_refused_file_system_leaves_no_file() {
    let is_tmpfs = |dir: &Path| Ring::open(&dir.join("ring"), LIMITS, Options::default()).is_ok();
    let dirs = ["/dev/shm", env!("CARGO_TARGET_TMPDIR")].map(|dir| tempfile::tempdir_in(dir).ok());
    let Some(disk) = dirs.iter().flatten().find(|dir| !is_tmpfs(dir.path())) else {
        return println!("left out: there is only tmpfs");
    };
    let path = disk.path().join("ring");
    let error = Ring::open(&path, LIMITS, Options::default()).unwrap_err();
    assert!(matches!(&error, OpenError::FileSystem { .. }) && error.to_string().contains("must be on tmpfs"));
    assert!(!path.exists());
    // One that stood there stays.
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    Ring::open(&path, LIMITS, Options::default()).unwrap_err();
    assert!(path.exists());
}

#[test]
fn an_attackers_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let [path, other] = ["ring", "other"].map(|name| dir.path().join(name));
    drop(open(&other, LIMITS).unwrap());
    symlink(&other, &path).unwrap();
    assert!(matches!(open(&path, LIMITS), Err(OpenError::Failed { .. })));
    std::fs::remove_file(&path).unwrap();
    std::fs::hard_link(&other, &path).unwrap();
    assert!(matches!(open(&path, LIMITS), Err(OpenError::Unsafe { .. })));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(open(&path, LIMITS).is_err());
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(open(&other, LIMITS), Err(OpenError::Unsafe { .. })));
}
