//! A small disk in memory that only this process sees, and a file that fills it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Uid, getgid, getuid};

/// The size of the disk.
pub(super) const BYTES: u64 = 8 << 20;

/// A mounted disk. Nobody else sees it.
#[derive(Debug)]
pub(super) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk at `place`, in a namespace of its own. Returns in words why that can't be done.
    ///
    /// Must be called before there is a second thread: a namespace is entered by single-threaded processes only.
    pub(super) fn mount(place: &Path) -> Result<Self, String> {
        let path = place.join("disk");
        let (user, group) = (getuid(), getgid());
        let of_files = CloneFlags::CLONE_NEWNS;
        let entered = if Uid::effective().is_root() {
            unshare(of_files).map_err(|error| error.to_string())
        } else {
            unshare(of_files | CloneFlags::CLONE_NEWUSER).map_err(|error| error.to_string()).and_then(|()| {
                let map = [
                    ("setgroups", "deny".to_owned()),
                    ("uid_map", format!("0 {user} 1")),
                    ("gid_map", format!("0 {group} 1")),
                ];
                map.iter()
                    .try_for_each(|(name, text)| tell_kernel(name, text))
                    .map_err(|error| error.to_string())
            })
        };
        entered.map_err(|why| format!("no small disk can be mounted here ({why})"))?;
        let mounted = || -> nix::Result<()> {
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
            let size = format!("size={BYTES}");
            mount(Some("tspool"), &path, Some("tmpfs"), MsFlags::empty(), Some(size.as_str()))
        };
        fs::create_dir(&path).map_err(|error| error.to_string())?;
        mounted().map_err(|error| format!("no small disk can be mounted here ({error})"))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all the room that is left, until the returned value is dropped.
    pub(super) fn fill(&self) -> Filler {
        let path = self.path.join("filler");
        fill(&path);
        Filler(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
    }
}

/// Writes to a file of this process under /proc.
fn tell_kernel(name: &str, text: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(format!("/proc/self/{name}"))?.write_all(text.as_bytes())
}

/// Writes until there is no room, first by large pieces.
#[expect(clippy::disallowed_methods, reason = "the disk is this command's own")]
fn fill(path: &Path) {
    let Ok(mut file) = File::create(path) else { return };
    for piece in [64 * 1024, 4 * 1024, 64] {
        let piece = vec![0; piece];
        while file.write_all(&piece).is_ok() {}
    }
}

/// A file that takes all the room.
#[derive(Debug)]
pub(super) struct Filler(PathBuf);

impl Drop for Filler {
    #[expect(clippy::disallowed_methods, reason = "the disk is this command's own")]
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
