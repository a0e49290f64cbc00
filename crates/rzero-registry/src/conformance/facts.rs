//! The facts, one function each.

use rzero_core::{Address, Lane};

use super::{Subject, instance, tags, unique_service};
use crate::{Instance, Status, Update, Weight};

/// A service that nobody registered is an empty list, not an error and not pending.
///
/// # Panics
///
/// When it does not hold.
pub async fn unknown_service_is_empty_and_known(subject: &Subject) {
    let mut watch = subject.handle().watch(&unique_service("unknown"));
    subject
        .see(&mut watch, "an empty live list", |snapshot| {
            snapshot.status == Status::Live && snapshot.instances.is_empty()
        })
        .await;
}

/// Every field of an instance reaches watchers unchanged, on the default lane and on another.
///
/// # Panics
///
/// When it does not hold.
pub async fn instance_of_every_kind_arrives_intact(subject: &Subject) {
    let service = unique_service("intact");
    let lane: Lane = "gray".parse().unwrap_or_else(|e| panic!("{e}"));
    let plain = instance(&service, 1);
    let full = instance(&service, 2)
        .with_address("tars", Address::tcp("::1", 3))
        .with_weight(Weight::ZERO)
        .with_version("1.2.3-rc.1")
        .with_lane(lane)
        .with_zone("zone-a")
        .with_tag("owner", "shop \"ü\"\n");
    let registry = subject.handle();
    let mut watch = subject.handle().watch(&service);
    let mut guards = Vec::new();
    for sent in [plain, full] {
        guards.push(subject.register(&*registry, sent).await);
    }
    let sent: Vec<_> = guards.iter().map(|guard| guard.instance()).collect();
    subject
        .see(&mut watch, "both instances, intact", |snapshot| {
            snapshot.instances.len() == 2 && sent.iter().all(|i| snapshot.instances.contains(i))
        })
        .await;
    assert!(sent.iter().all(|instance| instance.registered_at.is_some()));
}

/// A change of weight and tags reaches watchers; everything else stays.
///
/// # Panics
///
/// When it does not hold.
pub async fn update_is_seen(subject: &Subject) {
    let service = unique_service("update");
    let registry = subject.handle();
    let mut watch = subject.handle().watch(&service);
    let guard = subject
        .register(&*registry, instance(&service, 1).with_tag("a", "1"))
        .await;
    let before = guard.instance();
    subject.see_ids(&mut watch, &[&before.id]).await;
    let update = Update::new().weight(Weight::ZERO).tags(tags("b", "2"));
    let outcome = guard.update(update).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let after = Instance {
        weight: Weight::ZERO,
        tags: tags("b", "2"),
        ..Instance::clone(&before)
    };
    subject
        .see(&mut watch, "the update and nothing else", |snapshot| {
            snapshot.get(&after.id).is_some_and(|seen| **seen == after)
        })
        .await;
}

/// An instance that closes leaves watchers; its sibling stays.
///
/// # Panics
///
/// When it does not hold.
pub async fn closed_instance_is_gone(subject: &Subject) {
    let service = unique_service("close");
    let registry = subject.handle();
    let mut watch = subject.handle().watch(&service);
    let leaves = subject.register(&*registry, instance(&service, 1)).await;
    let stays = subject.register(&*registry, instance(&service, 2)).await;
    let ids = (leaves.instance().id.clone(), stays.instance().id.clone());
    subject.see_ids(&mut watch, &[&ids.0, &ids.1]).await;
    let outcome = leaves.close().await;
    assert!(outcome.is_ok(), "{outcome:?}");
    subject.see_ids(&mut watch, &[&ids.1]).await;
}

/// Dropping the guard deregisters as closing does, only that nobody waits.
///
/// # Panics
///
/// When it does not hold.
pub async fn dropped_guard_deregisters(subject: &Subject) {
    let service = unique_service("drop");
    let registry = subject.handle();
    let mut watch = subject.handle().watch(&service);
    let guard = subject.register(&*registry, instance(&service, 1)).await;
    let id = guard.instance().id.clone();
    subject.see_ids(&mut watch, &[&id]).await;
    drop(guard);
    subject.see_ids(&mut watch, &[]).await;
}

/// Two instances of one service are seen side by side, registered through two handles.
///
/// # Panics
///
/// When it does not hold.
pub async fn two_instances_are_both_seen(subject: &Subject) {
    let service = unique_service("two");
    let (one, other) = (subject.handle(), subject.handle());
    let first = subject.register(&*one, instance(&service, 1)).await;
    let second = subject.register(&*other, instance(&service, 2)).await;
    let mut watch = subject.handle().watch(&service);
    let ids = [&first.instance().id, &second.instance().id].map(Clone::clone);
    subject.see_ids(&mut watch, &[&ids[0], &ids[1]]).await;
}

/// When all instances close, the list is empty and live at once: nothing is kept.
///
/// # Panics
///
/// When it does not hold.
pub async fn last_instances_that_close_leave_nothing(subject: &Subject) {
    let service = unique_service("last");
    let registry = subject.handle();
    let mut watch = subject.handle().watch(&service);
    let mut guards = Vec::new();
    for port in 1..=3 {
        guards.push(subject.register(&*registry, instance(&service, port)).await);
    }
    subject
        .see(&mut watch, "three instances", |snapshot| {
            snapshot.instances.len() == 3
        })
        .await;
    for guard in guards {
        let outcome = guard.close().await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    subject.see_ids(&mut watch, &[]).await;
}

/// Two watchers through two handles, one of them late, see the same.
///
/// # Panics
///
/// When it does not hold.
pub async fn two_watchers_see_the_same(subject: &Subject) {
    let service = unique_service("watchers");
    let registry = subject.handle();
    let mut early = subject.handle().watch(&service);
    let guard = subject.register(&*registry, instance(&service, 1)).await;
    let id = guard.instance().id.clone();
    subject.see_ids(&mut early, &[&id]).await;
    let other = subject.handle();
    let mut late = other.watch(&service);
    subject.see_ids(&mut late, &[&id]).await;
    let mut clone = late.clone();
    drop(late);
    let outcome = guard.close().await;
    assert!(outcome.is_ok(), "{outcome:?}");
    subject.see_ids(&mut early, &[]).await;
    subject.see_ids(&mut clone, &[]).await;
}

/// Many services, among them names that are prefixes of others, keep to themselves.
///
/// # Panics
///
/// When it does not hold.
pub async fn many_services_do_not_mix(subject: &Subject) {
    let base = unique_service("many");
    let registry = subject.handle();
    let mut guards = Vec::new();
    let mut services = vec![base.clone()];
    for suffix in ["/a", "a", "/a/b", "-a", "."] {
        let name = format!("{base}{suffix}");
        services.push(name.parse().unwrap_or_else(|e| panic!("{e}")));
    }
    services.extend((0..20).map(|n| unique_service(&format!("many{n}"))));
    for (service, port) in services.iter().zip(1..) {
        guards.push(subject.register(&*registry, instance(service, port)).await);
    }
    for (service, guard) in services.iter().zip(&guards) {
        let mut watch = subject.handle().watch(service);
        let id = guard.instance().id.clone();
        subject.see_ids(&mut watch, &[&id]).await;
    }
}

/// The list of services has those with an instance and not those without.
///
/// # Panics
///
/// When it does not hold.
pub async fn back_end_lists_its_services(subject: &Subject) {
    let (used, left) = (unique_service("listed"), unique_service("left"));
    let registry = subject.handle();
    let _stays = subject.register(&*registry, instance(&used, 1)).await;
    let leaves = subject.register(&*registry, instance(&left, 2)).await;
    let outcome = leaves.close().await;
    assert!(outcome.is_ok(), "{outcome:?}");
    let listed = subject.handle().services().await;
    let listed = listed.unwrap_or_else(|error| panic!("listing failed: {error}"));
    assert!(listed.is_sorted());
    assert!(listed.contains(&used), "{used} is missing in {listed:?}");
    assert!(
        !listed.contains(&left),
        "{left} should not be in {listed:?}"
    );
}
