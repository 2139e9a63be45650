//! What the machine itself can do, measured beside the peers: nothing that writes a log can be faster.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::scenario::LINE_BYTES;

/// Nanoseconds of one operation each, but for `write_mb_per_second`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    pub copy_line: f64,
    pub fetch_add: f64,
    /// By each of two threads at once.
    pub fetch_add_contended: f64,
    /// 64 KiB at a time to a fresh file.
    pub write_mb_per_second: f64,
    pub write_line: f64,
    pub rename: f64,
    pub open: f64,
    pub fdatasync: f64,
    pub clock: f64,
}

/// Nanoseconds of one of `times` runs.
fn each(times: u32, mut run: impl FnMut()) -> f64 {
    let begun = Instant::now();
    (0..times).for_each(|_| run());
    begun.elapsed().as_nanos() as f64 / f64::from(times)
}

pub fn measure() -> Result<Limits> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name);
    let (line, mut to, counter) = ([7_u8; LINE_BYTES], [0_u8; LINE_BYTES], AtomicU64::new(0));
    let copy_line = each(5_000_000, || black_box(&mut to).copy_from_slice(black_box(&line)));
    let add = || {
        counter.fetch_add(1, Ordering::Relaxed);
    };
    let fetch_add = each(5_000_000, add);
    let fetch_add_contended = thread::scope(|scope| {
        let other = scope.spawn(|| each(3_000_000, add));
        let own = each(3_000_000, add);
        other.join().map_or(own, |other| f64::midpoint(own, other))
    });
    let block = vec![b'x'; 64 * 1024];
    let mut file = File::create(path("blocks"))?;
    let mut failed = None;
    let block_nanos = each(3_000, || failed = file.write_all(&block).err().or(failed.take()));
    let mut lines = File::create(path("lines"))?;
    let write_line = each(50_000, || failed = lines.write_all(&line).err().or(failed.take()));
    let fdatasync = each(20, || {
        let written = lines.write_all(&block[..4_096]).and_then(|()| lines.sync_data());
        failed = written.err().or(failed.take());
    });
    let names = [path("a"), path("b")];
    fs::write(&names[0], [])?;
    let mut turn = 0;
    let rename = each(2_000, || {
        failed = fs::rename(&names[turn], &names[1 - turn]).err().or(failed.take());
        turn = 1 - turn;
    });
    let open = each(5_000, || failed = File::open(path("lines")).err().or(failed.take()));
    failed.map_or(Ok(()), Err)?;
    let clock = each(1_000_000, || {
        black_box(Instant::now());
    });
    Ok(Limits {
        copy_line,
        fetch_add,
        fetch_add_contended,
        write_mb_per_second: block.len() as f64 * 1e3 / block_nanos,
        write_line,
        rename,
        open,
        fdatasync,
        clock,
    })
}
