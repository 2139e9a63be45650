//! Proves that a file set alone, as an `io::Write`, takes lines however they arrive, each whole or not at all. The
//! integration package tests it behind tracing-appender's queue.

use std::io::{self, BufWriter, ErrorKind, Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tracing_spool_fileset::sim::{Fault, SimClock, SimDisk};
use tracing_spool_fileset::{Compression, FileSet, Header, Op, OsError, Settings};

use crate::records::unpacked;
use crate::world::{LIVE, settings};

struct Alone {
    disk: SimDisk,
    clock: SimClock,
    set: Option<FileSet>,
}

impl Alone {
    fn open(settings: Settings) -> Self {
        let (disk, clock) = (SimDisk::new(), SimClock::new());
        disk.set_clock(&clock);
        disk.mkdir_all("/logs");
        let mut alone = Self { disk, clock, set: None };
        alone.reopen(settings);
        alone
    }

    fn reopen(&mut self, settings: Settings) {
        self.set = None;
        self.set = Some(FileSet::open_with(settings, self.disk.fs(), Box::new(self.clock.clone())).unwrap());
    }

    fn set(&mut self) -> &mut FileSet {
        self.set.as_mut().unwrap()
    }

    fn content(&self) -> String {
        String::from_utf8(self.disk.read(LIVE).unwrap()).unwrap()
    }

    fn fill_disk_but_for(&self, more: u64) {
        let used: u64 = self.disk.list("/logs").iter().map(|(_, bytes)| bytes).sum();
        self.disk.set_capacity(Some(used + more));
    }

    /// All lines, oldest first.
    fn lines(&self) -> Vec<String> {
        let backups = (1..=9).rev().map(|number| format!("{LIVE}.{number}"));
        let files = backups.chain([LIVE.to_owned()]).filter_map(|path| self.disk.read(path));
        let text: Vec<u8> = files.flatten().collect();
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }
}

fn open() -> Alone {
    Alone::open(settings(0, 300))
}

#[test]
fn a_line_is_a_record_however_it_comes() {
    let mut alone = open();
    let set = alone.set();
    set.write_all(b"by").unwrap();
    set.write_all(b"tes\n").unwrap();
    writeln!(set, "number {}", 7).unwrap();
    write!(set, "two\nlines\nand").unwrap();
    assert_eq!(set.write(b"").unwrap(), 0);
    assert_eq!(set.counters().records_written, 4);
    assert_eq!(alone.content(), "bytes\nnumber 7\ntwo\nlines\n");
    alone.set().flush().unwrap();
    assert_eq!(alone.content(), "bytes\nnumber 7\ntwo\nlines\nand\n");
    alone.set().write_all(b"last").unwrap();
    alone.set = None;
    assert_eq!(alone.content(), "bytes\nnumber 7\ntwo\nlines\nand\nlast\n");
}

#[test]
fn a_line_that_cannot_begin_is_refused_whole() {
    let mut alone = open();
    alone.fill_disk_but_for(0);
    let error = alone.set().write(b"record\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(error.to_string().contains("write /logs/app.log: ENOSPC"), "{error}");
    assert!(writeln!(alone.set(), "in {} pieces", 2).is_err());
    alone.disk.set_capacity(None);
    alone.clock.advance(Duration::from_secs(1));
    alone.set().write_all(b"another\n").unwrap();
    assert_eq!(alone.content(), "another\n");
}

#[test]
fn of_several_lines_those_are_taken_that_have_room() {
    let mut alone = open();
    alone.fill_disk_but_for(6);
    let taken = alone.set().write(b"one\ntwo\nthree\n").unwrap();
    assert_eq!((taken, alone.content().as_str()), (8, "one\ntw"), "the second was begun");
    assert!(alone.set().write(b"three\n").is_err());
    alone.disk.set_capacity(None);
    alone.clock.advance(Duration::from_secs(1));
    alone.set().write_all(b"three\n").unwrap();
    assert_eq!(alone.content(), "one\ntwo\nthree\n");
}

#[test]
fn a_line_that_was_begun_is_taken_whole_and_finished_first() {
    let mut alone = open();
    alone.fill_disk_but_for(3);
    assert_eq!(alone.set().write(b"record\n").unwrap(), 7);
    assert_eq!(alone.content(), "rec");
    assert!(alone.set().write(b"refused\n").is_err());
    assert!(alone.set().flush().is_err());
    alone.disk.set_capacity(None);
    alone.set().flush().unwrap();
    alone.set().write_all(b"next\n").unwrap();
    assert_eq!(alone.content(), "record\nnext\n");
}

#[test]
fn dropped_with_a_line_begun_it_leaves_no_half() {
    let mut alone = open();
    alone.fill_disk_but_for(3);
    assert_eq!(alone.set().write(b"record\n").unwrap(), 7);
    let report = alone.set.take().unwrap().close();
    assert_eq!((report.records_left, alone.content().as_str()), (1, ""));
}

#[test]
fn dropped_when_there_is_room_it_finishes_what_it_began() {
    let mut alone = open();
    alone.fill_disk_but_for(3);
    assert_eq!(alone.set().write(b"record\n").unwrap(), 7);
    alone.disk.set_capacity(None);
    alone.set = None;
    assert_eq!(alone.content(), "record\n");
}

#[test]
fn at_its_budget_it_says_so() {
    let mut alone = open();
    alone.disk.fault(Fault::on(Op::Unlink).fails(OsError::EPERM).until_cleared());
    let line = [[b'x'; 59].as_slice(), b"\n"].concat();
    let mut refused = None;
    for _ in 0..20 {
        refused = alone.set().write(&line).err().or(refused);
    }
    let error = refused.unwrap();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(error.to_string().contains("max_total_bytes"), "{error}");
}

#[test]
fn a_line_that_no_file_can_hold_is_given_up_and_the_error_says_why() {
    let mut alone = Alone::open(settings(2, 300));
    alone.disk.set_file_limit(Some(20));
    let long = |byte: u8| [[byte; 29].as_slice(), b"\n"].concat();
    // Begun, it is taken; the flushes that follow are the retries.
    assert_eq!(alone.set().write(&long(b'x')).unwrap(), 30);
    for _ in 0..2 {
        assert!(alone.set().flush().unwrap_err().to_string().contains("write /logs/app.log: EFBIG"));
        assert_eq!(alone.content().len(), 20);
    }
    assert_eq!(alone.set().flush().unwrap_err().raw_os_error(), Some(OsError::EFBIG.code()));
    assert_eq!(alone.content(), "");
    alone.set().write_all(b"next\n").unwrap();
    let error = alone.set().write(&long(b'y')).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge, "the limit is known now");
    alone.set().write_all(b"last\n").unwrap();
    assert_eq!(alone.lines(), ["next", "last"]);
    assert_eq!(alone.set().counters().records_refused, 2);
}

#[test]
fn behind_a_buffer_and_at_the_end_of_a_copy_no_line_is_torn() {
    let mut wide = settings(9, 100_000);
    wide.max_bytes = 9_000;
    let mut alone = Alone::open(wide.clone());
    let mut buffered = BufWriter::with_capacity(100, alone.set.take().unwrap());
    let lines: Vec<String> = (0..2_000).map(|number| format!("order {number} of 2000 shipped")).collect();
    lines.iter().for_each(|line| writeln!(buffered, "{line}").unwrap());
    drop(buffered);
    assert_eq!(alone.lines(), lines);

    let mut alone = Alone::open(wide);
    let text: String = (1..=9_000).map(|number| format!("{number}\n")).collect();
    let mut reader = io::BufReader::with_capacity(1_000, text.as_bytes()).take(u64::MAX);
    assert_eq!(io::copy(&mut reader, alone.set()).unwrap(), text.len() as u64);
    assert_eq!(alone.lines().len(), 9_000);
}

#[test]
fn backups_are_compressed_on_a_thread_of_its_own() {
    let mut packed = settings(3, 10_000);
    packed.compression = Compression::Gzip;
    let mut alone = Alone::open(packed);
    for number in 0..60 {
        writeln!(alone.set(), "{number:039}").unwrap();
    }
    alone.set = None;
    let names: Vec<String> =
        alone.disk.list("/logs").iter().map(|(name, _)| name.to_str().unwrap().to_owned()).collect();
    let wanted = [".app.log.lock", "app.log", "app.log.1", "app.log.2.gz", "app.log.3.gz"];
    assert_eq!(names, wanted);
    let oldest = unpacked(alone.disk.read(format!("{LIVE}.3.gz")).unwrap(), Compression::Gzip);
    assert_eq!(oldest.len(), 200);
}

#[test]
fn each_new_file_begins_with_the_header_and_the_hook_hears_of_each_rotation() {
    let mut headed = settings(3, 10_000);
    headed.header = Some(Header::from("# shop 1.4"));
    let mut alone = Alone::open(headed.clone());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&heard);
    alone.set().on_rotate(move |rotated| {
        hook.lock().unwrap().push((rotated.backup.clone().unwrap(), rotated.bytes));
        assert!(rotated.bytes != 191, "a hook may panic");
    });
    for number in 0..12 {
        writeln!(alone.set(), "{number:029}").unwrap();
    }
    let files = [format!("{LIVE}.1"), LIVE.to_owned()].map(|path| alone.disk.read(path).unwrap());
    assert!(files.iter().all(|file| file.starts_with(b"# shop 1.4\n")), "{files:?}");
    assert_eq!(files.each_ref().map(Vec::len), [191, 191]);
    writeln!(alone.set(), "the next file").unwrap();
    assert_eq!(*heard.lock().unwrap(), vec![(format!("{LIVE}.1").into(), 191); 2]);
    assert_eq!(alone.set().counters().hook_panics, 2);
    // A file that stands there is no new one.
    alone.reopen(headed);
    writeln!(alone.set(), "more").unwrap();
    assert_eq!(alone.content(), "# shop 1.4\nthe next file\nmore\n");
}

proptest! {
    #[test]
    fn any_pieces_make_the_lines_that_they_are(
        lines in proptest::collection::vec("[a-z]{0,90}", 1..40),
        cuts in proptest::collection::vec(1_usize..70, 1..40),
    ) {
        let mut roomy = settings(9, 20_000);
        roomy.max_bytes = 2_000;
        let mut alone = Alone::open(roomy);
        let text = lines.join("\n");
        let (mut rest, mut cuts) = (text.as_bytes(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, more) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            alone.set().write_all(piece).unwrap();
            rest = more;
        }
        alone.set = None;
        let end = if lines.last().unwrap().is_empty() { lines.len() - 1 } else { lines.len() };
        prop_assert_eq!(alone.lines(), &lines[..end]);
    }
}
