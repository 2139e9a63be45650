//! Options that all formats share: time, level, thread, target, file, line number and ids.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tracing_core::Level;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::line::ids::Finder;
use crate::line::style::{DIM, of_level, styled};

#[derive(Clone, Debug)]
pub(crate) struct Options<T> {
    /// `None` shows no time.
    pub(crate) timer: Option<T>,
    pub(crate) level: bool,
    pub(crate) target: bool,
    pub(crate) file: bool,
    pub(crate) line_number: bool,
    pub(crate) thread_names: bool,
    pub(crate) thread_ids: bool,
    pub(crate) ansi: bool,
    pub(crate) ids: Finder,
    pub(crate) layer: LayerId,
}

impl<T> Options<T> {
    pub(crate) fn new(timer: T) -> Self {
        Self {
            timer: Some(timer),
            level: true,
            target: true,
            file: false,
            line_number: false,
            thread_names: false,
            thread_ids: false,
            ansi: false,
            ids: Finder::default(),
            layer: LayerId::new(),
        }
    }

    /// Returns the same options for a format that shows spans differently.
    pub(crate) fn renewed(self) -> Self {
        Self { layer: LayerId::new(), ..self }
    }

    pub(crate) fn with_timer<T2>(self, timer: Option<T2>) -> Options<T2> {
        Options {
            timer,
            level: self.level,
            target: self.target,
            file: self.file,
            line_number: self.line_number,
            thread_names: self.thread_names,
            thread_ids: self.thread_ids,
            ansi: self.ansi,
            ids: self.ids,
            layer: self.layer,
        }
    }
}

/// Identifies a formatter. What is kept in a span belongs to one of them, because two layers may see different spans.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LayerId(u64);

impl LayerId {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn number(&self) -> u64 {
        self.0
    }
}

/// Gives the clone an id of its own: it is another formatter, even if it formats alike.
impl Clone for LayerId {
    fn clone(&self) -> Self {
        Self::new()
    }
}

/// Returns the level, right-aligned in five characters.
fn padded(level: Level) -> &'static str {
    match level {
        Level::TRACE => "TRACE",
        Level::DEBUG => "DEBUG",
        Level::INFO => " INFO",
        Level::WARN => " WARN",
        Level::ERROR => "ERROR",
    }
}

/// What a line shows of a thread.
struct Thread {
    name: Option<String>,
    /// The id as `{:0>2?}` shows it.
    padded_id: String,
    id: String,
}

thread_local! {
    static THREAD: OnceCell<Thread> = const { OnceCell::new() };
}

fn with_thread<R>(mut show: impl FnMut(&Thread) -> R) -> R {
    let look = || {
        let thread = std::thread::current();
        let id = thread.id();
        Thread {
            name: thread.name().map(str::to_owned),
            padded_id: format!("{id:0>2?}"),
            id: format!("{id:?}"),
        }
    };
    match THREAD.try_with(|thread| show(thread.get_or_init(look))) {
        Ok(shown) => shown,
        // A thread that is ending has no thread-local values left.
        Err(_) => show(&look()),
    }
}

/// Appends the thread's name, as wide as the widest one so far, and its id, each followed by a space.
fn push_thread<T>(line: &mut String, options: &Options<T>) {
    static WIDEST: AtomicUsize = AtomicUsize::new(0);
    if !options.thread_names && !options.thread_ids {
        return;
    }
    with_thread(|thread| {
        if options.thread_names {
            match &thread.name {
                Some(name) => {
                    let width = WIDEST.fetch_max(name.len(), Ordering::AcqRel).max(name.len());
                    // Writing to a `String` cannot fail.
                    let _ = write!(line, "{name:>width$} ");
                }
                None if !options.thread_ids => {
                    line.push_str(&thread.padded_id);
                    line.push(' ');
                }
                None => {}
            }
        }
        if options.thread_ids {
            line.push_str(&thread.padded_id);
            line.push(' ');
        }
    });
}

/// Passes `show` the thread's name and its id, each if it is to be shown. A thread without a name shows its id instead,
/// unless ids are shown anyway.
pub(crate) fn with_thread_words<T>(options: &Options<T>, mut show: impl FnMut(Option<&str>, Option<&str>)) {
    if !options.thread_names && !options.thread_ids {
        return;
    }
    with_thread(|thread| {
        let unnamed = Some(&*thread.id).filter(|_| !options.thread_ids);
        let name = thread.name.as_deref().or(unnamed).filter(|_| options.thread_names);
        show(name, Some(&*thread.id).filter(|_| options.thread_ids));
    });
}

/// Returns where an event comes from; for a record of the `log` crate, what the record says about that.
macro_rules! with_metadata {
    ($event:ident, |$meta:ident| $body:expr) => {{
        #[cfg(feature = "log")]
        let normalized = tracing_log::NormalizeEvent::normalized_metadata($event);
        #[cfg(feature = "log")]
        let $meta = normalized.as_ref().unwrap_or_else(|| $event.metadata());
        #[cfg(not(feature = "log"))]
        let $meta = $event.metadata();
        $body
    }};
}
pub(crate) use with_metadata;

/// The setters that all formats share.
macro_rules! setters {
    ($format:ident { $($kept:ident),* }) => {
        impl<T> $format<T> {
            /// Sets the timer that writes the time of each event.
            ///
            /// Default: [`EventTime::utc`](crate::EventTime::utc).
            #[must_use]
            pub fn with_timer<T2>(self, timer: T2) -> $format<T2> {
                $format { options: self.options.with_timer(Some(timer)), $($kept: self.$kept),* }
            }

            /// Leaves out the time.
            #[must_use]
            pub fn without_time(self) -> $format<()> {
                $format { options: self.options.with_timer(None), $($kept: self.$kept),* }
            }

            /// Sets whether the level is shown.
            ///
            /// Default: `true`.
            #[must_use]
            pub fn with_level(mut self, is_shown: bool) -> Self {
                self.options.level = is_shown;
                self
            }

            /// Sets whether the target is shown.
            ///
            /// Default: `true`.
            #[must_use]
            pub fn with_target(mut self, is_shown: bool) -> Self {
                self.options.target = is_shown;
                self
            }

            /// Sets whether the source file is shown.
            ///
            /// Default: `false`.
            #[must_use]
            pub fn with_file(mut self, is_shown: bool) -> Self {
                self.options.file = is_shown;
                self
            }

            /// Sets whether the line number in the source file is shown.
            ///
            /// Default: `false`.
            #[must_use]
            pub fn with_line_number(mut self, is_shown: bool) -> Self {
                self.options.line_number = is_shown;
                self
            }

            /// Sets whether the name of the thread is shown.
            ///
            /// Default: `false`.
            #[must_use]
            pub fn with_thread_names(mut self, are_shown: bool) -> Self {
                self.options.thread_names = are_shown;
                self
            }

            /// Sets whether the id of the thread is shown.
            ///
            /// Default: `false`.
            #[must_use]
            pub fn with_thread_ids(mut self, are_shown: bool) -> Self {
                self.options.thread_ids = are_shown;
                self
            }

            /// Sets how the ids of the trace and the span are found. Lines show them as `trace_id` and `span_id`.
            ///
            /// `find` gets the extensions of the event's span, and runs for every event in a span.
            ///
            /// Default: no ids.
            ///
            /// ```
            #[doc = concat!("use tracing_spool_format::{Ids, ", stringify!($format), "};")]
            /// struct Request { trace: u128, span: u64 } // stored in each span by a layer of yours
            #[doc = concat!("let format = ", stringify!($format), "::new().ids(|span| {")]
            ///     let request = span.get::<Request>()?;
            ///     Some(Ids::new(format_args!("{:032x}", request.trace), format_args!("{:016x}", request.span)))
            /// });
            /// # drop(format);
            /// ```
            #[must_use]
            pub fn ids(
                mut self,
                find: impl Fn(&tracing_subscriber::registry::Extensions<'_>) -> Option<crate::line::ids::Ids> + Send + Sync + 'static,
            ) -> Self {
                self.options.ids = crate::line::ids::Finder::new(find);
                self
            }
        }
    };
}
pub(crate) use setters;

/// Appends the time. If the timer fails, writes what `fmt` writes then.
fn push_time<T: FormatTime>(line: &mut String, timer: &T) {
    if timer.format_time(&mut Writer::new(line)).is_err() {
        line.push_str("<unknown time>");
    }
}

/// Appends the beginning of a text line: time, level, thread.
#[inline]
pub(crate) fn push_head<T: FormatTime>(line: &mut String, options: &Options<T>, level: Level) {
    if let Some(timer) = &options.timer {
        styled(line, options.ansi, DIM, |line| push_time(line, timer));
        line.push(' ');
    }
    if options.level {
        styled(line, options.ansi, of_level(level), |line| line.push_str(padded(level)));
        line.push(' ');
    }
    push_thread(line, options);
}
