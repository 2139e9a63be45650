//! Tests the layer next to others in one registry, and the filter on a queue that nobody empties.

use std::cell::Cell;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_core::{Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

use crate::account::ledger::Reason;
use crate::open::builder::SpoolBuilder;
use crate::open::test_spool::still;
use crate::writer::event_writer::Spool;

/// A console that is never looked at, with colours.
#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What reaches the file when a coloured console layer, which sees each span first, stands beside ours.
fn beside_a_console<L>(ours: impl FnOnce(&Spool) -> L) -> String
where
    L: Layer<registry::Registry> + Send + Sync,
{
    // Raw, so that the writer thread makes no escape byte harmless.
    let mut still = still(SpoolBuilder::raw_bytes);
    let console = Console::default();
    let writer = console.clone();
    let coloured = tracing_subscriber::fmt::layer().with_ansi(true).with_writer(move || writer.clone());
    // In a list of layers the first is the first to hear of a span.
    let layers: Vec<Box<dyn Layer<registry::Registry> + Send + Sync>> =
        vec![coloured.boxed(), ours(&still.spool).boxed()];
    tracing::subscriber::with_default(registry().with(layers), || {
        let span = tracing::info_span!("order", id = 7, state = tracing::field::Empty);
        let _entered = span.enter();
        span.record("state", "paid");
        tracing::info!(target: "shop", parcel = "small", "shipped");
    });
    assert!(console.0.lock().unwrap().contains(&0x1b), "the console has no colours: this proves nothing");
    still.file()
}

#[test]
fn no_colour_of_a_console_layer_reaches_the_file() {
    let text = beside_a_console(|spool| spool.layer().without_time());
    assert_eq!(text, " INFO order{id=7 state=\"paid\"}: shop: shipped parcel=\"small\"\n");
    let text = beside_a_console(|spool| spool.layer().without_time().compact());
    assert!(text.contains("id=7 state=\"paid\"") && !text.contains('\x1b'), "{text}");
    let text = beside_a_console(|spool| spool.layer().json());
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&line["span"]["id"], &line["span"]["state"]), (&7.into(), &"paid".into()));
    assert_eq!(line["fields"]["parcel"], "small");
    let text = beside_a_console(|spool| spool.layer().logfmt());
    assert!(text.contains("id=7 state=paid") && !text.contains('\x1b'), "{text}");
}

/// Counts how often it is formatted.
struct Dear<'a>(&'a Cell<u32>);

impl fmt::Debug for Dear<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.set(self.0.get() + 1);
        f.write_str("dear")
    }
}

#[test]
fn what_would_be_dropped_is_not_formatted_and_counted_once() {
    let still = still(|builder| builder.queue_records(100));
    let formatted = Cell::new(0);
    let layer = still.spool.layer().with_filter(still.spool.shedding());
    tracing::subscriber::with_default(registry().with(layer), || {
        tracing::debug!(value = ?Dear(&formatted), "there is room");
        assert_eq!(formatted.get(), 1);
        still.fill();
        for _ in 0..3 {
            tracing::debug!(value = ?Dear(&formatted), "there is none");
            assert!(tracing::enabled!(Level::DEBUG), "asking costs no record");
        }
        assert_eq!(formatted.get(), 1);
        tracing::info!(value = ?Dear(&formatted), "more important");
        assert_eq!(formatted.get(), 2);
    });
    let stats = still.shared.stats();
    assert_eq!(stats.dropped.by(Reason::QueueFull, Level::DEBUG), 3);
    assert_eq!((stats.dropped.total(), stats.queue.records, stats.offered), (3, 82, 85));
}

#[test]
fn what_the_filter_lets_pass_and_the_queue_refuses_is_counted_once() {
    // A record that the filter, which knows no length, would let in.
    let still = still(|builder| builder.queue_bytes(2_048).max_record_bytes(2_048));
    let layer = still.spool.layer().with_filter(still.spool.shedding());
    tracing::subscriber::with_default(registry().with(layer), || {
        tracing::debug!("short");
        tracing::debug!("{}", "long".repeat(500));
    });
    let stats = still.shared.stats();
    assert_eq!((stats.dropped.at_level(Level::DEBUG), stats.queue.records, stats.offered), (1, 1, 2));
}

/// Says no to some events, after the layers added behind it were asked.
struct Veto(Arc<Mutex<bool>>);

impl<S: Subscriber> Layer<S> for Veto {
    fn event_enabled(&self, _: &tracing_core::Event<'_>, _: Context<'_, S>) -> bool {
        !*self.0.lock().unwrap()
    }
}

#[test]
fn a_decision_to_shed_does_not_stick() {
    let mut still = still(|builder| builder.queue_records(100));
    let veto = Arc::new(Mutex::new(true));
    let layer = still.spool.layer().without_time().with_filter(still.spool.shedding());
    let subscriber = registry().with(Veto(Arc::clone(&veto))).with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let event = || tracing::debug!(target: "shop", "from one place");
        still.fill();
        event(); // shed, and then vetoed: nobody tells the filter that it is over
        still.file();
        *veto.lock().unwrap() = false;
        event();
    });
    let text = still.file();
    assert!(text.ends_with("DEBUG shop: from one place\n"), "{text}");
}

/// Layers are asked from the last on.
#[test]
fn what_a_later_layer_vetoes_is_not_shed_and_what_an_earlier_one_would_veto_is() {
    let shed = |veto_first: bool| {
        let still = still(|builder| builder.queue_records(100));
        let veto = Veto(Arc::new(Mutex::new(true)));
        still.fill();
        let event = || tracing::debug!("vetoed");
        if veto_first {
            let layer = still.spool.layer().with_filter(still.spool.shedding());
            tracing::subscriber::with_default(registry().with(layer).with(veto), event);
        } else {
            let layer = still.spool.layer().with_filter(still.spool.shedding());
            tracing::subscriber::with_default(registry().with(veto).with(layer), event);
        }
        still.shared.stats().dropped.total()
    };
    assert_eq!((shed(true), shed(false)), (0, 1));
}

#[test]
fn who_waits_for_room_sheds_nothing() {
    let waits = Duration::from_millis(1);
    let still = still(|builder| builder.queue_records(100).overflow(crate::Overflow::BlockFor(waits)));
    let formatted = Cell::new(0);
    let layer = still.spool.layer().with_filter(still.spool.shedding());
    tracing::subscriber::with_default(registry().with(layer), || {
        (0..100).for_each(|_| still.log("filler\n")); // to the bound: who waits has no mark of its own
        tracing::debug!(value = ?Dear(&formatted), "it waits, and then there is no room");
    });
    assert_eq!((formatted.get(), still.shared.stats().dropped.total()), (1, 1));
}

#[test]
fn after_the_end_the_filter_counts_as_the_queue_does() {
    let mut still = still(|builder| builder);
    let layer = still.spool.layer().with_filter(still.spool.shedding());
    let (reply, _answer) = crate::platform::answer::pair();
    assert!(still.shared.send(crate::worker::control::Control::Stop(Duration::from_secs(5), reply)));
    still.file();
    tracing::subscriber::with_default(registry().with(layer), || tracing::error!("too late"));
    assert_eq!(still.shared.stats().dropped.by(Reason::Closed, Level::ERROR), 1);
}

#[test]
fn records_that_are_written_late_pass_the_filter() {
    let mut still = still(|builder| builder.late_records(crate::LateRecords::Write));
    let layer = still.spool.layer().without_time().with_filter(still.spool.shedding());
    let (reply, _answer) = crate::platform::answer::pair();
    assert!(still.shared.send(crate::worker::control::Control::Stop(Duration::from_secs(5), reply)));
    still.file();
    let late = || tracing::error!(target: "shop", "late");
    tracing::subscriber::with_default(registry().with(layer), late);
    assert_eq!(still.file(), "ERROR shop: late\n");
}

#[test]
fn museum_f1_a_json_log_has_no_line_that_is_no_json() {
    let mut still = still(|builder| builder.max_record_bytes(500));
    let long = "say \"hi\"\n\u{1b}[2J\u{7f}\u{9b}31m\u{a3}".repeat(1_000);
    tracing::subscriber::with_default(registry().with(still.spool.layer().json()), || {
        let _span = tracing::info_span!("order", id = 7, note = long).entered();
        tracing::info!(parcel = long, "{long}");
        tracing::info!("short");
    });
    let text = still.file();
    assert_eq!(text.lines().count(), 2);
    for line in text.lines() {
        let read: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(read["level"], "INFO", "{line}");
    }
    assert_eq!(still.handle.stats().cut, 0, "the writer had nothing to cut");
}

#[test]
fn no_line_of_a_logfmt_log_is_cut_inside_its_quotes() {
    let mut still = still(|builder| builder.max_record_bytes(500));
    let long = "say \"hi\"\u{7f}".repeat(1_000);
    tracing::subscriber::with_default(registry().with(still.spool.layer().logfmt()), || {
        let _span = tracing::info_span!("order", id = 7, note = long).entered();
        tracing::info!(parcel = long, "{long}");
    });
    let text = still.file();
    assert!(text.contains("…\" truncated_bytes=") && text.contains("\\u007f"), "{text}");
    assert_eq!(still.handle.stats().cut, 0, "the writer had nothing to cut");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test looks at the real disk")]
fn colours_are_for_consoles_and_no_file_sees_them() {
    let screen = Console::default();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let (console, ends) = Spool::writer(screen.clone()).open().unwrap();
    let (file, guard) = Spool::builder(&path).quiet().open().unwrap();
    let log = |lines: tracing::Dispatch| tracing::dispatcher::with_default(&lines, || tracing::info!("said"));
    log(registry().with(console.layer().with_ansi(true)).into());
    log(registry().with(file.layer().with_ansi(true)).into());
    log(registry().with(console.layer().with_ansi(true).tee(&file).with_ansi(true)).into());
    assert!(
        ends.shutdown(Duration::from_secs(60)).is_complete()
            && guard.shutdown(Duration::from_secs(60)).is_complete()
    );
    let told = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
    let coloured: Vec<bool> = told.lines().map(|line| line.contains("\u{1b}[32m")).collect();
    assert_eq!(coloured, [true, false], "{told:?}");
    let written = std::fs::read_to_string(path).unwrap();
    assert!(
        written.lines().count() == 2 && !written.contains('\u{1b}') && !written.contains("x1b"),
        "{written:?}"
    );
}

#[test]
fn with_two_logs_the_smaller_bound_keeps_lines_whole_in_both() {
    let (wide, mut narrow) = (Console::default(), still(|builder| builder.max_record_bytes(500)));
    let (console, ends) = Spool::writer(wide.clone()).max_record_bytes(5_000).open().unwrap();
    let logs: [tracing::Dispatch; 3] = [
        registry().with(console.layer().json().tee(&narrow.spool)).into(),
        registry().with(console.layer().tee(&narrow.spool).json()).into(),
        registry().with(console.layer().tee(&narrow.spool).logfmt()).into(),
    ];
    for lines in logs {
        tracing::dispatcher::with_default(&lines, || tracing::info!(note = "x".repeat(2_000), "long"));
    }
    assert!(ends.shutdown(Duration::from_secs(60)).is_complete());
    let text = narrow.file();
    assert_eq!(String::from_utf8(wide.0.lock().unwrap().clone()).unwrap(), text, "the same in both");
    assert!(text.lines().count() == 3 && text.lines().all(|line| line.len() < 500), "{text}");
    assert_eq!(text.matches("truncated_bytes").count(), 3, "{text}");
    assert_eq!(narrow.handle.stats().cut, 0, "the writer had nothing to cut");
}
