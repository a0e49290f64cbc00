//! What the service does. This file is yours: `rzctl` never touches it again.

use rzero::{Cx, Error, Result, Sender};

use crate::Config;
use crate::api::greeter::{Event, Greeter, HelloReply, HelloRequest, WatchRequest};

/// The logic and what it needs: clients of other services, stores, settings.
#[derive(Debug)]
pub struct Logic {
    greeting: String,
}

impl Logic {
    /// The logic as `main` starts it.
    pub fn new(config: &Config) -> Self {
        Self {
            greeting: config.greeting.clone(),
        }
    }
}

impl Greeter for Logic {
    async fn say_hello(&self, _cx: &Cx, req: HelloRequest) -> Result<HelloReply> {
        if req.name.is_empty() {
            return Err(Error::invalid_input("the name is empty"));
        }
        let text = format!("{}, {}!", self.greeting, req.name);
        Ok(HelloReply { text })
    }

    async fn watch(&self, _cx: &Cx, req: WatchRequest, mut tx: Sender<Event>) -> Result<()> {
        for number in 1..=req.count {
            let text = format!("{} number {number}!", self.greeting);
            tx.send(Event { number, text }).await?;
        }
        Ok(())
    }
}
