//! The probe as tonic's generator wants it implemented.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_stream::{Stream, StreamExt};
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Request, Response, Status, Streaming};

use crate::probe::probe_server::Probe;
use crate::probe::{CountRequest, Number, SayReply, SayRequest};
use crate::support::{Calls, echoed, failure};

#[derive(Clone)]
pub(crate) struct Theirs(pub(crate) Arc<Calls>);

/// What a layer put into the extensions of a request.
#[derive(Clone)]
pub(crate) struct Tenant(pub(crate) String);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn fail(code: i32) -> Result<(), Status> {
    match failure(code) {
        None => Ok(()),
        Some(error) => {
            let mut status = rzero_tonic::to_status(&error);
            let why = AsciiMetadataValue::from_static("asked");
            status.metadata_mut().insert("x-why", why);
            Err(status)
        }
    }
}

/// What is left of the deadline by the request's own header.
fn left_ms(metadata: &MetadataMap) -> Option<i64> {
    let text = metadata.get("grpc-timeout")?.to_str().unwrap();
    let (digits, unit) = text.split_at(text.len() - 1);
    let value: u64 = digits.parse().unwrap();
    let left = match unit {
        "n" => Duration::from_nanos(value),
        "u" => Duration::from_micros(value),
        "m" => Duration::from_millis(value),
        "S" => Duration::from_secs(value),
        unit => panic!("unexpected unit {unit}"),
    };
    Some(left.as_millis().try_into().unwrap())
}

fn reply<T>(message: T, metadata: MetadataMap) -> Response<T> {
    Response::from_parts(metadata, message, tonic::Extensions::default())
}

#[tonic::async_trait]
impl Probe for Theirs {
    async fn say(&self, request: Request<SayRequest>) -> Result<Response<SayReply>, Status> {
        let _inside = self.0.enter();
        let mut metadata = echoed(request.metadata());
        if let Some(Tenant(name)) = request.extensions().get() {
            metadata.insert("x-tenant", name.parse().unwrap());
        }
        let info = request.extensions().get::<rzero_core::CallInfo>().unwrap();
        assert_eq!(info.method().service(), "probe.v1.Probe");
        let (left, peer) = (left_ms(request.metadata()), request.remote_addr());
        let request = request.into_inner();
        if request.hang {
            std::future::pending::<()>().await;
        }
        fail(request.fail_code)?;
        let message = SayReply {
            text: request.text,
            payload: request.payload,
            left_ms: left.unwrap_or(-1),
            peer: peer.map(|p| p.to_string()).unwrap_or_default(),
        };
        Ok(reply(message, metadata))
    }

    async fn put(&self, request: Request<SayRequest>) -> Result<Response<SayReply>, Status> {
        self.say(request).await
    }

    type CountStream = Answers<Number>;

    async fn count(
        &self,
        request: Request<CountRequest>,
    ) -> Result<Response<Self::CountStream>, Status> {
        let inside = self.0.enter();
        let metadata = echoed(request.metadata());
        let request = request.into_inner();
        let calls = Arc::clone(&self.0);
        let numbers = tokio_stream::iter(1..=request.count).map(move |value| {
            calls.messages.fetch_add(1, Ordering::SeqCst);
            Ok(Number {
                value: value.into(),
                padding: vec![7; request.padding.try_into().unwrap()],
            })
        });
        let failed = tokio_stream::iter(fail(request.fail_code).err().map(Err));
        let hanging: Answers<Number> = if request.hang {
            Box::pin(tokio_stream::pending())
        } else {
            Box::pin(tokio_stream::empty())
        };
        let all = numbers.chain(failed).chain(hanging);
        let all = all.map(move |item| {
            let _ = &inside;
            item
        });
        Ok(reply(Box::pin(all), metadata))
    }

    async fn sum(&self, request: Request<Streaming<Number>>) -> Result<Response<Number>, Status> {
        let _inside = self.0.enter();
        let metadata = echoed(request.metadata());
        let (mut numbers, mut sum) = (request.into_inner(), 0);
        while let Some(number) = numbers.message().await? {
            self.0.messages.fetch_add(1, Ordering::SeqCst);
            sum += number.value;
        }
        self.0.whole_uploads.fetch_add(1, Ordering::SeqCst);
        let number = Number {
            value: sum,
            ..Number::default()
        };
        Ok(reply(number, metadata))
    }

    type ChatStream = Answers<SayReply>;

    async fn chat(
        &self,
        request: Request<Streaming<SayRequest>>,
    ) -> Result<Response<Self::ChatStream>, Status> {
        let inside = self.0.enter();
        let metadata = echoed(request.metadata());
        let calls = Arc::clone(&self.0);
        let answers = request.into_inner().then(move |request| {
            let (_, calls) = (&inside, Arc::clone(&calls));
            async move {
                let request = request?;
                calls.messages.fetch_add(1, Ordering::SeqCst);
                if request.hang {
                    std::future::pending::<()>().await;
                }
                fail(request.fail_code)?;
                Ok(SayReply {
                    text: request.text,
                    payload: request.payload,
                    ..SayReply::default()
                })
            }
        });
        Ok(reply(Box::pin(answers), metadata))
    }
}
