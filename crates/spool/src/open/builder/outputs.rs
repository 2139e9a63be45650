//! Builders for what is no file set: stdout, stderr, a descriptor, any `io::Write`. Which settings belong to files alone is
//! `settings::check`'s matter.

use std::io::Write;
use std::os::fd::OwnedFd;

use super::SpoolBuilder;
use crate::settings::description::Description;
use crate::settings::target::{Given, Target};
use crate::writer::event_writer::Spool;

impl Spool {
    /// Begins to describe a log that goes to stdout. No caller waits for whoever reads it.
    ///
    /// Queue, levels, counts and lines about losses are those of a log in files; a record does not linger
    /// ([`linger`](SpoolBuilder::linger) is 0), and settings of files are faults. While the reader sleeps, records wait in the
    /// queue, and where it fills the least important ones are dropped and counted; when the reader goes on, a line says how many
    /// are missing. Lines stay whole; colours pass, other control characters are escaped. The process's own descriptor keeps its
    /// flags, and where the program lets its stdout lead somewhere else, so does the log.
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

    /// Begins to describe a log that goes to stderr: as [`stdout`](Self::stdout).
    ///
    /// ```
    /// let (spool, _guard) = tracing_spool::Spool::stderr().open()?;
    /// # drop(spool);
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn stderr() -> SpoolBuilder {
        SpoolBuilder { description: Description::of(Target::Stderr) }
    }

    /// Begins to describe a log that goes to a descriptor, such as a pipe, a socket or a terminal: as [`stdout`](Self::stdout).
    /// It is closed when the log ends, and in forked children.
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

    /// Begins to describe a log that goes to any [`Write`], which the writer thread owns and drops at the end.
    ///
    /// Records that wait are offered together by [`write_vectored`](Write::write_vectored), a slice for each: a writer that does
    /// not know slices gets a `write` for each record. Behind them comes a [`flush`](Write::flush). A record that it refuses with
    /// an error, or panics at, is dropped and counted as [`Reason::Output`](crate::Reason::Output); `WouldBlock` makes records wait.
    ///
    /// For descriptors [`fd`](Self::fd) is better: a writer that blocks holds this thread, though no caller, until it returns.
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
    /// Records go out as they come, without so much as a newline, and none is shed before another. What is told of the log calls
    /// it `name`.
    pub fn verbatim(mut self, name: &str) -> Self {
        self.description.output.is_verbatim = true;
        self.description.output.name = Some(name.to_owned());
        self
    }
}
