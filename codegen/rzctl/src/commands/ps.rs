//! `rzctl ps`: who is registered where.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Args;
use rzero::parts::registry::{Instance, Registry, ServiceName, Status, Watch};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Result;
use crate::link::registry::RegistryArgs;
use crate::link::{PATIENCE, block_on, target};
use crate::progress::Progress;
use crate::table::Table;

/// Time between two looks at which services there are.
const LOOK: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  rzctl ps                                       all services of this host
  rzctl ps greeter --watch                       follow one service
  rzctl ps --etcd-endpoints 127.0.0.1:2379       those of an etcd cluster
  rzctl ps --config etc/greeter.toml --json      those that a service would find";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PsArgs {
    /// Show this service only
    service: Option<ServiceName>,

    /// Follow the changes until interrupted
    #[arg(short, long)]
    watch: bool,

    #[command(flatten)]
    registry: RegistryArgs,
}

pub(crate) fn run(args: &PsArgs, console: &Console) -> Result<Exit> {
    block_on(async {
        let registry = args.registry.open()?;
        let mut view = View::new(&*registry, args.service.clone());
        {
            let _progress = Progress::start("asking the registry");
            view.look().await?;
        }
        show(&view, console);
        if !args.watch {
            return Ok(Exit::Ok);
        }
        follow(&mut view, console).await
    })
}

/// The watched services of a registry.
struct View<'a> {
    registry: &'a dyn Registry,
    only: Option<ServiceName>,
    watches: BTreeMap<ServiceName, Watch>,
    /// Rung by the tasks below, one per watch; they end with the view.
    bell: Arc<Notify>,
    ringers: JoinSet<()>,
}

impl<'a> View<'a> {
    fn new(registry: &'a dyn Registry, only: Option<ServiceName>) -> Self {
        Self {
            registry,
            only,
            watches: BTreeMap::new(),
            bell: Arc::default(),
            ringers: JoinSet::new(),
        }
    }

    /// Looks which services there are, and waits for what is known about new ones. Services stay
    /// in view when their last instance is gone, which costs nothing.
    async fn look(&mut self) -> Result<()> {
        let services = match &self.only {
            Some(service) => vec![service.clone()],
            None => target::services(self.registry).await?,
        };
        let mut new = Vec::new();
        for service in services {
            if !self.watches.contains_key(&service) {
                let watch = self.registry.watch(&service);
                new.push(watch.clone());
                self.ringers
                    .spawn(ring(watch.clone(), Arc::clone(&self.bell)));
                self.watches.insert(service, watch);
            }
        }
        // One after the other is no slower: all of them are being answered meanwhile.
        let patience = tokio::time::sleep(PATIENCE);
        let all = async {
            for watch in new {
                target::known(watch).await;
            }
        };
        tokio::select! {
            () = all => {}
            () = patience => {}
        }
        Ok(())
    }

    fn instances(&self) -> Vec<Arc<Instance>> {
        let snapshots = self.watches.values().map(Watch::current);
        snapshots
            .flat_map(|snapshot| snapshot.instances.clone())
            .collect()
    }

    /// Services of which less is known than should be, and why.
    fn doubts(&self) -> Vec<String> {
        let doubt = |(service, watch): (&ServiceName, &Watch)| match &watch.current().status {
            Status::Live => None,
            Status::Pending => Some(format!("{service}: the registry has not answered yet")),
            Status::Stale(why) => Some(format!("{service}: as last known, {why}")),
        };
        self.watches.iter().filter_map(doubt).collect()
    }

    /// Waits until something may have changed, at most until the next look is due.
    async fn changed(&self) {
        let _ = tokio::time::timeout(LOOK, self.bell.notified()).await;
    }
}

/// Rings whenever the watch tells something new.
async fn ring(mut watch: Watch, bell: Arc<Notify>) {
    while watch.changed().await {
        bell.notify_one();
    }
}

async fn follow(view: &mut View<'_>, console: &Console) -> Result<Exit> {
    let mut shown = (view.instances(), view.doubts());
    // Ages grow, so a terminal is painted anew; a file gets what changed.
    let mut told = String::new();
    let repaint = !console.is_json() && io::stdout().is_terminal();
    loop {
        view.changed().await;
        // The watches hold what was last known; the registry may come back.
        let trouble = view.look().await.err();
        let trouble = trouble.map_or_else(String::new, |failure| failure.to_string());
        if trouble != told && !trouble.is_empty() {
            console.note(&trouble);
        }
        told = trouble;
        let now = (view.instances(), view.doubts());
        if repaint {
            console.clear();
        } else if now == shown {
            continue;
        }
        show(view, console);
        shown = now;
    }
}

fn show(view: &View<'_>, console: &Console) {
    let instances = view.instances();
    let now = SystemTime::now();
    if console.is_json() {
        let list: Vec<_> = instances
            .iter()
            .map(|instance| as_json(instance, now))
            .collect();
        console.value(&list.into());
    } else if instances.is_empty() {
        match &view.only {
            Some(service) => console.note(format!("no instance of `{service}` is registered")),
            None => console.note(format!(
                "no instance is registered (registry: {})",
                view.registry.name()
            )),
        }
    } else {
        let titles = [
            "SERVICE", "INSTANCE", "ADDRESS", "VERSION", "WEIGHT", "LANE", "ZONE", "AGE",
        ];
        let mut table = Table::new(titles);
        for instance in &instances {
            table.row(row(instance, now));
        }
        console.line(table.render());
    }
    for doubt in view.doubts() {
        console.note(doubt);
    }
}

fn row(instance: &Instance, now: SystemTime) -> [String; 8] {
    let or_dash = |text: &str| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            text.to_owned()
        }
    };
    let address = |(protocol, address): (&String, &rzero::parts::core::Address)| match protocol
        == target::PROTOCOL
    {
        true => address.to_string(),
        false => format!("{protocol}={address}"),
    };
    let addresses: Vec<String> = instance.addresses.iter().map(address).collect();
    [
        instance.service.to_string(),
        instance.id.to_string(),
        addresses.join(" "),
        or_dash(&instance.version),
        instance.weight.to_string(),
        instance.lane.to_string(),
        or_dash(instance.zone.as_deref().unwrap_or_default()),
        age(instance, now).map_or_else(|| "-".to_owned(), human),
    ]
}

fn as_json(instance: &Instance, now: SystemTime) -> serde_json::Value {
    let addresses: BTreeMap<&String, String> = instance
        .addresses
        .iter()
        .map(|(protocol, address)| (protocol, address.to_string()))
        .collect();
    json!({
        "service": instance.service.as_str(),
        "instance": instance.id.as_str(),
        "addresses": addresses,
        "version": instance.version,
        "weight": instance.weight,
        "lane": instance.lane.as_str(),
        "zone": instance.zone,
        "tags": instance.tags,
        "age_seconds": age(instance, now).map(|age| age.as_secs()),
    })
}

/// How long it is registered; nothing when unknown. Its clock may be ahead of ours.
fn age(instance: &Instance, now: SystemTime) -> Option<Duration> {
    let since = instance.registered_at?;
    Some(now.duration_since(since).unwrap_or_default())
}

/// The two largest units.
fn human(age: Duration) -> String {
    let seconds = age.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{minutes}m"),
        _ => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units() {
        let of = |seconds| human(Duration::from_secs(seconds));
        assert_eq!(of(0), "0s");
        assert_eq!(of(61), "1m1s");
        assert_eq!(of(3_600 * 5 + 59), "5h0m");
        assert_eq!(of(86_400 * 3 + 3_600), "3d1h");
    }
}
