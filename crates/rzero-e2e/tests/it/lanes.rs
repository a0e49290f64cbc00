//! Lanes keep their calls apart.

use rzero::parts::core::{Ambient, Lane, scope};
use rzero::parts::registry::{Instance, InstanceId, Registry};
use rzero_e2e::api::peers::v1::SayRequest;

use crate::support::{Cluster, Net, name};

fn on(lane: &str) -> Ambient {
    Ambient {
        lane: lane.parse().unwrap(),
        ..Ambient::default()
    }
}

#[tokio::test]
async fn calls_stay_on_their_lane_and_fall_back_to_the_default_one() {
    for net in Net::both() {
        let cluster = Cluster::new(net);
        let _base = cluster.start("base").await;
        let _gray = cluster.start_on("gray", "gray").await;
        let (client, channel) = cluster.client();
        channel.ready(1).await;
        for _ in 0..20 {
            let plain = client.say(SayRequest::default()).await.unwrap();
            assert_eq!(plain.server_id, "base");
            let gray = scope(on("gray"), client.say(SayRequest::default()))
                .await
                .unwrap();
            assert_eq!(gray.server_id, "gray");
            let blue = scope(on("blue"), client.say(SayRequest::default()))
                .await
                .unwrap();
            assert_eq!(blue.server_id, "base");
        }
    }
}

#[tokio::test]
async fn hundreds_of_gray_instances_cost_a_plain_client_nothing() {
    let cluster = Cluster::new(Net::Grpc);
    let _base = cluster.start("base").await;
    let (client, channel) = cluster.client();
    channel.ready(1).await;
    let gray: Lane = "gray".parse().unwrap();
    let mut registrations = Vec::new();
    for port in 1..=300 {
        let address = rzero::parts::core::Address::tcp("127.0.0.1", port);
        let instance = Instance::new(name(), InstanceId::generate(), "grpc", address);
        let registration = cluster.registry.register(instance.with_lane(gray.clone()));
        registrations.push(registration.await.unwrap());
        if port % 20 == 0 {
            client.say(SayRequest::default()).await.unwrap();
        }
    }
    for registration in registrations {
        registration.close().await.unwrap();
    }
    client.say(SayRequest::default()).await.unwrap();
    assert_eq!(channel.nodes().len(), 1, "gray instances were dialed");
}
