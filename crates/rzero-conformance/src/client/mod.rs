//! The client under test.

mod call;
mod channels;

use std::sync::Arc;

use rzero::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};

use call::Plan;
use channels::Channels;

use crate::api::connectrpc::conformance::v1::client_compat_response::Result as Outcome;
use crate::api::connectrpc::conformance::v1::{
    ClientCompatRequest, ClientCompatResponse, ClientErrorResult, ClientResponseResult,
};
use crate::delimited;

/// Calls at a time; more wait to be read.
const CALLS_MAX: usize = 32;

/// Makes the calls that `input` asks for, many at a time, and tells `output` what came of each,
/// in the order in which they end. Returns when the input has ended and all was told.
///
/// # Errors
/// When a request is unreadable or the output breaks. A call that fails is an answer.
///
/// # Cancel safety
/// Dropping the future leaves calls running until they end; their answers are lost.
pub async fn run(
    mut input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> Result<()> {
    let (answers, queue) = mpsc::channel(CALLS_MAX);
    let writer = tokio::spawn(tell(queue, output));
    let (client, places) = (Client::new(), Arc::new(Semaphore::new(CALLS_MAX)));
    while let Some(request) = delimited::read::<ClientCompatRequest>(&mut input).await? {
        let place = Arc::clone(&places).acquire_owned().await?;
        let (client, answers) = (client.clone(), answers.clone());
        tokio::spawn(async move {
            // It fails when the output broke, which `tell` reports.
            let _ = answers.send(client.perform(request).await).await;
            drop(place);
        });
    }
    drop(answers);
    writer.await?
}

async fn tell(
    mut queue: mpsc::Receiver<ClientCompatResponse>,
    mut output: impl AsyncWrite + Unpin,
) -> Result<()> {
    while let Some(answer) = queue.recv().await {
        delimited::write(&mut output, &answer).await?;
    }
    Ok(())
}

/// Makes calls as the suite describes them. Clones share their channels.
#[derive(Clone, Debug, Default)]
pub struct Client {
    channels: Arc<Channels>,
}

impl Client {
    /// A client without a channel yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes one call and tells what came of it.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the call.
    pub async fn perform(&self, request: ClientCompatRequest) -> ClientCompatResponse {
        let test_name = request.test_name.clone();
        let result = match self.call(&request).await {
            Ok(response) => Outcome::Response(response),
            Err(error) => Outcome::Error(ClientErrorResult {
                message: error.to_string(),
            }),
        };
        ClientCompatResponse {
            test_name,
            result: Some(result),
        }
    }

    /// An error is a request that nobody can perform; a call that fails is a result.
    async fn call(&self, request: &ClientCompatRequest) -> Result<ClientResponseResult> {
        if request.raw_request.is_some() {
            return Err(Error::unimplemented(
                "raw requests are for reference clients",
            ));
        }
        let plan = Plan::new(request)?;
        let client = self.channels.get(request).await?;
        plan.perform(&client).await
    }
}
