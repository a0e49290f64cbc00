//! The accept loop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rzero_core::{Dispatch, Phase, Served as Report, Stop};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::conn::End;
use super::context::Context;
use super::handshakes::Handshakes;
use super::listener::Listener;
use super::opening::Opening;
use crate::{ServerOptions, ServerTls};

/// Pause when the process or the host has no room for another connection. Trying again at once
/// would keep a core busy with nothing.
const NO_ROOM_PAUSE: Duration = Duration::from_secs(1);

/// Accepts connections and owns their tasks.
pub(super) struct Acceptor {
    context: Arc<Context>,
    tls: Option<ServerTls>,
    handshakes: Arc<Handshakes>,
    stop: Stop,
    connections: JoinSet<End>,
    report: Report,
}

impl Acceptor {
    pub(super) fn new(
        tls: Option<ServerTls>,
        options: ServerOptions,
        dispatch: Arc<dyn Dispatch>,
        stop: Stop,
    ) -> Self {
        Self {
            handshakes: Arc::new(Handshakes::new(options.handshakes_max)),
            context: Context::new(dispatch, options),
            tls,
            stop,
            connections: JoinSet::new(),
            report: Report::default(),
        }
    }

    /// Accepts until the server leaves, then waits for its connections to end.
    pub(super) async fn run(mut self, listener: Listener) -> Report {
        let stop = self.stop.clone();
        let closing = stop.reached(Phase::Close);
        tokio::pin!(closing);
        loop {
            // Fair on purpose: neither a storm of connections nor of ends starves the other.
            tokio::select! {
                () = &mut closing => break,
                Some(ended) = self.connections.join_next() => self.count(ended),
                accepted = listener.accept() => match accepted {
                    Ok((io, from)) => self.start(io, from),
                    Err(error) => self.pause(&error).await,
                },
            }
        }
        drop(listener);
        while let Some(ended) = self.connections.join_next().await {
            self.count(ended);
        }
        self.report
    }

    fn start(&mut self, io: crate::engine::Io, from: rzero_core::Address) {
        let most = self.context.options.connections_max;
        if self.connections.len() >= most {
            let why = format_args!("there are {most} connections already (max_connections)");
            return self.context.complain(&from, why);
        }
        let opening = Opening {
            context: Arc::clone(&self.context),
            tls: self.tls.clone(),
            handshakes: Arc::clone(&self.handshakes),
            stop: self.stop.clone(),
        };
        self.connections.spawn(opening.serve(io, from));
    }

    /// A connection that broke before it was accepted says nothing about the next one. Anything
    /// else does, and is told once for each pause.
    async fn pause(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        let kind = error.kind();
        if matches!(
            kind,
            ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
        ) {
            return;
        }
        tracing::warn!(
            %error,
            connections = self.connections.len(),
            "cannot accept connections, trying again in a second; too many open files? raise \
             `ulimit -n`, or lower max_connections"
        );
        tokio::select! {
            () = sleep(NO_ROOM_PAUSE) => {}
            () = self.stop.reached(Phase::Close) => {}
        }
    }

    fn count(&mut self, ended: Result<End, tokio::task::JoinError>) {
        let was_cut = matches!(ended, Ok(End::Cut));
        self.report.connections_cut += u32::from(was_cut);
    }
}
