//! Proves when a failing rotation is tried again, that logging goes on meanwhile, and what the alert file says: on a
//! real disk whose calls fail by a script, with a clock that the test moves.

use std::path::PathBuf;
use std::time::Duration;

use tracing_spool_fileset::sim::SimClock;
use tracing_spool_fileset::{Batch, Engine, Event, Mono, Op, OsError, Settings, State};
use tracing_spool_tests::faulty::{Call, Faulty, Slip};
use tracing_spool_tests::files::{RealDisk, read_back, record};

const FILE_BYTES: u64 = 1_000;

struct Scene {
    dir: tempfile::TempDir,
    clock: SimClock,
    disk: Faulty,
    set: Engine,
    sent: u32,
}

fn retirement_fails(error: OsError) -> Slip {
    Slip::fail(Op::Rename, error).of_name("app.log")
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = SimClock::new();
        let disk = Faulty::new();
        disk.set_clock(clock.clone());
        let mut settings = Settings::new(dir.path().join("app.log"));
        settings.max_bytes = FILE_BYTES;
        let set = Engine::open_on(settings, disk.fs(), clock.now()).unwrap();
        Self { dir, clock, disk, set, sent: 0 }
    }

    fn alert(&self) -> PathBuf {
        self.dir.path().join("ALERT_LOG_ROTATION_FAILED.txt")
    }

    fn log(&mut self, count: u32) {
        for _ in 0..count {
            let mut batch = Batch::default();
            batch.push(record(0, self.sent, 99).as_bytes(), &self.set.settings().rules());
            self.sent += 1;
            assert_eq!(self.set.append(&mut batch, self.clock.now()), 1, "logging goes on");
        }
    }

    /// Keeps the set's deadlines for so long.
    fn pass(&mut self, time: Duration) {
        let end = self.clock.now().mono + time;
        while let Some(wake) = self.set.wake_at().filter(|wake| *wake <= end) {
            self.clock.advance(wake - self.clock.now().mono);
            self.set.tick(self.clock.now());
        }
        self.clock.advance(end - self.clock.now().mono);
    }

    /// When the live file was tried to be made a backup, in milliseconds after the first attempt.
    fn attempts(&self) -> Vec<u128> {
        let is_retirement = |call: &Call| call.op == Op::Rename && call.name == "app.log";
        let journal = self.disk.journal();
        let times: Vec<Mono> =
            journal.iter().filter(|call| is_retirement(call)).filter_map(|call| call.at).collect();
        times.iter().map(|at| (*at - times[0]).as_millis()).collect()
    }
}

#[test]
fn rotation_file_system_error_retry() {
    let mut scene = Scene::new();
    scene.disk.slip(retirement_fails(OsError::EBUSY).times(2));
    scene.log(11);
    assert_eq!(scene.set.state(), State::Overdue);
    scene.pass(Duration::from_secs(60));
    assert_eq!(scene.attempts(), [0, 100, 300], "exactly the scheduled calls, at the scheduled times");
    assert_eq!((scene.set.state(), scene.set.counters().rotations), (State::Writing, 1));
    assert_eq!(scene.set.counters().alerts_raised, 0);
    assert!(!scene.alert().exists());

    for lasting in [OsError::ENOENT, OsError::EACCES, OsError::ENOSPC, OsError::EROFS] {
        let mut scene = Scene::new();
        scene.disk.slip(retirement_fails(lasting));
        scene.log(11);
        scene.pass(Duration::from_secs(29));
        assert_eq!(scene.attempts(), [0], "{lasting} costs no retry");
        assert_eq!(scene.set.counters().alerts_raised, 1, "{lasting} is told at once");
        scene.pass(Duration::from_secs(120));
        assert_eq!(scene.attempts(), [0, 30_000, 90_000], "{lasting} is probed, one call each");
        read_back(&RealDisk, scene.set.path()).assert_numbers(0, scene.sent);
    }
}

#[test]
fn rotation_retry_exhaustion() {
    let mut scene = Scene::new();
    scene.disk.slip(retirement_fails(OsError::EBUSY));
    scene.log(11);
    scene.pass(Duration::from_millis(699));
    assert!(!scene.alert().exists(), "retries are left");
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.attempts(), [0, 100, 300, 700], "the first call and three retries");

    let text = std::fs::read_to_string(scene.alert()).unwrap();
    let live = scene.dir.path().join("app.log");
    for wanted in [
        format!("log: {}\n", live.display()),
        "\ntime: 20".to_owned(),
        "\nsince: 20".to_owned(),
        format!("\nprocess: {}\n", std::process::id()),
        "\ntrouble: rotation failed\n".to_owned(),
        "\nerror: EBUSY (16): Device or resource busy\n".to_owned(),
        "\noperation: rename\n".to_owned(),
        format!("\npath: {}\n", live.display()),
        format!("\nto: {}.1\n", live.display()),
        "\nattempts: 4\n".to_owned(),
        "\nrecords written: 11\n".to_owned(),
        "\nrecords dropped: 0\n".to_owned(),
    ] {
        assert!(text.contains(&wanted), "{wanted:?} is missing:\n{text}");
    }
    assert!(text.len() <= 4096);

    scene.log(20);
    assert_eq!(scene.set.state(), State::Overdue);
    scene.disk.heal();
    scene.pass(Duration::from_secs(31));
    assert_eq!(scene.set.state(), State::Writing);
    assert!(!scene.alert().exists(), "cleared when rotation works again");
    assert!(scene.set.open_alerts().is_empty());
    scene.log(20);
    read_back(&RealDisk, &live).assert_numbers(0, 51);
}

#[test]
fn without_help_of_the_kernel_rename_replaces_nothing_either() {
    for unsupported in [OsError::EINVAL, OsError::ENOSYS, OsError::EOPNOTSUPP, OsError::EPERM] {
        let mut scene = Scene::new();
        let [live, taken, next, last] =
            ["app.log", "app.log.1", "app.log.2", "app.log.4"].map(|name| scene.dir.path().join(name));
        // At the moment of the rename, after every look of the plan, somebody else takes the name.
        let is_taken_meanwhile =
            move |call: &Call| call.name == "app.log" && std::fs::write(&taken, "not ours\n").is_ok();
        scene.disk.slip(Slip::fail(Op::Rename, unsupported).only(is_taken_meanwhile).times(1));
        scene.disk.slip(Slip::fail(Op::Rename, unsupported));
        scene.disk.take_journal();
        scene.log(11);
        scene.pass(Duration::from_secs(31));
        assert_eq!((scene.set.state(), scene.set.counters().rotations), (State::Writing, 1));
        assert_eq!(std::fs::read_to_string(&next).unwrap(), "not ours\n", "a number of ours: shifted whole");

        let wanted = ["app.log app.log.1", "app.log.1 app.log.2"].map(|names| format!("rename {names}"));
        let asked = scene.disk.take_words(&[Op::Rename]);
        let wanted = wanted.map(|words| format!("{words} {unsupported:?}"));
        assert_eq!(asked, wanted, "once done without, it is not asked for again");
        scene.log(20);
        let said = |event: &Event| matches!(event, Event::DoneWithout(failure) if failure.op == Op::Rename);
        let times = scene.set.take_events().iter().filter(|event| said(event)).count();
        assert_eq!(times, 1, "{unsupported} is said once");

        std::fs::remove_file(last).unwrap();
        read_back(&RealDisk, &live).assert_numbers(0, scene.sent);
    }
}
