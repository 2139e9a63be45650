//! What others on this machine do to a log: mounts, attributes that even root obeys, another user, system calls that a
//! filter takes away. Guards undo it when they are dropped; what is not allowed here comes back as a reason to skip.
//! What a log makes of it is the test's.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc;
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use tracing_spool_fileset::OsError;

/// Who a service runs as: a user that no system has given to anybody.
pub const SERVICE: u32 = 54_321;
/// A group that such a user is not in.
pub const OPERATORS: u32 = 54_322;

/// A command that undoes another, at the drop.
#[derive(Debug)]
pub struct Undo {
    program: &'static str,
    option: &'static str,
    path: PathBuf,
}

impl Drop for Undo {
    fn drop(&mut self) {
        let undone = Command::new(self.program).arg(self.option).arg(&self.path).status();
        if !undone.is_ok_and(|status| status.success()) {
            eprintln!("not undone: {self:?}");
        }
    }
}

/// Runs a command; what it said where it failed.
fn attempt(program: &str, args: &[&OsStr]) -> Result<(), String> {
    match Command::new(program).args(args).output() {
        Err(error) => Err(format!("{program}: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn mount(args: &[&OsStr], at: &Path) -> Result<Undo, String> {
    attempt("mount", &[args, &[at.as_os_str()]].concat())?;
    // Lazily: whoever still has a file open there keeps nobody from leaving.
    Ok(Undo { program: "umount", option: "--lazy", path: at.to_owned() })
}

/// Mounts what stands at `from` at `at` too.
///
/// # Errors
/// What `mount` said.
pub fn bind(from: &Path, at: &Path) -> Result<Undo, String> {
    mount(&["--bind".as_ref(), from.as_os_str()], at)
}

/// Mounts a file system in memory, of so many bytes.
///
/// # Errors
/// What `mount` said.
pub fn tmpfs(at: &Path, bytes: u64) -> Result<Undo, String> {
    let options = format!("size={bytes}");
    mount(&["-t", "tmpfs", "-o", &options, "tmpfs"].map(OsStr::new), at)
}

/// Makes a file such that nobody may change, move or remove it (`chattr +i`), or with `a` such that it may only grow.
///
/// # Errors
/// What `chattr` said.
pub fn immovable(path: &Path, attribute: char) -> Result<Undo, String> {
    let (on, off) = if attribute == 'a' { ("+a", "-a") } else { ("+i", "-i") };
    attempt("chattr", &[on.as_ref(), path.as_os_str()])?;
    Ok(Undo { program: "chattr", option: off, path: path.to_owned() })
}

/// Whether this process may do everything.
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Gives a file or directory away.
///
/// # Panics
/// Where that may not be.
#[track_caller]
pub fn give(path: &Path, user: u32, group: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(group)).unwrap();
}

/// This process, with all its threads, is another user's from now on.
///
/// # Panics
/// Where it may not become that.
#[track_caller]
pub fn become_user(user: u32, group: u32) {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    setgroups(&[]).unwrap();
    setresgid(group, group, group).unwrap();
    setresuid(user, user, user).unwrap();
}

/// Lets a system call fail from now on, in this thread and in those that it starts.
///
/// # Errors
/// Why the system takes no filter.
#[cfg(target_os = "linux")]
pub fn deny(call: libc::c_long, error: OsError) -> Result<(), String> {
    let code = |code: u32| u16::try_from(code).unwrap_or_default();
    let line = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let refused = libc::SECCOMP_RET_ERRNO | u32::try_from(error.code()).unwrap_or_default();
    let mut filter = [
        // The number of the call is the first word of what is filtered.
        line(code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS), 0, 0, 0),
        line(
            code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K),
            0,
            1,
            u32::try_from(call).unwrap_or(u32::MAX),
        ),
        line(code(libc::BPF_RET | libc::BPF_K), 0, 0, refused),
        line(code(libc::BPF_RET | libc::BPF_K), 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    #[expect(unsafe_code, reason = "only a filter shows what happens where a system call is not there")]
    // SAFETY: both calls take numbers, and a program that outlives them and is copied.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    if done { Ok(()) } else { Err(format!("seccomp: {}", io::Error::last_os_error())) }
}

/// Closes every descriptor from `first` on, whoever has it.
///
/// # Errors
/// Why the system does not.
#[cfg(target_os = "linux")]
pub fn close_from(first: u32) -> Result<(), String> {
    #[expect(unsafe_code, reason = "what is closed behind the owners' backs is what is to be shown")]
    // SAFETY: no memory is touched; that owners of descriptors lose them is the purpose.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0_u32) } == 0;
    if done { Ok(()) } else { Err(format!("close_range: {}", io::Error::last_os_error())) }
}

/// Closes one descriptor, whoever has it.
pub fn close(number: i32) {
    #[expect(unsafe_code, reason = "what is closed behind the owners' backs is what is to be shown")]
    // SAFETY: no memory is touched; that the owner of the descriptor loses it is the purpose.
    let _closed_or_not_there = unsafe { libc::close(number) };
}
