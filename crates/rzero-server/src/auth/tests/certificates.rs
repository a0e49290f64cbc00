use super::*;

const MTLS: &str = "require = ['mtls']\ncertificates = ['spiffe://prod/*', 'admin.internal']";

#[tokio::test(start_paused = true)]
async fn only_names_in_the_list_are_let_in() {
    let gate = gate(MTLS, AuthHooks::new());
    for name in ["spiffe://prod/stock", "admin.internal"] {
        let answer = ask(&gate, from(get(&[]), name)).await;
        assert_eq!(answer.unwrap(), name);
    }
    for name in ["spiffe://test/stock", "x.admin.internal", "stock"] {
        let answer = ask(&gate, from(get(&[]), name)).await;
        assert_eq!(answer, Err(Class::PermissionDenied), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_certificate_are_unauthenticated() {
    let gate = gate(MTLS, AuthHooks::new());
    assert_eq!(ask(&gate, get(&[])).await, Err(Class::Unauthenticated));
}

#[tokio::test(start_paused = true)]
async fn a_star_is_every_certificate_but_not_none() {
    let gate = gate("require = ['mtls']\ncertificates = ['*']", AuthHooks::new());
    assert!(ask(&gate, from(get(&[]), "any")).await.is_ok());
    assert!(ask(&gate, get(&[])).await.is_err());
}
