//! Proves what follows a record that is not whole in its file.

use std::fs;
use std::os::unix::net::UnixStream;

use super::super::live::{Full, LiveFile};
use super::super::names::{Period, Segment};

const SEGMENT: Segment = Segment::first(Period::Endless);

fn live(file: fs::File, max_bytes: Option<u64>) -> LiveFile {
    LiveFile::new((file, 0), SEGMENT, max_bytes)
}

#[test]
fn behind_a_torn_record_comes_a_newline() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let live = live(std::os::fd::OwnedFd::from(ours).into(), None);
    live.reserve(16 << 20).unwrap();
    let cut = live.append(&vec![b'x'; 16 << 20]).unwrap_err();
    assert!(cut.written > 0 && cut.error.kind() == std::io::ErrorKind::WouldBlock, "{cut:?}");
    let mut rest = vec![0; cut.written];
    std::io::Read::read_exact(&mut theirs, &mut rest).unwrap();
    assert_eq!(live.length(), cut.written as u64 + 1, "the newline has its room");
    live.append(b"one\n").unwrap();
    live.append(b"two\n").unwrap();
    drop(live);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut theirs, &mut text).unwrap();
    assert_eq!(text, "\none\ntwo\n");
}

#[test]
fn a_full_disk_is_an_error_of_the_write() {
    let full = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
    let full = live(full, Some(2));
    full.reserve(2).unwrap();
    assert_eq!(full.reserve(2), Err(Full::File));
    let cut = full.append(b"x\n").unwrap_err();
    assert_eq!((cut.written, cut.error.kind()), (0, std::io::ErrorKind::StorageFull));
    assert_eq!(full.reserve(2), Ok(()), "what was not written has its room back");
}
