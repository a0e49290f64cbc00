//! Random histories of a store, delivered by two watches in any interleaving.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One transaction on one slot. Slots below 3 belong to the default lane, 3 to 5 to the gray one,
/// the rest to go-zero.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Register(u8),
    Leave(u8),
    /// The lease ends, or everything is deleted.
    Expire(u8),
    /// Somebody deletes the address alone.
    Unlist(u8),
}

/// What one key says from a revision on.
type Event = (Side, String, Option<Vec<u8>>, i64);

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = (0u8..4, 0u8..8).prop_map(|(kind, slot)| match kind {
        0 => Deed::Leave(slot),
        1 => Deed::Expire(slot),
        2 => Deed::Unlist(slot),
        _ => Deed::Register(slot),
    });
    prop::collection::vec(deed, 1..40)
}

fn service() -> ServiceName {
    "s".parse().unwrap()
}

fn is_gray(slot: u8) -> bool {
    (3..6).contains(&slot)
}

fn events_of(deed: Deed, exposed: bool, revision: i64) -> Vec<Event> {
    let (Deed::Register(slot) | Deed::Leave(slot) | Deed::Expire(slot) | Deed::Unlist(slot)) = deed;
    let name = slot.to_string();
    let ours = slot < 6;
    let lane = if is_gray(slot) { "gray" } else { "" };
    let address = Address::tcp("h", u16::from(slot));
    let id = format!("i{slot}").parse().unwrap();
    let instance =
        Instance::new(service(), id, "grpc", address.clone()).with_lane(lane.parse().unwrap());
    let value = address.to_string().into_bytes();
    let public = !is_gray(slot) || exposed;
    let meta = |left| Some(Meta::to_json(&instance, left).unwrap());
    let mut events = Vec::new();
    match deed {
        Deed::Register(_) => {
            events.extend(ours.then(|| (Side::Metadata, meta(false))));
            events.extend(public.then_some((Side::Address, Some(value))));
        }
        Deed::Leave(_) => {
            events.extend(ours.then(|| (Side::Metadata, meta(true))));
            events.push((Side::Address, None));
        }
        Deed::Expire(_) => events.extend([(Side::Metadata, None), (Side::Address, None)]),
        Deed::Unlist(_) => events.push((Side::Address, None)),
    }
    let place = |(side, value)| (side, name.clone(), value, revision);
    events.into_iter().map(place).collect()
}

/// Values with the revisions they are of, by slot and whether it is metadata.
type State = BTreeMap<(bool, String), (Vec<u8>, i64)>;

/// The store after each revision.
struct Model(Vec<State>);

impl Model {
    fn of(events: &[Vec<Event>]) -> Self {
        let mut states = vec![State::new()];
        for transaction in events {
            let mut state = states[states.len() - 1].clone();
            for (side, slot, value, revision) in transaction {
                let key = (*side == Side::Metadata, slot.clone());
                match value {
                    Some(value) => state.insert(key, (value.clone(), *revision)),
                    None => state.remove(&key),
                };
            }
            states.push(state);
        }
        Self(states)
    }

    fn read(&self, side: Side, slot: &str, revision: i64) -> (Option<&[u8]>, i64) {
        let state = &self.0[usize::try_from(revision).unwrap()];
        match state.get(&(side == Side::Metadata, slot.to_owned())) {
            Some((value, modified)) => (Some(value), *modified),
            None => (None, revision),
        }
    }

    /// What a session that begins now would see.
    fn load(&self) -> View {
        let mut view = View::new(service());
        for ((is_meta, slot), (value, revision)) in &self.0[self.0.len() - 1] {
            let side = if *is_meta {
                Side::Metadata
            } else {
                Side::Address
            };
            view.apply(side, slot, Some(value), *revision);
        }
        view.settle();
        view
    }
}

fn listed(view: &View) -> BTreeMap<String, String> {
    let instances = view.listing().instances;
    let named = instances
        .iter()
        .map(|i| (i.id.to_string(), i.lane.to_string()));
    named.collect()
}

proptest! {
    #[test]
    fn any_interleaving_ends_where_the_store_is(
        deeds in deeds(),
        exposed: bool,
        turns in prop::collection::vec((any::<bool>(), 1usize..6), 0..60),
    ) {
        let history: Vec<Vec<Event>> = deeds
            .iter()
            .zip(1i64..)
            .map(|(deed, revision)| events_of(*deed, exposed, revision))
            .collect();
        let model = Model::of(&history);
        let of = |wanted| history.iter().flatten().filter(move |e| e.0 == wanted).peekable();
        let (mut addresses, mut metadata) = (of(Side::Address), of(Side::Metadata));
        let mut view = View::new(service());
        let rest = [(true, usize::MAX), (false, usize::MAX)];
        let mut revision = 0;
        for (address_side, count) in turns.into_iter().chain(rest) {
            for _ in 0..count {
                let next = if address_side { addresses.next() } else { metadata.next() };
                let Some((side, slot, value, at)) = next else { break };
                view.apply(*side, slot, value.as_deref(), *at);
                revision = revision.max(*at);
            }
            let doubtful: Vec<String> = view.doubtful().map(str::to_owned).collect();
            for slot in doubtful {
                for side in [Side::Metadata, Side::Address] {
                    let (value, found) = model.read(side, &slot, revision);
                    view.apply(side, &slot, value, found);
                }
            }
            view.settle();
            for instance in view.listing().instances {
                let Some(Address::Tcp { port, .. }) = instance.address("grpc") else {
                    panic!("all listen on TCP");
                };
                let slot = u8::try_from(*port).unwrap();
                prop_assert_eq!(is_gray(slot), instance.lane.as_str() == "gray", "{:?}", instance);
            }
        }
        prop_assert_eq!(listed(&view), listed(&model.load()));
    }
}
