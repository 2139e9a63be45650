//! Tests settings from a table of environment variables and, with `serde`, from JSON.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt as _;

use super::*;
use crate::settings::parse::Value;
use crate::settings::table::ROWS;

fn variables(table: &[(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
    let table: BTreeMap<String, OsString> =
        table.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    move |name| table.get(name).cloned()
}

fn from_table(table: &[(&str, &str)]) -> Result<SpoolBuilder, ConfigError> {
    from_variables("APP_LOG", variables(table))
}

#[test]
fn variables_describe_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let builder = from_table(&[
        ("APP_LOG_PATH", path.to_str().unwrap()),
        ("APP_LOG_MAX_BYTES", "64 KiB"),
        ("APP_LOG_BACKUP_COUNT", "2"),
        ("APP_LOG_RETRY_COOLDOWN", ""),
        ("APP_LOG_QUIET", "true"),
        ("APP_LOG_LEVEL", "somebody else's"),
    ]);
    let (_spool, guard) = builder.unwrap().open().unwrap();
    let described = format!("{:?}", guard.handle().shared().described());
    for part in ["max_bytes: 65536", "backup_count: 2", "retry_cooldown: 30s", "max_total_bytes: 62914560"] {
        assert!(described.contains(part), "{part} is not in {described}");
    }
}

#[test]
fn all_bad_variables_at_once_with_name_value_and_wish() {
    let error = from_table(&[
        ("APP_LOG_MAX_BYTES", "ten"),
        ("APP_LOG_LOCK_WAIT", "5"),
        ("APP_LOG_BACKUP_COUNT", "3"),
        ("APP_LOG_OVERFLOW", "wait"),
    ]);
    let error = error.unwrap_err();
    let said: Vec<String> = error.faults.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said[0].starts_with("APP_LOG_PATH: is not set: must name the log"), "{said:?}");
    assert!(said[1].starts_with("APP_LOG_MAX_BYTES = \"ten\": must be a size in bytes, such as"), "{said:?}");
    assert!(said[3].starts_with("APP_LOG_OVERFLOW = \"wait\": must be \"drop_newest\""), "{said:?}");
    assert!(said[2].starts_with("APP_LOG_LOCK_WAIT = \"5\": must be a duration with its unit"), "{said:?}");
    assert!(error.to_string().contains("; APP_LOG_OVERFLOW"), "{error}");

    let broken = |_: &str| Some(OsString::from_vec(vec![0xff]));
    let error = from_variables("APP_LOG", broken).unwrap_err();
    assert_eq!(error.faults.len(), ROWS.len());
    assert_eq!(error.faults[0].wanted, "must be UTF-8");
}

#[test]
fn what_does_not_fit_together_names_its_variable_too() {
    let builder = from_table(&[
        ("APP_LOG_PATH", "/tmp/app.log"),
        ("APP_LOG_MAX_BYTES", "0"),
        ("APP_LOG_QUEUE_BYTES", "1"),
        ("APP_LOG_SHUTDOWN_TIMEOUT", "0s"),
    ]);
    let error = builder.unwrap().open().unwrap_err().to_string();
    for part in [
        "max_bytes = 0: must be at least 1 byte, such as 10485760 (10 MiB) (it is set by APP_LOG_MAX_BYTES)",
        "(it is set by APP_LOG_QUEUE_BYTES)",
        "(it is set by APP_LOG_SHUTDOWN_TIMEOUT)",
    ] {
        assert!(error.contains(part), "{part}\nis not in\n{error}");
    }
    // The engine alone has something to say.
    let builder = from_table(&[("APP_LOG_PATH", "/tmp/app.log"), ("APP_LOG_MODE", "0")]);
    let error = builder.unwrap().open().unwrap_err().to_string();
    assert!(error.contains("mode = 0: ") && error.ends_with("(it is set by APP_LOG_MODE)"), "{error}");
}

#[test]
fn a_setting_by_name_is_attributed_to_where_it_comes_from() {
    let mut config = SpoolConfig::default();
    config.set("max_bytes", "1 MiB", "TSPOOL_MAX_BYTES").unwrap();
    config.set("max_bytes", "0", "--max-bytes").unwrap();
    let error = Spool::builder("/tmp/app.log").configure(&config).open().unwrap_err().to_string();
    assert!(error.contains("max_bytes = 0: ") && error.contains("(it is set by --max-bytes)"), "{error}");
    assert!(!error.contains("TSPOOL"), "{error}");
    let before = config.clone();
    let fault = config.set("max_bytes", "ten", "--max-bytes").unwrap_err().to_string();
    assert!(fault.starts_with("--max-bytes = \"ten\": must be a size"), "{fault}");
    let fault = config.set("backup_cuont", "3", "--backup-cuont").unwrap_err().to_string();
    assert!(fault.contains("is not a setting") && fault.contains("backup_count"), "{fault}");
    assert_eq!(config, before);
}

#[test]
fn the_environment_overrules_the_program_and_nothing_else() {
    let (config, faults) = SpoolConfig::read("X", variables(&[("X_MIN_BACKUPS", "0"), ("X_MODE", "0600")]));
    assert_eq!(faults, []);
    let builder = Spool::builder("app.log").min_backups(3).backup_count(4).configure(&config);
    let described = format!("{builder:?}");
    for part in ["min_backups: Some(0)", "mode: 384", "backup_count: 4"] {
        assert!(described.contains(part), "{part} is not in {described}");
    }
}

#[test]
fn every_field_has_a_value_that_it_takes() {
    for (place, row) in ROWS.iter().enumerate() {
        let name = row.setting.name;
        let values = [
            "90",
            "0640",
            "10 MiB",
            "7d",
            "true",
            "never",
            "drop_newest",
            "text",
            "count",
            "symlink",
            "numbered",
            "pages",
            "daily at 03:30",
            "gzip",
            "warn",
            "0:0",
            "/a",
        ];
        let mut values = values.into_iter().map(|value| Value::Text(value.to_owned()));
        let mut config = SpoolConfig::default();
        assert!(values.any(|value| config.take(place, value, None).is_ok()), "{name}");
    }
}

#[cfg(feature = "serde")]
mod json {
    use super::*;

    fn read(json: &str) -> Result<SpoolConfig, String> {
        serde_json::from_str(json).map_err(|error: serde_json::Error| error.to_string())
    }

    #[test]
    fn a_file_describes_a_log() {
        let json = r#"{
            "path": "app.log", "max_bytes": 1000000, "max_total_bytes": "20 MiB", "retry_cooldown_max": "7d",
            "mode": "0600", "allow": ["fifo", "device"], "single_line": true, "min_backups": null, "sync": "interval 1s"
        }"#;
        let config = read(json).unwrap();
        let described = format!("{:?}", config.builder());
        for part in [
            "path: \"app.log\"",
            "max_bytes: 1000000",
            "max_total_bytes: 20971520",
            "retry_cooldown_max: 604800s",
            "mode: 384",
            "allow: [Fifo, Device]",
            "single_line: true",
            "min_backups: None",
            "sync: Interval(1s)",
        ] {
            assert!(described.contains(part), "{part} is not in {described}");
        }
        let again = serde_json::to_string(&config).unwrap();
        assert_eq!(read(&again).unwrap(), config, "{again}");
    }

    #[test]
    fn unknown_and_bad_fields_are_named_all_at_once() {
        let error = read(
            r#"{ "max_byte": {"a": [1]}, "lock_wait": 5, "mode": 640, "backup_count": -1, "quiet": "no", "quiet": true }"#,
        );
        let error = error.unwrap_err();
        for part in [
            "unknown field `max_byte`",
            "lock_wait = 5: must be a duration with its unit",
            "mode = 640: must be a mode in octal and in quotes",
            "backup_count = \"-1\": must be a whole number",
            "duplicate field `quiet`",
            "the fields are path, naming, ",
        ] {
            assert!(error.contains(part), "{part}\nis not in\n{error}");
        }
    }

    #[test]
    fn a_part_of_a_programs_own_configuration() {
        #[derive(serde::Deserialize)]
        struct Program {
            port: u16,
            log: SpoolConfig,
        }
        let program: Program =
            serde_json::from_str(r#"{ "port": 80, "log": { "shutdown_timeout": "2s" } }"#).unwrap();
        assert_eq!(program.port, 80);
        assert!(program.log.builder().open().unwrap_err().to_string().contains("path = : must name a file"));
    }
}

#[test]
fn a_main_that_returns_an_error_prints_words() {
    let Err(error) = from_variables("LOG", |name| (name == "LOG_MAX_BYTES").then(|| "lots".into())) else {
        panic!("it has no path")
    };
    assert_eq!(format!("{error:?}"), error.to_string());
    let error = Spool::builder("/tmp/x/app.log").max_bytes(0).open().unwrap_err();
    assert!(format!("{error:?}").starts_with("the log cannot be opened: max_bytes = 0: "), "{error:?}");
}
