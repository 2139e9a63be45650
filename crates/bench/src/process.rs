//! This process as the kernel sees it, and children that measure. It does not say what they measure.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, Result, bail};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use nix::unistd::Pid;

use crate::scenario::{Counts, Outcome, Spec};

/// A measurement that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(180);
const SHIM_OUT: &str = "BENCH_SHIM_OUT";

/// CPU that this process used so far, in nanoseconds.
pub fn cpu_nanos() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF)
        .map_or(0.0, |usage| (usage.user_time() + usage.system_time()).num_microseconds() as f64 * 1e3)
}

/// A line of `/proc/self/status`, in KiB.
fn status_kib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

pub fn resident_kib() -> u64 {
    status_kib("VmRSS")
}

pub fn peak_kib() -> u64 {
    status_kib("VmHWM")
}

/// The processors that this process may use.
#[derive(Clone)]
pub struct Processors(Vec<usize>);

impl Processors {
    pub fn usable() -> Self {
        let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
        Self((0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false)).collect())
    }

    /// Lets the calling thread, and those that it spawns, run on one of them alone; where there is one, nothing changes.
    pub fn pin_to(&self, place: usize) {
        if let [_, _, ..] = self.0[..] {
            allow(&self.0[place % self.0.len()..][..1]);
        }
    }

    /// Lets the calling thread run on all of them.
    pub fn unpin(&self) {
        allow(&self.0);
    }
}

fn allow(cpus: &[usize]) {
    let mut set = CpuSet::new();
    if cpus.iter().all(|cpu| set.set(*cpu).is_ok()) {
        // Where it is forbidden the measurement is noisier, no more.
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// Tells the shim something. Without it, a directory that cannot be made.
pub fn tell_shim(word: &str) -> bool {
    fs::create_dir(Path::new("/bench-shim").join(word)).is_ok()
}

/// What the shim counted since it was told to begin.
pub fn shim_counts() -> Option<Counts> {
    tell_shim("end");
    serde_json::from_str(&fs::read_to_string(env::var_os(SHIM_OUT)?).ok()?).ok()
}

/// Compiles the shim; an error says why there is none.
pub fn build_shim(dir: &Path) -> Result<PathBuf> {
    let (source, object) = (dir.join("trouble.c"), dir.join("trouble.so"));
    fs::write(&source, include_str!("../shim/trouble.c"))?;
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .args([&object, &source])
        .args(["-ldl", "-lpthread"])
        .output()
        .context("there is no C compiler `cc`")?;
    if !output.status.success() {
        bail!("cc: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(object)
}

/// Measures in a process of its own.
pub fn measure(spec: &Spec, shim: Option<&Path>) -> Result<Outcome> {
    let scratch = tempfile::tempdir()?;
    let mut command = Command::new(env::current_exe()?);
    command.arg("child").arg(serde_json::to_string(spec)?).stdout(Stdio::piped()).stderr(Stdio::null());
    if spec.needs_shim() {
        let shim = shim.context("this needs the shim, and there is none")?;
        command.env("LD_PRELOAD", shim).env(SHIM_OUT, scratch.path().join("counts"));
    }
    let mut child = command.spawn()?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            bail!("{} did not end within {PATIENCE:?}: {spec:?}", spec.peer);
        }
        thread::sleep(Duration::from_millis(50)); // rarely: the child has the cores
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{} ended with {}: {spec:?}", spec.peer, output.status);
    }
    serde_json::from_slice(&output.stdout).context("the child's answer")
}
