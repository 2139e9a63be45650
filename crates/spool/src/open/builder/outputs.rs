//! Builders for logs that don't go to files: stdout, stderr, a descriptor, any `io::Write`. Which settings belong to files
//! alone is decided in `settings::check`.

use std::io::Write;
use std::os::fd::OwnedFd;

use super::SpoolBuilder;
use crate::settings::description::Description;
use crate::settings::target::{Given, Target};
use crate::writer::event_writer::Spool;

impl Spool {
    /// Describes a log that goes to stdout. No caller waits for its reader.
    ///
    /// It has the queue, the levels, the account and the notices of a log in files. Records don't linger
    /// ([`linger`](SpoolBuilder::linger) is 0), and settings that belong to files are faults. While the reader sleeps, records wait
    /// in the queue; once that is full, the least important ones are dropped and counted, and when the reader goes on, a line says
    /// how many are missing. Lines stay whole. Colours pass, and other control characters are escaped. The process's own descriptor
    /// keeps its flags, and when the program redirects its stdout, the log follows.
    ///
    /// ```
    /// use tracing_subscriber::prelude::*;
    /// let (spool, guard) = tracing_spool::Spool::stdout().open()?;
    /// let subscriber = tracing_subscriber::registry().with(spool.layer());
    /// tracing::subscriber::with_default(subscriber, || tracing::info!("hello"));
    /// assert!(guard.shutdown(std::time::Duration::from_secs(1)).is_complete());
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn stdout() -> SpoolBuilder {
        SpoolBuilder { description: Description::of(Target::Stdout) }
    }

    /// Describes a log that goes to stderr, like [`stdout`](Self::stdout).
    ///
    /// ```
    /// let (spool, _guard) = tracing_spool::Spool::stderr().open()?;
    /// # drop(spool);
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn stderr() -> SpoolBuilder {
        SpoolBuilder { description: Description::of(Target::Stderr) }
    }

    /// Describes a log that goes to a descriptor, such as a pipe, a socket or a terminal, like [`stdout`](Self::stdout). The
    /// descriptor is closed when the log ends, and in forked children.
    ///
    /// ```
    /// use std::io::Read as _;
    /// use std::os::unix::net::UnixStream;
    /// use tracing_core::Level;
    ///
    /// let (mut reader, writer) = UnixStream::pair()?;
    /// let (spool, guard) = tracing_spool::Spool::fd(writer.into()).open()?;
    /// std::io::Write::write_all(&mut spool.lines(Level::INFO), b"one\n")?;
    /// drop((spool, guard));
    /// let mut read = String::new();
    /// reader.read_to_string(&mut read)?;
    /// assert_eq!(read, "one\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fd(descriptor: OwnedFd) -> SpoolBuilder {
        SpoolBuilder { description: Description::of(Target::Descriptor(Given::new(descriptor))) }
    }

    /// Describes a log that goes to any [`Write`]. The writer thread owns it, and drops it at the end.
    ///
    /// Records that wait are offered together through [`write_vectored`](Write::write_vectored), one slice each, so a writer without
    /// a method of its own gets one `write` per record. A [`flush`](Write::flush) follows. A record that the writer refuses with an
    /// error, or panics on, is dropped and counted as [`Reason::Output`](crate::Reason::Output); `WouldBlock` makes records wait.
    ///
    /// For a descriptor, use [`fd`](Self::fd): a writer that blocks holds up the writer thread, though no caller, until it returns.
    ///
    /// ```
    /// let (spool, guard) = tracing_spool::Spool::writer(std::io::sink()).open()?;
    /// # drop((spool, guard));
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn writer(writer: impl Write + Send + 'static) -> SpoolBuilder {
        SpoolBuilder { description: Description::of(Target::Writer(Given::new(Box::new(writer)))) }
    }
}

/// For `tracing-spool-appender`.
#[doc(hidden)]
impl SpoolBuilder {
    /// Writes records as they come, without adding so much as a newline, and sheds none before another. Alerts and notices
    /// call the log `name`.
    pub fn verbatim(mut self, name: &str) -> Self {
        self.description.output.is_verbatim = true;
        self.description.output.name = Some(name.to_owned());
        self
    }
}
