//! What machines ask a service about its log: `/healthz` for the orchestrator, `/metrics` for Prometheus; and a look at
//! both from outside. They are no business of the shop and are not logged.

use std::net::SocketAddr;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tracing_spool::SpoolHandle;

use crate::Anything;

/// The two routes.
pub(crate) fn routes(handle: SpoolHandle) -> Router {
    let other = handle.clone();
    Router::new()
        .route("/healthz", get(|| async move { health(&handle) }))
        .route("/metrics", get(|| async move { metrics(&other) }))
}

/// 503 as long as records are not written or there is trouble with the files: what, is in the body.
fn health(handle: &SpoolHandle) -> (StatusCode, String) {
    let health = handle.health();
    let status = if health.is_well() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = format!("log: {}\n", health.condition);
    for alert in &health.alerts {
        body += &format!("{alert}\n");
    }
    (status, body)
}

fn metrics(handle: &SpoolHandle) -> ([(header::HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.prometheus_text())
}

/// The answers to both.
#[derive(Debug)]
pub(crate) struct Probed {
    /// Status and first line.
    pub(crate) health: (u16, String),
    pub(crate) metrics_status: u16,
    /// Samples in the answer.
    pub(crate) samples: usize,
    /// One of them.
    pub(crate) written: String,
}

impl Probed {
    /// Whether both answered as they do when all is well.
    pub(crate) fn is_well(&self) -> bool {
        self.health.0 == 200 && self.metrics_status == 200 && !self.written.is_empty()
    }
}

/// Asks both, as a machine would.
pub(crate) async fn ask(address: SocketAddr) -> Result<Probed, Anything> {
    let (status, body) = fetch(address, "/healthz").await?;
    let health = (status, body.lines().next().unwrap_or_default().to_owned());
    let (metrics_status, body) = fetch(address, "/metrics").await?;
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    let written = samples.clone().find(|line| line.starts_with("tracing_spool_records_written_total"));
    let written = written.unwrap_or_default().to_owned();
    Ok(Probed { health, metrics_status, samples: samples.count(), written })
}

/// Status and body.
async fn fetch(address: SocketAddr, path: &str) -> Result<(u16, String), Anything> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?;
    let status = head.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok((status, body.to_owned()))
}
