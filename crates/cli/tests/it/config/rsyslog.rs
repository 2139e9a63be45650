//! Proves that rsyslog takes its snippet as it is, and that each line arrives once at a server over fifty rotations,
//! however backups are named and stored.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use tempfile::TempDir;
use tracing_spool::{Compression, Naming, Spool};

use super::{LONG, ODD_NAMES, log_at, program, snippet, write_lines};

const ROTATIONS: usize = 50;
/// More than 512 bytes of them, because rsyslog knows a smaller file by its inode alone, which the next one may have.
const LINES_EACH: usize = 40;

/// An rsyslogd in a directory of its own, which is ended with the test.
struct Rsyslogd(Child);

impl Rsyslogd {
    fn start(program: &str, configuration: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(["-n", "-iNONE", "-f"]).arg(configuration);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Rsyslogd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The snippet, and where rsyslog keeps what it knows.
fn configuration(dir: &TempDir, text: &str) -> PathBuf {
    let (file, work) = (dir.path().join("rsyslog.conf"), dir.path().join("work"));
    fs::create_dir_all(&work).unwrap();
    fs::write(&file, format!("global(workDirectory=\"{}\")\n{text}", work.display())).unwrap();
    file
}

/// Asserts that rsyslog has nothing to say about it.
fn assert_valid(rsyslogd: &str, configuration: &Path) {
    let output = Command::new(rsyslogd).arg("-N1").arg("-f").arg(configuration).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let is_usual = |line: &&str| line.contains("config validation run") || line.contains("End of config");
    assert!(output.status.success() && said.lines().all(|line| is_usual(&line)), "{said}");
}

/// The numbers of the lines that reach a server on a port given by the system.
fn server() -> (u16, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (numbers, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let number = line.rsplit(' ').next().and_then(|word| word.parse().ok());
                // rsyslog has things of its own to say, too.
                let Some(number) = number.filter(|_| line.contains("shop")) else { continue };
                if numbers.send(number).is_err() {
                    return;
                }
            }
        }
    });
    (port, received)
}

#[test]
fn rsyslog_takes_every_name_that_is_not_refused() {
    let test = "rsyslog_takes_every_name_that_is_not_refused";
    let Some(rsyslogd) = program(test, &["/usr/sbin/rsyslogd"]) else { return };
    for name in ODD_NAMES {
        let (dir, path) = log_at(name);
        let path = path.to_str().unwrap();
        for arguments in [&["rsyslog", path][..], &["rsyslog", path, "--to", "logs.example:514"]] {
            // Without an action of its own, a snippet leaves lines to the rules that are there already.
            let text = snippet(arguments) + "*.* /dev/null\n";
            assert_valid(rsyslogd, &configuration(&dir, &text));
        }
    }
}

#[test]
fn rsyslog_ships_each_line_once_over_fifty_rotations() {
    let test = "rsyslog_ships_each_line_once_over_fifty_rotations";
    let Some(rsyslogd) = program(test, &["/usr/sbin/rsyslogd"]) else { return };
    for (naming, flag) in [(Naming::Numbered, "numbered"), (Naming::Timestamped, "timestamped")] {
        ship(rsyslogd, "shop.log", naming, Compression::None, &["--naming", flag]);
        let gzip = ["--naming", flag, "--compression", "gzip"];
        ship(rsyslogd, "my \"shop\", it's $1.log", naming, Compression::Gzip, &gzip);
        let zstd = ["--naming", flag, "--compression", "zstd"];
        ship(rsyslogd, "my shop.log", naming, Compression::Zstd, &zstd);
    }
}

/// Writes files of which rsyslog has read the first line, and the rest not yet, when they are renamed.
fn ship(rsyslogd: &str, name: &str, naming: Naming, compression: Compression, flags: &[&str]) {
    let (dir, path) = log_at(name);
    let (spool, guard) =
        Spool::builder(&path).naming(naming).compression(compression).quiet().open().unwrap();
    let (port, received) = server();
    let address = format!("127.0.0.1:{port}");
    let arguments = [&["rsyslog", path.to_str().unwrap(), "--to", &address], flags].concat();
    let rsyslogd = Rsyslogd::start(rsyslogd, &configuration(&dir, &snippet(&arguments)));
    let mut next = 0;
    let mut receive_up_to = |end: usize, turn: usize| {
        for number in next..end {
            let arrived = received.recv_timeout(LONG);
            assert_eq!(arrived, Ok(number), "{flags:?}: lost or repeated after {turn} rotations");
        }
        next = end;
    };
    for turn in 0..=ROTATIONS {
        let first = turn * LINES_EACH;
        write_lines(&spool, &guard, first..first + 1);
        receive_up_to(first + 1, turn);
        write_lines(&spool, &guard, first + 1..first + LINES_EACH);
        if turn < ROTATIONS {
            guard.handle().rotate().unwrap();
            guard.handle().flush(LONG).unwrap();
        }
    }
    receive_up_to((ROTATIONS + 1) * LINES_EACH, ROTATIONS);
    drop(rsyslogd);
    assert!(received.try_recv().is_err(), "{flags:?}: something twice");
    assert!(guard.shutdown(LONG).is_complete());
}
