//! The system's time zone, looked up once when an appender is built. `calendar` applies its rules.

use jiff::tz::TimeZone;

use super::init_error::InitError;

/// Returns the system's time zone, or UTC if the system names none.
pub(super) fn local() -> Result<TimeZone, InitError> {
    match TimeZone::try_system() {
        Ok(zone) if !zone.is_unknown() => Ok(zone),
        _ => match std::env::var_os("TZ").filter(|name| !name.is_empty()) {
            None => Ok(TimeZone::UTC),
            Some(name) => Err(InitError::setting(format!(
                "local_time: TZ={} names no time zone whose rules can be read: set TZ to a name such as Europe/Berlin, \
                 install a time zone database, or leave local_time out",
                name.to_string_lossy()
            ))),
        },
    }
}
