//! Reads a log and says what is wrong with it: torn, glued, split, damaged, missing, repeated, disordered lines, and
//! numbers that are not true. It knows nothing of what should have happened but what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::account::Account;
use crate::line::{Kind, Line, classify, whole};
use crate::page::Progress;
use crate::set::LogFile;

/// The lines of one thread in one life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The first number found.
    pub first: u64,
    /// One more than the highest number found.
    pub next: u64,
    /// Numbers between them that are not there.
    pub holes: BTreeSet<u64>,
}

impl Run {
    /// Lines found.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.next - self.first - self.holes.len() as u64
    }
}

/// What stands in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// By life and thread.
    pub runs: BTreeMap<(u32, u32), Run>,
    /// Whole lines.
    pub lines: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// What the spool says about itself.
    pub notices: Vec<String>,
    /// Lines cut short, with where they stand.
    pub torn: Vec<String>,
    /// Of these, how many the spool has told of right behind them.
    pub torn_and_told: u64,
    /// Whether the very last line of the newest file has no newline.
    pub unended: bool,
    /// Lines of two lines or of parts of them.
    pub glued: Vec<String>,
    /// Lines with a newline in the middle.
    pub split: Vec<String>,
    /// Lines that are none of these.
    pub damaged: Vec<String>,
    /// Lines that stand there twice.
    pub repeated: Vec<String>,
    /// Lines that stand behind a later one of their thread, or of a later life.
    pub disordered: Vec<String>,
}

/// Reads the files, oldest first.
#[must_use]
pub fn check(files: &[LogFile]) -> Findings {
    let mut findings = Findings::default();
    let mut life = 0;
    for (index, file) in files.iter().enumerate() {
        findings.bytes += file.bytes.len() as u64;
        let text = String::from_utf8_lossy(&file.bytes);
        let mut lines = text.split_inclusive('\n').peekable();
        let mut row = 0;
        while let Some(raw) = lines.next() {
            row += 1;
            let place = || format!("{}:{row}: {}", file.path.display(), short(raw));
            let line = raw.trim_end_matches('\n');
            let ended = raw.ends_with('\n');
            if !ended {
                let is_last = index + 1 == files.len();
                findings.unended |= is_last;
                if !is_last || whole(line).is_some() {
                    findings.torn.push(place());
                    continue;
                }
            }
            match classify(line) {
                Kind::Whole(line) => {
                    if line.life < life {
                        findings.disordered.push(place());
                    }
                    life = life.max(line.life);
                    findings.line(line, place);
                }
                Kind::Notice => findings.notices.push(line.to_owned()),
                Kind::Glued => findings.glued.push(place()),
                Kind::Damaged => findings.damaged.push(place()),
                Kind::Torn => {
                    let next = lines.peek().map_or("", |next| next.trim_end_matches('\n'));
                    if let Some(both) = whole(&format!("{line}{next}")) {
                        findings.split.push(place());
                        lines.next();
                        findings.line(both, place);
                        continue;
                    }
                    let is_told = classify(next) == Kind::Notice && next.contains("unfinished");
                    findings.torn_and_told += u64::from(is_told);
                    findings.torn.push(place());
                }
            }
        }
    }
    findings
}

impl Findings {
    fn line(&mut self, line: Line, place: impl Fn() -> String) {
        let fresh = Run { first: line.number, next: line.number, holes: BTreeSet::new() };
        let run = self.runs.entry((line.life, line.thread)).or_insert(fresh);
        if line.number >= run.next {
            run.holes.extend(run.next..line.number);
            run.next = line.number + 1;
        } else if run.holes.remove(&line.number) {
            self.disordered.push(place());
        } else if line.number < run.first {
            run.holes.extend(line.number + 1..run.first);
            run.first = line.number;
            self.disordered.push(place());
        } else {
            self.repeated.push(place());
            return;
        }
        self.lines += 1;
    }

    /// Lines missing between others.
    #[must_use]
    pub fn holes(&self) -> u64 {
        self.runs.values().map(|run| run.holes.len() as u64).sum()
    }

    /// Lines that the notices say were lost.
    #[must_use]
    pub fn lost_as_told(&self) -> u64 {
        let number = |notice: &String| -> Option<u64> {
            let before = notice.split(" record").next()?;
            notice.contains(" lost").then(|| before.rsplit(' ').next()?.parse().ok())?
        };
        self.notices.iter().filter_map(number).sum()
    }

    /// What may not be, whatever happened: a torn line apart, of which each kill may leave one.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let lists = [
            ("glued", &self.glued),
            ("split", &self.split),
            ("damaged", &self.damaged),
            ("repeated", &self.repeated),
            ("out of order", &self.disordered),
        ];
        let told = lists
            .iter()
            .flat_map(|(what, places)| places.iter().map(move |place| format!("{what}: {place}")));
        told.collect()
    }

    /// What a life that was killed, or ended, may not leave: its first line missing (unless the oldest files are gone),
    /// a hole, a line that was never offered, and of what a flush had reported, anything missing.
    #[must_use]
    pub fn faults_of_life(&self, life: u32, page: &[Progress], is_pruned: bool) -> Vec<String> {
        let mut faults = Vec::new();
        for (thread, progress) in page.iter().enumerate() {
            let run = self
                .runs
                .get(&(life, u32::try_from(thread).unwrap_or(u32::MAX)))
                .cloned()
                .unwrap_or_default();
            let mut say = |what: String| faults.push(format!("life {life}, thread {thread}: {what}"));
            if let Some(hole) = run.holes.first() {
                say(format!("{} lines are missing, the first {hole}", run.holes.len()));
            }
            if run.first > 0 && !is_pruned {
                say(format!("the first line is {}", run.first));
            }
            if run.next > progress.offered {
                say(format!("line {} was never offered", run.next - 1));
            }
            let may_be_gone = is_pruned && run.next == 0;
            if run.next < progress.flushed && !may_be_gone {
                say(format!("flushed up to {}, found up to {}", progress.flushed, run.next));
            }
        }
        faults
    }

    /// Where the account of a life that ended in order is not what stands in its files, none of which was removed.
    #[must_use]
    pub fn faults_of_account(&self, account: &Account, page: &[Progress]) -> Vec<String> {
        let runs = self.runs.range((account.life, 0)..=(account.life, u32::MAX));
        let found: u64 = runs.map(|(_, run)| run.lines()).sum();
        let accepted: u64 = page.iter().map(|progress| progress.accepted).sum();
        let missing = accepted.saturating_sub(found);
        let told = self.lost_as_told();
        [
            ("events offered", account.offered, accepted),
            ("written", account.written, found),
            ("dropped or left", account.dropped + account.left, missing),
            ("lost as the log tells", told + account.left, missing),
        ]
        .iter()
        .filter(|(_, said, is)| said != is)
        .map(|(what, said, is)| format!("{what}: {said} reported, {is} found"))
        .collect()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} lines of {} threads in {} bytes, {} notices; {} torn ({} told of), {} glued, {} split, {} damaged, \
             {} missing between others, {} repeated, {} out of order",
            self.lines,
            self.runs.len(),
            self.bytes,
            self.notices.len(),
            self.torn.len(),
            self.torn_and_told,
            self.glued.len(),
            self.split.len(),
            self.damaged.len(),
            self.holes(),
            self.repeated.len(),
            self.disordered.len(),
        )
    }
}

fn short(line: &str) -> String {
    let cut: String = line.chars().take(60).collect();
    format!("{:?} ({} bytes)", cut, line.len())
}
