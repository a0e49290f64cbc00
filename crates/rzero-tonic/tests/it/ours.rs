//! The probe as a service of ours.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use prost::Message;
use rzero_core::{
    Call, Codec, Cx, Duplex, Receiver, Reply, Result, Sender, Service, ServiceDesc, Trailers, Value,
};
use rzero_server::rt::{self, Describe};

use crate::probe::{CountRequest, Number, SayReply, SayRequest};
use crate::support::{Calls, contract, failure};

pub(crate) struct Ours(pub(crate) Arc<Calls>);

fn codec<T: Message + Default>() -> Codec<T> {
    rzero_proto::codec()
}

fn echo(cx: &Cx) -> Result<()> {
    for (key, value) in cx.info().metadata().into_iter().flat_map(|m| m.iter()) {
        match value {
            _ if !key.starts_with("echo-") => {}
            Value::Text(text) => cx.set_header(key, text.as_ref())?,
            Value::Binary(bytes) => cx.set_header_binary(key, bytes.clone())?,
        }
    }
    Ok(())
}

fn fail(cx: &Cx, code: i32) -> Result<()> {
    match failure(code) {
        None => Ok(()),
        Some(error) => {
            cx.set_trailer("x-why", "asked")?;
            Err(error)
        }
    }
}

impl Ours {
    async fn say(&self, cx: &Cx, request: SayRequest) -> Result<SayReply> {
        let _inside = self.0.enter();
        echo(cx)?;
        if request.hang {
            std::future::pending::<()>().await;
        }
        fail(cx, request.fail_code)?;
        let left = cx.remaining().map(|left| left.as_millis().try_into());
        Ok(SayReply {
            text: request.text,
            payload: request.payload,
            left_ms: left.transpose()?.unwrap_or(-1),
            peer: cx.peer().map(|p| p.address.to_string()).unwrap_or_default(),
        })
    }

    async fn count(&self, cx: &Cx, request: CountRequest, mut tx: Sender<Number>) -> Result<()> {
        let _inside = self.0.enter();
        echo(cx)?;
        for value in 1..=request.count {
            self.0.messages.fetch_add(1, Ordering::SeqCst);
            let padding = vec![7; request.padding.try_into()?];
            tx.send(Number {
                value: value.into(),
                padding,
            })
            .await?;
        }
        if request.hang {
            std::future::pending::<()>().await;
        }
        fail(cx, request.fail_code)
    }

    async fn sum(&self, cx: &Cx, mut rx: Receiver<Number>) -> Result<Number> {
        let _inside = self.0.enter();
        echo(cx)?;
        let mut sum = 0;
        while let Some(number) = rx.recv().await? {
            self.0.messages.fetch_add(1, Ordering::SeqCst);
            sum += number.value;
        }
        self.0.whole_uploads.fetch_add(1, Ordering::SeqCst);
        Ok(Number {
            value: sum,
            ..Number::default()
        })
    }

    async fn chat(
        &self,
        cx: &Cx,
        mut rx: Receiver<SayRequest>,
        mut tx: Sender<SayReply>,
    ) -> Result<()> {
        let _inside = self.0.enter();
        echo(cx)?;
        while let Some(request) = rx.recv().await? {
            self.0.messages.fetch_add(1, Ordering::SeqCst);
            if request.hang {
                std::future::pending::<()>().await;
            }
            fail(cx, request.fail_code)?;
            tx.send(SayReply {
                text: request.text,
                payload: request.payload,
                ..SayReply::default()
            })
            .await?;
        }
        self.0.whole_uploads.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Describe for Ours {
    fn describe(&self) -> &'static ServiceDesc {
        contract().services()[0]
    }
}

impl Service<Call<Bytes>> for Ours {
    type Reply = Reply<Bytes>;

    async fn call(&self, call: Call<Bytes>) -> Result<Reply<Bytes>> {
        let (cx, request) = rt::open_unary(call, codec())?;
        let out = self.say(&cx, request).await;
        rt::close_unary(cx, out, codec())
    }
}

impl Service<Call<Duplex>> for Ours {
    type Reply = Trailers;

    async fn call(&self, call: Call<Duplex>) -> Result<Trailers> {
        match call.info.method().name() {
            "Count" => {
                let (cx, rx, tx) = rt::open_stream(call, codec(), codec());
                let out = match rt::only(rx).await {
                    Ok(request) => self.count(&cx, request, tx).await,
                    Err(error) => Err(error),
                };
                rt::close_stream(cx, out)
            }
            "Sum" => {
                let (cx, rx, tx) = rt::open_stream(call, codec(), codec());
                let out = self.sum(&cx, rx).await;
                rt::close_stream_with(cx, tx, out).await
            }
            "Chat" => {
                let (cx, rx, tx) = rt::open_stream(call, codec(), codec());
                let out = self.chat(&cx, rx, tx).await;
                rt::close_stream(cx, out)
            }
            _ => Err(rt::unimplemented(&call.info)),
        }
    }
}
