//! Proves what a ring file is on a real disk: locked, private, allocated, found again, and set aside where it cannot be
//! used.

#![expect(clippy::disallowed_methods, reason = "a test fails by panicking, and looks at files")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use tracing_spool_ring::{Damage, Limits, OpenError, Opened, Options, Ring, Take};

const LIMITS: Limits = Limits { bytes: 1 << 16, records: 1_000, shares: [80, 80, 95, 98, 100] };

fn open(path: &Path, limits: Limits) -> Result<Opened, OpenError> {
    let mut options = Options::default();
    options.any_file_system = true;
    Ring::open(path, limits, options)
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
    drop(opened);
    let opened = open(&path, larger).unwrap();
    assert_eq!(opened.ring.bytes_bound(), 1 << 18);
    assert!(std::fs::metadata(&path).unwrap().len() > 1 << 18);
}

#[test]
fn what_is_no_ring_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let spoil = |at: usize, byte: u8| {
        let mut image = std::fs::read(&path).unwrap();
        image[at] = byte;
        std::fs::write(&path, image).unwrap();
    };
    drop(open(&path, LIMITS).unwrap());
    for (number, (at, byte, wanted)) in
        [(0, 9, Damage::Foreign), (8, 7, Damage::Version(7)), (18, 99, Damage::Size)].into_iter().enumerate()
    {
        spoil(at, byte);
        let mut opened = open(&path, LIMITS).unwrap();
        let (aside, damage) = opened.set_aside.take().unwrap();
        assert_eq!(damage, wanted);
        assert_eq!(aside, dir.path().join(format!("ring.damaged.{}", number + 1)));
        assert!(aside.is_file() && opened.found.is_none());
        opened.ring.offer(4, b"goes on", 0).unwrap();
        drain(&mut opened);
    }
    // A file that was cut short, and one whose making was cut short.
    std::fs::write(&path, [1; 100]).unwrap();
    assert_eq!(open(&path, LIMITS).unwrap().set_aside.unwrap().1, Damage::Foreign);
    std::fs::write(&path, [0; 100]).unwrap();
    assert!(open(&path, LIMITS).unwrap().set_aside.is_none(), "nothing was put into it yet");
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
