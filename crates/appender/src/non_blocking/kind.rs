//! Recognizes writers by their type, to treat them as what they are. It opens and prints nothing.

use std::any::Any;
use std::io::{self, BufWriter, LineWriter};

use crate::rolling::RollingFileAppender;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stdout,
    Stderr,
    /// Nobody watches each line as it comes, so it may wait for others.
    File,
    Other,
}

impl Kind {
    #[expect(clippy::disallowed_types, reason = "only its name is asked for")]
    pub(super) fn of(writer: &dyn Any) -> Self {
        type File = std::fs::File;
        if writer.is::<io::Stdout>() {
            Self::Stdout
        } else if writer.is::<io::Stderr>() {
            Self::Stderr
        } else if writer.is::<RollingFileAppender>()
            || writer.is::<File>()
            || writer.is::<BufWriter<File>>()
            || writer.is::<LineWriter<File>>()
        {
            Self::File
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "nothing is printed")]
    fn streams_and_files_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let appender = crate::rolling::never(dir.path(), "app.log");
        assert_eq!(Kind::of(&appender), Kind::File);
        assert_eq!(Kind::of(&BufWriter::new(tempfile::tempfile().unwrap())), Kind::File);
        assert_eq!([Kind::of(&io::stdout()), Kind::of(&io::stderr())], [Kind::Stdout, Kind::Stderr]);
        assert_eq!(Kind::of(&Vec::<u8>::new()), Kind::Other);
    }
}
