//! The names of an appender's files: which one a moment has, and which names in a directory are its own.
//! It touches no file.

use super::rotation::Rotation;

/// What the names are made of. No part is empty.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) rotation: Rotation,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
}

impl Names {
    /// The name of the file for `second`, counted from 1970.
    pub(super) fn at(&self, second: i64) -> String {
        let has_stamp = self.rotation != Rotation::NEVER || (self.prefix.is_none() && self.suffix.is_none());
        let stamp = has_stamp.then(|| self.rotation.stamp(second));
        let parts = [self.prefix.as_deref(), stamp.as_deref(), self.suffix.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(".")
    }

    /// The period whose file is called so; none if no file of ours is, or if it is the only one there ever is.
    pub(super) fn period_of(&self, name: &str) -> Option<i64> {
        let mut stamp = name;
        if let Some(prefix) = &self.prefix {
            stamp = stamp.strip_prefix(prefix.as_str())?.strip_prefix('.')?;
        }
        if let Some(suffix) = &self.suffix {
            stamp = stamp.strip_suffix(suffix.as_str())?.strip_suffix('.')?;
        }
        let period = self.rotation.read_stamp(stamp)?;
        (self.at(period) == name).then_some(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rotation: &Rotation, prefix: &str, suffix: &str) -> Names {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Names { rotation: rotation.clone(), prefix: part(prefix), suffix: part(suffix) }
    }

    #[test]
    fn names_are_prefix_date_and_suffix() {
        let second = "2020-02-01T10:01:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
        for (rotation, stamp) in [
            (Rotation::MINUTELY, "2020-02-01-10-01"),
            (Rotation::HOURLY, "2020-02-01-10"),
            (Rotation::DAILY, "2020-02-01"),
            (Rotation::WEEKLY, "2020-01-26"),
        ] {
            let name = |prefix, suffix| names(&rotation, prefix, suffix).at(second);
            assert_eq!(name("app.log", ""), format!("app.log.{stamp}"));
            assert_eq!(name("app", "log"), format!("app.{stamp}.log"));
            assert_eq!(name("", "log"), format!("{stamp}.log"));
            assert_eq!(name("", ""), stamp);
        }
        let name = |prefix, suffix| names(&Rotation::NEVER, prefix, suffix).at(second);
        assert_eq!([name("app.log", ""), name("app", "log"), name("", "log")], ["app.log", "app.log", "log"]);
        assert_eq!(name("", ""), "2020-02-01", "a file has to have a name");
    }

    #[test]
    fn no_name_but_our_own_is_ours() {
        let ours = names(&Rotation::DAILY, "app", "log");
        assert!(ours.period_of("app.2020-02-01.log").is_some());
        for foreign in [
            "app.log",
            "app.2020-02-01.log.gz",
            "app.2020-02-01.log.bak",
            "app.2020-02-30.log",
            "app.2020-02-01-10.log",
            "application.2020-02-01.log",
            "app2020-02-01.log",
            "app.2020-02-01log",
            "app..log",
            "app.config.log",
            "2020-02-01.log",
            "app.2020-02-01",
        ] {
            assert_eq!(ours.period_of(foreign), None, "{foreign}");
        }
        assert_eq!(names(&Rotation::NEVER, "app.log", "").period_of("app.log"), None);
        assert_eq!(names(&Rotation::NEVER, "app.log", "").period_of("app.log.2020-02-01"), None);
    }
}
