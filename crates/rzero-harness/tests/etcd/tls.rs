//! Clusters that demand certificates.

#[cfg(feature = "tls")]
#[test]
#[ignore = "needs etcd"]
fn tls_cluster_demands_a_client_certificate() {
    use rzero_harness::{Certificates, EtcdCluster, EtcdOptions};

    let certificates = Certificates::generate("root").unwrap();
    let etcd = EtcdCluster::start_with(EtcdOptions::new(3).tls(certificates)).unwrap();
    etcd.etcdctl(&["put", "key", "value"]).unwrap();
    assert_eq!(
        etcd.etcdctl(&["get", "key", "--print-value-only"])
            .unwrap()
            .trim(),
        "value"
    );
    let plain = etcd.etcdctl(&["--cacert", "", "--cert", "", "--key", "", "get", "key"]);
    assert!(plain.is_err(), "{plain:?}");
    assert!(etcd.leader().unwrap() < 3);
}
