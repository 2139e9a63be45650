//! Shows what a service with axum and tower-http logs: `TraceLayer` makes a span for each request, and every line shows
//! it. The request is handled by hand here, so that the example ends by itself.

use tracing_spool_format::{Json, JsonFields, KeepScopes, Keys};
use tracing_subscriber::prelude::*;

fn main() {
    let json = tracing_subscriber::fmt::layer()
        .event_format(Json::new().keys(Keys::fmt().flatten()).with_span_list(false))
        .fmt_fields(JsonFields::new().redact(["authorization"]));
    tracing_subscriber::registry().with(KeepScopes).with(json).init();

    // As `TraceLayer::new_for_http()` does it.
    let request = tracing::info_span!("request", method = "GET", uri = "/orders/7", version = "HTTP/1.1");
    request.in_scope(|| {
        tracing::info!(authorization = "Bearer 1234", "started processing request");
        tracing::info!(latency = "3 ms", status = 200, "finished processing request");
    });
}
