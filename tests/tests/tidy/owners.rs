//! Who may touch the outside world: a table of what is fenced and of the files that own it.
//! Tests and examples are part of the outside world themselves and are left out.

use crate::code::{CodePath, paths};
use crate::tree::Tree;

/// A part of the outside world.
struct Fence {
    what: &'static str,
    /// Paths that reach it, as they stand in code or in a `use`; any longer path that holds one counts.
    reached_by: &'static [&'static str],
    /// Files, or stems of a file and its folder. An empty list: nobody.
    owners: &'static [&'static str],
}

const FENCES: &[Fence] = &[
    Fence {
        what: "files",
        reached_by: &[
            "std::fs",
            "std::os::unix::fs",
            "OpenOptions",
            "File::open",
            "File::create",
            "File::options",
            "fs::File",
            "libc",
            "nix::dir",
            "nix::fcntl",
            "nix::sys::stat",
            "nix::sys::statvfs",
            "nix::sys::uio",
        ],
        owners: &[
            "crates/fileset/src/effect/disk",
            "crates/fileset/src/effect/lock",
            // Descriptors that a forked child must not keep, `atexit`, memory that a fork wipes.
            "crates/process/src/inherited",
            "crates/process/src/exit",
            "crates/process/src/ignored",
            "crates/process/src/system",
            // The file of a ring, which is mapped.
            "crates/ring/src/file",
            "crates/ring/src/memory",
            "crates/ring/src/platform",
            // What stands behind a descriptor, and the same opened without waiting; which of them are still ours.
            "crates/spool/src/platform/descriptor",
            "crates/spool/src/platform/ours",
            // Files with dated names, which the engine does not have: they are listed, and linked to.
            "crates/appender/src/rolling/disk",
            // It asks for the names of types.
            "crates/appender/src/non_blocking/kind",
        ],
    },
    Fence {
        what: "system calls on files and on the process",
        reached_by: &["nix::unistd"],
        owners: &[
            "crates/fileset/src/effect/disk",
            "crates/fileset/src/effect/lock",
            "crates/ring/src/file",
            "crates/ring/src/memory",
            "crates/ring/src/platform",
            // The main thread's number, for its processors and its class.
            "crates/process/src/system",
            // One write to a descriptor.
            "crates/spool/src/platform/descriptor",
            // Users and groups by name, for whom files are given to.
            "crates/fileset/src/model/owner",
            // The host's name, for the lock file and the alert file.
            "crates/fileset/src/engine/start",
            "crates/fileset/src/engine/ground",
        ],
    },
    Fence {
        what: "clocks",
        reached_by: &[
            "Instant::now",
            "SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
            "TimeZone::system",
            "TimeZone::try_system",
            "nix::time",
        ],
        // A caller waits for room with a limit, and only a clock of its own can tell it when to stop.
        owners: &[
            "crates/fileset/src/effect/clock",
            "crates/fileset/src/effect/zone",
            "crates/spool/src/hand_off/back_pressure",
            "crates/format/src/time",
            // The system's zone, in which files are named where that was asked for.
            "crates/appender/src/rolling/zone",
        ],
    },
    Fence {
        what: "threads and waiting",
        reached_by: &[
            "thread::spawn",
            "thread::Builder",
            "thread::scope",
            "thread::sleep",
            "thread::park",
            "thread::park_timeout",
            "nix::sys::signal",
            "nix::sys::pthread",
        ],
        owners: &[
            // Compression, where nobody drives the set.
            "crates/fileset/src/file_set/compressor",
            // Whether a signal is ignored, and how threads of ours are born.
            "crates/process/src/ignored",
            "crates/process/src/signals",
            "crates/process/src/system",
            "crates/process/src/threads",
            "crates/spool/src/open/spawn",
            // It waits for another process, where that was asked for.
            "crates/spool/src/open/start",
            "crates/spool/src/worker",
            "crates/spool/src/hand_off/wake",
            "crates/spool/src/platform/sync",
            // Where signals are wanted, one thread for the process hears of them.
            "crates/spool/src/leaving/signals",
        ],
    },
    Fence {
        what: "printing",
        reached_by: &[
            "print!",
            "println!",
            "eprint!",
            "eprintln!",
            "dbg!",
            "io::stderr",
            "io::stdout",
            "io::Stderr",
            "io::Stdout",
        ],
        // `kind` asks for the names of types.
        owners: &["crates/spool/src/platform/descriptor", "crates/appender/src/non_blocking/kind"],
    },
    Fence {
        what: "what only some systems have",
        reached_by: &[
            "target_os",
            "target_env",
            "target_vendor",
            "target_arch",
            "os::linux",
            "os::android",
            "os::macos",
            "os::darwin",
            "renameat2",
            "RenameFlags",
            "O_DIRECT",
            "O_PATH",
            "O_TMPFILE",
            "copy_file_range",
            "fallocate",
            "memfd_create",
            "posix_fadvise",
            "sendfile",
            "splice",
            "statx",
            "sync_file_range",
            "syncfs",
            "gettid",
            "ioprio_set",
            "nix::sched",
            "nix::sys::epoll",
            "nix::sys::eventfd",
            "nix::sys::fanotify",
            "nix::sys::inotify",
            "nix::sys::prctl",
            "nix::sys::signalfd",
            "nix::sys::sysinfo",
            "nix::sys::timerfd",
        ],
        // Each with a way around for the other systems.
        owners: &[
            "crates/fileset/src/effect/disk/platform",
            "crates/ring/src/platform",
            // A signal that waits for one thread is taken through a signalfd.
            "crates/process/src/system",
            "crates/process/src/threads",
        ],
    },
    Fence {
        what: "unsafe code",
        reached_by: &["unsafe"],
        // Two packages, whose every block argues why it is sound.
        owners: &["crates/ring/src", "crates/process/src"],
    },
    Fence {
        what: "the process",
        reached_by: &["process::exit", "process::abort", "env::set_current_dir", "env::set_var"],
        // Signals that were to end the first process of a container, and cannot.
        owners: &["crates/spool/src/leaving/signals"],
    },
    Fence {
        what: "hooks and handlers of the process, which are installed where the user asks for them only",
        reached_by: &["panic::set_hook", "panic::take_hook", "signal_hook"],
        owners: &["crates/spool/src/leaving/panic_hook", "crates/spool/src/leaving/signals"],
    },
];

/// The program for operators. Files, clocks and printing are what it is for; what it may change has owners.
const PROGRAM: &str = "crates/cli/";
const FENCES_OF_THE_PROGRAM: &[Fence] = &[
    Fence {
        what: "changes to files: a command that reads changes nothing",
        reached_by: &[
            "fs::write",
            "fs::copy",
            "fs::rename",
            "fs::remove_file",
            "fs::remove_dir",
            "fs::remove_dir_all",
            "fs::create_dir",
            "fs::create_dir_all",
            "fs::hard_link",
            "fs::set_permissions",
            "File::create",
            "File::set_len",
            "Flock",
            "fallocate",
            "ftruncate",
            "unlinkat",
        ],
        // The intake of a durable pipe; the demonstration's own disk.
        owners: &["crates/cli/src/pipe", "crates/cli/src/demo"],
    },
    Fence {
        what: "printing past `say`",
        reached_by: &["print!", "println!", "eprint!", "eprintln!", "dbg!", "io::stderr", "io::stdout"],
        owners: &["crates/cli/src/say", "crates/cli/src/pipe"],
    },
    Fence { what: "unsafe code", reached_by: &["unsafe"], owners: &[] },
    Fence {
        what: "the process",
        reached_by: &["process::exit", "process::abort", "env::set_current_dir", "env::set_var"],
        owners: &[],
    },
];

fn fences_around(path: &str) -> &'static [Fence] {
    if path.starts_with(PROGRAM) { FENCES_OF_THE_PROGRAM } else { FENCES }
}

impl Fence {
    /// The pattern that the path goes through the fence by.
    fn crossed_by(&self, path: &CodePath) -> Option<&'static str> {
        let holds = |pattern: &&&str| {
            let pattern: Vec<&str> = pattern.split("::").collect();
            path.parts.windows(pattern.len()).any(|parts| parts == pattern)
        };
        self.reached_by.iter().find(holds).copied()
    }

    fn is_owned_by(&self, path: &str) -> bool {
        self.owners.iter().any(|owner| is_of(path, owner))
    }
}

/// Whether the file is `<stem>.rs`, or stands in the folder `<stem>/`.
fn is_of(path: &str, stem: &str) -> bool {
    path.strip_prefix(stem).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Uses of the outside world by files that do not own that part of it.
pub(crate) fn trespasses(tree: &Tree) -> Vec<String> {
    let mut offences = Vec::new();
    for file in tree.library() {
        for path in paths(&file.shipped) {
            let crossed = fences_around(&file.path).iter().filter(|fence| !fence.is_owned_by(&file.path));
            let crossed = crossed.filter(|fence| fence.crossed_by(&path).is_some());
            offences.extend(crossed.map(|fence| {
                let owners =
                    if fence.owners.is_empty() { "nobody".to_owned() } else { fence.owners.join(", ") };
                format!(
                    "{}:{}: {} is of {}, owned by {owners}",
                    file.path,
                    path.line,
                    path.parts.join("::"),
                    fence.what
                )
            }));
        }
    }
    offences
}

/// Owners that are no file.
pub(crate) fn absent(tree: &Tree) -> Vec<String> {
    let owners = FENCES.iter().chain(FENCES_OF_THE_PROGRAM).flat_map(|fence| fence.owners);
    owners
        .filter(|owner| !tree.files.iter().any(|file| is_of(&file.path, owner)))
        .map(|owner| (*owner).into())
        .collect()
}

#[cfg(test)]
fn trespasses_of(path: &str, text: &str) -> usize {
    trespasses(&Tree::of([(path.to_owned(), text.to_owned())])).len()
}

#[test]
fn the_program_reads_and_changes_nothing() {
    let path = "crates/cli/src/cat/mod.rs";
    assert_eq!(trespasses_of(path, "use std::fs; fn f() { fs::File::open(a); thread::sleep(b); }"), 0);
    for text in ["fn f() { fs::remove_file(a); }", "use std::fs::rename;", "fn f() { println!(); }"] {
        assert_eq!(trespasses_of(path, text), 1, "{text}");
    }
}

#[test]
fn trespasses_are_caught() {
    for text in [
        "use std::fs;",
        "use std::{fs::File, io};",
        "use std::fs::*;",
        "fn f() { std::fs::rename(a, b); }",
        "fn f() { OpenOptions::new(); }",
        "fn f() { File::open(p); }",
        "use nix::fcntl::{Flock};",
        "fn f() -> u8 { Instant::now(); }",
        "fn f() { std::time::SystemTime::now(); }",
        "use std::thread::sleep;",
        "fn f() { thread::Builder::new(); }",
        "fn f() { println!(); }",
        "fn f() { write(io::stderr()); }",
        "use std::process::exit;",
        "const NOW: fn() -> Instant = Instant::now;",
        "fn f() { unsafe { g() } }",
    ] {
        assert_eq!(trespasses_of("crates/fileset/src/policy/plan.rs", text), 1, "{text}");
    }
}

#[test]
fn owners_tests_and_words_pass() {
    for (path, text) in [
        ("crates/fileset/src/effect/disk.rs", "use std::fs::File;"),
        ("crates/fileset/src/effect/disk/lock.rs", "use std::fs::File;"),
        ("crates/fileset/src/policy/plan.rs", "#[cfg(test)]\nmod tests { use std::fs; }"),
        (
            "crates/fileset/src/policy/plan.rs",
            "//! std::fs\n/// println!()\nconst A: &str = \"Instant::now\";",
        ),
        (
            "crates/fileset/src/policy/plan.rs",
            "use crate::effect::fs::Fs; fn f() -> FileKind { FileKind::File }",
        ),
        (
            "crates/fileset/src/policy/plan.rs",
            "use std::time::Instant; fn f(now: Instant) { now.elapsed_since(x) }",
        ),
        ("crates/spool/examples/a.rs", "fn main() { println!(); }"),
        ("tests/tests/it/a.rs", "use std::fs;"),
        ("crates/process/src/exit.rs", "fn f() { unsafe { g() } }"),
    ] {
        assert_eq!(trespasses_of(path, text), 0, "{path}: {text}");
    }
    assert_eq!(trespasses_of("crates/fileset/src/effect/disk_like.rs", "use std::fs;"), 1);
}

#[test]
fn what_only_some_systems_have_stands_in_one_file() {
    for text in [
        "#[cfg(target_os = \"linux\")]\nfn f() {}",
        "fn f() -> bool { cfg!(target_env = \"gnu\") }",
        "use nix::fcntl::{AT_FDCWD, renameat2};",
        "use nix::sys::inotify::Inotify;",
        "use std::os::linux::fs::MetadataExt;",
        "fn f() { posix_fadvise(a, b); }",
    ] {
        assert_eq!(trespasses_of("crates/fileset/src/effect/disk.rs", text), 1, "{text}");
        assert_eq!(trespasses_of("crates/fileset/src/effect/disk/platform.rs", text), 0, "{text}");
    }
    assert_eq!(trespasses_of("crates/fileset/src/effect/disk.rs", "#[cfg(unix)] fn f() {}"), 0);
}
