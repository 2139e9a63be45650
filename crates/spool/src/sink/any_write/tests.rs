//! Tests what an `io::Write` can and can't do to this sink, on the test's own thread.

use std::sync::Mutex;
use std::time::Duration;

use tracing_spool_fileset::sim::SimClock;
use tracing_spool_fileset::{Edge, Rules, Wall};

use super::*;

type Answer = Box<dyn FnMut(&[u8]) -> io::Result<usize> + Send>;

/// A writer by script; what it took, call by call.
struct Scripted {
    answers: Vec<Answer>,
    flushes: Vec<io::Result<()>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = if self.answers.is_empty() { bytes.len() } else { self.answers.remove(0)(bytes)? };
        self.told
            .lock()
            .unwrap()
            .push(String::from_utf8_lossy(&bytes[..taken.min(bytes.len())]).into_owned());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.told.lock().unwrap().push("flush".to_owned());
        if self.flushes.is_empty() { Ok(()) } else { self.flushes.remove(0) }
    }
}

struct World {
    sink: AnyWrite,
    batch: Batch,
    told: Arc<Mutex<Vec<String>>>,
    millis: u64,
}

fn answer(answer: impl FnMut(&[u8]) -> io::Result<usize> + Send + 'static) -> Answer {
    Box::new(answer)
}

impl World {
    fn of(answers: Vec<Answer>, flushes: Vec<io::Result<()>>, records: &[&str]) -> Self {
        let told = Arc::default();
        let clock: Arc<dyn Clock> = Arc::new(SimClock::new());
        let writer = Scripted { answers, flushes, told: Arc::clone(&told) };
        let sink = AnyWrite::new(Box::new(writer), Path::new("writer"), false, &clock);
        let mut batch = Batch::default();
        records.iter().for_each(|record| _ = batch.push(record.as_bytes(), &Rules::default()));
        Self { sink, batch, told, millis: 0 }
    }

    fn round_after(&mut self, millis: u64) -> Vec<String> {
        self.millis += millis;
        let mono = Mono::from_start(Duration::from_millis(self.millis));
        let now = Now { mono, wall: Wall::from_unix_micros(0) };
        self.sink.append(&mut self.batch, usize::MAX, now, None);
        self.sink.tick(now);
        std::mem::take(&mut self.told.lock().unwrap())
    }

    fn edges(&mut self) -> Vec<Edge> {
        let edge = |event| if let Event::Alert(alert) = event { Some(alert.edge) } else { None };
        self.sink.take_events().into_iter().filter_map(edge).collect()
    }
}

#[test]
fn a_plain_writer_gets_a_call_for_each_record_and_a_flush_behind_them() {
    let mut world = World::of(Vec::new(), Vec::new(), &["one", "two", "three"]);
    assert_eq!(world.round_after(0), ["one\n", "two\n", "three\n", "flush"]);
    assert!(world.round_after(0).is_empty() && world.sink.flushed() == Flushed::Done);
}

#[test]
fn a_writer_that_knows_slices_gets_all_at_once() {
    struct Together(Arc<Mutex<Vec<usize>>>);
    impl Write for Together {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            self.0.lock().unwrap().push(slices.len());
            Ok(slices.iter().map(|slice| slice.len()).sum())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let calls = Arc::<Mutex<Vec<usize>>>::default();
    let mut world = World::of(Vec::new(), Vec::new(), &["x"; 2_500]);
    world.sink.writer = Some(Box::new(Together(Arc::clone(&calls))));
    world.round_after(0);
    assert_eq!(*calls.lock().unwrap(), [1_024, 1_024, 452]);
    assert!(world.batch.is_done());
}

#[test]
fn what_it_refuses_and_panics_at_is_lost_and_counted_and_the_rest_is_written() {
    let answers = vec![
        answer(|_| Err(io::Error::other("no"))),
        answer(|_| panic!("of the writer")),
        answer(|_| Ok(0)),
        answer(|_| Err(io::ErrorKind::Interrupted.into())),
    ];
    let mut world = World::of(answers, Vec::new(), &["a", "b", "c", "d", "e"]);
    assert_eq!(world.round_after(0), ["", "d\n", "e\n", "flush"]);
    assert_eq!(world.batch.refused(), [0, 1, 2]);
    assert_eq!((world.edges(), world.sink.panics), (vec![Edge::Raised], 1));
    world.batch.push(b"f", &Rules::default());
    world.round_after(2_000);
    assert_eq!(world.edges(), [Edge::Cleared], "well again");
}

#[test]
fn one_that_would_block_is_asked_again() {
    let answers = vec![answer(|_| Err(io::ErrorKind::WouldBlock.into()))];
    let mut world = World::of(answers, Vec::new(), &["kept"]);
    assert!(world.round_after(0).is_empty());
    assert_eq!(world.sink.state(), State::Full);
    assert_eq!(world.round_after(1), ["kept\n", "flush"]);
}

#[test]
fn a_line_that_was_torn_is_ended_before_the_next() {
    let answers = vec![answer(|_| Ok(2)), answer(|_| Err(io::Error::other("no")))];
    let mut world = World::of(answers, Vec::new(), &["abcdef", "next"]);
    assert_eq!(world.round_after(0), ["ab", "\n", "next\n", "flush"]);
}

#[test]
fn a_flush_that_fails_is_tried_again_and_known() {
    let mut world = World::of(Vec::new(), vec![Err(io::Error::from_raw_os_error(28))], &["one"]);
    world.round_after(0);
    assert_eq!((world.sink.flushed(), world.sink.state()), (Flushed::Failing, State::Writing));
    world.batch.push(b"two", &Rules::default());
    assert_eq!(world.round_after(100), ["two\n"], "records do not wait for the flush");
    let alert = world.sink.view().alerts.remove(0);
    assert!(alert.to_string().contains("ENOSPC"), "{alert}");
    assert!(world.round_after(399).is_empty());
    assert_eq!(world.round_after(1), ["flush"]);
    assert_eq!(
        (world.sink.flushed(), world.sink.wake_at().is_some()),
        (Flushed::Done, true),
        "the alert has its end"
    );
}

#[test]
fn a_destructor_that_panics_ends_there() {
    struct Bomb;
    impl Write for Bomb {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("at the end");
        }
    }
    let mut world = World::of(Vec::new(), Vec::new(), &[]);
    world.sink.writer = Some(Box::new(Bomb));
    let now = Now { mono: Mono::from_start(Duration::ZERO), wall: Wall::from_unix_micros(0) };
    world.sink.end(&mut world.batch, now, None);
    assert_eq!(world.sink.panics, 1);
}

#[test]
fn a_flush_that_would_block_is_tried_again_by_itself() {
    let mut world = World::of(Vec::new(), vec![Err(io::ErrorKind::WouldBlock.into())], &["one"]);
    assert_eq!(world.round_after(0), ["one\n", "flush"]);
    assert_eq!(world.sink.flushed(), Flushed::Pending);
    assert_eq!(world.round_after(1), ["flush"]);
    assert_eq!((world.sink.flushed(), world.sink.wake_at()), (Flushed::Done, None), "and then it rests");
}

#[test]
fn one_that_is_interrupted_for_ever_costs_no_processor() {
    let answers = (0..INTERRUPTIONS).map(|_| answer(|_| Err(io::ErrorKind::Interrupted.into()))).collect();
    let mut world = World::of(answers, Vec::new(), &["kept"]);
    assert!(world.round_after(0).is_empty());
    assert_eq!(world.sink.state(), State::Full, "it comes back");
    assert_eq!(world.round_after(1), ["kept\n", "flush"]);
}

#[test]
fn a_line_that_stays_torn_is_ended_whatever_fails_meanwhile() {
    let answers = vec![
        answer(|_| Ok(2)),
        answer(|_| Err(io::Error::other("no"))),
        answer(|_| Err(io::Error::other("no"))),
    ];
    let mut world = World::of(answers, Vec::new(), &["abcdef", "second", "third"]);
    assert_eq!(world.round_after(0), ["ab", "\n", "third\n", "flush"]);
}

#[test]
fn after_an_error_nothing_waits_for_an_earlier_wait() {
    let answers =
        vec![answer(|_| Err(io::ErrorKind::WouldBlock.into())), answer(|_| Err(io::Error::other("no")))];
    let mut world = World::of(answers, Vec::new(), &["lost"]);
    world.round_after(0);
    world.round_after(1);
    assert_eq!((world.batch.refused().len(), world.sink.wake_at()), (1, None));
}

#[test]
fn a_writer_without_slices_is_offered_few() {
    struct First(Arc<Mutex<Vec<usize>>>);
    impl Write for First {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            self.0.lock().unwrap().push(slices.len());
            Ok(slices[0].len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let offered = Arc::<Mutex<Vec<usize>>>::default();
    let mut world = World::of(Vec::new(), Vec::new(), &["x"; 100]);
    world.sink.writer = Some(Box::new(First(Arc::clone(&offered))));
    world.round_after(0);
    let offered = offered.lock().unwrap();
    assert_eq!((offered.len(), offered[50]), (100, 2), "{offered:?}");
}

#[test]
fn all_that_it_does_is_in_the_numbers() {
    let fail = || answer(|_| Err(io::Error::from_raw_os_error(5)));
    let answers = vec![fail(), answer(|_| panic!("of the writer"))];
    let mut world = World::of(answers, Vec::new(), &["a", "b", "cc", "ddd"]);
    world.round_after(0);
    let view = world.sink.view();
    let counters = view.counters;
    assert_eq!((counters.records_written, counters.bytes_written, counters.write_calls), (2, 7, 2));
    assert_eq!((counters.records_refused, counters.failures, counters.alerts_raised), (2, 2, 1));
    assert_eq!((view.panics, view.moments.last_write), (1, Some(Wall::from_unix_micros(0))));
    assert_eq!(view.alerts[0].to_string(), "write failed: writer: write writer: EIO (5): I/O error");
}

#[test]
fn a_trouble_ends_by_the_clock_once_something_was_taken() {
    let mut world = World::of(vec![answer(|_| Err(io::Error::other("no")))], Vec::new(), &["lost", "taken"]);
    world.round_after(0);
    assert_eq!(world.edges(), [Edge::Raised]);
    world.round_after(999);
    assert!(world.edges().is_empty(), "not yet");
    world.round_after(1);
    assert_eq!((world.edges(), world.sink.wake_at()), (vec![Edge::Cleared], None));
}

#[test]
fn what_is_left_at_the_end_is_reported() {
    let would_block = || answer(|_| Err(io::ErrorKind::WouldBlock.into()));
    let mut world = World::of(vec![answer(|_| Ok(2)), would_block()], Vec::new(), &["abc", "def"]);
    world.round_after(0);
    let now = Now { mono: Mono::from_start(Duration::ZERO), wall: Wall::from_unix_micros(0) };
    let report = world.sink.end(&mut world.batch, now, None);
    assert_eq!((report.records_left, report.fragment_left), (2, true));
}
