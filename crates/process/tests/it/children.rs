//! Proves that a forked child knows that it is another process, even with its parent's number, has no descriptor that
//! was registered, and never waits in vain for a lock.

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use nix::sys::stat::fstat;
use nix::unistd::{chroot, dup2, geteuid, getpid};
use tracing_spool_process::{ClearedInChildren, ClosedInChildren, ForkWatch, Process, ProcessLock};

use super::forked::{CANNOT, ask, end, start};
use super::skip;

#[test]
fn a_child_and_its_child_are_other_processes() {
    let here = Process::here();
    let code = ask(|| {
        let child = Process::here();
        let grandchild = ask(|| {
            let grandchild = Process::here();
            let is_new = grandchild != child && grandchild != here && grandchild.is_here();
            i32::from(!is_new || child.is_here() || here.is_here())
        });
        grandchild + i32::from(here.is_here() || child == here || !child.is_here()) * 2
    });
    assert_eq!(code, 0);
    assert!(here.is_here() && here == Process::here());
}

#[test]
fn a_child_that_has_its_parents_number_is_another_process() {
    const TEST: &str = "a_child_that_has_its_parents_number_is_another_process";
    let apart = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID;
    let code = ask(|| {
        if unshare(apart).is_err() {
            return CANNOT;
        }
        // The first process of a namespace, and below it the first of another.
        ask(|| {
            let here = Process::here();
            if getpid().as_raw() != 1 || unshare(CloneFlags::CLONE_NEWPID).is_err() {
                return CANNOT;
            }
            ask(|| i32::from(getpid().as_raw() != 1 || here.is_here() || Process::here() == here))
        })
    });
    if code == CANNOT {
        return skip(TEST, "no namespaces");
    }
    assert_eq!(code, 0);
}

/// Whether a number stands for `/dev/null`.
fn is_null(number: RawFd) -> bool {
    let null = fs::metadata("/dev/null").unwrap();
    // SAFETY: only looked at, and an error where it is not open.
    fstat(unsafe { BorrowedFd::borrow_raw(number) })
        .is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (null.dev(), null.ino()))
}

fn is_cloexec(number: RawFd) -> bool {
    // SAFETY: reads flags of a number.
    unsafe { libc::fcntl(number, libc::F_GETFD) == libc::FD_CLOEXEC }
}

#[test]
fn registered_descriptors_and_no_others_are_replaced_in_a_child() {
    let dir = tempfile::tempdir().unwrap();
    let create = |name: &str| File::create(dir.path().join(name)).unwrap();
    let (kept, taken, back) = (create("kept"), create("taken"), create("back"));
    let registered = ClosedInChildren::new(&taken);
    drop(ClosedInChildren::new(&back));
    // The number of a fourth is another file's by now.
    let mut number = OwnedFd::from(create("ours"));
    let stale = ClosedInChildren::new(&number);
    dup2(create("theirs"), &mut number).unwrap();
    let [kept, taken, back, theirs] =
        [kept.as_raw_fd(), taken.as_raw_fd(), back.as_raw_fd(), number.as_raw_fd()];
    let look = || {
        let flags = [!is_null(taken), is_null(kept), is_null(back), is_null(theirs), !is_cloexec(taken)];
        flags.into_iter().enumerate().map(|(bit, is_wrong)| i32::from(is_wrong) << bit).sum::<i32>()
    };
    assert_eq!(ask(look), 0);
    assert_eq!(ask(|| ask(look)), 0, "in a child of a child");
    assert!(!is_null(taken), "the parent keeps it");
    drop((registered, stale));
    assert_eq!(ask(|| i32::from(is_null(taken))), 0, "taken back");
}

#[test]
fn a_child_does_not_hold_the_lock_of_a_parent_that_let_go() {
    // Children of other tests would hold what is not registered yet.
    if super::alone("children::a_child_does_not_hold_the_lock_of_a_parent_that_let_go").is_err() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let take = || Flock::lock(File::create(&path).unwrap(), FlockArg::LockExclusiveNonblock);
    let lock = take().unwrap();
    let registered = ClosedInChildren::new(&*lock);
    let (reader, writer) = nix::unistd::pipe().unwrap();
    let child = start(|| {
        nix::unistd::close(writer.as_raw_fd()).unwrap();
        i32::from(nix::unistd::read(&reader, &mut [0]) != Ok(0)) // until the parent is done
    });
    drop(registered);
    // As a death lets go: `Flock` unlocks when it is dropped, for a child too.
    let number = lock.as_raw_fd();
    std::mem::forget(lock);
    nix::unistd::close(number).unwrap();
    // The child lives until it is told; it may not have come back from its `fork` yet.
    let begun = Instant::now();
    let mut taken = take();
    while taken.is_err() && begun.elapsed() < Duration::from_secs(10) {
        thread::yield_now();
        taken = take();
    }
    drop(writer);
    assert_eq!(end(child), 0);
    assert!(taken.is_ok(), "the child held it");
}

#[test]
fn without_a_null_device_the_descriptor_is_closed() {
    const TEST: &str = "without_a_null_device_the_descriptor_is_closed";
    if !geteuid().is_root() {
        return skip(TEST, "only root may change its root");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = File::create(dir.path().join("file")).unwrap();
    let _registered = ClosedInChildren::new(&file);
    let number = file.as_raw_fd();
    let code = ask(|| {
        // In this child the number is null's already: another file, registered here.
        let file = File::open(dir.path().join("file")).unwrap();
        let _registered = ClosedInChildren::new(&file);
        chroot(dir.path()).unwrap();
        ask(|| i32::from(fstat(&file) != Err(nix::errno::Errno::EBADF)))
    });
    assert_eq!(code, 0, "{number}");
}

#[test]
fn a_fork_is_seen_by_whoever_watches() {
    const TEST: &str = "children::a_fork_is_seen_by_whoever_watches";
    // Other tests fork meanwhile.
    if super::alone(TEST).is_err() {
        return;
    }
    let watch = ForkWatch::start();
    assert!(!watch.saw_one());
    assert_eq!(ask(|| i32::from(!watch.saw_one() || ForkWatch::start().saw_one())), 0);
    assert!(watch.saw_one() && !ForkWatch::start().saw_one());
}

#[test]
fn a_lock_that_a_fork_left_is_not_waited_for() {
    static LOCK: ProcessLock<u32> = ProcessLock::new(0);
    let mut held = LOCK.lock();
    *held = 7;
    assert_eq!(ask(|| i32::from(*LOCK.lock() != 0)), 0);
    drop(held);
    assert_eq!(ask(|| ask(|| i32::from(*LOCK.lock() != 7))), 0, "nobody held it: it is taken over");
}

#[test]
fn forks_beside_threads_that_register_end() {
    let dir = tempfile::tempdir().unwrap();
    let is_over = AtomicBool::new(false);
    let open = || File::create(dir.path().join("file")).unwrap();
    let work = || {
        let files = [open(), open()];
        let registered = files.each_ref().map(ClosedInChildren::new);
        drop((registered, files));
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    work();
                }
            });
        }
        for _ in 0..300 {
            let here = Process::here();
            let code = ask(|| {
                work();
                i32::from(here.is_here() || !Process::here().is_here())
            });
            if code != 0 {
                is_over.store(true, Ordering::Relaxed);
            }
            assert_eq!(code, 0);
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_mapping_is_cleared_in_a_child_and_its_lock_ends_with_the_parents() {
    const LEN: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (path, go) = (dir.path().join("mapped"), dir.path().join("go"));
    let open =
        || fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
    let file = open();
    file.set_len(LEN.get() as u64).unwrap();
    let Ok(locked) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { panic!("held") };
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: new memory, at an address that the system chooses.
    let base = unsafe { mmap(None, LEN, access, MapFlags::MAP_SHARED, &*locked, 0) }.unwrap();
    // SAFETY: the last byte of it, in memory that lives until the end of this function; zero is good for it.
    let byte = unsafe { base.cast::<AtomicU8>().add(LEN.get() - 1).as_ref() };
    byte.store(7, Ordering::Relaxed);
    let closed = ClosedInChildren::new(&*locked);
    // SAFETY: it begins at a page, is unmapped below, and bytes may be anything.
    let cleared = unsafe { ClearedInChildren::new(base.cast(), LEN.get()) };
    let child = start(|| {
        let was = byte.swap(8, Ordering::Relaxed);
        while !go.exists() {
            thread::yield_now();
        }
        i32::from(was != 0 || byte.load(Ordering::Relaxed) != 8)
    });
    assert_eq!(byte.load(Ordering::Relaxed), 7, "the child has memory of its own");
    drop((closed, cleared));
    let number = locked.as_raw_fd();
    std::mem::forget(locked); // dropped, it would end the lock itself
    // SAFETY: `byte` is not used any more, and the number is this file's.
    unsafe {
        nix::sys::mman::munmap(base, LEN.get()).unwrap();
        libc::close(number);
    }
    // The child's handler may not have run yet, and another test's child may have come in between.
    let begun = Instant::now();
    let is_free = || Flock::lock(open(), FlockArg::LockExclusiveNonblock).is_ok();
    let mut was_free = is_free();
    while !was_free && begun.elapsed() < Duration::from_secs(10) {
        thread::yield_now();
        was_free = is_free();
    }
    fs::write(&go, "").unwrap();
    assert_eq!(end(child), 0);
    assert!(was_free, "while the child lived");
}
