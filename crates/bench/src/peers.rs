//! The loggers that are measured: one name each, opened into a directory. How each is called is in the files below.
//! Nothing is measured here.

mod crates;
mod facade;
mod macros;
mod native;
mod writers;

use std::path::Path as FilePath;

use anyhow::{Result, bail};

use crate::scenario::Spec;

/// The one that the others are held against.
pub const BASELINE: &str = "appender";
/// Ours, as it is compared: peers never sync.
pub const OURS: &str = "spool";

/// Ours, by the names of the other.
pub const OUR_APPENDER: &str = "spool-appender";

/// Ours, with a queue that outlives the process.
pub const DURABLE: &str = "spool-durable";

/// The one that is built from C++, where its header and a compiler are found.
pub const NATIVE: &str = "spdlog-cpp";

/// A peer and what can be said of it.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether it rotates by size.
    pub rotates: bool,
    /// Whether it is a `MakeWriter`, so that `tracing::info!` can be measured with it.
    pub is_make_writer: bool,
}

const fn peer(name: &'static str, about: &'static str, rotates: bool, is_make_writer: bool) -> Peer {
    Peer { name, about, rotates, is_make_writer }
}

const PEERS: [Peer; 22] = [
    peer(OURS, "tracing-spool, sync(Never)", true, true),
    peer("spool-default", "tracing-spool, sync on rotate (the default)", true, true),
    peer("spool-event-time", "tracing-spool, sync(Never), fmt with EventTime", true, true),
    peer(
        DURABLE,
        "tracing-spool, sync(Never), the ring in a file on tmpfs that outlives the process",
        true,
        true,
    ),
    peer("spool-durable-disk", "the same, the file on the disk of the log", true, true),
    peer(OUR_APPENDER, "tracing-spool-appender non-blocking, rolling::never", false, true),
    peer(BASELINE, "tracing-appender non-blocking, rolling::never", false, true),
    peer("appender-daily", "tracing-appender non-blocking, rolling::daily", false, true),
    peer("appender+file-rotate", "tracing-appender in front of file-rotate", true, true),
    peer("appender+logroller", "tracing-appender in front of logroller", true, true),
    peer("appender+rolling-file", "tracing-appender in front of rolling-file", true, true),
    peer("mutex-bufwriter", "Mutex<BufWriter<File>> of 64 KiB, on the caller's thread", false, true),
    peer("flexi-async", "flexi_logger, Async", true, false),
    peer("flexi-buffered", "flexi_logger, BufferAndFlush, on the caller's thread", true, false),
    peer("log4rs", "log4rs, rolling file, on the caller's thread", true, false),
    peer("spdlog-rs", "spdlog-rs, async pool in front of its rotating sink", true, false),
    peer(
        NATIVE,
        "C++ spdlog 1.x, async logger in front of its rotating sink (a full queue overwrites the oldest)",
        true,
        false,
    ),
    peer("ftlog", "ftlog (rotates by time alone; puts a time stamp before the line)", false, false),
    peer("emit_file", "emit_file (a full queue is emptied)", true, false),
    peer("log-io", "log-io, NonBlocking in front of its rotating file", true, false),
    peer(
        "ticklog",
        "ticklog with its FileSink (own macros, no spans, no `tracing`; 1 MiB ring per thread that drops or spins when \
         full; drops aren't counted, records over 64 KiB vanish; a kill loses the rings; its thread spins when idle)",
        false,
        false,
    ),
    peer(
        "inqjet",
        "inqjet in front of a BufWriter (own macros, no spans, no `tracing`; one 64 KiB ring that drops or backs off when \
         full; drops aren't counted, a record larger than the ring never gets in; a kill loses the ring and the buffer; we \
         strip the prefix that it always writes)",
        false,
        false,
    ),
];

pub fn all() -> impl Iterator<Item = Peer> {
    PEERS.into_iter()
}

/// Hands over one line.
pub type Write = dyn Fn(&str) + Send + Sync;

/// What callers and the measurement see of a peer.
pub struct Target {
    /// Hands over one line, newline included.
    pub write: Box<Write>,
    /// The same at level ERROR, where the peer has levels.
    pub write_error: Option<Box<Write>>,
    /// Asks for what waits to be written; may return before it is.
    pub flush: Box<dyn Fn() + Send + Sync>,
    /// What the peer says that it lost so far; none if it has no such number.
    pub told: Box<dyn Fn() -> Option<u64> + Send + Sync>,
    /// Closed by being dropped, last.
    pub guard: Box<dyn std::any::Any>,
}

pub fn open(spec: &Spec, dir: &FilePath) -> Result<Target> {
    match spec.peer.as_str() {
        OUR_APPENDER => writers::our_appender(spec, dir),
        name if name == OURS || name.starts_with("spool-") => writers::spool(spec, dir),
        name if name.starts_with(BASELINE) => writers::appender(spec, dir),
        "mutex-bufwriter" => writers::mutex(spec, dir),
        "flexi-async" | "flexi-buffered" => facade::flexi(spec, dir),
        "log4rs" => facade::log4rs(spec, dir),
        "ftlog" => facade::ftlog(spec, dir),
        "spdlog-rs" => crates::spdlog(spec, dir),
        NATIVE => native::spdlog(spec, dir),
        "emit_file" => crates::emit_file(spec, dir),
        "log-io" => crates::log_io(spec, dir),
        "ticklog" => macros::ticklog(spec, dir),
        "inqjet" => macros::inqjet(spec, dir),
        other => bail!("no peer is called {other:?}; there are: {}", names()),
    }
}

pub fn names() -> String {
    all().map(|peer| peer.name).collect::<Vec<_>>().join(", ")
}
