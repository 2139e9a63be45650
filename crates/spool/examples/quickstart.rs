//! A spool under `tracing_subscriber`, some events, the account.
//! It keeps nothing: the log goes to a temporary directory.
#![expect(clippy::print_stdout, reason = "an example speaks")]

use std::time::Duration;

use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let (spool, guard) = tracing_spool::Spool::builder(dir.path().join("app.log"))
        .max_bytes(20_000)
        .backup_count(3)
        .max_total_bytes(80_000)
        .open()?;
    tracing_subscriber::registry().with(spool.layer()).init();

    for order in 0..1_000 {
        tracing::info!(order, "shipped");
    }

    println!("{}", guard.shutdown(Duration::from_secs(5)));
    #[expect(clippy::disallowed_methods, reason = "it shows the files")]
    for entry in dir.path().read_dir()?.flatten() {
        println!("{:>8} bytes  {}", entry.metadata()?.len(), entry.file_name().to_string_lossy());
    }
    Ok(())
}
