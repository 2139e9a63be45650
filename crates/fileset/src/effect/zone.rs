//! Looks up the rules of a time zone in the system's database, once, when settings are checked. `policy::schedule` uses
//! them.

use jiff::tz::TimeZone;

use crate::model::error::Fault;
use crate::model::schedule::{Schedule, Zone};
use crate::policy::schedule::Calendar;

/// The calendar of a schedule, or what its zone must be instead.
pub(crate) fn calendar(schedule: Option<&Schedule>) -> Result<Option<Calendar>, Fault> {
    let Some(schedule) = schedule else { return Ok(None) };
    let zone = match schedule.zone() {
        Zone::Utc => TimeZone::UTC,
        Zone::Local => match TimeZone::try_system() {
            Ok(zone) if !zone.is_unknown() => zone,
            // A system that names no zone is in UTC; one that names a zone nobody can read is not.
            _ => match std::env::var_os("TZ").filter(|name| !name.is_empty()) {
                None => TimeZone::UTC,
                Some(name) => {
                    let wanted = format!(
                        "must be in UTC or in a zone by name: the local zone is TZ={}, for which there are no rules \
                         that can be read (is a time zone database installed?)",
                        name.to_string_lossy()
                    );
                    return Err(Fault::new("rotate_every", schedule, wanted));
                }
            },
        },
        Zone::Named(name) => match TimeZone::get(name) {
            Ok(zone) if !zone.is_unknown() => zone,
            Ok(_) | Err(_) => return Err(Fault::new("rotate_every", schedule, wanted(name))),
        },
    };
    Ok(Some(Calendar::new(schedule.clone(), zone)))
}

/// Names near the one that is unknown: those that have a part of it.
fn wanted(name: &str) -> String {
    const MOST: usize = 5;
    let parts: Vec<String> =
        name.split('/').filter(|part| !part.is_empty()).map(str::to_lowercase).rev().collect();
    let known: Vec<String> = jiff::tz::db().available().map(|known| known.to_string()).collect();
    if known.is_empty() {
        return "must be UTC: this system has no time zone database (/usr/share/zoneinfo)".to_owned();
    }
    let near = parts.iter().find_map(|part| {
        let has_part = |known: &&String| known.to_lowercase().split('/').any(|other| other == part);
        let near: Vec<&str> = known.iter().filter(has_part).take(MOST).map(String::as_str).collect();
        (!near.is_empty()).then(|| near.join(", "))
    });
    let near = near.unwrap_or_else(|| "UTC, Europe/Berlin, America/New_York".to_owned());
    format!("must name a time zone of the system's database, such as {near}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_zone_is_told_with_what_would_be_right() {
        let fault = |name: &str| {
            let schedule = Schedule::daily().in_zone(name);
            calendar(Some(&schedule)).map(drop).unwrap_err().to_string()
        };
        assert_eq!(
            fault("Europa/Berlin"),
            "rotate_every = daily at 00:00 in Europa/Berlin: must name a time zone of the system's database, \
             such as Europe/Berlin"
        );
        assert!(
            fault("Australia/Lord_How").contains("such as Australia/"),
            "{}",
            fault("Australia/Lord_How")
        );
        assert!(fault("").contains("such as UTC, Europe/Berlin"), "{}", fault(""));
        assert!(fault("Etc/Unknown").contains("must name"));
    }

    #[test]
    fn known_zones_are_found() {
        assert!(calendar(None).is_ok_and(|calendar| calendar.is_none()));
        for schedule in [Schedule::hourly(), Schedule::hourly().local(), Schedule::hourly().in_zone("utc")] {
            assert!(calendar(Some(&schedule)).is_ok_and(|calendar| calendar.is_some()), "{schedule}");
        }
    }
}
