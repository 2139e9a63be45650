//! Names for the members of a JSON line, as `fmt` has them or as a log collector expects them.

use tracing_core::Level;

use crate::fields::escape::{push_json, push_json_string};

/// Sets the names of the members of a JSON line, and whether the fields of an event stand in an object of their own.
///
/// ```
/// use tracing_spool_format::{Json, Keys};
/// let json = Json::new().keys(Keys::fmt().flatten().timestamp("ts").message("msg"));
/// # drop(json);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub(crate) names: Names,
    /// The key of the message, without quotes.
    pub(crate) message: String,
    /// `None` if the fields of the event stand beside the other members.
    pub(crate) fields: Option<String>,
    pub(crate) levels: Levels,
    pub(crate) source: Source,
    /// Whether the fields that the `log` bridge adds are shown.
    pub(crate) has_log_fields: bool,
    /// Members that are the same in every line, encoded.
    pub(crate) constants: String,
}

/// Encoded keys: each in quotes, with its colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) timestamp: String,
    pub(crate) level: String,
    pub(crate) target: String,
    pub(crate) file: String,
    pub(crate) line_number: String,
    pub(crate) span: String,
    pub(crate) spans: String,
    pub(crate) thread_name: String,
    pub(crate) thread_id: String,
    pub(crate) trace: String,
    pub(crate) trace_span: String,
    pub(crate) truncated: String,
}

/// How levels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Levels {
    Upper,
    Lower,
    Severity,
}

/// How file and line are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// As two members.
    Members,
    /// As one object with the line as a string, as Google Cloud expects it.
    Location,
}

fn key(name: &str) -> String {
    let mut quoted = String::new();
    push_json_string(&mut quoted, name);
    quoted.push(':');
    quoted
}

macro_rules! renames {
    ($($name:ident $what:literal $default:literal;)*) => {
        impl Keys {
            $(
                #[doc = concat!("Names the member for ", $what, ".")]
                ///
                #[doc = concat!("Default: `", $default, "`.")]
                #[must_use]
                pub fn $name(mut self, name: &str) -> Self {
                    self.names.$name = key(name);
                    self
                }
            )*
        }
    };
}

renames! {
    timestamp "the time" "timestamp";
    level "the level" "level";
    target "the target" "target";
    span "the innermost span" "span";
    spans "the list of spans" "spans";
    truncated "the number of bytes that were cut from a line that was too long" "truncated_bytes";
}

impl Keys {
    /// Returns the keys that `tracing_subscriber::fmt` uses: `timestamp`, `level`, `fields`, `target`, `filename`,
    /// `line_number`, `span`, `spans`, `threadName`, `threadId`.
    #[must_use]
    pub fn fmt() -> Self {
        Self {
            names: Names {
                timestamp: key("timestamp"),
                level: key("level"),
                target: key("target"),
                file: key("filename"),
                line_number: key("line_number"),
                span: key("span"),
                spans: key("spans"),
                thread_name: key("threadName"),
                thread_id: key("threadId"),
                trace: key("trace_id"),
                trace_span: key("span_id"),
                truncated: key("truncated_bytes"),
            },
            message: "message".to_owned(),
            fields: Some(key("fields")),
            levels: Levels::Upper,
            source: Source::Members,
            has_log_fields: true,
            constants: String::new(),
        }
    }

    /// Returns the keys of the Elastic Common Schema: `@timestamp`, `log.level`, `message`, `log.logger`, `trace.id`
    /// and so on. The fields of an event stand beside these.
    ///
    /// ```
    /// use tracing_spool_format::{Json, Keys};
    /// let json = Json::new().keys(Keys::ecs());
    /// # drop(json);
    /// ```
    #[must_use]
    pub fn ecs() -> Self {
        let fmt = Self::fmt();
        Self {
            names: Names {
                timestamp: key("@timestamp"),
                level: key("log.level"),
                target: key("log.logger"),
                file: key("log.origin.file.name"),
                line_number: key("log.origin.file.line"),
                thread_name: key("process.thread.name"),
                thread_id: key("process.thread.id"),
                trace: key("trace.id"),
                trace_span: key("span.id"),
                ..fmt.names
            },
            fields: None,
            levels: Levels::Lower,
            has_log_fields: false,
            ..fmt
        }
        .constant("ecs.version", "8.11.0")
    }

    /// Returns the keys of Google Cloud Logging: `severity`, `time`, `message`, `logging.googleapis.com/trace` and so
    /// on. The fields of an event stand beside these.
    ///
    /// ```
    /// use tracing_spool_format::{Json, Keys};
    /// let json = Json::new().keys(Keys::gcp());
    /// # drop(json);
    /// ```
    #[must_use]
    pub fn gcp() -> Self {
        let fmt = Self::fmt();
        Self {
            names: Names {
                timestamp: key("time"),
                level: key("severity"),
                file: key("logging.googleapis.com/sourceLocation"),
                trace: key("logging.googleapis.com/trace"),
                trace_span: key("logging.googleapis.com/spanId"),
                ..fmt.names
            },
            fields: None,
            levels: Levels::Severity,
            source: Source::Location,
            has_log_fields: false,
            ..fmt
        }
    }

    /// Puts the fields of an event beside the other members instead of into an object of their own.
    #[must_use]
    pub fn flatten(mut self) -> Self {
        self.fields = None;
        self
    }

    /// Names the member for the message.
    ///
    /// Default: `message`.
    #[must_use]
    pub fn message(mut self, name: &str) -> Self {
        name.clone_into(&mut self.message);
        self
    }

    /// Names the members for the ids of the trace and the span, as found by [`Json::ids`](crate::Json::ids).
    ///
    /// Default: `trace_id` and `span_id`.
    #[must_use]
    pub fn ids(mut self, trace: &str, span: &str) -> Self {
        (self.names.trace, self.names.trace_span) = (key(trace), key(span));
        self
    }

    /// Writes levels in lower case.
    ///
    /// Default: upper case.
    #[must_use]
    pub fn lowercase_levels(mut self) -> Self {
        self.levels = Levels::Lower;
        self
    }

    /// Adds a member that is the same in every line, such as the name or version of the service. Several calls add up.
    ///
    /// ```
    /// let keys = tracing_spool_format::Keys::ecs().constant("service.name", "shop");
    /// # drop(keys);
    /// ```
    #[must_use]
    pub fn constant(mut self, name: &str, value: &str) -> Self {
        if !self.constants.is_empty() {
            self.constants.push(',');
        }
        self.constants.push_str(&key(name));
        self.constants.push('"');
        push_json(&mut self.constants, value);
        self.constants.push('"');
        self
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::fmt()
    }
}

impl Levels {
    pub(crate) fn word(self, level: Level) -> &'static str {
        match (self, level) {
            (Self::Lower, Level::TRACE) => "trace",
            (Self::Lower, Level::DEBUG) => "debug",
            (Self::Lower, Level::INFO) => "info",
            (Self::Lower, Level::WARN) => "warn",
            (Self::Lower, Level::ERROR) => "error",
            (Self::Severity, Level::TRACE | Level::DEBUG) => "DEBUG",
            (Self::Severity, Level::WARN) => "WARNING",
            (_, Level::TRACE) => "TRACE",
            (_, Level::DEBUG) => "DEBUG",
            (_, Level::INFO) => "INFO",
            (_, Level::WARN) => "WARN",
            (_, Level::ERROR) => "ERROR",
        }
    }
}
