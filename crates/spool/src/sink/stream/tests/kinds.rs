//! Tests sockets, terminals and devices, each of which takes bytes in its own way.

use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixStream};

use nix::pty::openpty;
use nix::sys::termios::{FlowArg, tcflow};

use super::*;

#[test]
fn a_socket_that_is_full_takes_the_rest_later_and_one_that_is_closed_is_gone() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let mut world = World::of(OwnedFd::from(writer));
    (0..20_000).for_each(|number| world.push(&line(number)));
    assert!(world.append() < 20_000);
    let mut text = Vec::new();
    while !world.batch.is_done() {
        let mut more = vec![0; 100_000];
        let bytes = reader.read(&mut more).unwrap();
        text.extend_from_slice(&more[..bytes]);
        world.append_after(100);
    }
    drop(reader);
    world.batch.clear();
    world.push("lost");
    assert_eq!((world.append_after(1_000), world.batch.refused()), (1, &[0][..]));
    assert_eq!(world.edges(), [Edge::Raised]);
}

#[test]
fn a_message_that_is_too_long_for_its_socket_is_refused_alone() {
    let (reader, writer) = UnixDatagram::pair().unwrap();
    let mut world = World::of(OwnedFd::from(writer));
    world.push(&"x".repeat(900_000));
    world.push("short");
    assert_eq!((world.append(), world.batch.refused()), (1, &[0][..]));
    assert_eq!(world.append(), 2);
    let mut message = [0; 100];
    assert_eq!(reader.recv(&mut message).unwrap(), 6);
}

#[test]
fn a_record_is_a_message_where_a_socket_takes_messages() {
    let (reader, writer) = UnixDatagram::pair().unwrap();
    let mut world = World::of(OwnedFd::from(writer));
    (0..2_000).for_each(|number| world.push(&line(number)));
    let mut received = Vec::new();
    while !world.batch.is_done() {
        world.append_after(100);
        reader.set_nonblocking(true).unwrap();
        let mut message = [0; 500];
        while let Ok(bytes) = reader.recv(&mut message) {
            received.push(String::from_utf8(message[..bytes].to_vec()).unwrap());
        }
    }
    assert!(world.batch.refused().is_empty(), "{} lost", world.batch.refused().len());
    assert_eq!(received.len(), 2_000);
    assert!(is_in_order(&received.concat()));
}

#[test]
fn a_collector_that_restarts_gets_datagrams_again() {
    let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = collector.local_addr().unwrap();
    let writer = UdpSocket::bind("127.0.0.1:0").unwrap();
    writer.connect(address).unwrap();
    let mut world = World::of(OwnedFd::from(writer));
    drop(collector);
    for _ in 0..10 {
        world.push("to nobody");
        world.append_after(10);
    }
    let Ok(collector) = UdpSocket::bind(address) else {
        return println!("skipped: the port was taken meanwhile");
    };
    world.push("after the restart");
    world.append_after(1_000);
    assert!(world.batch.is_done() && world.batch.refused().is_empty());
    let mut message = [0; 100];
    collector.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let bytes = collector.recv(&mut message).unwrap();
    assert_eq!(&message[..bytes], b"after the restart\n");
}

#[test]
fn a_terminal_that_hung_up_is_lost() {
    let pair = openpty(None, None).unwrap();
    let mut world = World::of(pair.slave);
    world.push("shown");
    assert_eq!(world.append(), 1);
    drop(pair.master);
    world.push("to nobody");
    assert_eq!((world.append(), world.batch.refused()), (2, &[1][..]));
    assert_eq!(world.stream.state(), State::Writing, "the end waits for nothing");
}

#[test]
fn the_master_of_a_terminal_is_written_to_itself() {
    use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
    let master: PtyMaster = posix_openpt(OFlag::O_RDWR).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let mut slave = File::open(ptsname_r(&master).unwrap()).unwrap();
    let mut world = World::of(master.as_fd().try_clone_to_owned().unwrap());
    world.push("typed");
    assert_eq!(world.append(), 1);
    let mut text = [0; 6];
    slave.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"typed\n");
}

#[test]
fn a_terminal_that_is_stopped_holds_records_and_no_thread() {
    let pair = openpty(None, None).unwrap();
    let (mut master, slave) = (File::from(pair.master), pair.slave);
    tcflow(&slave, FlowArg::TCOOFF).unwrap();
    let mut world = World::of(slave.try_clone().unwrap());
    (0..1_000).for_each(|number| world.push(&line(number)));
    let taken = world.append();
    assert!(taken < 1_000, "{taken}");
    tcflow(&slave, FlowArg::TCOON).unwrap();
    let mut read = 0;
    while !world.batch.is_done() {
        world.append_after(100);
        if descriptor_is_readable(master.as_fd()) {
            read += master.read(&mut [0; 4_096]).unwrap();
        }
    }
    assert!(read > 0);
}

fn descriptor_is_readable(descriptor: impl AsFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut asked = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
    poll(&mut asked, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

#[test]
fn a_full_device_holds_records_and_is_tried_again() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut world = World::of(full);
    world.push("x");
    assert_eq!((world.append(), world.stream.state()), (0, State::Failing));
    assert_eq!((world.append_after(1), world.stream.view().counters.failures), (0, 1));
    world.append_after(500);
    assert_eq!(world.stream.view().counters.failures, 2);
    assert_eq!(world.edges(), [Edge::Raised]);
}
