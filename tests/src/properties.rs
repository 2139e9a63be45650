//! What holds for any input: one function for each place where bytes from outside come in. Each makes its input from the
//! bytes it is given, so that proptest (`tests/it/properties.rs`) and the fuzz targets (`fuzz/`) can both draw them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use arbitrary::{Arbitrary, Unstructured};
use tracing_spool_fileset::internal::name::{BACKUPS_MAX, Names, Role};
use tracing_spool_fileset::sim::SimDisk;
use tracing_spool_fileset::{Batch, Compression, FileKind, OpenError, Rules, Settings, SyncPolicy};
use tracing_spool_format::{Json, JsonFields, Logfmt, LogfmtFields, Text, TextFields};
use tracing_spool_ring::{Limits, Options, Ring, Take};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

use crate::files::{RECORD_BYTES, of_log, record};
use crate::world::{World, small};

const LIVE: &str = "/d/app.log";

fn decoded<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(bytes)).ok()
}

// --- the name parser ---

#[derive(Arbitrary, Debug)]
struct Naming<'a> {
    number: u32,
    live: &'a [u8],
    other: &'a [u8],
}

/// A name that is taken for ours is the very name that we would give.
///
/// # Panics
/// Where it is not.
pub fn names(bytes: &[u8]) {
    let Some(input) = decoded::<Naming<'_>>(bytes) else { return };
    let Some(names) = Names::new(&Path::new("/d").join(OsStr::from_bytes(input.live))) else { return };
    let number = input.number.clamp(1, BACKUPS_MAX);
    let backup = names.backup_name(number, Compression::None);
    assert_eq!(names.role(&backup), Some(Role::Backup(number.into())));
    assert_eq!(names.role(names.base()), Some(Role::Live));
    for name in [OsStr::from_bytes(input.other), names.base(), &backup] {
        let ours = match names.role(name) {
            Some(Role::Live) => names.base().to_owned(),
            Some(Role::Backup(slot)) => names.backup_name(slot, Compression::None),
            Some(Role::Packed(slot, form)) => names.backup_name(slot, form),
            Some(Role::PackTemporary) => names.pack_name(),
            Some(Role::Hidden) => names.hidden_name(),
            Some(Role::Lock) => names.lock_name(),
            Some(Role::AlertTemporary) => names.alert_temporary_name(),
            Some(Role::LinkTemporary) => names.link_temporary_name(),
            None => continue,
        };
        assert_eq!(ours, name);
    }
}

// --- a start over whatever stands in the directory ---

#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Live,
    Backup(u8),
    Padded(u8),
    Hidden,
    AlertTemporary,
    Beside(&'a [u8]),
    Other(&'a [u8]),
}

impl Name<'_> {
    fn path(&self) -> PathBuf {
        let name = match self {
            Self::Live => OsString::from("app.log"),
            Self::Backup(number) => format!("app.log.{}", number % 30).into(),
            Self::Padded(number) => format!("app.log.0{number}").into(),
            Self::Hidden => ".app.log.new".into(),
            Self::AlertTemporary => ".app.log.alert".into(),
            Self::Beside(end) => OsString::from_vec([b"app.log", plain(end).as_slice()].concat()),
            Self::Other(name) => OsString::from_vec(plain(name)),
        };
        Path::new("/d").join(name)
    }
}

/// Bytes that can stand in a name, and not too many.
fn plain(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| !matches!(byte, b'/' | 0)).take(100).collect()
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Kind<'a> {
    File(&'a [u8]),
    Directory,
    Fifo,
    Symlink,
}

fn put(disk: &SimDisk, path: &Path, kind: Kind<'_>) {
    match kind {
        Kind::File(bytes) => disk.put(path, bytes),
        Kind::Directory => disk.mkdir_all(path),
        Kind::Fifo => disk.put_kind(path, FileKind::Other),
        Kind::Symlink => disk.put_symlink(path, "/elsewhere"),
    }
}

/// A start says what is wrong before it touches anything, or begins; and then what is not ours, or is no file, stays
/// as it is, every backup keeps its bytes, and so does the live file, in front of what is added.
///
/// # Panics
/// Where that is not so.
pub fn start(bytes: &[u8]) {
    let Some(input) = decoded::<Vec<(Name<'_>, Kind<'_>)>>(bytes) else { return };
    start_over(&input, false);
    start_over(&input, true);
}

/// `was_here`: a lock file says that it is not the log's first start there.
fn start_over(input: &[(Name<'_>, Kind<'_>)], was_here: bool) {
    let disk = SimDisk::new();
    disk.put("/elsewhere", "not ours");
    let mut stood = BTreeMap::new();
    if was_here {
        disk.put("/d/.app.log.lock", "");
    }
    for (name, kind) in input {
        let path = name.path();
        let is_name = path.file_name().is_some() && path.parent() == Some(Path::new("/d"));
        if is_name && !stood.contains_key(&path) {
            put(&disk, &path, *kind);
            stood.insert(path, *kind);
        }
    }
    let before = disk.list("/d");
    let mut world = World::simulated(&disk, small(LIVE));
    match world.try_open() {
        Ok(()) => {}
        Err(OpenError::Unusable(faults)) => {
            assert!(!faults.is_empty());
            assert_eq!(disk.list("/d"), before, "touched");
            return;
        }
        Err(_) => return,
    }
    world.log(6);
    let names = Names::new(Path::new(LIVE)).unwrap_or_else(|| unreachable!("it has a file name"));
    let is_ours = |path: &PathBuf| !matches!(stood.get(path), Some(Kind::Symlink));
    let found = of_log(&disk, Path::new(LIVE)).into_iter().filter(|(path, _)| is_ours(path));
    let files: Vec<Vec<u8>> = found.map(|(_, bytes)| bytes).collect();
    for (path, kind) in &stood {
        match (path.file_name().and_then(|name| names.role(name)), kind) {
            (None, Kind::File(bytes)) => assert_eq!(disk.read(path).as_deref(), Some(*bytes), "{path:?}"),
            (None | Some(Role::Backup(_)), Kind::Directory | Kind::Fifo | Kind::Symlink) => {
                assert!(disk.exists(path), "{path:?} is gone");
            }
            (Some(Role::Backup(_)), Kind::File(bytes)) => {
                assert!(files.iter().any(|file| file == bytes), "{path:?} lost its bytes");
            }
            (Some(Role::Live), Kind::File(bytes)) => {
                let kept = content(bytes);
                assert!(files.iter().any(|file| file.starts_with(kept)), "the live file lost its bytes");
            }
            _ => {}
        }
    }
    assert_eq!(disk.read("/elsewhere").as_deref(), Some(&b"not ours"[..]));
    assert!(files.concat().ends_with(records(6).as_bytes()), "{:?}", named(&disk));
}

/// What stands in the log, for a test that fails.
fn named(disk: &SimDisk) -> Vec<(PathBuf, String)> {
    let lossy = |(path, bytes): (PathBuf, Vec<u8>)| (path, String::from_utf8_lossy(&bytes).into_owned());
    of_log(disk, Path::new(LIVE)).into_iter().map(lossy).collect()
}

fn records(count: u32) -> String {
    (0..count).map(|number| record(0, number, RECORD_BYTES - 1) + "\n").collect()
}

// --- configuration ---

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Size {
    Small(u16),
    Large(u64),
}

impl Size {
    fn get(self) -> u64 {
        match self {
            Self::Small(size) => size.into(),
            Self::Large(size) => size,
        }
    }

    fn time(self) -> Duration {
        Duration::from_millis(self.get())
    }
}

#[derive(Arbitrary, Debug)]
struct Wish<'a> {
    path: Option<&'a [u8]>,
    sizes: [Size; 3],
    record: Option<Size>,
    backups: u32,
    least_backups: Option<u8>,
    warning: u8,
    retries: u8,
    times: [Size; 3],
    sync: Option<Size>,
    alert: Option<&'a [u8]>,
    create_dirs: bool,
    mode: u32,
    link: Option<&'a [u8]>,
}

impl Wish<'_> {
    fn settings(&self) -> Settings {
        let live = self.path.map_or_else(|| PathBuf::from(LIVE), |path| OsStr::from_bytes(path).into());
        let mut settings = Settings::new(live);
        [settings.max_bytes, settings.max_total_bytes, settings.min_free_bytes] = self.sizes.map(Size::get);
        settings.max_record_bytes = self.record.map(Size::get);
        settings.backup_count = self.backups;
        settings.min_backups = self.least_backups.map(u32::from);
        settings.budget_warning_percent = self.warning;
        settings.retry_attempts = self.retries.into();
        [settings.retry_base_delay, settings.retry_cooldown, settings.retry_cooldown_max] =
            self.times.map(Size::time);
        settings.sync = self.sync.map_or(SyncPolicy::OnRotate, |every| SyncPolicy::Interval(every.time()));
        settings.alert_file = self.alert.map(|path| OsStr::from_bytes(path).into());
        settings.latest_link = self.link.map(|path| OsStr::from_bytes(path).into());
        settings.require_dir = !self.create_dirs;
        settings.mode = self.mode;
        settings
    }
}

/// A setting that cannot be is named before anything is touched; with settings that can be, records are written and the
/// total holds.
///
/// # Panics
/// Where that is not so.
pub fn settings(bytes: &[u8]) {
    let Some(wish) = decoded::<Wish<'_>>(bytes) else { return };
    let disk = SimDisk::new();
    disk.mkdir_all("/d");
    let (settings, before) = (wish.settings(), disk.list("/"));
    let said = settings.faults();
    let cap = settings.max_total_bytes;
    let mut world = World::simulated(&disk, settings);
    match world.try_open() {
        Ok(()) => assert!(said.is_empty(), "opened with {said:?}"),
        Err(error) => {
            if let OpenError::Unusable(faults) = &error {
                let is_clear = |text: &str| !text.is_empty();
                assert!(faults.iter().all(|fault| is_clear(fault.field) && is_clear(&fault.wanted)));
                assert_eq!((disk.list("/"), disk.list("/d")), (before, Vec::new()), "touched");
            }
            return;
        }
    }
    world.log(3);
    assert!(world.set().total_bytes() <= cap);
    assert_eq!((world.finished, world.close()), (3, 0));
}

// --- tail repair ---

/// What a live file holds: NUL bytes at its end are what a power cut leaves there.
fn content(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Whatever a live file ends with, but for NUL bytes, is kept, and ended, before the first record.
///
/// # Panics
/// Where it is not.
pub fn tail(bytes: &[u8]) {
    let disk = SimDisk::new();
    disk.put(LIVE, bytes);
    let mut settings = small(LIVE);
    settings.max_bytes = 1 << 19;
    let mut world = World::simulated(&disk, settings);
    world.open();
    world.log(2);
    let kept = content(bytes);
    let end = if kept.is_empty() || kept.ends_with(b"\n") { "" } else { "\n" };
    let expected = [kept, end.as_bytes(), records(2).as_bytes()].concat();
    assert_eq!(disk.read(LIVE), Some(expected));
}

// --- formats ---

#[derive(Arbitrary, Debug)]
struct Formatted<'a> {
    max_field: Option<u8>,
    max_line: Option<u16>,
    text: &'a str,
    other: &'a str,
}

/// Whatever an event says, its JSON line is an object of one line within its bound, which holds the text where nothing was cut;
/// its logfmt line is one line, and no text holds what a terminal obeys.
///
/// # Panics
/// Where it is not.
pub fn formats(bytes: &[u8]) {
    let Some(input) = decoded::<Formatted<'_>>(bytes) else { return };
    let max_line = input.max_line.map_or(usize::MAX, |bytes| 64 + usize::from(bytes));
    let mut fields = JsonFields::new();
    let mut pairs = LogfmtFields::new();
    if let Some(max) = input.max_field {
        (fields, pairs) = (fields.max_field_bytes(max.into()), pairs.max_field_bytes(max.into()));
    }
    let pages: [Page; 3] = Default::default();
    let subscriber = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .event_format(Json::new().without_time().max_line_bytes(max_line))
                .fmt_fields(fields)
                .with_writer(pages[0].clone()),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .event_format(Logfmt::new().without_time())
                .fmt_fields(pairs)
                .with_writer(pages[1].clone()),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .event_format(Text::new().without_time())
                .fmt_fields(TextFields::new())
                .with_writer(pages[2].clone()),
        );
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("span", other = input.other).entered();
        tracing::info!(text = input.text, shown = ?input.other, "{}", input.text);
    });
    let [json, logfmt, text] = pages.map(|page| page.text());
    assert!(json.len() <= max_line && json.ends_with("}\n") && json.matches('\n').count() == 1, "{json:?}");
    let Ok(read) = serde_json::from_str::<serde_json::Value>(&json) else { panic!("no JSON: {json:?}") };
    if input.max_field.is_none() && input.max_line.is_none() {
        assert_eq!(
            (&read["fields"]["text"], &read["fields"]["message"]),
            (&input.text.into(), &input.text.into())
        );
        assert_eq!(read["span"]["other"], input.other);
    }
    assert!(logfmt.ends_with('\n') && logfmt.matches('\n').count() == 1, "{logfmt:?}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{9b}'), "{text:?}");
}

/// Keeps what is written.
#[derive(Clone, Debug, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        let page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&page).into_owned()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Page {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

// --- escaping ---

#[derive(Arbitrary, Debug)]
struct Rendering<'a> {
    escape: bool,
    single_line: bool,
    max_bytes: u8,
    missing: u8,
    record: &'a [u8],
}

/// A record becomes one line, or lines, without control characters, within the limit, and says what was left out; what
/// needs no change is not changed.
///
/// # Panics
/// Where it does not.
pub fn render(bytes: &[u8]) {
    let Some(input) = decoded::<Rendering<'_>>(bytes) else { return };
    let max_bytes = 64 + usize::from(input.max_bytes);
    let rules = Rules { escape: input.escape, single_line: input.single_line, max_bytes, ..Rules::default() };
    let missing = usize::from(input.missing);
    let mut batch = Batch::default();
    let rendered = batch.push_cut(input.record, missing, &rules);
    let out = batch.unwritten();
    if out.is_empty() {
        assert!(input.record.is_empty() && missing == 0, "left out");
        return;
    }
    assert!(out.len() <= max_bytes, "{} bytes", out.len());
    let Some(line) = out.strip_suffix(b"\n") else { panic!("not ended: {out:?}") };
    assert!(!rules.single_line || !line.contains(&b'\n'));
    if rules.escape {
        let Ok(text) = std::str::from_utf8(line) else { panic!("no text: {line:?}") };
        let is_kept = |character| character == '\t' || character == '\n';
        assert!(text.chars().all(|it| !it.is_control() || is_kept(it)), "{text:?}");
    }
    assert!(rendered.cut_bytes >= missing);
    if rendered.cut_bytes > 0 {
        let mark = format!("…[+{} bytes]", rendered.cut_bytes);
        assert!(line.ends_with(mark.as_bytes()), "{line:?} does not say {mark}");
    } else {
        let mut again = Batch::default();
        again.push(out, &rules);
        assert_eq!(again.unwritten(), out, "a rendered record changes when rendered again");
    }
    as_lines(input.record, &rules);
}

/// Lines that are taken together are what they are one by one.
fn as_lines(bytes: &[u8], rules: &Rules) {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let ends = lines.iter().scan(0, |end, line| {
        *end += line.len();
        Some(*end)
    });
    let (mut together, mut single) = (Batch::default(), Batch::default());
    if together.push_lines(bytes, ends, rules) {
        lines.iter().for_each(|line| {
            single.push(line, rules);
        });
        assert_eq!((together.records(), together.unwritten()), (single.records(), single.unwritten()));
    }
}

/// Whatever stands in a ring file is looked at without harm; what is found there is what comes out, and the ring then
/// works as a new one does.
///
/// # Panics
/// Where it is not so.
pub fn ring(bytes: &[u8]) {
    const PAGE: usize = 4_096;
    // A file that is good but for what is laid over it: the place in its first bytes, then eight bytes, and again.
    let mut image = RING.with(Clone::clone);
    for spoiled in bytes.chunks_exact(10) {
        let at = usize::from(u16::from_le_bytes([spoiled[0], spoiled[1]])) * 8 % image.len();
        // Most of the file is records, and in the first page all is held by a checksum; what matters is between them.
        let at = if spoiled[2] % 4 == 0 { at } else { PAGE + at % (PAGE + 128 * 8) };
        image[at..at + 8].copy_from_slice(&spoiled[2..10]);
    }
    for image in [&image[..], bytes] {
        let Ok(mut opened) = Ring::from_image(image) else { continue };
        let found = opened.found.unwrap_or_default();
        let mut space = vec![0; image.len()];
        let mut records = 0;
        while let Take::Record(taken) = opened.reader.take(&mut space) {
            opened.reader.give_back(taken.granules, 1);
            records += 1;
        }
        assert_eq!(records, found.records);
        for number in 0..200_u8 {
            assert!(opened.ring.offer(4, &[number; 100], 0).is_ok());
            let Take::Record(taken) = opened.reader.take(&mut space) else { panic!("{number} is not there") };
            assert_eq!(space[..taken.len], [number; 100]);
            opened.reader.give_back(taken.granules, 1);
        }
    }
}

thread_local! {
    /// A ring file of 128 granules with ten records in it.
    static RING: Vec<u8> = {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ring");
        let limits = Limits { bytes: 128 * 64, records: 1_000, shares: [100; 5] };
        let mut options = Options::default();
        options.any_file_system = true;
        let opened = Ring::open(&path, limits, options).unwrap();
        (0..10_u8).for_each(|number| assert!(opened.ring.offer(4, &[number; 300], usize::from(number % 2)).is_ok()));
        drop(opened);
        std::fs::read(path).unwrap()
    };
}
