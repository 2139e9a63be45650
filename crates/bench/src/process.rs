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
/// Names C++ spdlog's library to a child.
const SPDLOG: &str = "BENCH_SPDLOG";

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

/// C++ spdlog's library, for the child that is asked to measure it.
pub fn spdlog_library() -> Result<PathBuf> {
    env::var_os(SPDLOG).map(PathBuf::from).context("C++ spdlog was not built")
}

/// What was compiled for the children; an error says why it was not.
pub struct Built {
    /// Counts, and makes the disk slow.
    pub shim: Result<PathBuf>,
    /// C++ spdlog, as a library.
    pub spdlog: Result<PathBuf>,
}

/// Compiles what the children need beside this program.
pub fn build(dir: &Path) -> Built {
    Built { shim: build_shim(dir), spdlog: build_spdlog(dir) }
}

fn build_shim(dir: &Path) -> Result<PathBuf> {
    let source = dir.join("trouble.c");
    fs::write(&source, include_str!("../shim/trouble.c"))?;
    compile("cc", &source, &[], &["-ldl", "-lpthread"])
}

fn build_spdlog(dir: &Path) -> Result<PathBuf> {
    let source = dir.join("spdlog.cpp");
    fs::write(&source, include_str!("../native/spdlog.cpp"))?;
    // As Debian's libspdlog-dev says in its spdlog.pc.
    let flags = ["-std=c++17", "-DSPDLOG_SHARED_LIB", "-DSPDLOG_COMPILED_LIB", "-DSPDLOG_FMT_EXTERNAL"];
    compile("c++", &source, &flags, &["-lspdlog", "-lfmt", "-lpthread"])
}

/// Compiles a file to a shared library beside it.
fn compile(compiler: &str, source: &Path, flags: &[&str], libraries: &[&str]) -> Result<PathBuf> {
    let object = source.with_extension("so");
    let output = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O2"])
        .args(flags)
        .arg("-o")
        .args([&object, source])
        .args(libraries)
        .output()
        .with_context(|| format!("there is no compiler `{compiler}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let error = said.lines().find(|line| line.contains("error")).or(said.lines().next());
        bail!("{compiler}: {}", error.unwrap_or("failed"));
    }
    Ok(object)
}

/// Measures in a process of its own.
pub fn measure(spec: &Spec, built: &Built) -> Result<Outcome> {
    let scratch = tempfile::tempdir()?;
    let mut command = Command::new(env::current_exe()?);
    command.arg("child").arg(serde_json::to_string(spec)?).stdout(Stdio::piped()).stderr(Stdio::null());
    if spec.needs_shim() {
        let shim = built.shim.as_ref().ok().context("this needs the shim, and there is none")?;
        command.env("LD_PRELOAD", shim).env(SHIM_OUT, scratch.path().join("counts"));
    }
    if let Ok(library) = &built.spdlog {
        command.env(SPDLOG, library);
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
