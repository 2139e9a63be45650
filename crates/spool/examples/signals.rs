//! Signals as logrotate, systemd and operators send them: this program sends them to itself.
//! It keeps nothing: the log goes to a temporary directory. Run it with `--features signals`.
#![expect(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use tracing_spool::{SignalAction, Spool, SpoolHandle};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("app.log");
    let (spool, guard) = Spool::builder(&path).open()?;
    let handle = guard.handle();
    // `install_signals()` would take SIGTERM too: it writes what waits and then dies. Here the guard does that.
    handle.install_signals_for(&[SignalAction::Reopen, SignalAction::Rotate])?;
    tracing_subscriber::registry().with(spool.layer()).init();

    tracing::info!("for a file that is moved away");
    handle.flush(Duration::from_secs(5))?;
    move_away(&path)?;
    raise(Signal::SIGHUP)?; // what `postrotate` and `systemctl reload` send
    wait(&handle, "opened anew", |handle| handle.stats().files.reopened == 1);

    tracing::info!("for the new file");
    handle.flush(Duration::from_secs(5))?;
    raise(Signal::SIGUSR1)?;
    wait(&handle, "rotated", |handle| handle.stats().files.rotations == 1);

    tracing::info!("for the one after it");
    println!("{}", guard.shutdown(Duration::from_secs(5)));
    #[expect(clippy::disallowed_methods, reason = "it shows the files")]
    for entry in dir.path().read_dir()?.flatten() {
        println!("{:>8} bytes  {}", entry.metadata()?.len(), entry.file_name().to_string_lossy());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it does what logrotate does")]
fn move_away(path: &Path) -> std::io::Result<()> {
    std::fs::rename(path, path.with_extension("log-moved"))
}

fn wait(handle: &SpoolHandle, what: &str, is_so: impl Fn(&SpoolHandle) -> bool) {
    while !is_so(handle) {
        std::thread::yield_now();
    }
    println!("{what}");
}
