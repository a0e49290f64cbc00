//! Connections that make one call each and stay: the same bytes for every HTTP/2 server, so that
//! no client's own memory or habits get in the way.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::args::CallArgs;
use crate::drive::Figures;
use crate::process::rss_kib;
use crate::{Result, runtime};

/// Connections that are opened at a time.
const OPENING: usize = 32;
/// Between the last call and the look at the memory.
const SETTLE: Duration = Duration::from_millis(500);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Holds connections and says how much memory the server has then.
pub(crate) fn hold(args: &CallArgs) -> Result<Figures> {
    let before = rss_kib(args.server_pid)?;
    let begun = Instant::now();
    let held = runtime()?.block_on(async {
        let (mut held, mut opening) = (Vec::new(), JoinSet::new());
        for _ in 0..args.concurrency {
            if opening.len() >= OPENING
                && let Some(opened) = opening.join_next().await
            {
                held.push(opened??);
            }
            opening.spawn(connection(args.address));
        }
        while let Some(opened) = opening.join_next().await {
            held.push(opened??);
        }
        tokio::time::sleep(SETTLE).await;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(held)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let after = rss_kib(args.server_pid)?;
    Ok(Figures {
        calls: held.len() as u64,
        seconds,
        server_rss_kib: Some(after),
        server_growth_kib: Some(after.saturating_sub(before)),
        ..Figures::default()
    })
}

async fn connection(address: std::net::SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frame(&mut out, SETTINGS, 0, 0, &[]);
    frame(&mut out, HEADERS, END_HEADERS, 1, &call_headers());
    // An empty message: not compressed, no bytes.
    frame(&mut out, DATA, END_STREAM, 1, &[0; 5]);
    stream.write_all(&out).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let mut body = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut body).await?;
        let (kind, flags, id) = (head[3], head[4], head[8]);
        let mut answer = Vec::new();
        match kind {
            SETTINGS if flags & ACK == 0 => frame(&mut answer, SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => frame(&mut answer, PING, ACK, 0, &body),
            DATA | HEADERS if id == 1 && flags & END_STREAM != 0 => return Ok(stream),
            3 | 7 => return Err(format!("the server ended the call with frame {kind}").into()),
            _ => {}
        }
        stream.write_all(&answer).await?;
    }
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, id: u8, body: &[u8]) {
    let size = u16::try_from(body.len()).expect("these frames are small");
    out.push(0);
    out.extend(size.to_be_bytes());
    out.extend([kind, flags, 0, 0, 0, id]);
    out.extend(body);
}

/// POST, http, then literal fields that nobody adds to a table.
fn call_headers() -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    for (name, value) in [
        (":path", "/bench.v1.Bench/Echo"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("these texts are short"));
            block.extend(text.as_bytes());
        }
    }
    block
}
