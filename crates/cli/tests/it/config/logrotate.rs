//! Proves that logrotate moves a log by its snippet while the log is written, and signals nobody but its writer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tracing_spool::Spool;

use super::{LONG, ODD_NAMES, log_at, program, snippet, until, write_lines};

const PLACES: [&str; 2] = ["/usr/sbin/logrotate", "/usr/bin/logrotate"];
const LINES: usize = 100;

/// logrotate with a snippet of its own.
struct Logrotate {
    program: &'static str,
    snippet: PathBuf,
}

impl Logrotate {
    fn new(program: &'static str, path: &Path, text: &str) -> Self {
        let snippet = path.with_file_name("snippet");
        fs::write(&snippet, text).unwrap();
        Self { program, snippet }
    }

    /// What it says, where nothing is wrong.
    #[track_caller]
    fn run(&self, option: &str) -> String {
        let mut command = Command::new(self.program);
        command.args([option, "--state"]).arg(self.snippet.with_extension("state")).arg(&self.snippet);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains("error:"), "{said}");
        said
    }
}

/// The files that logrotate has moved: `shop.log-20261129-1795933000`, and what it compressed.
fn moved(path: &Path) -> Vec<PathBuf> {
    let stem = format!("{}-", path.file_name().unwrap().to_str().unwrap());
    let mut moved: Vec<PathBuf> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with(&stem))
        .collect();
    moved.sort();
    moved
}

#[test]
fn logrotate_moves_a_log_of_any_name() {
    let Some(program) = program("logrotate_moves_a_log_of_any_name", &PLACES) else { return };
    for name in ODD_NAMES {
        let (_dir, path) = log_at(name);
        let (spool, guard) = Spool::builder(&path).quiet().open().unwrap();
        let logrotate = Logrotate::new(program, &path, &snippet(&["logrotate", path.to_str().unwrap()]));
        write_lines(&spool, &guard, 0..LINES);
        let plan = logrotate.run("--debug");
        assert!(plan.contains(&format!("considering log {}", path.display())), "{plan}");
        logrotate.run("--force");
        let mut next = LINES;
        // Without a signal: the writer finds out by itself, and makes the new file.
        assert!(until(|| {
            write_lines(&spool, &guard, next..next + 1);
            next += 1;
            path.exists()
        }));
        write_lines(&spool, &guard, next..next + LINES);
        assert!(guard.shutdown(LONG).is_complete());
        let files = [moved(&path), vec![path.clone()]].concat();
        let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        assert_eq!(files.len(), 2);
        // Between them the log says that its file was moved.
        let notices = text.lines().filter(|line| line.contains(" tracing_spool: "));
        let numbers = text.lines().filter_map(|line| line.parse::<usize>().ok());
        assert_eq!(notices.count() + next + LINES, text.lines().count());
        assert!(numbers.eq(0..next + LINES), "{name}: lost or repeated");
    }
}

#[test]
fn logrotate_compresses_what_nobody_writes_any_more() {
    const TEST: &str = "logrotate_compresses_what_nobody_writes_any_more";
    let Some(program) = program(TEST, &PLACES) else { return };
    for (compression, ending, tool) in [("gzip", "gz", "/bin/gzip"), ("zstd", "zst", "/usr/bin/zstd")] {
        let Some(tool) = super::program(TEST, &[tool]) else { continue };
        let (_dir, path) = log_at("my shop.log");
        let (spool, guard) = Spool::builder(&path).quiet().open().unwrap();
        let text = snippet(&["logrotate", path.to_str().unwrap(), "--compression", compression]);
        // Names by the second: two rotations within one would meet.
        let logrotate = Logrotate::new(program, &path, &text.replace("-%s\n", "-%s\n    dateyesterday\n"));
        write_lines(&spool, &guard, 0..LINES);
        logrotate.run("--force");
        let first = moved(&path).remove(0);
        fs::rename(&first, first.with_file_name("my shop.log-20200101-1577836800")).unwrap();
        let mut next = LINES;
        assert!(until(|| {
            write_lines(&spool, &guard, next..next + 1);
            next += 1;
            path.exists()
        }));
        logrotate.run("--force");
        let packed = first.with_file_name(format!("my shop.log-20200101-1577836800.{ending}"));
        let output = Command::new(tool).arg("-dc").arg(&packed).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with('0') && text.lines().count() >= LINES, "{packed:?}: {text}");
        assert_eq!(moved(&path).len(), 2, "the newest stays as it is");
    }
}

#[test]
fn logrotate_signals_the_writer_and_no_other() {
    let Some(program) = program("logrotate_signals_the_writer_and_no_other", &PLACES) else { return };
    let (_dir, path) = log_at("it's my shop.log");
    let logrotate = Logrotate::new(program, &path, &snippet(&["logrotate", path.to_str().unwrap(), "--hup"]));
    let (spool, guard) = Spool::builder(&path).quiet().open().unwrap();
    guard.handle().install_signals().unwrap();
    write_lines(&spool, &guard, 0..LINES);
    logrotate.run("--force");
    // Nobody logs, and the new file is there long before a look at the name would have made it.
    assert!(until(|| path.exists()), "SIGHUP reopened the log");
    write_lines(&spool, &guard, LINES..2 * LINES);
    assert!(guard.shutdown(LONG).is_complete());

    // The log is closed. Its lock file still names a process, by now somebody else.
    let mut other = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    let lock = path.with_file_name(".it's my shop.log.lock");
    fs::write(&lock, format!("process {} on here, since yesterday\n", other.id())).unwrap();
    fs::rename(moved(&path).remove(0), path.with_file_name("elsewhere")).unwrap();
    logrotate.run("--force");
    assert_eq!(moved(&path).len(), 1);
    let ended = other.try_wait().unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(ended, None, "a process that has nothing to do with the log was signalled");
}
