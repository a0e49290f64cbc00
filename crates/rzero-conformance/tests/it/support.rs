//! A server and a client of this process, and requests as the suite's runner writes them.

use rzero::prost::Name;
use rzero::prost_types::Any;
use rzero_conformance::api::connectrpc::conformance::v1::client_compat_response::Result as Outcome;
use rzero_conformance::api::connectrpc::conformance::v1::{
    ClientCompatRequest, ClientResponseResult, Codec, Compression, Header, HttpVersion, Protocol,
    ServerCompatRequest, StreamType,
};
use rzero_conformance::client::Client;
use rzero_conformance::server::Server;

/// What the runner sends to servers beside what a test is about.
pub(crate) fn plaintext() -> ServerCompatRequest {
    ServerCompatRequest {
        protocol: Protocol::Grpc.into(),
        http_version: HttpVersion::HttpVersion2.into(),
        message_receive_limit: 200 << 10,
        ..ServerCompatRequest::default()
    }
}

/// A call of `method` with these messages to `server`.
pub(crate) fn request<M: Name>(
    server: &Server,
    method: &str,
    messages: &[M],
) -> ClientCompatRequest {
    let told = server.response();
    ClientCompatRequest {
        test_name: format!("{method} of {}", std::any::type_name::<M>()),
        http_version: HttpVersion::HttpVersion2.into(),
        protocol: Protocol::Grpc.into(),
        codec: Codec::Proto.into(),
        compression: Compression::Identity.into(),
        host: told.host.clone(),
        port: told.port,
        server_tls_cert: told.pem_cert.clone(),
        service: Some("connectrpc.conformance.v1.ConformanceService".to_owned()),
        method: Some(method.to_owned()),
        stream_type: StreamType::HalfDuplexBidiStream.into(),
        request_messages: messages.iter().map(|m| Any::from_msg(m).unwrap()).collect(),
        ..ClientCompatRequest::default()
    }
}

/// Makes the call with a client of its own.
pub(crate) async fn perform(request: ClientCompatRequest) -> ClientResponseResult {
    let name = request.test_name.clone();
    let answer = Client::new().perform(request).await;
    assert_eq!(answer.test_name, name);
    match answer.result.unwrap() {
        Outcome::Response(response) => response,
        Outcome::Error(error) => panic!("{}", error.message),
    }
}

pub(crate) fn header(name: &str, values: &[&str]) -> Header {
    Header {
        name: name.to_owned(),
        value: values.iter().map(|&v| v.to_owned()).collect(),
    }
}
