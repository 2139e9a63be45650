//! A program that ends where no guard is at hand: a panic in a thread, and then `exit`, deep in the code.
//! Nothing of its log is lost, and it keeps nothing: the log goes to a temporary directory, which is shown and removed.
#![expect(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("app.log");
    let (spool, guard) = tracing_spool::Spool::builder(&path).sync_at(tracing::Level::ERROR).open()?;
    tracing_subscriber::registry().with(spool.layer().without_time()).init();
    // Flushes after whatever a panic did before.
    tracing_spool::install_panic_hook();

    tracing::info!("about to panic");
    panic_somewhere();
    show(&path, "after the panic")?;

    tracing::error!("giving up"); // on the disk itself before long, as `sync_at` wants
    std::mem::forget(guard); // as if it stood in a `main` that `exit` does not return to
    give_up(dir, &path)
}

#[expect(clippy::disallowed_methods, clippy::panic, reason = "it is what this example is about")]
fn panic_somewhere() {
    let _ = std::thread::spawn(|| panic!("said on stderr, as ever")).join();
}

fn give_up(dir: tempfile::TempDir, path: &Path) -> ! {
    // `exit` would do this itself; here it is done before, to show the file.
    if let Err(error) = tracing_spool::flush_all(Duration::from_secs(5)) {
        println!("not all was written: {error}");
    }
    let shown = show(path, "before `exit`");
    drop(dir);
    #[expect(clippy::disallowed_methods, reason = "it is what this example is about")]
    std::process::exit(i32::from(shown.is_err()))
}

#[expect(clippy::disallowed_methods, reason = "it shows the file")]
fn show(path: &Path, when: &str) -> std::io::Result<()> {
    println!("The log {when}:\n{}", std::fs::read_to_string(path)?);
    Ok(())
}
