use super::*;

fn service() -> ServiceName {
    "s".parse().unwrap()
}

fn view() -> View {
    View::new(service())
}

fn meta(id: &str, port: u16, lane: &str) -> Vec<u8> {
    let address = Address::tcp("h", port);
    let instance = Instance::new(service(), id.parse().unwrap(), "grpc", address)
        .with_lane(lane.parse().unwrap());
    Meta::to_json(&instance, false).unwrap()
}

fn ids(view: &View) -> Vec<String> {
    let listing = view.listing();
    let mut ids: Vec<_> = listing.instances.iter().map(|i| i.id.to_string()).collect();
    ids.sort();
    ids
}

fn doubtful(view: &View) -> Vec<&str> {
    view.doubtful().collect()
}

#[test]
fn address_is_doubtful_until_its_metadata_arrives() {
    let mut view = view();
    view.apply(Side::Address, "7", Some(b"h:1"), 5);
    assert_eq!(doubtful(&view), ["7"]);
    assert!(ids(&view).is_empty());
    view.apply(Side::Metadata, "7", Some(&meta("a", 1, "gray")), 5);
    assert!(doubtful(&view).is_empty());
    assert_eq!(ids(&view), ["a"]);
}

#[test]
fn address_without_metadata_is_foreign_once_that_is_certain() {
    let mut view = view();
    view.apply(Side::Address, "7", Some(b"h:1"), 5);
    view.settle();
    assert_eq!(ids(&view), ["addr.h_1"]);
}

#[test]
fn exposed_lane_does_not_turn_foreign_when_metadata_leaves_first() {
    let mut view = view();
    view.apply(Side::Address, "7", Some(b"h:1"), 5);
    view.apply(Side::Metadata, "7", Some(&meta("a", 1, "gray")), 5);
    view.apply(Side::Metadata, "7", None, 6);
    assert_eq!(doubtful(&view), ["7"]);
    assert!(ids(&view).is_empty());
    view.apply(Side::Address, "7", None, 6);
    assert!(doubtful(&view).is_empty() && view.slots.is_empty());
}

#[test]
fn metadata_alone_is_an_instance() {
    let mut view = view();
    view.apply(Side::Metadata, "7", Some(&meta("a", 1, "gray")), 5);
    assert_eq!(ids(&view), ["a"]);
    view.apply(Side::Address, "7", None, 6);
    assert_eq!(ids(&view), ["a"]);
}

#[test]
fn one_address_is_one_instance() {
    let mut view = view();
    view.apply(Side::Address, "7", Some(b"h:1"), 5);
    view.apply(Side::Address, "8", Some(b"h:1"), 6);
    view.settle();
    assert_eq!(ids(&view), ["addr.h_1"]);
    view.apply(Side::Metadata, "9", Some(&meta("old", 1, "")), 3);
    view.apply(Side::Metadata, "10", Some(&meta("new", 1, "")), 4);
    assert_eq!(ids(&view), ["new"]);
    view.apply(Side::Metadata, "10", None, 7);
    assert_eq!(ids(&view), ["old"]);
}

#[test]
fn one_id_is_one_instance() {
    let mut view = view();
    view.apply(Side::Metadata, "1", Some(&meta("a", 1, "")), 3);
    view.apply(Side::Metadata, "2", Some(&meta("a", 2, "")), 4);
    let instances = view.listing().instances;
    assert_eq!(instances.len(), 1);
    assert_eq!(instances[0].address("grpc"), Some(&Address::tcp("h", 2)));
}

#[test]
fn unreadable_metadata_hides_the_address_too() {
    let mut view = view();
    view.apply(Side::Address, "7", Some(b"h:1"), 5);
    view.apply(Side::Metadata, "7", Some(b"{"), 5);
    assert!(ids(&view).is_empty() && doubtful(&view).is_empty());
}

#[test]
fn instance_that_left_is_named_and_not_listed() {
    let mut view = view();
    let address = Address::tcp("h", 1);
    let instance = Instance::new(service(), "a".parse().unwrap(), "grpc", address);
    view.apply(Side::Address, "7", Some(b"h:1"), 5);
    view.apply(Side::Metadata, "7", Some(&meta("a", 1, "")), 5);
    view.apply(
        Side::Metadata,
        "7",
        Some(&Meta::to_json(&instance, true).unwrap()),
        6,
    );
    let listing = view.listing();
    assert!(listing.instances.is_empty());
    let by_address: InstanceId = "addr.h_1".parse().unwrap();
    assert_eq!(listing.left, [instance.id, by_address]);
}

#[test]
fn metadata_deleted_under_a_living_address_is_remembered() {
    let mut view = view();
    view.apply(Side::Address, "7", Some(b"h:1"), 5);
    view.apply(Side::Metadata, "7", Some(&meta("a", 1, "gray")), 5);
    view.apply(Side::Metadata, "7", None, 6);
    view.settle();
    assert_eq!(ids(&view), ["a"]);
}

#[test]
fn old_news_is_skipped() {
    let mut view = view();
    view.apply(Side::Metadata, "7", Some(&meta("new", 1, "")), 9);
    view.apply(Side::Metadata, "7", Some(&meta("old", 1, "")), 5);
    view.apply(Side::Metadata, "7", None, 8);
    assert_eq!(ids(&view), ["new"]);
}
