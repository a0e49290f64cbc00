//! The echo service, as `proto/peers.proto` describes it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rzero::{Code, Cx, Error, Receiver, Result, Sender, Value};

use crate::api::peers::v1::{
    ChatReply, ChatRequest, CountReply, CountRequest, Echo, SayReply, SayRequest, SumReply,
    SumRequest,
};

/// Echoes; knows its own name.
#[derive(Debug, Default)]
pub struct EchoLogic {
    id: String,
    in_flight: AtomicI64,
}

impl EchoLogic {
    /// An echo service that calls itself `id`.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            in_flight: AtomicI64::new(0),
        }
    }

    /// Calls that are being handled.
    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    fn enter(&self) -> InFlight<'_> {
        InFlight(
            &self.in_flight,
            self.in_flight.fetch_add(1, Ordering::SeqCst) + 1,
        )
    }
}

/// Counts a call while it is handled, also when it is cancelled.
struct InFlight<'a>(&'a AtomicI64, i64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns the metadata that the caller wants back.
fn echo_metadata(cx: &Cx) -> Result<()> {
    for (key, value) in cx.info().metadata().into_iter().flat_map(|m| m.iter()) {
        match (key, value) {
            (k, Value::Text(v)) if k.starts_with("echo-header-") => cx.set_header(k, v.as_ref())?,
            (k, Value::Binary(v)) if k.starts_with("echo-header-") => {
                cx.set_header_binary(k, v.clone())?;
            }
            (k, Value::Text(v)) if k.starts_with("echo-trailer-") => {
                cx.set_trailer(k, v.as_ref())?
            }
            (k, Value::Binary(v)) if k.starts_with("echo-trailer-") => {
                cx.set_trailer_binary(k, v.clone())?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn requested_failure(fail_code: i32, text: &str, tags: &HashMap<String, String>) -> Result<()> {
    let Some(code) = u32::try_from(fail_code).ok().and_then(Code::from_number) else {
        return Ok(());
    };
    let error =
        Error::with_code(code, text.to_owned()).with_reason("REQUESTED_FAILURE", "peers.v1");
    Err(tags
        .iter()
        .fold(error, |error, (k, v)| error.with_metadata(k, v)))
}

async fn wait(delay_ms: i64) {
    if let Ok(millis @ 1..) = u64::try_from(delay_ms) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

/// Metadata as the contract wants it shown: values joined, binary ones in padded base64.
fn shown_metadata(cx: &Cx) -> HashMap<String, String> {
    let mut shown: HashMap<String, String> = HashMap::new();
    for (key, value) in cx.info().metadata().into_iter().flat_map(|m| m.iter()) {
        let text = match value {
            Value::Text(text) => text.to_string(),
            Value::Binary(bytes) => base64(bytes),
        };
        shown
            .entry(key.to_owned())
            .and_modify(|all| {
                all.push(',');
                all.push_str(&text);
            })
            .or_insert(text);
    }
    shown
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = (group >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() {
                char::from(DIGITS[digit as usize])
            } else {
                '='
            });
        }
    }
    out
}

impl Echo for EchoLogic {
    async fn say(&self, cx: &Cx, req: SayRequest) -> Result<SayReply> {
        let entered = self.enter();
        echo_metadata(cx)?;
        let left = cx
            .remaining()
            .map_or(-1, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
        wait(req.delay_ms).await;
        requested_failure(req.fail_code, &req.text, &req.tags)?;
        Ok(SayReply {
            text: req.text,
            server_id: self.id.clone(),
            deadline_ms_left: left,
            metadata: if req.return_metadata {
                shown_metadata(cx)
            } else {
                HashMap::new()
            },
            payload: req.payload,
            tags: req.tags,
            in_flight: entered.1,
        })
    }

    async fn count(&self, cx: &Cx, req: CountRequest, mut tx: Sender<CountReply>) -> Result<()> {
        let _entered = self.enter();
        echo_metadata(cx)?;
        for value in 1..=req.count {
            wait(req.delay_ms).await;
            tx.send(CountReply {
                value,
                server_id: self.id.clone(),
            })
            .await?;
        }
        requested_failure(req.fail_code, &req.text, &req.tags)
    }

    async fn sum(&self, cx: &Cx, mut rx: Receiver<SumRequest>) -> Result<SumReply> {
        let _entered = self.enter();
        echo_metadata(cx)?;
        let (mut sum, mut count) = (0_i64, 0);
        while let Some(message) = rx.recv().await? {
            sum = sum.wrapping_add(message.value);
            count += 1;
        }
        Ok(SumReply {
            sum,
            count,
            server_id: self.id.clone(),
        })
    }

    async fn chat(
        &self,
        cx: &Cx,
        mut rx: Receiver<ChatRequest>,
        mut tx: Sender<ChatReply>,
    ) -> Result<()> {
        let _entered = self.enter();
        echo_metadata(cx)?;
        let mut seq = 0;
        while let Some(ChatRequest { text, payload }) = rx.recv().await? {
            seq += 1;
            tx.send(ChatReply {
                seq,
                text,
                payload,
                server_id: self.id.clone(),
            })
            .await?;
        }
        Ok(())
    }
}
