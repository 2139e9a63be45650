//! Runs the tests of tracing-appender as they are published, where they use what is public, against tracing-spool-appender.
//! The build script takes them from the source that cargo has.

mod non_blocking {
    use std::io::Write;
    use std::thread::JoinHandle;
    use tracing_appender::non_blocking::*;

    mod test {
        #![expect(unused_qualifications, reason = "they stay as they are published")]
        include!(concat!(env!("OUT_DIR"), "/non_blocking.rs"));
    }
}

mod rolling {
    use std::path::Path;
    use tracing_appender::rolling::*;

    mod test {
        include!(concat!(env!("OUT_DIR"), "/rolling.rs"));
    }
}
