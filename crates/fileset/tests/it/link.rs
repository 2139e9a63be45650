//! Proves that the link to the live file is created, kept and repaired, and never replaces what is not a link.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_spool_fileset::internal::inventory::FileKind;
use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Edge, Engine, Fs as _, Op, OpenError, OsError, Trouble};

use crate::world::{LIVE, World, settings};

const LINK: &str = "/links/latest";
const TEMPORARY: &str = "/links/.app.log.link";

fn linked(link: &str) -> World {
    let mut settings = settings(12, 1 << 20);
    settings.latest_link = Some(link.into());
    World::new(settings)
}

/// The link of a log that was stands there.
fn led_elsewhere() -> World {
    let world = linked(LINK);
    world.disk.mkdir_all("/links");
    world.disk.put_symlink(LINK, "/logs/older.log");
    world
}

fn target(world: &World, link: &str) -> PathBuf {
    let (dir, name) = link.rsplit_once('/').unwrap();
    let dir = world.disk.open_dir(Path::new(dir)).unwrap();
    world.disk.read_link(&dir.at(name)).unwrap()
}

#[test]
fn a_link_leads_to_the_live_file_before_and_after_rotations() {
    let mut world = linked(LINK);
    world.open();
    assert_eq!(target(&world, LINK), Path::new(LIVE), "its directory was missing");
    world.log(40);
    assert!(world.set().counters().rotations > 5);
    assert_eq!(world.disk.read(LINK), world.disk.read(LIVE));
    world.assert_rest();
    world.close();
    assert_eq!(target(&world, LINK), Path::new(LIVE), "it stays");
}

#[test]
fn no_record_waits_for_a_look_at_the_link() {
    let mut world = linked(LINK);
    world.open();
    let mut looks = 0;
    while looks < 5 {
        world.disk.clear_journal();
        assert!(world.push());
        let journal = world.disk.journal();
        let last = |op: Op, path: &str| {
            journal.iter().rposition(|entry| entry.op == op && entry.path == Path::new(path))
        };
        if let Some(look) = last(Op::Stat, LINK) {
            assert!(last(Op::Write, LIVE).unwrap() < look, "{journal:?}");
            looks += 1;
        }
    }
    assert_eq!(world.set().counters().rotations, looks);
}

#[test]
fn of_two_logs_the_last_that_started_or_rotated_has_the_link() {
    let mut world = linked(LINK);
    world.open();
    let mut other = world.settings.clone();
    other.path = "/logs/other.log".into();
    let _other = Engine::open_on(other, world.disk.fs(), world.clock.now()).unwrap();
    assert_eq!(target(&world, LINK), Path::new("/logs/other.log"));
    world.log(9);
    assert_eq!(target(&world, LINK), Path::new(LIVE));
}

#[test]
fn a_link_beside_the_log_bears_its_mere_name() {
    let mut world = linked("/logs/latest");
    world.open();
    assert_eq!(target(&world, "/logs/latest"), Path::new("app.log"));
    world.clock.advance(Duration::from_millis(60));
    world.disk.ext_rename_dir("/logs", "/moved").unwrap();
    world.log(2);
    assert_eq!(target(&world, "/logs/latest"), Path::new("app.log"), "made with the new directory");
    assert_eq!(
        world.disk.read("/moved/latest"),
        world.disk.read("/moved/app.log"),
        "the old one is still right"
    );
    world.assert_rest();
}

#[test]
fn a_link_that_leads_elsewhere_is_replaced_whole() {
    let mut world = led_elsewhere();
    world.disk.put_symlink(TEMPORARY, "/nowhere");
    world.open();
    assert_eq!(target(&world, LINK), Path::new(LIVE));
    assert!(!world.disk.exists(TEMPORARY));
    let journal = world.disk.journal();
    let is_removal = |path: &Path| path == Path::new(LINK);
    assert!(
        !journal.iter().any(|entry| entry.op == Op::Unlink && is_removal(&entry.path)),
        "there is always one"
    );
    // Somebody removes it, or points it elsewhere: the next rotation puts it right, and so does a reopening.
    world.disk.ext_unlink(LINK).unwrap();
    world.log(9);
    assert_eq!(target(&world, LINK), Path::new(LIVE));
    world.disk.ext_unlink(LINK).unwrap();
    world.disk.put_symlink(LINK, "/elsewhere");
    let now = world.clock.now();
    world.set().reopen(now);
    assert_eq!(target(&world, LINK), Path::new(LIVE));
    let calls = world.disk.count();
    let now = world.clock.now();
    world.set().reopen(now);
    assert_eq!(
        world.disk.journal().iter().filter(|entry| entry.op == Op::Link && entry.seq > calls).count(),
        0
    );
}

#[test]
fn what_is_no_link_is_refused_before_anything_is_touched() {
    for kind in [FileKind::File, FileKind::Directory, FileKind::Fifo] {
        let mut world = linked(LINK);
        world.disk.mkdir_all("/links");
        match kind {
            FileKind::Directory => world.disk.mkdir_all(LINK),
            kind => world.disk.put_kind(LINK, kind),
        }
        let Err(OpenError::Unusable(faults)) = world.try_open() else { panic!("opened over a {kind:?}") };
        let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["latest_link = /links/latest: must be free, or a symlink that may be replaced"]);
        assert!(!world.disk.exists(LIVE));
    }
    let mut world = linked(LINK);
    world.settings.require_dir = true;
    world.disk.mkdir_all("/logs");
    let Err(OpenError::Unusable(faults)) = world.try_open() else { panic!("opened without a directory") };
    assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), ["latest_link"]);
}

#[test]
fn a_name_of_the_log_by_another_way_is_refused() {
    for name in ["app.log", "app.log.1", ".app.log.new"] {
        let mut world = linked(&format!("/alias/{name}"));
        world.disk.mkdir_all("/logs");
        world.disk.put_symlink("/alias", "/logs");
        let Err(OpenError::Unusable(faults)) = world.try_open() else { panic!("opened with {name}") };
        let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(said, [format!("latest_link = /alias/{name}: must not be a file of the log itself")]);
        assert_eq!(world.disk.list("/logs"), []);
    }
}

#[test]
fn what_others_put_in_its_place_stays_and_is_told_of() {
    let mut world = linked(LINK);
    world.open();
    world.disk.ext_unlink(LINK).unwrap();
    world.disk.put(LINK, "theirs");
    world.log(20);
    assert_eq!(world.edges(), [(Trouble::Link, Edge::Raised)]);
    assert_eq!(world.set().open_alerts()[0].failure.as_ref().unwrap().error, OsError::EINVAL);
    assert_eq!(world.disk.read(LINK).unwrap(), b"theirs");
    world.disk.ext_unlink(LINK).unwrap();
    // Before its deadline.
    world.set().hurry();
    let now = world.clock.now();
    world.set().tick(now);
    assert_eq!(world.edges(), [(Trouble::Link, Edge::Cleared)]);
    world.assert_rest();
    world.assert_books();
}

#[test]
fn what_others_put_in_the_place_of_its_temporary_stays_too() {
    let mut world = led_elsewhere();
    world.disk.put(TEMPORARY, "theirs");
    world.open();
    world.log(1);
    assert_eq!(world.edges(), [(Trouble::Link, Edge::Raised)]);
    assert_eq!(world.disk.read(TEMPORARY).unwrap(), b"theirs");
    assert_eq!(target(&world, LINK), Path::new("/logs/older.log"));
}

#[test]
fn a_link_that_cannot_be_made_holds_no_record_up_and_heals() {
    for op in [Op::Link, Op::Replace] {
        let mut world = led_elsewhere();
        world.disk.fault(Fault::on(op).path_ends(".app.log.link").fails(OsError::EBUSY).until_cleared());
        world.open();
        assert_eq!(world.edges(), [], "retries are left");
        world.log(1);
        assert_eq!(target(&world, LINK), Path::new("/logs/older.log"));
        let end = world.clock.now().mono + Duration::from_secs(1);
        while let Some(due) = world.set().deadline().filter(|due| *due < end) {
            world.clock.advance(due - world.clock.now().mono);
            let now = world.clock.now();
            world.set().tick(now);
        }
        assert_eq!(world.edges(), [(Trouble::Link, Edge::Raised)]);
        assert_eq!((world.set().open_alerts()[0].attempts, world.set().counters().failures), (4, 4), "{op}");
        assert!(!world.disk.exists(TEMPORARY), "nothing is left of it");
        world.disk.clear_faults();
        world.rest();
        assert_eq!(world.edges(), [(Trouble::Link, Edge::Cleared)]);
        world.assert_rest();
        world.assert_books();
    }
}
