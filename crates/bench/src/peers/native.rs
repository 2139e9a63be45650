//! C++ spdlog, loaded as a library (`native/spdlog.cpp`) by the process that measures: the same code times it as any other peer.
//! How it is built is `process`'s.

use std::ffi::{CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path as FilePath;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use libloading::Library;

use super::Target;
use crate::process;
use crate::scenario::Spec;

type Open = unsafe extern "C" fn(*const c_char, u64, u64, c_int) -> *mut c_void;
type Hand = unsafe extern "C" fn(*mut c_void, *const u8, usize);
type Act = unsafe extern "C" fn(*mut c_void);
type Count = unsafe extern "C" fn(*mut c_void) -> u64;

/// The logger, and its functions. It is never unloaded.
struct Peer {
    peer: *mut c_void,
    write: Hand,
    write_error: Hand,
    flush: Act,
    lost: Count,
    close: Act,
}

// SAFETY: spdlog's logger and its pool may be used by several threads at once.
unsafe impl Send for Peer {}
// SAFETY: as above.
unsafe impl Sync for Peer {}

impl Peer {
    fn open(spec: &Spec, path: &FilePath) -> Result<Self> {
        // SAFETY: it is ours, and has no initializers but those of spdlog.
        let library = unsafe { Library::new(process::spdlog_library()?) }.context("C++ spdlog")?;
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: the types are those of the file that it was compiled from.
        unsafe {
            let open = library.get::<Open>(b"spool_bench_open\0")?;
            let path = CString::new(path.as_os_str().as_bytes())?;
            let peer = open(path.as_ptr(), spec.max_bytes, u64::from(spec.backups), c_int::from(spec.lossy));
            if peer.is_null() {
                bail!("C++ spdlog does not open its file");
            }
            Ok(Self {
                peer,
                write: *library.get(b"spool_bench_write\0")?,
                write_error: *library.get(b"spool_bench_write_error\0")?,
                flush: *library.get(b"spool_bench_flush\0")?,
                lost: *library.get(b"spool_bench_lost\0")?,
                close: *library.get(b"spool_bench_close\0")?,
            })
        }
    }

    fn hand(&self, write: Hand, line: &str) {
        let line = line.trim_end_matches('\n');
        // SAFETY: the line is copied before this returns.
        unsafe { write(self.peer, line.as_ptr(), line.len()) }
    }

    fn act(&self, act: Act) {
        // SAFETY: the peer is never freed.
        unsafe { act(self.peer) }
    }

    fn lost(&self) -> u64 {
        // SAFETY: as above.
        unsafe { (self.lost)(self.peer) }
    }
}

/// Ends the logger's thread when it is dropped; nobody writes after that.
struct Closer(Arc<Peer>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.act(self.0.close);
    }
}

pub fn spdlog(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let peer = Arc::new(Peer::open(spec, &dir.join("app.log"))?);
    let (writer, error, flusher, counter) =
        (Arc::clone(&peer), Arc::clone(&peer), Arc::clone(&peer), Arc::clone(&peer));
    Ok(Target {
        write: Box::new(move |line| writer.hand(writer.write, line)),
        write_error: Some(Box::new(move |line| error.hand(error.write_error, line))),
        flush: Box::new(move || flusher.act(flusher.flush)),
        told: Box::new(move || Some(counter.lost())),
        guard: Box::new(Closer(peer)),
    })
}
