//! A set of five files that a real `Spool` wrote, as lines in memory, so that a test can damage them and put them back.

use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tracing_core::Level;
use tracing_spool::{Compression, Durable, Notices, Overflow, Spool, SpoolBuilder};
use tracing_spool_torture::line::Line;

pub(crate) const FILES: u64 = 5;
/// Lines of each of two threads in a file.
pub(crate) const LINES: u64 = 10;
/// How the torture's lines state their writer, number and length.
pub(crate) const TORTURE: &str = r"(?<key>L\d{5} T\d{2}) N(?<number>\d{8}) W(?<bytes>\d{5}) C[0-9a-f]{8} ";

/// What the lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The torture's, with number, length and checksum, and no time stamp.
    Torture,
    Text,
    Json,
}

/// The files of a set, the oldest first: name and lines, each with its newline.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) files: Vec<(OsString, Vec<String>)>,
}

/// Returns a builder of `<dir>/app.log` that loses nothing.
pub(crate) fn builder(dir: &Path) -> SpoolBuilder {
    Spool::builder(dir.join("app.log")).backup_count(20).durable(Durable::off()).overflow(Overflow::Block)
}

impl Set {
    /// Has a spool write a set, and reads it.
    pub(crate) fn written(compression: Compression, shape: Shape) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let notices = if shape == Shape::Json { Notices::Json } else { Notices::Text };
        let (spool, guard) = builder(dir.path()).compression(compression).notices(notices).open().unwrap();
        let mut output = spool.lines(Level::INFO);
        for number in 0..FILES * LINES {
            for thread in 0..2 {
                output.write_all(line(shape, thread, number).as_bytes()).unwrap();
            }
            if (number + 1) % LINES == 0 && number + 1 < FILES * LINES {
                guard.handle().flush(Duration::from_secs(10)).unwrap();
                guard.handle().rotate().unwrap();
            }
        }
        guard.handle().flush(Duration::from_secs(10)).unwrap();
        // Every backup but the newest is compressed, in its own time.
        let packed = if compression == Compression::None { 0 } else { 3 };
        let deadline = Instant::now() + Duration::from_secs(30);
        while names(dir.path()).iter().filter(|name| is_packed(name)).count() < packed {
            assert!(Instant::now() < deadline, "{:?}", names(dir.path()));
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(output);
        assert_eq!(guard.shutdown(Duration::from_secs(10)).dropped, 0);
        Self::read(dir.path())
    }

    fn read(dir: &Path) -> Self {
        let text = |name: &OsString| unpack(name, &fs::read(dir.join(name)).unwrap());
        let lines = |name: &OsString| text(name).split_inclusive('\n').map(str::to_owned).collect();
        Self { files: names(dir).iter().map(|name| (name.clone(), lines(name))).collect() }
    }

    /// Writes the files into an empty directory, packed as they were. Returns the path of the live file.
    pub(crate) fn put(&self, dir: &Path) -> PathBuf {
        for (name, lines) in &self.files {
            fs::write(dir.join(name), pack(name, lines.concat().as_bytes())).unwrap();
        }
        dir.join("app.log")
    }
}

/// Returns the names of a set, the oldest first.
fn names(dir: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| name.to_str().unwrap().starts_with("app.log"));
    names.sort_by(|a, b| b.cmp(a)); // one digit each, and the live file's name is the shortest
    names
}

pub(crate) fn is_packed(name: &OsString) -> bool {
    matches!(Path::new(name).extension().and_then(|end| end.to_str()), Some("gz" | "zst"))
}

pub(crate) fn pack(name: &OsString, bytes: &[u8]) -> Vec<u8> {
    match Path::new(name).extension().and_then(|end| end.to_str()) {
        Some("gz") => {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            gz.write_all(bytes).unwrap();
            gz.finish().unwrap()
        }
        Some("zst") => {
            let mut zst = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            zst.include_checksum(true).unwrap();
            zst.write_all(bytes).unwrap();
            zst.finish().unwrap()
        }
        _ => bytes.to_vec(),
    }
}

fn unpack(name: &OsString, bytes: &[u8]) -> String {
    let mut text = String::new();
    match Path::new(name).extension().and_then(|end| end.to_str()) {
        Some("gz") => flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap(),
        Some("zst") => zstd::Decoder::new(bytes).unwrap().read_to_string(&mut text).unwrap(),
        _ => {
            text.push_str(std::str::from_utf8(bytes).unwrap());
            bytes.len()
        }
    };
    text
}

fn line(shape: Shape, thread: u32, number: u64) -> String {
    let micros = i64::try_from(number * 2).unwrap() + i64::from(thread);
    let at = jiff::Timestamp::from_microsecond(1_795_544_351_000_250 + micros * 1_000_003).unwrap();
    match shape {
        Shape::Torture => {
            let width = 60 + usize::try_from(number).unwrap();
            Line { life: 0, thread, number, width }.text() + "\n"
        }
        Shape::Text => format!("{at:.6}  INFO shop: T{thread} N{number} order shipped\n"),
        Shape::Json => format!(
            "{{\"timestamp\":\"{at:.6}\",\"level\":\"INFO\",\"fields\":{{\"message\":\"shipped\",\"thread\":{thread},\
             \"number\":{number}}},\"target\":\"shop\"}}\n"
        ),
    }
}

/// Runs `tspool verify`. Returns its exit code and what it printed.
pub(crate) fn verify(path: &Path, options: &[&str]) -> (i32, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tspool")).arg("verify").arg(path).args(options).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}
