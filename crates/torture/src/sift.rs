//! Reads a log of wild records byte by byte: whole records, each as one of the lives that may have written it renders them,
//! and what the spool says about itself. Anything else is a fault. How far each life had come is told by the caller.

use std::collections::BTreeMap;
use std::fmt;

use crate::set::LogFile;
use crate::wild::{Look, Seen, begun, seen};

/// What stands in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sifted {
    /// How many records there are of each life and thread, all those before the last among them.
    pub runs: BTreeMap<(u32, u32), u64>,
    /// Records.
    pub records: u64,
    /// Those that look as a later life than their own renders them, and not as their own.
    pub later_looks: u64,
    /// Those that were cut to a length.
    pub cut: u64,
    /// What the spool says about itself.
    pub notices: Vec<String>,
    /// What may not be.
    pub faults: Vec<String>,
}

impl Sifted {
    /// How many of a life's thread there are.
    #[must_use]
    pub fn run(&self, life: u32, thread: u32) -> u64 {
        self.runs.get(&(life, thread)).copied().unwrap_or(0)
    }

    /// How often it is said that records of another process were saved.
    #[must_use]
    pub fn recoveries(&self) -> usize {
        self.notices.iter().filter(|line| line.contains(" saved from its ring")).count()
    }
}

impl fmt::Display for Sifted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, records, notices, later_looks, cut, faults } = self;
        write!(
            f,
            "{records} records of {} threads, {cut} of them cut to a length, {later_looks} as a later life renders them; \
             {} notices; {} faults",
            runs.len(),
            notices.len(),
            faults.len()
        )
    }
}

/// Reads the files, oldest first. `looks` tells how each life renders: those that belong to this log, and no others.
#[must_use]
pub fn sift(files: &[LogFile], looks: &BTreeMap<u32, Look>) -> Sifted {
    let mut sifted = Sifted::default();
    let mut latest = 0;
    for file in files {
        let mut at = 0;
        while at < file.bytes.len() {
            let rest = &file.bytes[at..];
            let place = |what: &str| format!("{what}: {}:{at}: {}", file.path.display(), short(rest));
            if let Some(line) = begun(rest) {
                // A later life may have written it, never an earlier one.
                let able: Vec<Look> = looks.range(line.life..).map(|(_, look)| *look).collect();
                if !looks.contains_key(&line.life) {
                    sifted.faults.push(place("of another log"));
                } else if let Some(seen) = seen(rest, &able) {
                    if line.life < latest {
                        sifted.faults.push(place("behind one of a later life"));
                    }
                    latest = latest.max(line.life);
                    sifted.take(&seen, place);
                    at += seen.bytes;
                    continue;
                } else {
                    sifted.faults.push(place("torn, glued or changed"));
                }
            } else if let Some(notice) = notice(rest) {
                sifted.take_notice(&notice);
                at += notice.len();
                continue;
            } else {
                sifted.faults.push(place("neither a record nor a notice"));
            }
            at += next_begin(rest);
        }
    }
    sifted
}

impl Sifted {
    fn take(&mut self, seen: &Seen, place: impl Fn(&str) -> String) {
        let next = self.runs.entry((seen.line.life, seen.line.thread)).or_default();
        let number = seen.line.number;
        if number < *next {
            self.faults.push(place("twice"));
        } else if number > *next {
            self.faults.push(place(&format!("missing before it, from {}", *next)));
        }
        *next = (*next).max(number + 1);
        self.records += 1;
        self.later_looks += u64::from(seen.look > 0);
        self.cut += u64::from(seen.is_cut);
    }

    fn take_notice(&mut self, notice: &str) {
        // Nobody touched the files, and nothing was shed.
        if notice.contains(" may stand twice")
            || notice.contains(" lost")
            || notice.contains("dropped and not")
        {
            self.faults.push(format!("said without cause: {}", notice.trim_end()));
        }
        self.notices.push(notice.trim_end().to_owned());
    }
}

/// The notice that stands there, with its newline.
fn notice(bytes: &[u8]) -> Option<String> {
    let line = bytes.split_inclusive(|byte| *byte == b'\n').next()?;
    let text = std::str::from_utf8(line).ok().filter(|text| text.ends_with('\n'))?;
    let is_text = text.starts_with("20") && text.contains(" tracing_spool: ");
    let is_json = || {
        let value = serde_json::from_str::<serde_json::Value>(text);
        value.is_ok_and(|value| value.get("target").is_some_and(|target| target == "tracing_spool"))
    };
    // Under a small limit it is cut as any record.
    let is_cut =
        || text.starts_with(r#"{"timestamp":"20"#) && text.contains("…[+") && text.ends_with(" bytes]\n");
    (is_text || is_json() || is_cut()).then(|| text.to_owned())
}

/// How far the next head is, or notice, behind a newline or not.
fn next_begin(bytes: &[u8]) -> usize {
    (1..bytes.len())
        .find(|at| {
            let rest = &bytes[*at..];
            begun(rest).is_some() || (bytes[at - 1] == b'\n' && notice(rest).is_some())
        })
        .unwrap_or(bytes.len())
}

fn short(bytes: &[u8]) -> String {
    let end = bytes.len().min(70);
    format!("{:?} ({} bytes to the end)", String::from_utf8_lossy(&bytes[..end]), bytes.len())
}
