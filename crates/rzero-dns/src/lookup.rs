//! All questions about one service, and the list of instances that they come to.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use rzero_core::Address;
use rzero_registry::{Instance, InstanceId, ServiceName, Weight};
use tokio::task::JoinSet;

use crate::config::{Family, Settings};
use crate::pattern::Target;
use crate::question::{Answer, Asker, Trouble};

/// Most targets of one name; further ones are left out, with a log line.
const TARGETS_MAX: usize = 1024;
/// Most questions that one service has under way at once.
const QUESTIONS_MAX: usize = 16;
/// Largest weight of an instance.
const WEIGHT_MAX: u32 = 10_000;
/// Tag with the target of an SRV record.
const TARGET_TAG: &str = "dns.target";

/// Asks for one service, again and again, and remembers the last good answers.
#[derive(Debug)]
pub(crate) struct Lookup {
    asker: Arc<Asker>,
    settings: Arc<Settings>,
    service: ServiceName,
    target: Target,
    /// The last good answers about addresses of the names in use.
    good: HashMap<(Name, RecordType), Vec<IpAddr>>,
}

/// What a service comes to.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) instances: Vec<Arc<Instance>>,
    /// How long it is true; `None` when nobody said, or when a question failed.
    pub(crate) ttl: Option<Duration>,
    /// What failed, although the list is good enough.
    pub(crate) trouble: Option<Trouble>,
}

/// The addresses of one name, by all questions about it.
#[derive(Default)]
struct Addresses {
    found: Vec<IpAddr>,
    ttl: Option<Duration>,
    /// Whether any question was answered.
    answered: bool,
    trouble: Option<Trouble>,
}

impl Lookup {
    pub(crate) fn new(
        asker: Arc<Asker>,
        settings: Arc<Settings>,
        service: ServiceName,
        target: Target,
    ) -> Self {
        Self {
            asker,
            settings,
            service,
            target,
            good: HashMap::new(),
        }
    }

    /// Asks for everything once.
    ///
    /// # Errors
    ///
    /// When nobody answers, or the list would be empty because of a failure.
    pub(crate) async fn round(&mut self) -> Result<Found, Trouble> {
        match self.target.clone() {
            Target::Host { name, port } => {
                let mut addresses = self.addresses(vec![name.clone()], &[]).await;
                let Addresses {
                    found,
                    ttl,
                    answered,
                    trouble,
                } = addresses.remove(&name).unwrap_or_default();
                // Nobody answered: what was remembered is published already.
                if let (false, Some(trouble)) = (answered, &trouble) {
                    return Err(trouble.clone());
                }
                let instances = found.into_iter().map(|ip| self.instance(ip, port, None));
                self.list(instances.collect(), ttl, trouble)
            }
            Target::Srv { name } => self.srv_round(&name).await,
        }
    }

    async fn srv_round(&mut self, name: &Name) -> Result<Found, Trouble> {
        let answer = self.asker.ask(name, RecordType::SRV).await?;
        let services = preferred(&answer.records);
        let mut names: Vec<Name> = services.iter().map(|srv| srv.target.clone()).collect();
        names.sort();
        names.dedup();
        let addresses = self.addresses(names, &answer.additional).await;
        let (mut ttl, mut trouble, mut instances) = (answer.ttl, None, Vec::new());
        let heaviest = services.iter().map(|srv| srv.weight).max().unwrap_or(0);
        for srv in services {
            let Some(of_target) = addresses.get(&srv.target) else {
                continue;
            };
            ttl = shortest(ttl, of_target.ttl);
            trouble = trouble.or_else(|| of_target.trouble.clone());
            let weight = weight(srv.weight, heaviest);
            for ip in &of_target.found {
                instances.push(self.instance(*ip, srv.port, Some((&srv.target, weight))));
            }
        }
        self.list(instances, ttl, trouble)
    }

    fn list(
        &self,
        mut instances: Vec<Arc<Instance>>,
        ttl: Option<Duration>,
        trouble: Option<Trouble>,
    ) -> Result<Found, Trouble> {
        if instances.is_empty()
            && let Some(trouble) = trouble
        {
            return Err(trouble);
        }
        // Two records may name one address; the order of records means nothing.
        instances.sort_by(|a, b| a.id.cmp(&b.id));
        instances.dedup_by(|a, b| a.id == b.id);
        Ok(Found {
            instances,
            ttl: ttl.filter(|_| trouble.is_none()),
            trouble,
        })
    }

    /// The addresses of names: those that came along with another answer, else as the name servers
    /// say, some names at a time; where they fail, as they last said.
    async fn addresses(
        &mut self,
        names: Vec<Name>,
        additional: &[Record],
    ) -> HashMap<Name, Addresses> {
        let kinds: &[RecordType] = match self.settings.family {
            Family::Any => &[RecordType::A, RecordType::AAAA],
            Family::Ipv4 => &[RecordType::A],
            Family::Ipv6 => &[RecordType::AAAA],
        };
        let mut all: HashMap<Name, Addresses> = HashMap::with_capacity(names.len());
        let mut questions = Vec::new();
        for name in names {
            let addresses = all.entry(name.clone()).or_default();
            let mut open = Vec::with_capacity(kinds.len());
            for kind in kinds {
                let with_it = answer_among(additional, &name, *kind);
                if with_it.records.is_empty() {
                    open.push((name.clone(), *kind));
                } else {
                    self.good
                        .insert((name.clone(), *kind), ips(&with_it.records));
                    addresses.take(with_it);
                }
            }
            // Whoever sends addresses of one kind along sends those of the other too, if there
            // are any: only where there were some is that doubted.
            if !addresses.found.is_empty() {
                open.retain(|asked| self.good.get(asked).is_some_and(|last| !last.is_empty()));
            }
            questions.extend(open);
        }
        // Names that are not in use any more are forgotten.
        self.good.retain(|(name, _), _| all.contains_key(name));
        for ((name, kind), outcome) in self.ask_all(questions).await {
            let Some(addresses) = all.get_mut(&name) else {
                continue;
            };
            match outcome {
                Ok(answer) => {
                    self.good.insert((name, kind), ips(&answer.records));
                    addresses.take(answer);
                }
                Err(trouble) => {
                    let last = self.good.get(&(name, kind));
                    addresses.found.extend(last.into_iter().flatten());
                    addresses.trouble.get_or_insert(trouble);
                }
            }
        }
        all
    }

    async fn ask_all(
        &self,
        questions: Vec<(Name, RecordType)>,
    ) -> Vec<((Name, RecordType), Result<Answer, Trouble>)> {
        let mut waiting = questions.into_iter();
        let mut asked = JoinSet::new();
        let mut answers = Vec::new();
        loop {
            while asked.len() < QUESTIONS_MAX
                && let Some((name, kind)) = waiting.next()
            {
                let asker = Arc::clone(&self.asker);
                asked.spawn(async move {
                    let answer = asker.ask(&name, kind).await;
                    ((name, kind), answer)
                });
            }
            match asked.join_next().await {
                Some(Ok(answer)) => answers.push(answer),
                // A question that panicked is one without an answer; the next round asks it again.
                Some(Err(error)) => tracing::error!(%error, "a question about a name panicked"),
                None => return answers,
            }
        }
    }

    fn instance(&self, ip: IpAddr, port: u16, srv: Option<(&Name, Weight)>) -> Arc<Instance> {
        let instance = Instance::new(
            self.service.clone(),
            id_of(ip, port),
            self.settings.protocol.clone(),
            Address::tcp(ip.to_string(), port),
        );
        Arc::new(match srv {
            Some((target, weight)) => instance
                .with_weight(weight)
                .with_tag(TARGET_TAG, target.to_string()),
            None => instance,
        })
    }
}

impl Addresses {
    /// Adds what one question was answered. How long "none of this kind" is true matters only when
    /// there are none of the other kind either.
    fn take(&mut self, answer: Answer) {
        let new = ips(&answer.records);
        self.answered = true;
        self.ttl = match (self.found.is_empty(), new.is_empty()) {
            (true, false) => answer.ttl,
            (false, true) => self.ttl,
            _ => shortest(self.ttl, answer.ttl),
        };
        self.found.extend(new);
    }
}

/// The records of the lowest priority number, without those that say "not here".
fn preferred(records: &[Record]) -> Vec<SRV> {
    let services = records.iter().filter_map(|record| match &record.data {
        RData::SRV(srv) if !srv.target.is_root() && srv.port != 0 => Some(srv.clone()),
        _ => None,
    });
    let mut by_priority: BTreeMap<u16, Vec<SRV>> = BTreeMap::new();
    for srv in services {
        by_priority.entry(srv.priority).or_default().push(srv);
    }
    let mut first = by_priority.into_values().next().unwrap_or_default();
    if first.len() > TARGETS_MAX {
        tracing::warn!(
            targets = first.len(),
            most = TARGETS_MAX,
            "an SRV name has too many targets, some are left out"
        );
        first.sort_by(|a, b| (&a.target, a.port).cmp(&(&b.target, b.port)));
        first.truncate(TARGETS_MAX);
    }
    first
}

/// The weight of an SRV record among its siblings. When all are 0 there is no choice to be made,
/// and all are equal; else 0 means "a very small chance" (RFC 2782), which is the least weight.
fn weight(weight: u16, heaviest: u16) -> Weight {
    if heaviest == 0 {
        return Weight::default();
    }
    let (weight, heaviest) = (u32::from(weight), u32::from(heaviest));
    let scaled = if heaviest > WEIGHT_MAX {
        weight * WEIGHT_MAX / heaviest
    } else {
        weight
    };
    Weight::new(scaled.max(1)).unwrap_or_default()
}

/// What `records` say about one kind of addresses of `name`, and for how long.
fn answer_among(records: &[Record], name: &Name, kind: RecordType) -> Answer {
    let fits = |record: &&Record| record.name == *name && record.record_type() == kind;
    let records: Vec<Record> = records.iter().filter(fits).cloned().collect();
    let ttl = records.iter().map(|record| record.ttl).min();
    Answer {
        ttl: ttl.map(|ttl| Duration::from_secs(u64::from(ttl))),
        records,
        additional: Vec::new(),
    }
}

fn ips(records: &[Record]) -> Vec<IpAddr> {
    let ip = |record: &Record| match &record.data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    };
    records.iter().filter_map(ip).collect()
}

/// An id that an address always has, in the characters that ids may have.
fn id_of(ip: IpAddr, port: u16) -> InstanceId {
    let text = match ip {
        IpAddr::V4(ip) => format!("{ip}-{port}"),
        IpAddr::V6(ip) => {
            let parts = ip.segments().map(|part| format!("{part:x}"));
            format!("{}-{port}", parts.join("-"))
        }
    };
    text.parse()
        .expect("digits, dots and dashes, beginning with a digit or letter, are an id")
}

fn shortest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_valid_and_stable() {
        for (ip, id) in [
            ("10.0.0.1", "10.0.0.1-80"),
            ("::1", "0-0-0-0-0-0-0-1-80"),
            ("fd00::a", "fd00-0-0-0-0-0-0-a-80"),
        ] {
            assert_eq!(id_of(ip.parse().unwrap(), 80).as_str(), id);
        }
    }

    #[test]
    fn weights_keep_their_proportions() {
        let of = |weights: &[u16]| -> Vec<u32> {
            let heaviest = weights.iter().copied().max().unwrap();
            let weights = weights.iter().map(|w| weight(*w, heaviest).get());
            weights.collect()
        };
        let usual = Weight::default().get();
        assert_eq!(of(&[0, 0]), [usual, usual]);
        assert_eq!(of(&[0, 10, 20]), [1, 10, 20]);
        assert_eq!(of(&[65535, 13107, 0]), [10000, 2000, 1]);
    }
}
