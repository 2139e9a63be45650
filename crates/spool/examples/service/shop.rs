//! The service itself: a shop with products and orders, each request in a span of its own.
//! It knows nothing of where its log goes.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::routing::{get, post};
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

/// Products are numbered up to here.
pub(crate) const PRODUCTS: u32 = 1_000;
/// One order in so many meets a payment service that does not answer.
pub(crate) const PAYMENT_FAILS_EVERY: u32 = 400;

/// The routes, with `TraceLayer` around them.
pub(crate) fn routes() -> Router {
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(DefaultOnResponse::new().level(Level::INFO));
    Router::new().route("/products/{id}", get(product)).route("/orders/{id}", post(order)).layer(trace)
}

/// One span for each request; its fields stand in every line that is logged below it.
fn span(request: &Request) -> Span {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

async fn product(Path(id): Path<u32>) -> Result<String, StatusCode> {
    if id > PRODUCTS {
        tracing::warn!(product = id, "no such product");
        return Err(StatusCode::NOT_FOUND);
    }
    let cents = 100 + (id * 37) % 9_900;
    tracing::info!(product = id, cents, "product shown");
    Ok(format!("{{\"product\":{id},\"cents\":{cents}}}"))
}

async fn order(Path(id): Path<u32>) -> Result<String, StatusCode> {
    tracing::info!(order = id, "order received");
    if id % PAYMENT_FAILS_EVERY == 0 {
        tracing::error!(order = id, "the payment service does not answer");
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    tracing::info!(order = id, items = 1 + id % 7, "order placed");
    Ok(format!("{{\"order\":{id}}}"))
}
