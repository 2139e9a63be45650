//! Logs the same event the way Elastic, Google Cloud and Loki expect it.

use tracing_spool_format::{Json, JsonFields, Keys, Logfmt, LogfmtFields};
use tracing_subscriber::prelude::*;

fn main() {
    let ecs = Json::new().keys(Keys::ecs().constant("service.name", "shop"));
    let gcp = Json::new().keys(Keys::gcp()).with_file(true).with_line_number(true);
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().event_format(ecs).fmt_fields(JsonFields::new()))
        .with(tracing_subscriber::fmt::layer().event_format(gcp).fmt_fields(JsonFields::new()))
        .with(tracing_subscriber::fmt::layer().event_format(Logfmt::new()).fmt_fields(LogfmtFields::new()));
    tracing::subscriber::with_default(subscriber, || {
        let _request = tracing::info_span!("request", id = 7).entered();
        tracing::warn!(order = 7, "the customer has no address");
    });
}
