//! One connection, as callers hold it.

use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{BoxFuture, Call, CallInfo, Duplex, Error, Gone, UnaryReply};

use super::shared::{Command, Shared, leaving};
use super::slot::Slot;
use crate::ClientOptions;
use crate::engine::{Cell, Rules, Side, Touch, check_send};
use crate::message::{self, Encoding};

/// A connection; drained when dropped.
pub(super) struct Line {
    pub(super) shared: Arc<Shared>,
    pub(super) options: Arc<ClientOptions>,
}

impl Line {
    pub(super) fn unary(&self, call: Call<Bytes>) -> UnaryReply {
        match self.begin_unary(call) {
            Ok(slot) => UnaryReply::pending(slot),
            Err(error) => UnaryReply::ready(Err(error)),
        }
    }

    fn begin_unary(&self, call: Call<Bytes>) -> Result<Arc<Slot>, Error> {
        check_send(&call.body, self.options.send_bytes_max)?;
        let entered = self.shared.enter();
        let slot = Slot::new(Arc::clone(&self.shared), self.options.receive_bytes_max);
        entered?;
        let message = message::pack(call.body, self.options.compression);
        let command = Command::Unary(Arc::clone(&slot), call.info, message);
        self.shared.mailbox.send(command).map_err(|_| leaving())?;
        Ok(slot)
    }

    pub(super) fn open(&self, call: CallInfo) -> Duplex {
        let rules = Rules {
            side: Side::Client,
            receive_bytes_max: self.options.receive_bytes_max,
            send_bytes_max: self.options.send_bytes_max,
            window_bytes: self.options.http2.stream_window_bytes,
            compression: self.options.compression,
        };
        let entered = self.shared.enter();
        let owner = Arc::clone(&self.shared) as Arc<dyn Touch>;
        let cell = Cell::new(owner, rules, Encoding::Identity);
        let refused = entered.and_then(|()| {
            let command = Command::Open(Arc::clone(&cell), call);
            self.shared.mailbox.send(command).map_err(|_| leaving())
        });
        if let Err(error) = refused {
            cell.fail(error, None, &mut Vec::new());
        }
        Duplex::new(cell)
    }

    pub(super) fn drain(&self) {
        self.shared.close(Gone::Draining);
        let _ = self.shared.mailbox.send(Command::Drain);
    }

    pub(super) fn gone(&self) -> BoxFuture<'_, Gone> {
        let mut gone = self.shared.gone.subscribe();
        Box::pin(async move {
            match gone.wait_for(Option::is_some).await {
                Ok(why) => why.unwrap_or(Gone::Lost),
                Err(_) => Gone::Lost,
            }
        })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.drain();
    }
}
