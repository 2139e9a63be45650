//! The start of a log: all checks, the ends of the queue, the files, and finally the threads. If a step fails, the earlier
//! ones are undone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::unbounded;
use tracing_spool_fileset::internal::settings::MAX_RECORD_BYTES;
use tracing_spool_fileset::{
    self as fileset, Batch, Clock, Disk, Engine, Fs, Now, Rules, Settings, SystemClock, Unfinished,
};

use crate::open::ends::{self, Ends};
use crate::open::error::OpenError;
use crate::open::spawn::{Started, launch, spawn};
use crate::platform::sync::thread::{self};
use crate::settings::check::LEAST_QUEUE_BYTES;
use crate::settings::choices::Notices;
use crate::settings::description::Description;
use crate::sink::{self, Sink};
use crate::worker::compressor::Spawn;
use crate::worker::hooks::AlertSink;
use crate::worker::late::Late;
use crate::worker::notice;
use crate::worker::round::{Ready, Worker};
use crate::worker::shared::{Frame, Shared};

/// Time between two attempts to get a lock that another process holds.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Opens the files. Given the write that was under way when a process died, it finds out what became of it.
type OpenFiles<'a> =
    dyn FnMut(Settings, Option<(Unfinished, &mut Batch)>) -> Result<Engine, fileset::OpenError> + 'a;

pub(crate) fn open(description: Description) -> Result<Started, OpenError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    if !description.output.target.is_files() {
        let name = description.thread_name.clone();
        let (shared, worker) = assemble_output(description, &clock)?;
        return launch(name, shared, worker, clock.as_ref(), spawn);
    }
    let mut open = |settings: Settings, unfinished: Option<(Unfinished, &mut Batch)>| {
        open_files(settings, Box::new(Disk::new()), &clock, unfinished)
    };
    open_by(description, &Disk::new(), &mut open, &clock, spawn)
}

/// Opens the log on another file system and with another clock.
pub(crate) fn open_with(
    description: Description,
    fs: Box<dyn Fs>,
    clock: &Arc<dyn Clock>,
) -> Result<Started, OpenError> {
    let name = description.thread_name.clone();
    let (shared, worker) = assemble_with(description, fs, clock)?;
    launch(name, shared, worker, clock.as_ref(), spawn)
}

pub(super) fn open_by(
    mut description: Description,
    fs: &dyn Fs,
    open: &mut OpenFiles<'_>,
    clock: &Arc<dyn Clock>,
    spawn: Spawn,
) -> Result<Started, OpenError> {
    let variables = description.variables.clone();
    let explained = |error: OpenError| error.explained_by(&variables);
    check(&mut description, fs, clock.now()).map_err(explained)?;
    let (file_set, ends) = open_in_time(&description, open).map_err(explained)?;
    let name = description.thread_name.clone();
    let (shared, worker) = assemble_files(description, file_set, clock, ends);
    launch(name, shared, worker, clock.as_ref(), spawn)
}

/// Makes everything but the thread, on a given file system.
pub(crate) fn assemble_with(
    mut description: Description,
    fs: Box<dyn Fs>,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<Shared>, Worker), OpenError> {
    if !description.output.target.is_files() {
        return assemble_output(description, clock);
    }
    let variables = description.variables.clone();
    let explained = |error: OpenError| error.explained_by(&variables);
    check(&mut description, fs.as_ref(), clock.now()).map_err(explained)?;
    let mut fs = Some(fs);
    let mut open = |settings: Settings, unfinished: Option<(Unfinished, &mut Batch)>| {
        open_files(settings, fs.take().unwrap_or_else(|| Box::new(Disk::new())), clock, unfinished)
    };
    let (file_set, ends) = open_once(&description, &mut open).map_err(explained)?;
    Ok(assemble_files(description, file_set, clock, ends))
}

/// Makes a worker for a stream or a writer. Its queue is in memory, so there is nothing to adopt.
fn assemble_output(
    mut description: Description,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<Shared>, Worker), OpenError> {
    bound_records(&mut description);
    let faults = description.faults();
    if !faults.is_empty() {
        return Err(OpenError::Unusable(faults).explained_by(&description.variables));
    }
    let ends = ends::prepare_memory(&description, None)?;
    let sink = sink::open::open(&description, clock).map_err(|fault| OpenError::Unusable(vec![fault]))?;
    let (files, path) = (&description.files, description.name());
    let rules = Rules { colours: true, verbatim: description.output.is_verbatim, ..files.rules() };
    let max_record = files.record_limit();
    Ok(assemble(description, Taker { sink, rules, path, max_record }, clock, ends))
}

/// Returns all faults at once, our own and the engine's.
fn check(description: &mut Description, fs: &dyn Fs, now: Now) -> Result<(), OpenError> {
    let mut faults = description.faults();
    faults.extend(description.durable.fault(&description.files, fs));
    bound_records(description);
    // If we have no faults, the engine reports its own as it opens. But a ring would be created before that, so check first
    // if there is one.
    if !faults.is_empty() || ends::ring_path(description).is_some() {
        if let Err(fileset::OpenError::Unusable(more)) = Engine::check(&description.files, fs, now) {
            faults.extend(more);
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(OpenError::Unusable(faults)) }
}

/// Sets the longest record if none was given.
fn bound_records(description: &mut Description) {
    let files = &mut description.files;
    if files.max_record_bytes.is_none() {
        let least = MAX_RECORD_BYTES.min(description.queue_bytes).min(files.max_total_bytes);
        // A bound that is itself a fault must not cause a fault in a field that nobody set.
        files.max_record_bytes = (least >= LEAST_QUEUE_BYTES).then_some(least);
    }
}

/// Opens the log, and waits for another process as long as `lock_wait` allows.
#[cfg_attr(
    not(shuttle),
    expect(clippy::disallowed_methods, reason = "the application's thread waits because it asked to")
)]
fn open_in_time(description: &Description, open: &mut OpenFiles<'_>) -> Result<(Engine, Ends), OpenError> {
    let mut waited = Duration::ZERO;
    loop {
        match open_once(description, open) {
            Err(error) if error.is_locked() && waited < description.lock_wait => {
                thread::sleep(LOCK_POLL);
                waited += LOCK_POLL;
            }
            result => return result,
        }
    }
}

/// Makes the queue's ends first, because the ring may know what was under way, and then opens the files.
fn open_once(description: &Description, open: &mut OpenFiles<'_>) -> Result<(Engine, Ends), OpenError> {
    let mut ends = ends::prepare(description)?;
    match open(description.files.clone(), ends.unfinished()) {
        Ok(file_set) => {
            ends.opened(&file_set);
            Ok((file_set, ends))
        }
        Err(error) => {
            ends.forsake();
            Err(error.into())
        }
    }
}

/// Opens the file set, and finds out what became of a write that was under way.
fn open_files(
    settings: Settings,
    fs: Box<dyn Fs>,
    clock: &Arc<dyn Clock>,
    unfinished: Option<(Unfinished, &mut Batch)>,
) -> Result<Engine, fileset::OpenError> {
    let now = clock.now();
    match unfinished {
        Some((unfinished, batch)) => Engine::open_resuming(settings, fs, now, unfinished, batch),
        None => Engine::open_on(settings, fs, now),
    }
}

fn assemble_files(
    description: Description,
    mut file_set: Engine,
    clock: &Arc<dyn Clock>,
    ends: Ends,
) -> (Arc<Shared>, Worker) {
    if let Some(warning) = &ends.warning {
        file_set.warn_of_hand_off(warning, clock.now());
    }
    if let Some(ring) = ends.ring_file() {
        file_set.name_ring(ring.to_owned());
    }
    let taker = Taker {
        rules: file_set.settings().rules(),
        max_record: file_set.settings().record_limit(),
        path: file_set.path().to_owned(),
        sink: Box::new(file_set),
    };
    assemble(description, taker, clock, ends)
}

/// What takes the records, and what its owner must know about it.
struct Taker {
    sink: Box<dyn Sink>,
    rules: Rules,
    path: PathBuf,
    max_record: u64,
}

fn assemble(
    description: Description,
    taker: Taker,
    clock: &Arc<dyn Clock>,
    ends: Ends,
) -> (Arc<Shared>, Worker) {
    let now = clock.now();
    let bounds = ends::bounds(&description, taker.max_record);
    let (notices, sync_from) = (description.notices, description.sync_at);
    let halves = ends.into_halves(bounds, notices != Notices::Off);
    let recovered = halves.recovered;
    let (to_worker, control) = unbounded();
    let shared = Arc::new(Shared::new(Frame {
        queue: halves.queue,
        sink: AlertSink::new(description.hooks.clone(), !description.quiet, Arc::clone(clock)),
        late: Late::new(description.late_records, description.shutdown_timeout),
        path: taker.path,
        control: to_worker,
        recovered,
        described: description,
    }));
    let worker = Worker::new(Ready {
        shared: Arc::clone(&shared),
        inbox: halves.inbox,
        control,
        rules: taker.rules,
        sink: taker.sink,
        clock: Arc::clone(clock),
        notices,
        sync_from,
        tray: halves.tray,
        lines: notice::of_recovery(notices, &recovered, now.wall).into_iter().collect(),
        stating: halves.stating,
        #[cfg(not(shuttle))]
        ring_file: halves.ring_file,
    });
    (shared, worker)
}
