//! Calls that stream: requests go out while replies come in.

use std::pin::pin;

use rzero::parts::core::{Duplex, Inbound, Kind, Outbound};

use super::Prepared;
use super::input::Requests;
use crate::failure::{Failure, Result};
use crate::json;

impl Prepared<'_> {
    pub(super) async fn stream(&self, mut requests: Requests) -> Result<()> {
        let single = match self.method.kind() {
            Kind::ServerStream => Some(self.single(&mut requests).await?),
            _ => None,
        };
        let opened = self.target.channel.open(self.method, &self.options).await;
        self.show_node();
        let Duplex { mut rx, mut tx } = opened.map_err(|error| self.failed(&error))?;
        if let Some(message) = single {
            requests = Requests::Given(Default::default());
            // A peer that ended the call early says why on the other direction.
            let _ = tx.send(message).await;
        }
        let count = self.converse(requests, &mut rx, tx).await?;
        if let Some(trailers) = rx.io().trailers() {
            self.show_metadata("trailer", &trailers);
        }
        match (self.method.kind(), count) {
            (Kind::ClientStream, 1) | (Kind::ServerStream | Kind::Bidi, _) => Ok(()),
            (_, count) => Err(Failure::call(format!(
                "the server sent {count} replies where the contract has one"
            ))),
        }
    }

    /// Sends and receives until the call ends, and counts the replies.
    async fn converse(&self, requests: Requests, rx: &mut Inbound, tx: Outbound) -> Result<usize> {
        let mut sending = pin!(self.send(requests, tx));
        let mut receiving = pin!(self.receive(rx));
        let mut sent = false;
        loop {
            tokio::select! {
                // Replies first: the end of the call ends the sending too.
                biased;
                ended = &mut receiving => return ended,
                ended = &mut sending, if !sent => {
                    ended?;
                    sent = true;
                }
            }
        }
    }

    async fn send(&self, mut requests: Requests, mut tx: Outbound) -> Result<()> {
        while let Some(text) = requests.next().await? {
            let message = json::encode(&self.descriptor.input(), &text)?;
            if tx.send(message).await.is_err() {
                break;
            }
        }
        tx.close();
        Ok(())
    }

    /// Prints replies until the end and counts them.
    async fn receive(&self, rx: &mut Inbound) -> Result<usize> {
        let mut count = 0;
        loop {
            let reply = rx.recv().await;
            if count == 0
                && let (Ok(_), Some(headers)) = (&reply, rx.io().headers())
            {
                self.show_metadata("header", &headers);
            }
            match reply {
                Ok(Some(message)) => {
                    // A lone reply is for reading, several are for piping on.
                    let lone = self.method.kind() == Kind::ClientStream;
                    self.show(message, lone && !self.console.is_json())?;
                    count += 1;
                }
                Ok(None) => return Ok(count),
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }
}
