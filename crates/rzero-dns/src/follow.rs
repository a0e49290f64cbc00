//! The watch of one service: questions without end.

use rzero_registry::ServiceName;
use rzero_registry::backend::Publisher;
use tokio::time::{Instant, sleep_until};

use crate::lookup::{Found, Lookup};
use crate::pace::{Pace, chance};
use crate::question::Trouble;

/// Publishes what is found for one service, for ever.
pub(crate) async fn follow(
    mut lookup: Lookup,
    mut pace: Pace,
    service: ServiceName,
    mut publisher: Publisher,
) {
    let mut told = Told::default();
    loop {
        let outcome = lookup.round().await;
        told.tell(&service, &outcome);
        let wait = match outcome {
            Ok(Found { instances, ttl, .. }) => {
                publisher.observe(instances);
                match ttl {
                    Some(ttl) => pace.answered(ttl, chance()),
                    None => pace.unanswered(chance()),
                }
            }
            Err(trouble) => {
                publisher.down(trouble.0);
                pace.unanswered(chance())
            }
        };
        let next = Instant::now() + wait;
        let waiting = async {
            loop {
                publisher.give_up().await;
            }
        };
        tokio::select! {
            () = sleep_until(next) => {}
            () = waiting => {}
        }
    }
}

/// What operators were told last, so that they are told once.
#[derive(Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    Well,
    Partly,
    Empty,
    Down,
}

impl Told {
    fn tell(&mut self, service: &ServiceName, outcome: &Result<Found, Trouble>) {
        let (now, trouble) = match outcome {
            Err(trouble) => (Self::Down, Some(trouble)),
            Ok(found) if found.instances.is_empty() => (Self::Empty, None),
            Ok(found) => match &found.trouble {
                Some(trouble) => (Self::Partly, Some(trouble)),
                None => (Self::Well, None),
            },
        };
        let before = std::mem::replace(self, now);
        if before == *self {
            return;
        }
        let why = trouble.map(tracing::field::display);
        match self {
            Self::Down => tracing::warn!(
                %service, why,
                "name servers do not answer, known instances are kept"
            ),
            Self::Partly => tracing::warn!(
                %service, why,
                "name servers answer in part, the last good answers stand in for the rest"
            ),
            Self::Empty => tracing::warn!(
                %service,
                "name servers list no instance; the last ones are kept for empty_protect"
            ),
            Self::Well if before != Self::Nothing => {
                tracing::info!(%service, "name servers list instances again");
            }
            Self::Well | Self::Nothing => {}
        }
    }
}
