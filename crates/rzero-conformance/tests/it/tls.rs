//! Calls over TLS, with credentials as the runner hands them out: certificates that sign
//! themselves.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rzero_conformance::api::connectrpc::conformance::v1::{
    Code, ServerCompatRequest, TlsCreds, UnaryRequest,
};
use rzero_conformance::server::Server;

use crate::support::{perform, plaintext, request};

fn creds(purpose: ExtendedKeyUsagePurpose) -> TlsCreds {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![purpose];
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    TlsCreds {
        cert: cert.pem().into(),
        key: key.serialize_pem().into(),
    }
}

fn encrypted() -> ServerCompatRequest {
    ServerCompatRequest {
        use_tls: true,
        server_creds: Some(creds(ExtendedKeyUsagePurpose::ServerAuth)),
        ..plaintext()
    }
}

#[tokio::test]
async fn server_shows_the_certificate_that_it_tells() {
    let server = Server::start(&encrypted()).await.unwrap();
    assert!(!server.response().pem_cert.is_empty());
    let got = perform(request(&server, "Unary", &[UnaryRequest::default()])).await;
    assert_eq!((got.error, got.payloads.len()), (None, 1));
}

#[tokio::test]
async fn client_without_the_wanted_certificate_is_not_served() {
    let client = creds(ExtendedKeyUsagePurpose::ClientAuth);
    let wanted = ServerCompatRequest {
        client_tls_cert: client.cert.clone(),
        ..encrypted()
    };
    let server = Server::start(&wanted).await.unwrap();
    let mut call = request(&server, "Unary", &[UnaryRequest::default()]);
    call.client_tls_creds = Some(client);
    let got = perform(call.clone()).await;
    assert_eq!((got.error, got.payloads.len()), (None, 1));
    call.client_tls_creds = None;
    let got = perform(call).await;
    assert_eq!(got.error.unwrap().code(), Code::Unavailable);
}

#[tokio::test]
async fn server_without_credentials_does_not_start() {
    let wanted = ServerCompatRequest {
        server_creds: None,
        ..encrypted()
    };
    assert!(Server::start(&wanted).await.is_err());
}
