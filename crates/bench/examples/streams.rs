//! How fast lines go through a pipe with a fast reader, and what a call costs: a locked `BufWriter` that flushes by line (what
//! `println!` does), tracing-appender in front of the pipe, and ours. One interleaved run; medians of the rounds.
//!
//! ```text
//! cargo run --release --manifest-path crates/bench/Cargo.toml --example streams -- 9
//! ```

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use nix::unistd::pipe;
use tracing_spool::{Overflow, Spool};
use tracing_subscriber::fmt::MakeWriter;

const LINES: usize = 300_000;
const PATIENCE: Duration = Duration::from_secs(60);

type Way = fn(OwnedFd, &[u8]);

const WAYS: [(&str, Way); 4] = [
    ("locked BufWriter, flushed by line", locked),
    ("tracing-appender, lossy(false)", appender),
    ("tracing-spool-appender, lossy(false)", our_appender),
    ("Spool::fd, Overflow::Block", spool),
];

fn main() -> Result<()> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(5), |rounds| rounds.parse())?;
    let mut rates = vec![Vec::new(); WAYS.len()];
    for round in 0..=rounds {
        for (way, (_, run)) in WAYS.iter().enumerate() {
            let rate = measure(*run)?;
            if round > 0 {
                rates[way].push(rate); // the first warms up
            }
        }
    }
    for ((name, _), mut rates) in WAYS.iter().zip(rates) {
        rates.sort_by(f64::total_cmp);
        println!(
            "{name:40} {:6.2} M lines/s ({:.2} to {:.2})",
            rates[rates.len() / 2],
            rates[0],
            rates[rates.len() - 1]
        );
    }
    Ok(())
}

/// Millions of lines a second, from the first call until the reader has all.
fn measure(run: Way) -> Result<f64> {
    let line = format!("{}\n", "x".repeat(119)).into_bytes();
    let (reader, writer) = pipe()?;
    let begun = Instant::now();
    let reads = thread::spawn(move || {
        let (mut reader, mut buffer, mut bytes) = (File::from(reader), vec![0; 64 * 1024], 0);
        while let Ok(more @ 1..) = reader.read(&mut buffer) {
            bytes += more;
        }
        bytes
    });
    run(writer, &line);
    let bytes = reads.join().expect("it only reads");
    let time = begun.elapsed();
    ensure!(bytes == LINES * line.len(), "{bytes} bytes");
    Ok(LINES as f64 / time.as_secs_f64() / 1e6)
}

fn locked(writer: OwnedFd, line: &[u8]) {
    let writer = Mutex::new(BufWriter::new(File::from(writer)));
    for _ in 0..LINES {
        let mut writer = writer.lock().expect("nobody panics");
        writer.write_all(line).and_then(|()| writer.flush()).expect("the reader reads");
    }
}

fn appender(writer: OwnedFd, line: &[u8]) {
    let builder = tracing_appender::non_blocking::NonBlockingBuilder::default().lossy(false);
    let (mut writer, guard) = builder.finish(File::from(writer));
    for _ in 0..LINES {
        writer.write_all(line).expect("nothing is lost");
    }
    drop(guard);
    drop(writer);
}

fn our_appender(writer: OwnedFd, line: &[u8]) {
    let builder = tracing_spool_appender::non_blocking::NonBlockingBuilder::default().lossy(false);
    let (mut writer, guard) = builder.finish(File::from(writer));
    for _ in 0..LINES {
        writer.write_all(line).expect("nothing is lost");
    }
    drop(guard);
}

fn spool(writer: OwnedFd, line: &[u8]) {
    let (spool, guard) = Spool::fd(writer).overflow(Overflow::Block).open().expect("it is a pipe");
    for _ in 0..LINES {
        spool.make_writer().write_all(line).expect("it never fails");
    }
    assert!(guard.shutdown(PATIENCE).is_complete());
}
