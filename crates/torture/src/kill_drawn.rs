//! Kills drivers whose queue is in a ring file, each of which logs in another manner than the one before it: other notices,
//! limits, escaping, levels, another size of the ring. Some are killed as they take over, two or three in a row, and
//! some in the middle of a write. Two logs take turns, and the ring of one is offered to the other.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use fastrand::Rng;

use crate::manner::{Manner, Speech};
use crate::page::Progress;
use crate::shim::{Action, Rule};
use crate::sift::{Sifted, sift};
use crate::wild::Look;
use crate::{page, set, shim};

/// From this size on a log is begun anew, so that reading it does not take ever longer.
const LARGE: u64 = 6 << 20;
/// How long a driver may take to come to its page.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was done and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Processes killed.
    pub kills: u32,
    /// Those of them that were killed as they took over from one that was killed.
    pub adopting: u32,
    /// Those of them that the disk held in the middle of a call.
    pub held: u32,
    /// Those of them with `Notices::Off`.
    pub silent: u32,
    /// Records whose event had returned before the kill.
    pub accepted: u64,
    /// Those of them that were in no file when the last of them was killed, or not whole.
    pub saved: u64,
    /// Records whose event had been begun and not returned, and that were found.
    pub begun: u64,
    /// Records that a later life rendered, in a way in which their own does not.
    pub later_looks: u64,
    /// Records that were cut to a length.
    pub cut: u64,
    /// Series of kills that left half a record at the end of the last file.
    pub torn: u64,
    /// Starts with the ring of the other log, each refused.
    pub refused: u32,
    /// Notices about records that were saved.
    pub recoveries: u64,
    /// The most files seen.
    pub files: usize,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "kill-drawn: {} kills on two logs, {} of them in mid-adoption, {} held in mid-call, {} without notices; {} \
             records accepted and each of them found once in its own log, {} of them saved from a ring, {} as a later life \
             renders them, {} cut to a length; {} records cut by a kill and finished, {} recoveries spoken of; {} records \
             whose event had not returned; {} starts with the ring of the other log, all refused; 0 lost, torn, repeated, \
             out of order or said without cause",
            self.kills,
            self.adopting,
            self.held,
            self.silent,
            self.accepted,
            self.saved,
            self.later_looks,
            self.cut,
            self.torn,
            self.recoveries,
            self.begun,
            self.refused
        )
    }
}

/// When a life is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// As it logs.
    Logging,
    /// As it takes over.
    Adopting,
}

/// One of the two logs.
struct Side {
    dir: PathBuf,
    log: PathBuf,
    ring: PathBuf,
    /// How its lives render, since it was begun anew.
    looks: BTreeMap<u32, Look>,
    /// Lives that were killed and not judged.
    killed: Vec<(u32, Vec<Progress>)>,
}

/// Where a loop of kills takes place.
struct Ground<'a> {
    driver: &'a Path,
    /// What holds calls, where it could be built.
    library: Option<&'a Path>,
    aside: PathBuf,
    sides: [Side; 2],
    rng: Rng,
    life: u32,
    verdict: Verdict,
}

/// Kills at least `kills` drivers on two logs below `dir`, with rings below it too. With the `library` of [`shim`], some are
/// held in the middle of a call.
///
/// # Errors
/// What was found wrong, with the number of the kill; or why it could not be done.
pub fn kill_loop(
    driver: &Path,
    dir: &Path,
    library: Option<&Path>,
    kills: u32,
    seed: u64,
) -> Result<Verdict> {
    let aside = dir.join("aside");
    let side = |name: &str| Side {
        dir: dir.join(name),
        log: dir.join(name).join("app.log"),
        ring: aside.join(format!("{name}.ring")),
        looks: BTreeMap::new(),
        killed: Vec::new(),
    };
    let sides = ["one", "other"].map(side);
    for place in [&aside, &sides[0].dir, &sides[1].dir] {
        fs::create_dir_all(place)?;
    }
    let rng = Rng::with_seed(seed);
    let mut ground = Ground { driver, library, aside, sides, rng, life: 0, verdict: Verdict::default() };
    while ground.verdict.kills < kills {
        ground
            .turn()
            .with_context(|| format!("seed {seed}, kill {}, life {}", ground.verdict.kills, ground.life))?;
    }
    Ok(ground.verdict)
}

impl Ground<'_> {
    /// Some kills on either log, and a life on each that comes to its end.
    fn turn(&mut self) -> Result<()> {
        for side in 0..2 {
            let kills = self.rng.u32(1..=4);
            for number in 0..kills {
                let is_later = number > 0 && self.rng.u32(..4) > 0;
                self.kill_one(side, if is_later { Moment::Adopting } else { Moment::Logging })?;
            }
        }
        if self.rng.bool() {
            self.exchange()?;
        }
        for side in 0..2 {
            let before = self.look(side)?;
            self.let_live(side)?;
            self.judge(side, &before)?;
            self.begin_anew(side)?;
        }
        Ok(())
    }

    /// A driver in a manner of its own.
    fn command(&mut self, side: usize, lines: u64) -> (Command, u32, Manner) {
        self.command_with(side, side, lines)
    }

    /// The same, with the ring of this side or the other.
    fn command_with(&mut self, side: usize, ring: usize, lines: u64) -> (Command, u32, Manner) {
        let life = self.life;
        self.life += 1;
        let manner = Manner::drawn(&mut self.rng);
        let queue = [64 << 10, 256 << 10, 1 << 20, 2 << 20][self.rng.usize(..4)];
        let max_bytes: u64 = [40_000, 200_000, 1 << 20][self.rng.usize(..3)];
        let longest = manner.max_record.unwrap_or(1 << 20).min(queue);
        let Manner { raw_bytes, single_line, .. } = manner;
        let ring = self.sides[ring].ring.clone();
        let side = &mut self.sides[side];
        side.looks.insert(life, Look { raw_bytes, single_line, longest });
        let page = self.aside.join("page");
        let _ = fs::remove_file(&page);
        let mut command = Command::new(self.driver);
        command
            .arg("drive")
            .args(["--log".as_ref(), side.log.as_os_str(), "--page".as_ref(), page.as_os_str()])
            .args(["--durable".as_ref(), ring.as_os_str()])
            .args(["--life", &life.to_string(), "--seed", &self.rng.u64(..).to_string()])
            .args(["--max-bytes", &max_bytes.to_string(), "--queue", &queue.to_string()])
            .args(["--backups", "900", "--total", &(200 << 20).to_string(), "--lines", &lines.to_string()])
            .args(manner.arguments())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        (command, life, manner)
    }

    fn kill_one(&mut self, side: usize, moment: Moment) -> Result<()> {
        let longest = [120, 600, 3_000][self.rng.usize(..3)];
        let pause = [0, 0, 500, 3_000][self.rng.usize(..4)];
        let (mut command, life, manner) = self.command(side, 400_000 / longest);
        command.args(["--longest", &longest.to_string(), "--pause-us", &pause.to_string(), "--stay"]);
        let is_held = self.rng.bool() && self.hold(&mut command, side, moment);
        let mut child = command.spawn().with_context(|| self.driver.display().to_string())?;
        let most = match moment {
            _ if is_held => 25_000,
            Moment::Logging => [8_000, 40_000, 40_000][self.rng.usize(..3)],
            Moment::Adopting => [1_000, 3_000, 10_000][self.rng.usize(..3)],
        };
        if moment == Moment::Logging || self.rng.u32(..4) > 0 {
            self.wait_for_page(&mut child)?;
        }
        thread::sleep(Duration::from_micros(self.rng.u64(..most)));
        child.kill()?;
        let output = child.wait_with_output()?;
        ensure!(output.stderr.is_empty(), "the driver said: {}", String::from_utf8_lossy(&output.stderr));
        self.sides[side].killed.push((life, page::read(&self.aside.join("page"))));
        self.verdict.kills += 1;
        self.verdict.adopting += u32::from(moment == Moment::Adopting);
        self.verdict.held += u32::from(is_held);
        self.verdict.silent += u32::from(manner.notices == Speech::Off);
        Ok(())
    }

    /// Its page is there right before it opens the log.
    fn wait_for_page(&self, child: &mut Child) -> Result<()> {
        let page = self.aside.join("page");
        let end = Instant::now() + PATIENCE;
        while fs::metadata(&page).map_or(0, |page| page.len()) == 0 {
            ensure!(
                child.try_wait()?.is_none() && Instant::now() < end,
                "the driver does not come to its log"
            );
            thread::yield_now();
        }
        Ok(())
    }

    /// Lets a call hang, most of them writes: before it, when it has done a part or all, or the one behind it.
    fn hold(&mut self, command: &mut Command, side: usize, moment: Moment) -> bool {
        let Some(library) = self.library else { return false };
        let op = ["write", "write", "write", "write", "open", "rename", "fdatasync"][self.rng.usize(..7)];
        // The first write of a life is to its lock.
        let nth = match moment {
            Moment::Logging => self.rng.u64(1..=8),
            Moment::Adopting => [1, 2, 2, 2, 3, 4][self.rng.usize(..6)],
        };
        let some = [1, 30, 60, 250, 700, 5_000, 100_000, 1 << 30][self.rng.usize(..8)];
        let action = [Action::Hang(some), Action::HangNext(some)][self.rng.usize(..2)];
        command.envs(shim::variables(library, &self.sides[side].dir)).envs([shim::rule_variable(&Rule {
            op,
            nth,
            action,
            times: 1,
        })]);
        true
    }

    /// A life that takes over what is in the ring, and ends in order.
    fn let_live(&mut self, side: usize) -> Result<()> {
        let lines = self.rng.u64(..40);
        let (mut command, life, _) = self.command(side, lines);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && said.is_empty(), "it did not end in order: {said}");
        let page = page::read(&self.aside.join("page"));
        ensure!(page.iter().all(|progress| progress.accepted == lines), "{page:?} of {lines} lines");
        self.sides[side].killed.push((life, page));
        Ok(())
    }

    /// Starts a driver of one log with the ring of the other: it is refused in words, and both stay as they are.
    fn exchange(&mut self) -> Result<()> {
        let side = self.rng.usize(..2);
        // A kill between the making of a file and its first byte leaves one that is nobody's.
        if fs::metadata(&self.sides[1 - side].ring).map_or(0, |ring| ring.len()) == 0 {
            return Ok(());
        }
        let (mut command, life, _) = self.command_with(side, 1 - side, 10);
        self.sides[side].looks.remove(&life);
        let before = self.untouched()?;
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let other = self.sides[1 - side].log.display().to_string();
        ensure!(
            !output.status.success() && said.contains(&other),
            "not refused in words: {said:?}, {}",
            output.status
        );
        ensure!(before == self.untouched()?, "a start that was refused has changed something: {said}");
        self.verdict.refused += 1;
        Ok(())
    }

    /// All that stands in the directories of both logs and in both rings.
    fn untouched(&self) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
        let mut all = BTreeMap::new();
        for side in &self.sides {
            for entry in fs::read_dir(&side.dir)? {
                let path = entry?.path();
                all.insert(path.clone(), fs::read(&path)?);
            }
            if let Ok(ring) = fs::read(&side.ring) {
                all.insert(side.ring.clone(), ring);
            }
        }
        Ok(all)
    }

    fn look(&self, side: usize) -> Result<Sifted> {
        let side = &self.sides[side];
        Ok(sift(&set::read(&side.log)?, &side.looks))
    }

    fn judge(&mut self, side: usize, before: &Sifted) -> Result<()> {
        let files = set::read(&self.sides[side].log)?;
        let Side { looks, killed, .. } = &mut self.sides[side];
        let sifted = sift(&files, looks);
        let mut faults = sifted.faults.clone();
        let verdict = &mut self.verdict;
        for (life, page) in killed.drain(..) {
            for (thread, progress) in (0..).zip(page) {
                let Progress { accepted, offered, .. } = progress;
                let there = sifted.run(life, thread);
                if !(accepted..=offered).contains(&there) {
                    faults.push(format!(
                        "life {life}, thread {thread}: {accepted} of {offered} events had returned, {there} are there"
                    ));
                }
                verdict.accepted += accepted;
                verdict.saved += accepted.saturating_sub(before.run(life, thread));
                verdict.begun += there.saturating_sub(accepted);
            }
        }
        if !faults.is_empty() {
            bail!("{}\n{sifted}\n{}\nlooks {looks:?}", faults.join("\n"), sifted.notices.join("\n"));
        }
        verdict.torn += u64::from(!before.faults.is_empty());
        verdict.later_looks += sifted.later_looks.saturating_sub(before.later_looks);
        verdict.cut += sifted.cut.saturating_sub(before.cut);
        verdict.recoveries += sifted.recoveries().saturating_sub(before.recoveries()) as u64;
        verdict.files = verdict.files.max(files.len());
        Ok(())
    }

    /// Removes a log that has become large. Its ring is empty.
    fn begin_anew(&mut self, side: usize) -> Result<()> {
        let files = set::read(&self.sides[side].log)?;
        if files.iter().map(|file| file.bytes.len() as u64).sum::<u64>() > LARGE {
            for file in files {
                fs::remove_file(file.path)?;
            }
            self.sides[side].looks.clear();
        }
        Ok(())
    }
}
