//! Proves with real threads on the real disk that backups are compressed beside the writing: nothing is lost, other
//! programs read them, and leaving does not wait for it.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tracing_spool::{Compression, Spool, SpoolBuilder};

use crate::support::{log, scene, until};

const RECORDS: usize = 3_000;

fn builder(path: &Path, form: Compression) -> SpoolBuilder {
    Spool::builder(path).max_bytes(8 << 10).backup_count(50).max_total_bytes(1 << 20).compression(form)
}

/// Names of the backups with their sizes, the newest first.
fn backups(log: &Path) -> Vec<String> {
    let mut names: Vec<(u32, String)> = fs::read_dir(log.parent().unwrap())
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let number = name.strip_prefix("app.log.")?.split('.').next()?.parse().ok()?;
            Some((number, name))
        })
        .collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

fn unpacked(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => _ = flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap(),
        Some("zst") => text = String::from_utf8(zstd::decode_all(bytes.as_slice()).unwrap()).unwrap(),
        _ => text = String::from_utf8(bytes).unwrap(),
    }
    text
}

fn all(log: &Path) -> String {
    let backups = backups(log);
    let paths = backups.iter().rev().map(|name| log.with_file_name(name));
    paths.chain([log.to_owned()]).map(|path| unpacked(&path)).collect()
}

fn expected() -> String {
    (0..RECORDS).map(|number| format!("record {number} of a log that is compressed\n")).collect()
}

/// Logs, and waits until all but the newest backup are compressed.
fn run(path: &Path, builder: SpoolBuilder, ending: &str) {
    let (spool, guard) = builder.open().unwrap();
    for number in 0..RECORDS {
        log(&spool, &format!("record {number} of a log that is compressed"));
        if number % 100 == 0 {
            guard.handle().flush(Duration::from_secs(10)).unwrap();
        }
    }
    guard.handle().flush(Duration::from_secs(10)).unwrap();
    let all_packed = || {
        let names = backups(path);
        names.len() > 5 && names[0] == "app.log.1" && names[1..].iter().all(|name| name.ends_with(ending))
    };
    assert!(until(all_packed), "{:?}", backups(path));
    assert!(guard.handle().stats().files.packed_files > 5);
    assert!(guard.shutdown(Duration::from_secs(10)).is_complete());
    assert!(!path.with_file_name(".app.log.pack").exists());
    assert!(all(path) == expected(), "lost, repeated or out of order");
}

#[test]
fn backups_become_gzip_beside_the_writing() {
    let (_dir, path) = scene();
    run(&path, builder(&path, Compression::Gzip), ".gz");
    // As an operator reads them.
    let Ok(zcat) = Command::new("zcat").arg(path.with_file_name("app.log.2.gz")).output() else { return };
    assert!(zcat.status.success());
    assert!(String::from_utf8(zcat.stdout).unwrap().contains("of a log that is compressed"));
}

#[test]
fn backups_become_zstd_beside_the_writing() {
    let (_dir, path) = scene();
    run(&path, builder(&path, Compression::Zstd), ".zst");
}

#[test]
fn a_program_without_compression_goes_on_with_what_was_compressed() {
    let (_dir, path) = scene();
    run(&path, builder(&path, Compression::Gzip), ".gz");
    let before = backups(&path).len();
    let (spool, guard) = builder(&path, Compression::None).open().unwrap();
    guard.handle().rotate().unwrap();
    log(&spool, "one more");
    assert!(guard.shutdown(Duration::from_secs(10)).is_complete());
    let names = backups(&path);
    assert_eq!(
        (names.len(), names[1].as_str(), names[2].as_str()),
        (before + 1, "app.log.2", "app.log.3.gz")
    );
    assert!(all(&path) == expected() + "one more\n");
}

/// How many threads of this process are called so.
#[cfg(target_os = "linux")]
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let called = |dir: std::path::PathBuf| fs::read_to_string(dir.join("comm")).unwrap_or_default();
    tasks.filter(|task| called(task.as_ref().unwrap().path()).trim_end() == name).count()
}

/// A backup so long that its compression is under way when the log is closed.
#[cfg(target_os = "linux")]
#[test]
fn leaving_ends_a_compression_and_its_thread_and_keeps_the_backup() {
    let (_dir, path) = scene();
    let mut seed = 1_u64;
    let mut words = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:x} {}\n", seed >> 20, seed % 1_000)
    };
    let long: String = (0..4_000_000).map(|_| words()).collect();
    fs::write(path.with_file_name("app.log.2"), &long).unwrap();
    fs::write(path.with_file_name("app.log.1"), "new\n").unwrap();
    // Of an earlier life of this log: nothing is to be said of them.
    fs::write(path.with_file_name(".app.log.lock"), "").unwrap();
    let builder = Spool::builder(&path).max_total_bytes(1 << 30).compression(Compression::Gzip);
    let (spool, guard) = builder.thread_name("leaving").open().unwrap();
    log(&spool, "one");
    let temporary = path.with_file_name(".app.log.pack");
    assert!(until(|| fs::metadata(&temporary).is_ok_and(|meta| meta.len() > 0)), "never begun");
    assert_eq!(threads("leaving-pack"), 1);
    // Writing goes on meanwhile.
    log(&spool, "two");
    guard.handle().flush(Duration::from_secs(10)).unwrap();
    assert!(temporary.exists(), "it was over too soon to prove anything");
    let begun = Instant::now();
    assert!(guard.shutdown(Duration::from_secs(5)).is_complete());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(!temporary.exists());
    assert!(until(|| threads("leaving-pack") == 0));
    assert!(fs::read_to_string(path.with_file_name("app.log.2")).unwrap() == long);
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
}

/// How nice the threads of this process are that bear such a name.
#[cfg(target_os = "linux")]
fn niceness(name: &str) -> Vec<i32> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let nice = |task: std::path::PathBuf| {
        // A thread may have ended meanwhile.
        let stat = fs::read_to_string(task.join("stat")).ok()?;
        let (head, rest) = stat.rsplit_once(") ")?;
        head.ends_with(&format!("({name}")).then(|| rest.split(' ').nth(16)?.parse().ok())?
    };
    tasks.filter_map(nice).collect()
}

/// Opens a log on a thread of the `usual` niceness, which those that it starts have from it; that of the one that
/// compresses becomes `packing`.
#[cfg(target_os = "linux")]
fn niceness_becomes(usual: i32, packing: i32) {
    let on_a_thread = move || {
        #[expect(unsafe_code, reason = "no safe crate that the tests use has this call")]
        // SAFETY: it takes numbers, and concerns this thread alone, which ends with the test.
        let outcome = unsafe { nix::libc::setpriority(nix::libc::PRIO_PROCESS, 0, usual) };
        assert_eq!(outcome, 0);
        let (_dir, path) = scene();
        let name = format!("nice{usual}");
        let (spool, guard) = builder(&path, Compression::Gzip).thread_name(&name).open().unwrap();
        log(&spool, "hello");
        // A thread gives itself its name, and its niceness, once it runs.
        for (thread, nice) in [(format!("{name}-pack"), packing), (name, usual)] {
            assert!(until(|| niceness(&thread) == [nice]), "{thread}: {:?}", niceness(&thread));
        }
        assert!(guard.shutdown(Duration::from_secs(10)).is_complete());
    };
    std::thread::spawn(on_a_thread).join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn the_thread_that_compresses_gives_way_and_the_writer_thread_does_not() {
    let usual = std::thread::Builder::new().name("as-usual".to_owned()).spawn(|| niceness("as-usual")[0]);
    let usual = usual.unwrap().join().unwrap();
    niceness_becomes(usual, usual.max(10));
    // One that gives way more already is left alone.
    niceness_becomes(usual.max(15), usual.max(15));
}
