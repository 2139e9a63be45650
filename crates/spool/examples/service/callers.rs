//! The callers: a few connections that are kept open, each sending one request after the other and timing it.
//! Only as much HTTP as this service answers with: a status line, headers, a body of known length.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{Anything, shop};

/// What the callers saw.
#[derive(Debug)]
pub(crate) struct Calls {
    /// How long each request took, shortest first.
    pub(crate) latencies: Vec<Duration>,
    /// Answers by the hundreds of their status: 2xx, 4xx, 5xx.
    pub(crate) answers: [usize; 6],
}

impl Calls {
    /// The latency that `percent` of the requests did not exceed.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank"
        )]
        let rank = (self.latencies.len() as f64 * percent / 100.0).ceil() as usize;
        self.latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// Sends `requests` requests over `connections` connections at once.
pub(crate) async fn call(
    address: SocketAddr,
    connections: usize,
    requests: usize,
) -> Result<Calls, Anything> {
    let mut callers = JoinSet::new();
    for caller in 0..connections {
        // Every `connections`-th request is this caller's.
        callers.spawn(one_caller(address, (caller..requests).step_by(connections)));
    }
    let mut calls = Calls { latencies: Vec::with_capacity(requests), answers: [0; 6] };
    while let Some(done) = callers.join_next().await {
        for (latency, status) in done?? {
            calls.latencies.push(latency);
            if let Some(count) = calls.answers.get_mut(usize::from(status / 100)) {
                *count += 1;
            }
        }
    }
    calls.latencies.sort_unstable();
    Ok(calls)
}

/// One connection, one request at a time.
async fn one_caller(
    address: SocketAddr,
    numbers: impl Iterator<Item = usize>,
) -> Result<Vec<(Duration, u16)>, Anything> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut seen = Vec::new();
    for number in numbers {
        let request = request(u32::try_from(number)?);
        let begun = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let status = answer(&mut stream, &mut line).await?;
        seen.push((begun.elapsed(), status));
    }
    Ok(seen)
}

/// Two looks at a product for each order; now and then a product that is not there.
fn request(number: u32) -> String {
    let (method, path) = match number % 3 {
        2 => ("POST", format!("/orders/{}", number / 3 + 1)),
        _ => ("GET", format!("/products/{}", 1 + number % (shop::PRODUCTS + 10))),
    };
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
}

/// Reads one answer to its end; gives its status.
async fn answer(stream: &mut BufReader<TcpStream>, line: &mut String) -> Result<u16, Anything> {
    let status = read_line(stream, line).await?.split(' ').nth(1).unwrap_or_default().parse()?;
    let mut length = 0;
    loop {
        let header = read_line(stream, line).await?;
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
    }
    tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await?;
    Ok(status)
}

async fn read_line<'a>(stream: &mut BufReader<TcpStream>, line: &'a mut String) -> Result<&'a str, Anything> {
    line.clear();
    if stream.read_line(line).await? == 0 {
        return Err("the service closed a connection".into());
    }
    Ok(line.trim_end())
}
