//! Proves what the rest of the process may do to a ring, and a ring to it: a forked child reaches nothing of its
//! parent's, and a file size limit ends nothing. Each test that needs a process of its own runs itself again.

#![cfg(target_os = "linux")]
#![expect(
    unsafe_code,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and looks at files"
)]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use tracing_spool_ring::{FileState, Limits, OpenError, Opened, Options, Refused, Ring, Stamp, Take};

const LIMITS: Limits = Limits { bytes: 1 << 20, records: 1_000, shares: [100; 5] };
const CHILD: &str = "TRACING_SPOOL_RING_CHILD";

fn open(path: &Path, limits: Limits) -> Result<Opened, OpenError> {
    let mut options = Options::default();
    options.any_file_system = true;
    Ring::open(path, limits, options)
}

/// On tmpfs where there is one.
fn dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Whether this is the process that the test has to itself; else it is run there, and has to end well.
fn is_alone(test: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{:?} {said}", output.status);
    false
}

/// All that can be asked of a ring, in a child that was forked with it, and of one whose lap may be left: what was wrong, as a
/// number.
fn in_a_child(opened: &mut Opened, empty: &mut Opened) -> i32 {
    let (ring, reader) = (&opened.ring, &mut opened.reader);
    ring.counter(3).fetch_add(5, Ordering::Relaxed);
    ring.unpark();
    ring.close();
    reader.stamp(&Stamp { device: 7, ..Stamp::default() });
    reader.give_back(2, 1);
    reader.make_ready();
    let mut space = [0; 200];
    let answers = [
        ring.is_forked(),
        ring.offer(4, b"x", 0) == Err(Refused::Forked),
        ring.offer(4, b"", 0) == Err(Refused::Forked),
        ring.foresee(4) == Err(Refused::Forked),
        ring.fill().records() == 0 && ring.park().records() == 0,
        ring.place() == 0 && ring.file_state() == FileState::InPlace,
        ring.counter(3).load(Ordering::Relaxed) == 5,
        reader.take(&mut space) == Take::Nothing && reader.is_empty(),
        !empty.reader.rewind(),
    ];
    answers.iter().position(|is_right| !is_right).map_or(0, |answer| answer as i32 + 1)
}

#[test]
fn a_forked_child_reaches_nothing_of_its_parents_ring() {
    if !is_alone("a_forked_child_reaches_nothing_of_its_parents_ring") {
        return;
    }
    let dir = dir();
    let [path, of_empty] = ["ring", "empty"].map(|name| dir.path().join(name));
    let [mut opened, mut empty] = [&path, &of_empty].map(|path| open(path, LIMITS).unwrap());
    let mut space = vec![0; 1 << 19];
    empty.ring.offer(4, &vec![b'x'; 1 << 19], 0).unwrap();
    let Take::Record(taken) = empty.reader.take(&mut space) else { panic!("not there") };
    empty.reader.give_back(taken.granules, 1);
    for record in [b"taken", b"there"] {
        opened.ring.offer(4, record, 0).unwrap();
    }
    assert!(matches!(opened.reader.take(&mut space), Take::Record(_)));
    opened.ring.counter(3).store(1, Ordering::Relaxed);
    assert_eq!(opened.ring.park().records(), 2);
    let read = || [&path, &of_empty].map(|path| std::fs::read(path).unwrap());
    let before = read();
    // SAFETY: the child is a copy of this thread alone, and the others of the test runner hold no lock that it needs (the C
    // library keeps its allocator usable); it ends with `_exit`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let wrong = in_a_child(&mut opened, &mut empty);
            drop((opened, empty));
            // SAFETY: it ends the process and touches nothing of it.
            unsafe { libc::_exit(wrong) }
        }
        ForkResult::Parent { child } => {
            assert_eq!(
                waitpid(child, None).unwrap(),
                WaitStatus::Exited(child, 0),
                "the answer that was wrong"
            );
        }
    }
    assert!(read() == before, "not one byte");
    assert!(empty.reader.rewind(), "as it would have been left there");
    assert!(matches!(open(&path, LIMITS), Err(OpenError::Locked { .. })), "the lock is the parent's");
    let Take::Record(taken) = opened.reader.take(&mut space) else { panic!("not there") };
    assert_eq!(&space[..taken.len], b"there");
}

#[test]
fn a_limit_on_file_sizes_is_an_error_and_no_end() {
    if !is_alone("a_limit_on_file_sizes_is_an_error_and_no_end") {
        return;
    }
    let dir = dir();
    let path = dir.path().join("ring");
    for limit in [0, 8_192, 1 << 20] {
        setrlimit(Resource::RLIMIT_FSIZE, limit, limit.max(1 << 20)).unwrap();
        let Err(error) = open(&path, LIMITS) else { panic!("larger than the limit") };
        let too_large = nix::errno::Errno::EFBIG as i32;
        assert!(matches!(error, OpenError::Failed { errno, .. } if errno == too_large), "{error}");
        assert!(error.to_string().contains("File too large"), "{error}");
        assert!(!path.exists(), "half a ring is none");
    }
    assert!(!SigSet::thread_get_mask().unwrap().contains(Signal::SIGXFSZ), "the signal is as it was");
    open(&path, Limits { bytes: 1 << 16, ..LIMITS }).unwrap();
}
