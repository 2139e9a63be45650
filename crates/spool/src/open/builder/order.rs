//! Proves that the order of settings doesn't matter, whether they are set by setters or by name.

use std::time::Duration;

use proptest::prelude::*;
use tracing_core::Level;
use tracing_spool_fileset::{Allow, Compression, Naming, Owner, Schedule, SyncPolicy};

use super::SpoolBuilder;
use crate::settings::choices::LateRecords;
use crate::settings::choices::Notices;
use crate::settings::durable::Durable;
use crate::settings::overflow::Overflow;
use crate::settings::parse::Value;
use crate::settings::table::ROWS;
use crate::writer::event_writer::Spool;

type Setter = (&'static str, fn(SpoolBuilder) -> SpoolBuilder);

macro_rules! setters {
    ($($name:ident($($value:expr)?);)*) => {
        /// Each setter with a value that is not the default.
        const SETTERS: &[Setter] = &[$((stringify!($name), |builder| builder.$name($($value)?))),*];
    };
}

setters! {
    queue_bytes(1 << 20);
    queue_records(77);
    durable(Durable::at("/run/x.ring").or_memory());
    overflow(Overflow::Block);
    shutdown_timeout(Duration::from_secs(9));
    notices(Notices::Json);
    late_records(LateRecords::Write);
    quiet();
    linger(Duration::from_millis(3));
    lock_wait(Duration::from_secs(3));
    thread_name("log");
    max_bytes(1_234);
    max_record_bytes(2_345);
    backup_count(3);
    naming(Naming::Timestamped);
    compression(Compression::None);
    archive_dir("/archive");
    max_age(Duration::from_secs(70_000));
    max_total_bytes(99_999);
    budget_warning_percent(70);
    min_free_bytes(5);
    min_backups(2);
    retry_attempts(7);
    retry_base_delay(Duration::from_millis(7));
    retry_cooldown(Duration::from_secs(7));
    retry_cooldown_max(Duration::from_secs(77));
    alert_file("/alert.txt");
    latest_link("/latest");
    header("begin");
    owner(Owner::ids(7, 7));
    mode(0o600);
    dir_mode(0o700);
    require_dir();
    sync(SyncPolicy::Interval(Duration::from_secs(1)));
    sync_at(Level::WARN);
    allow(Allow::Symlink);
    raw_bytes();
    single_line();
    rotate_every(Schedule::parse("hourly").unwrap());
    rotate_on_start();
    quiet_rotation(Duration::from_secs(1));
    min_rotation_interval(Duration::from_secs(2));
}

/// A value for each name that means something with others: the file of a ring, and what is allowed of it.
const NAMED: [(&str, &str); 5] = [
    ("durable", "/run/x.ring"),
    ("durable_or_memory", "true"),
    ("durable_on_any_file_system", "true"),
    ("sync", "never"),
    ("sync_at", "error"),
];

fn assert_same(one: &SpoolBuilder, other: &SpoolBuilder) {
    let changes = ROWS.iter().filter_map(|row| (row.change)(&one.description, &other.description));
    assert_eq!(changes.collect::<Vec<_>>(), Vec::<String>::new());
    assert!(one.description.fixed(&other.description).is_empty());
}

#[test]
fn every_setter_is_in_the_list() {
    let listed = |name: &&str| SETTERS.iter().any(|(setter, _)| setter == name);
    let missing: Vec<_> = ROWS.iter().map(|row| row.setting.name).filter(|name| !listed(name)).collect();
    // The path is where a description begins; the others are words of `Durable`.
    assert_eq!(missing, ["path", "durable_or_memory", "durable_on_any_file_system"]);
    let plain = Spool::builder("app.log");
    for (name, set) in SETTERS.iter().filter(|(name, _)| *name != "compression") {
        let set = set(plain.clone());
        let changed = ROWS.iter().filter(|row| (row.change)(&plain.description, &set.description).is_some());
        let changed: Vec<_> = changed.map(|row| row.setting.name).collect();
        // `Durable` is one value, of which three rows tell.
        assert!(changed == [*name] || changed[0] == "durable", "{name} changes {changed:?}");
    }
}

proptest! {
    #[test]
    fn setters_in_any_order_describe_the_same(order in Just((0..SETTERS.len()).collect::<Vec<_>>()).prop_shuffle()) {
        let apply = |builder, index: usize| SETTERS[index].1(builder);
        let described = order.into_iter().fold(Spool::builder("app.log"), apply);
        assert_same(&described, &(0..SETTERS.len()).fold(Spool::builder("app.log"), apply));
    }

    #[test]
    fn names_in_any_order_describe_the_same(order in Just(NAMED.to_vec()).prop_shuffle()) {
        let apply = |mut builder: SpoolBuilder, (name, value): (&str, &str)| {
            let row = ROWS.iter().find(|row| row.setting.name == name).unwrap();
            (row.set)(&mut builder.description, &Value::Text(value.to_owned())).unwrap();
            builder
        };
        let described = order.into_iter().fold(Spool::builder("app.log"), apply);
        assert_same(&described, &NAMED.into_iter().fold(Spool::builder("app.log"), apply));
        assert_eq!(described.description.durable, Durable::at("/run/x.ring").or_memory().on_any_file_system());
    }
}
