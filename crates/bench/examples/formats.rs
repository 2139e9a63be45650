//! What a whole `tracing::info!` with a message and three fields costs its caller, from the macro to the queue: `fmt` in front of
//! tracing-appender against `spool.layer()`, in one interleaved run. `cargo run --release --example formats -- ROUNDS`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use tracing::Span;
use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_spool::{Overflow, Spool, SyncPolicy};
use tracing_spool_format::{KeepScopes, Text, TextFields};
use tracing_subscriber::prelude::*;

const PER_SECOND: u32 = 50_000;
const EVENTS: usize = 30_000;
const THREADS: usize = 4;
const SUSTAINED: usize = 100_000;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what each thread asks for.
struct Counting;

// SAFETY: it passes everything on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Sink = (tracing::Dispatch, Box<dyn FnOnce()>);

fn appender(
    dir: &std::path::Path,
    add: impl FnOnce(tracing_appender::non_blocking::NonBlocking) -> tracing::Dispatch,
) -> Sink {
    let file = tracing_appender::rolling::never(dir, "appender.log");
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(file);
    (add(writer), Box::new(move || drop(guard)))
}

fn spool(dir: &std::path::Path, add: impl FnOnce(&Spool) -> tracing::Dispatch) -> Sink {
    let builder = Spool::builder(dir.join("spool.log")).max_bytes(1 << 40).max_total_bytes(1 << 41).quiet();
    let (spool, guard) = builder.sync(SyncPolicy::Never).overflow(Overflow::Block).open().expect("a spool");
    (add(&spool), Box::new(move || drop(guard)))
}

const KINDS: [&str; 8] = [
    "appender, fmt",
    "spool.layer()",
    "appender, fmt json",
    "spool json",
    "appender, Text",
    "appender, json-subscriber",
    "appender, tracing-logfmt",
    "spool logfmt",
];

fn sink(kind: &str, dir: &std::path::Path) -> Sink {
    let registry = tracing_subscriber::registry;
    match kind {
        "appender, fmt" => appender(dir, |writer| {
            registry().with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer)).into()
        }),
        "appender, fmt json" => appender(dir, |writer| {
            registry().with(tracing_subscriber::fmt::layer().json().with_writer(writer)).into()
        }),
        "appender, Text" => appender(dir, |writer| {
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).event_format(Text::new());
            registry().with(KeepScopes).with(lines.fmt_fields(TextFields::new()).with_writer(writer)).into()
        }),
        "appender, json-subscriber" => {
            appender(dir, |writer| registry().with(json_subscriber::layer().with_writer(writer)).into())
        }
        "appender, tracing-logfmt" => appender(dir, |writer| {
            registry().with(tracing_logfmt::builder().layer().with_writer(writer)).into()
        }),
        "spool logfmt" => spool(dir, |spool| registry().with(spool.layer().logfmt()).into()),
        "spool.layer()" => spool(dir, |spool| registry().with(spool.layer()).into()),
        _ => spool(dir, |spool| registry().with(spool.layer().json()).into()),
    }
}

fn event(order: usize) {
    tracing::info!(order, customer = "ann", cents = 1999_u64, "order shipped to the customer");
}

/// Each call's time in ns, paced; and allocations of a call once all is warm.
fn paced(in_spans: bool) -> (Vec<u64>, f64) {
    let outer = in_spans.then(|| tracing::info_span!("request", id = 7_u64, path = "/orders").entered());
    let inner = in_spans.then(|| tracing::info_span!("db", query = "insert").entered());
    (0..2_000).for_each(event);
    let mut times = Vec::with_capacity(EVENTS);
    let begun = Instant::now();
    let step = Duration::from_secs(1) / PER_SECOND;
    let before = ALLOCATIONS.get();
    for number in 0..EVENTS {
        let due = step * u32::try_from(number).expect("few");
        while begun.elapsed() < due {
            std::hint::spin_loop();
        }
        let from = Instant::now();
        event(number);
        times.push(u64::try_from(from.elapsed().as_nanos()).expect("short"));
    }
    let allocations = (ALLOCATIONS.get() - before) as f64 / EVENTS as f64;
    drop((inner, outer));
    times.sort_unstable();
    (times, allocations)
}

/// A request has two spans and four events.
fn request(number: u32, begin: impl Fn(u32) -> Span, inner: impl Fn() -> Span, event: impl Fn(usize)) {
    let _request = begin(number).entered();
    event(0);
    {
        let _db = inner().entered();
        event(1);
        event(2);
    }
    event(3);
}

/// Mean ns of a request; of its spans alone; of its events alone, in spans that have seen events before.
fn requests() -> [u64; 3] {
    const REQUESTS: u32 = 5_000;
    let begin = |number: u32| tracing::info_span!("request", id = number, path = "/orders");
    let inner = || tracing::info_span!("db", query = "insert");
    let (old, old_inner) = (begin(0), begin(0).in_scope(inner));
    let mean = |request: &dyn Fn(u32)| {
        let begun = Instant::now();
        (0..REQUESTS).for_each(request);
        u64::try_from(begun.elapsed().as_nanos()).expect("short") / u64::from(REQUESTS)
    };
    [
        mean(&|number| request(number, begin, inner, event)),
        mean(&|number| request(number, begin, inner, |_| {})),
        mean(&|number| request(number, |_| old.clone(), || old_inner.clone(), event)),
    ]
}

/// Events a second from four threads until all is in the file.
fn sustained(sink: Sink) -> f64 {
    let (dispatch, end) = sink;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| tracing::dispatcher::with_default(&dispatch, || (0..SUSTAINED).for_each(event)));
        }
    });
    drop(dispatch);
    end();
    (THREADS * SUSTAINED) as f64 / begun.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(5);
    let mut figures: std::collections::BTreeMap<(&str, &str), Vec<f64>> = Default::default();
    for _ in 0..rounds {
        for kind in KINDS {
            let dir = tempfile::tempdir().expect("a directory");
            let (dispatch, end) = sink(kind, dir.path());
            tracing::dispatcher::with_default(&dispatch, || {
                for (scene, in_spans) in [("no span", false), ("in two spans", true)] {
                    let (times, allocations) = paced(in_spans);
                    let mut put =
                        |what: &'static str, value: f64| figures.entry((what, kind)).or_default().push(value);
                    if scene == "no span" {
                        put("p50", times[EVENTS / 2] as f64);
                        put("p99", times[EVENTS * 99 / 100] as f64);
                        put("allocations", allocations);
                    } else {
                        put("p50 in two spans", times[EVENTS / 2] as f64);
                        put("p99 in two spans", times[EVENTS * 99 / 100] as f64);
                        put("allocations in two spans", allocations);
                    }
                }
                let names = ["a request, mean", "a request, its spans alone", "a request, its events alone"];
                for (name, mean) in names.into_iter().zip(requests()) {
                    figures.entry((name, kind)).or_default().push(mean as f64);
                }
            });
            drop(dispatch);
            end();
            let dir = tempfile::tempdir().expect("a directory");
            figures.entry(("sustained, events/s", kind)).or_default().push(sustained(sink(kind, dir.path())));
        }
    }
    println!("{rounds} rounds, medians\n\n| figure | {} |", KINDS.join(" | "));
    println!("|---|{}", "--:|".repeat(KINDS.len()));
    let mut names: Vec<&str> = figures.keys().map(|(what, _)| *what).collect();
    names.dedup();
    for what in names {
        let cells = KINDS.map(|kind| format!("{:.2}", median(figures[&(what, kind)].clone())));
        println!("| {what} | {} |", cells.join(" | "));
    }
}
