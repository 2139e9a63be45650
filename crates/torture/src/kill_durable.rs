//! Kills drivers whose queue is in a ring file, at random moments, their recovery included; then lets one live, and looks for
//! every record whose event had returned: it must be there, once.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use fastrand::Rng;

use crate::checker::{Findings, check};
use crate::page::Progress;
use crate::set::LogFile;
use crate::{page, set};

/// What befalls the log besides the kills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Scene {
    /// Nothing: it is rotated every MiB.
    #[default]
    Plain,
    /// The live file is moved away under other names, as by a `logrotate` of its own mind: what was being written then may
    /// stand twice, and is counted.
    Moved,
    /// The disk is full until one lives; the log's directory is a file system of ten MiB for this.
    Full,
}

/// What was done and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Processes killed.
    pub kills: u32,
    /// Lines whose event had returned before the kill.
    pub accepted: u64,
    /// Those of them that were in no file at the kill, and were found when the ring had been taken over.
    pub saved: u64,
    /// Lines whose event had been begun and not returned, and that were found.
    pub begun: u64,
    /// Kills that left a line cut by the kernel, which was finished.
    pub cut: u64,
    /// Processes that found records of another in the ring.
    pub recoveries: u64,
    /// Lines that stand twice, as the log says that they may.
    pub twice: u64,
    /// Rotations, as far as they can be counted: the most backups seen.
    pub backups: usize,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "kill-durable: {} kills, {} lines accepted and each of them found once, {} of them saved from the ring; {} \
             recoveries spoken of, {} lines cut by a kill and finished; {} lines whose event had not returned; {} twice as \
             told; 0 lost, torn, glued, repeated or out of order",
            self.kills, self.accepted, self.saved, self.recoveries, self.cut, self.begun, self.twice
        )
    }
}

/// Where a loop of kills takes place.
struct Ground<'a> {
    driver: &'a Path,
    dir: &'a Path,
    scene: Scene,
    /// Where the ring and the pages are.
    aside: &'a Path,
    log: PathBuf,
    rng: Rng,
}

/// A life that was killed and not looked at.
struct Killed {
    life: u32,
    page: Vec<Progress>,
}

/// Kills `kills` drivers, one after the other, on a log in `dir` with a ring in the directory `aside`; after every few of them one lives
/// until all is written, and the files are read.
///
/// # Errors
/// What was found wrong, with the number of the kill; or why it could not be done.
pub fn kill_loop(
    driver: &Path,
    dir: &Path,
    aside: &Path,
    scene: Scene,
    kills: u32,
    seed: u64,
) -> Result<Verdict> {
    let rng = Rng::with_seed(seed);
    let mut ground = Ground { driver, dir, scene, aside, log: dir.join("app.log"), rng };
    let mut verdict = Verdict::default();
    let mut life = 0;
    while verdict.kills < kills {
        ground.fill()?;
        let mut killed = Vec::new();
        for _ in 0..ground.rng.u32(1..=3).min(kills - verdict.kills) {
            let context = || format!("seed {seed}, kill {}, life {life}", verdict.kills);
            killed.push(ground.kill_one(life).with_context(context)?);
            verdict.kills += 1;
            life += 1;
        }
        let before = ground.look()?;
        let _ = fs::remove_file(ground.filler());
        ground.let_live(life)?;
        life += 1;
        let judged = ground.judge(&killed, &before, &mut verdict);
        judged.with_context(|| format!("seed {seed}, kill {}", verdict.kills))?;
        if scene != Scene::Plain || ground.rng.u32(..3) == 0 {
            ground.begin_anew()?;
        }
    }
    Ok(verdict)
}

impl Ground<'_> {
    fn command(&mut self, life: u32, lines: u64) -> Command {
        let page = self.page(life);
        // Now and then another size than the ring has.
        let queue: u32 = if self.rng.u32(..8) == 0 { 2 << 20 } else { 1 << 20 };
        let max_bytes = if self.scene == Scene::Full { 90 << 20 } else { 1 << 20 };
        let mut command = Command::new(self.driver);
        command
            .arg("drive")
            .args(["--log".as_ref(), self.log.as_os_str(), "--page".as_ref(), page.as_os_str()])
            .args(["--durable".as_ref(), self.aside.join("ring").as_os_str()])
            .args(["--life", &life.to_string(), "--seed", &self.rng.u64(..).to_string()])
            .args([
                "--max-bytes",
                &max_bytes.to_string(),
                "--backups",
                "30",
                "--total",
                &(100 << 20).to_string(),
            ])
            .args(["--queue", &queue.to_string(), "--lines", &lines.to_string()])
            .stderr(Stdio::piped());
        command
    }

    fn page(&self, life: u32) -> PathBuf {
        self.aside.join(format!("page.{}", life % 8))
    }

    fn kill_one(&mut self, life: u32) -> Result<Killed> {
        let page = self.page(life);
        let _ = fs::remove_file(&page);
        let longest = [300, 3_000][self.rng.usize(..2)];
        let lines = if longest == 300 { 3_000 } else { 400 };
        let pause = [0, 0, 500, 3_000][self.rng.usize(..4)];
        let mut command = self.command(life, lines);
        let mut child = command
            .args(["--longest", &longest.to_string(), "--pause-us", &pause.to_string(), "--stay"])
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| self.driver.display().to_string())?;
        // A third of them while they take over what the one before has left.
        let most = [8_000, 60_000, 60_000][self.rng.usize(..3)];
        thread::sleep(Duration::from_micros(self.rng.u64(500..most)));
        if self.scene == Scene::Moved
            && fs::rename(&self.log, self.dir.join(format!("moved.{life:05}"))).is_ok()
        {
            thread::sleep(Duration::from_micros(self.rng.u64(..most)));
        }
        child.kill()?;
        let output = child.wait_with_output()?;
        ensure!(output.stderr.is_empty(), "the driver said: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Killed { life, page: page::read(&page) })
    }

    /// A life that takes over what is in the ring, and ends in order.
    fn let_live(&mut self, life: u32) -> Result<()> {
        let output = self.command(life, 0).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && said.is_empty(), "it did not end in order: {said}");
        Ok(())
    }

    fn look(&self) -> Result<Findings> {
        Ok(check(&self.files()?))
    }

    /// The files that were moved away, and the log.
    fn files(&self) -> Result<Vec<LogFile>> {
        let mut moved = Vec::new();
        for entry in fs::read_dir(self.dir)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("moved.")) {
                moved.push(LogFile { bytes: fs::read(&path)?, path });
            }
        }
        moved.sort_by(|one, other| one.path.cmp(&other.path));
        moved.extend(set::read(&self.log)?);
        Ok(moved)
    }

    fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }

    /// Leaves the disk little room, where that is the scene.
    fn fill(&mut self) -> Result<()> {
        if self.scene == Scene::Full {
            fs::write(self.filler(), vec![0; self.rng.usize(6 << 20..10 << 20)])
                .or_else(|error| if error.kind() == ErrorKind::StorageFull { Ok(()) } else { Err(error) })?;
        }
        Ok(())
    }

    /// What may not be in this scene.
    fn faults(&self, findings: &Findings, verdict: &mut Verdict) -> Vec<String> {
        let mut findings = findings.clone();
        if self.scene == Scene::Moved {
            // Files were moved while records went to them: only the order within a file is kept, and what the log says
            // may stand twice, may; a record that was cut in a file that is out of reach stays cut.
            let told: u64 = findings.notices.iter().filter_map(|notice| may_stand_twice(notice)).sum();
            let twice = (findings.repeated.len() + findings.torn.len()) as u64;
            verdict.twice += findings.repeated.len() as u64;
            if twice <= told {
                findings.repeated.clear();
                findings.torn.clear();
            }
            findings.disordered.clear();
        }
        let mut faults = findings.faults();
        faults.extend(findings.torn.iter().map(|place| format!("torn: {place}")));
        if findings.unended {
            faults.push("the last line is not ended".to_owned());
        }
        faults
    }

    fn judge(&self, killed: &[Killed], before: &Findings, verdict: &mut Verdict) -> Result<()> {
        let files = self.files()?;
        verdict.backups = verdict.backups.max(files.len());
        let findings = check(&files);
        let mut faults = self.faults(&findings, verdict);
        for Killed { life, page } in killed {
            for (thread, progress) in (0..).zip(page) {
                let of =
                    |findings: &Findings| findings.runs.get(&(*life, thread)).cloned().unwrap_or_default();
                let (run, run_before) = (of(&findings), of(before));
                let mut say = |what: String| faults.push(format!("life {life}, thread {thread}: {what}"));
                if run.first > 0 || !run.holes.is_empty() {
                    say(format!("from {}, without {:?}", run.first, run.holes));
                }
                if !(progress.accepted..=progress.offered).contains(&run.next) {
                    let Progress { accepted, offered, .. } = progress;
                    say(format!("{accepted} of {offered} events had returned, {} are there", run.next));
                }
                verdict.accepted += progress.accepted;
                verdict.saved += progress.accepted.saturating_sub(run_before.next);
                verdict.begun += run.next.saturating_sub(progress.accepted);
            }
        }
        if !faults.is_empty() {
            bail!("{}\n{findings}\n{}", faults.join("\n"), findings.notices.join("\n"));
        }
        verdict.cut += u64::from(before.unended);
        let recoveries = |findings: &Findings| {
            findings.notices.iter().filter(|line| line.contains(" saved from its ring")).count()
        };
        verdict.recoveries += recoveries(&findings).saturating_sub(recoveries(before)) as u64;
        Ok(())
    }

    /// Removes the log, so that reading it does not take ever longer.
    fn begin_anew(&self) -> Result<()> {
        for file in self.files()? {
            fs::remove_file(file.path)?;
        }
        Ok(())
    }
}

/// How many records a notice says may stand twice.
fn may_stand_twice(notice: &str) -> Option<u64> {
    notice
        .split(" may stand twice")
        .next()
        .filter(|before| before.len() < notice.len())?
        .rsplit(' ')
        .next()?
        .parse()
        .ok()
}
