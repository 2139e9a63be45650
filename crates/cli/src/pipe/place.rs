//! Where the ring of a log is, if only `--durable` says that there is one.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use tracing_spool_ring::Checksum;

/// The directories that are in memory and outlive a process, the best first. systemd gives a service the first one.
const VARIABLES: [&str; 2] = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"];
const SHARED_MEMORY: &str = "/dev/shm";
/// A file name has 255 bytes, and the rest of the ring's takes less than 64.
const MOST_NAME: usize = 190;

/// Returns the ring's path: the same at each start, and another one for each user and log.
pub(super) fn ring_of(log: &Path) -> PathBuf {
    ring_in(&directory(|name| env::var_os(name)), log, geteuid().as_raw())
}

fn directory(look_up: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let first = |dirs: OsString| env::split_paths(&dirs).find(|dir| dir.is_absolute());
    VARIABLES.into_iter().find_map(|name| first(look_up(name)?)).unwrap_or_else(|| SHARED_MEMORY.into())
}

fn ring_in(dir: &Path, log: &Path, user: u32) -> PathBuf {
    let log = std::path::absolute(log).unwrap_or_else(|_| log.to_owned());
    // Logs of the same name in different directories need rings of their own.
    let sum = Checksum::of(log.as_os_str().as_encoded_bytes());
    let name = log.file_name().unwrap_or_default().to_string_lossy();
    let end = (0..=name.len().min(MOST_NAME)).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    dir.join(format!("tspool.{user}.{}.{sum:016x}.ring", &name[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_the_first_that_is_given() {
        let given = |list: &'static [(&str, &str)]| {
            directory(|name| list.iter().find(|(known, _)| *known == name).map(|(_, dir)| dir.into()))
        };
        assert_eq!(
            given(&[("RUNTIME_DIRECTORY", "/run/a:/run/b"), ("XDG_RUNTIME_DIR", "/x")]),
            Path::new("/run/a")
        );
        assert_eq!(given(&[("RUNTIME_DIRECTORY", ""), ("XDG_RUNTIME_DIR", "/x")]), Path::new("/x"));
        assert_eq!(given(&[("XDG_RUNTIME_DIR", "relative")]), Path::new("/dev/shm"));
    }

    #[test]
    fn each_user_and_log_has_a_ring_whose_name_is_no_longer_than_a_name_may_be() {
        let ring = |log: &str, user| ring_in(Path::new("/run"), Path::new(log), user);
        let one = ring("/var/log/shop.log", 7);
        assert_eq!(one, ring("/var/log/shop.log", 7));
        assert!(one != ring("/srv/shop.log", 7) && one != ring("/var/log/shop.log", 8));
        let name = one.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("tspool.7.shop.log.") && name.ends_with(".ring"), "{name}");
        for long in ["x".repeat(255), "ä".repeat(127)] {
            assert!(ring(&format!("/{long}"), u32::MAX).file_name().unwrap().len() <= 240);
        }
    }
}
