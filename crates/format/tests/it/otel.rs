//! Tests trace and span ids from the real `tracing-opentelemetry`, in every format.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_opentelemetry::OtelData;
use tracing_spool_format::{Compact, Ids, Json, JsonFields, Keys, Logfmt, LogfmtFields, Text, TextFields};
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::Extensions;

use crate::world::Page;

/// What a program with `tracing-opentelemetry` gives to `ids`.
fn ids(span: &Extensions<'_>) -> Option<Ids> {
    let data = span.get::<OtelData>()?;
    Some(Ids::new(data.trace_id()?, data.span_id()?))
}

#[test]
fn ids_of_opentelemetry_are_in_every_line() {
    let provider = SdkTracerProvider::builder().build();
    let telemetry = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let pages: [Page; 4] = Default::default();
    let subscriber = tracing_subscriber::registry()
        .with(telemetry)
        .with(
            fmt::layer()
                .event_format(Text::new().without_time().ids(ids))
                .fmt_fields(TextFields::new())
                .with_writer(pages[0].clone()),
        )
        .with(
            fmt::layer()
                .event_format(Compact::new().without_time().ids(ids))
                .fmt_fields(TextFields::new())
                .with_writer(pages[1].clone()),
        )
        .with(
            fmt::layer()
                .event_format(Logfmt::new().without_time().ids(ids))
                .fmt_fields(LogfmtFields::new())
                .with_writer(pages[2].clone()),
        )
        .with(
            fmt::layer()
                .event_format(Json::new().keys(Keys::gcp()).ids(ids))
                .fmt_fields(JsonFields::new())
                .with_writer(pages[3].clone()),
        );
    tracing::subscriber::with_default(subscriber, || {
        let _request = tracing::info_span!("request").entered();
        tracing::info!("inside");
    });
    let text = pages[0].text();
    let trace = text.split("trace_id=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let span = text.trim_end().split("span_id=").nth(1).unwrap().to_owned();
    assert_eq!((trace.len(), span.len()), (32, 16), "{text}");
    for page in &pages[1..3] {
        assert!(page.text().contains(&format!("trace_id={trace} span_id={span}")), "{}", page.text());
    }
    let json: serde_json::Value = serde_json::from_str(&pages[3].text()).unwrap();
    assert_eq!(json["logging.googleapis.com/trace"], *trace);
    assert_eq!(json["logging.googleapis.com/spanId"], *span);
}
