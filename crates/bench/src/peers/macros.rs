//! Peers with logging macros of their own and one global logger per process, without spans and without `tracing`.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path as FilePath;

use anyhow::Result;
use inqjet::BackpressureMode;

use super::{Target, Write};
use crate::scenario::Spec;

/// The same size as the buffer in ticklog's `FileSink`.
const BUFFER: usize = 64 * 1024;

/// Neither logger has a flush for callers, and neither counts what it drops.
fn target(write: Box<Write>, guard: impl std::any::Any) -> Target {
    Target {
        write,
        write_error: None,
        flush: Box::new(|| ()),
        told: Box::new(|| None),
        guard: Box::new(guard),
    }
}

/// Makes a caller with its overflow policy as a constant. ticklog's macros look up the level and the policy in two macros
/// that `configure!` exports from the crate root, where a module can't name them; and one `configure!` has one policy.
macro_rules! ticklog_caller {
    ($policy:ident) => {{
        macro_rules! __ticklog_max_level {
            () => {
                ticklog::Level::Info
            };
        }
        macro_rules! __ticklog_backpressure {
            () => {
                ticklog::Backpressure::$policy
            };
        }
        Box::new(|line: &str| ticklog::info!("{}", line.trim_end_matches('\n')))
    }};
}

pub fn ticklog(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let guard = ticklog::configure! {
        sink: ticklog::FileSink::new(dir.join("app.log"))?,
        format: "{message}",
    }?;
    let write: Box<Write> = if spec.lossy { ticklog_caller!(Drop) } else { ticklog_caller!(Block) };
    Ok(target(write, guard))
}

/// Strips inqjet's prefix (time, level and place, each followed by a space) from the record that each `write` brings.
/// With the prefix, the files would reach the expected size before the last line, and the measurement would end early.
struct Bare(BufWriter<File>);

impl io::Write for Bare {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = bytes.splitn(4, |byte| *byte == b' ').nth(3).unwrap_or(bytes);
        self.0.write_all(line)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

pub fn inqjet(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let file = File::options().create(true).append(true).open(dir.join("app.log"))?;
    let guard = inqjet::InqJetBuilder::default()
        .with_writer(Bare(BufWriter::with_capacity(BUFFER, file)))
        .with_log_level(inqjet::LevelFilter::Info)
        .with_color_mode(inqjet::ColorMode::Never)
        .with_backpressure(if spec.lossy { BackpressureMode::Drop } else { BackpressureMode::Backoff })
        .build()?;
    let write = |line: &str| inqjet::info!(target: "bench", "{}", line.trim_end_matches('\n'));
    Ok(target(Box::new(write), guard))
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;
    use std::{fs, thread};

    use super::{Target, inqjet, ticklog};
    use crate::scenario::{Spec, Work};

    /// Two lines of two threads are in the file as they were given, each with one newline.
    fn writes_lines_as_given(open: fn(&Spec, &FilePath) -> anyhow::Result<Target>) {
        let dir = tempfile::tempdir().unwrap();
        let target = open(&Spec::new("any", Work::Burst, 2, 2), dir.path()).unwrap();
        thread::scope(|scope| {
            let write = &target.write;
            scope.spawn(|| write("00:00:00  INFO 0: has something to say {} x\n"));
        });
        (target.write)("00:00:00  INFO 1: y\n");
        drop(target.guard);
        let text = fs::read_to_string(dir.path().join("app.log")).unwrap();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines.sort_unstable();
        assert_eq!(lines, ["00:00:00  INFO 0: has something to say {} x\n", "00:00:00  INFO 1: y\n"]);
    }

    #[test]
    fn ticklog_writes_lines_as_given() {
        writes_lines_as_given(ticklog);
    }

    #[test]
    fn inqjet_writes_lines_as_given() {
        writes_lines_as_given(inqjet);
    }
}
