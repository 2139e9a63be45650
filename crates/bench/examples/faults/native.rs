//! What is compiled for the children: the slow disk, and C++ spdlog. Both sources are those of the benchmark.

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use libloading::Library;

use crate::loggers::{Logger, Setup};

/// Names C++ spdlog's library to a child.
pub const LIBRARY: &str = "FAULTS_SPDLOG";

type Open = unsafe extern "C" fn(*const c_char, u64, u64, c_int) -> *mut c_void;
type Hand = unsafe extern "C" fn(*mut c_void, *const u8, usize);
type Act = unsafe extern "C" fn(*mut c_void);
type Count = unsafe extern "C" fn(*mut c_void) -> u64;

/// What could be compiled.
pub struct Built {
    pub shim: Option<PathBuf>,
    pub spdlog: Option<PathBuf>,
}

impl Built {
    pub fn in_dir(dir: &Path) -> Self {
        let (shim, spdlog) = (dir.join("trouble.c"), dir.join("spdlog.cpp"));
        let flags = ["-std=c++17", "-DSPDLOG_SHARED_LIB", "-DSPDLOG_COMPILED_LIB", "-DSPDLOG_FMT_EXTERNAL"];
        let libraries = ["-lspdlog", "-lfmt", "-lpthread"];
        Self {
            shim: compile("cc", &shim, include_str!("../../shim/trouble.c"), &[], &["-ldl", "-lpthread"]),
            spdlog: compile("c++", &spdlog, include_str!("../../native/spdlog.cpp"), &flags, &libraries),
        }
    }
}

fn compile(compiler: &str, path: &Path, source: &str, flags: &[&str], libraries: &[&str]) -> Option<PathBuf> {
    let object = path.with_extension("so");
    fs::write(path, source).ok()?;
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", "-O2"]).args(flags).arg("-o").args([&object, path]).args(libraries);
    command.output().ok()?.status.success().then_some(object)
}

struct Peer {
    peer: *mut c_void,
    write: Hand,
    flush: Act,
    lost: Count,
    close: Act,
}

// SAFETY: spdlog's logger and its pool may be used by several threads at once.
unsafe impl Send for Peer {}
// SAFETY: as above.
unsafe impl Sync for Peer {}

struct Closer(Arc<Peer>);

impl Drop for Closer {
    fn drop(&mut self) {
        // SAFETY: the peer is never freed, and nobody writes any more.
        unsafe { (self.0.close)(self.0.peer) }
    }
}

pub fn open(setup: &Setup<'_>) -> Result<Logger> {
    let path = std::env::var_os(LIBRARY).context("C++ spdlog was not built")?;
    // SAFETY: it is ours, and has no initializers but those of spdlog.
    let library: &'static Library = Box::leak(Box::new(unsafe { Library::new(path)? }));
    let file = CString::new(setup.dir.join("app.log").as_os_str().as_bytes())?;
    // SAFETY: the types are those of the file that it was compiled from.
    let peer = unsafe {
        let peer =
            library.get::<Open>(b"spool_bench_open\0")?(file.as_ptr(), setup.limit, setup.keep as u64, 1);
        if peer.is_null() {
            bail!("C++ spdlog does not open its file");
        }
        Arc::new(Peer {
            peer,
            write: *library.get(b"spool_bench_write\0")?,
            flush: *library.get(b"spool_bench_flush\0")?,
            lost: *library.get(b"spool_bench_lost\0")?,
            close: *library.get(b"spool_bench_close\0")?,
        })
    };
    let (writer, flusher, counter) = (Arc::clone(&peer), Arc::clone(&peer), Arc::clone(&peer));
    Ok(Logger {
        event: Box::new(move |event| {
            let line = event.to_string();
            // SAFETY: the line is copied before this returns.
            unsafe { (writer.write)(writer.peer, line.as_ptr(), line.len()) }
        }),
        // SAFETY: the peer is never freed.
        flush: Box::new(move || unsafe { (flusher.flush)(flusher.peer) }),
        // SAFETY: as above.
        told: Box::new(move || Some(unsafe { (counter.lost)(counter.peer) })),
        guard: Box::new(Closer(peer)),
    })
}
