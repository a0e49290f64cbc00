use std::path::Path;

use proptest::prelude::*;
use prost::Message as _;
use protox::prost_reflect::{DescriptorPool, DynamicMessage};
use rzero_core::{Class, Shutdown};

use super::messages::{Answer, ErrorResponse, ExtensionRequest, Query};
use super::*;
use crate::builtin::memory::{Caller, block_on, unary};

const NOT_FOUND: i32 = 5;
const INVALID_ARGUMENT: i32 = 3;

fn service(name: &'static str, files: Vec<u8>) -> &'static ServiceDesc {
    Box::leak(Box::new(ServiceDesc {
        name,
        methods: &[],
        files: files.leak(),
    }))
}

fn shop_files() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/builtin/reflection/testdata");
    let mut compiler = protox::Compiler::new([folder]).unwrap();
    compiler.open_file("shop.proto").unwrap();
    compiler.encode_file_descriptor_set()
}

fn shop() -> ReflectionServer {
    reflection(&[service("shop.v1.Shop", shop_files())]).0
}

fn ask(server: &ReflectionServer, query: Query) -> Answer {
    let request = Request {
        host: "here".to_owned(),
        query: Some(query),
    };
    let response = server.index.answer(request.clone());
    assert_eq!(response.valid_host, "here");
    assert_eq!(response.original_request, Some(request));
    response.answer.unwrap()
}

fn symbol(server: &ReflectionServer, name: &str) -> Answer {
    ask(server, Query::FileContainingSymbol(name.to_owned()))
}

fn named(server: &ReflectionServer, name: &str) -> Answer {
    ask(server, Query::FileByFilename(name.to_owned()))
}

#[track_caller]
fn only_file(answer: Answer) -> Bytes {
    let Answer::Files(found) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(found.files.len(), 1);
    found.files[0].clone()
}

#[track_caller]
fn code(answer: Answer) -> i32 {
    let Answer::Error(ErrorResponse { code, .. }) = answer else {
        panic!("{answer:?}")
    };
    code
}

fn listed(server: &ReflectionServer) -> Vec<String> {
    let answer = ask(server, Query::ListServices(String::new()));
    let Answer::Services(all) = answer else {
        panic!("{answer:?}")
    };
    all.services
        .into_iter()
        .map(|service| service.name)
        .collect()
}

#[test]
fn every_service_is_listed_once() {
    let health = &crate::builtin::health::SERVICE;
    let empty = service("bare.Service", Vec::new());
    let (v1, _) = reflection(&[service("shop.v1.Shop", shop_files()), health, health, empty]);
    let names = [
        "bare.Service",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "shop.v1.Shop",
    ];
    assert_eq!(listed(&v1), names);
}

#[test]
fn every_kind_of_symbol_finds_its_file() {
    let server = shop();
    let file = only_file(named(&server, "shop.proto"));
    for name in [
        "Item",
        "Item.title",
        "Item.price",
        "Item.cents",
        "Item.Size",
        "Item.SMALL",
        "Item.Part",
        "Item.Part.name",
        "Labels.label",
        "weight",
        "Currency",
        "EURO",
        "Shop",
        "Shop.Find",
    ] {
        assert_eq!(
            only_file(symbol(&server, &format!("shop.v1.{name}"))),
            file,
            "{name}"
        );
    }
    for name in [
        "",
        "shop",
        "shop.v1",
        "Item",
        ".shop.v1.Item",
        "shop.v1.Item.nothing",
    ] {
        assert_eq!(code(symbol(&server, name)), NOT_FOUND, "{name}");
    }
    assert_eq!(code(named(&server, "other.proto")), NOT_FOUND);
}

#[test]
fn own_contracts_are_found() {
    let (server, _) = reflection(&[&crate::builtin::health::SERVICE]);
    for (name, path) in [
        ("grpc.health.v1.Health.Watch", "grpc/health/v1/health.proto"),
        (
            "grpc.reflection.v1.ServerReflection",
            "grpc/reflection/v1/reflection.proto",
        ),
        (
            "grpc.reflection.v1alpha.ErrorResponse",
            "grpc/reflection/v1alpha/reflection.proto",
        ),
    ] {
        assert_eq!(
            only_file(symbol(&server, name)),
            only_file(named(&server, path))
        );
    }
}

#[test]
fn extensions_are_found_by_type_and_number() {
    let server = shop();
    let extension = |containing_type: &str, extension_number| {
        let containing_type = containing_type.to_owned();
        let wanted = ExtensionRequest {
            containing_type,
            extension_number,
        };
        ask(&server, Query::FileContainingExtension(wanted))
    };
    let file = only_file(named(&server, "shop.proto"));
    assert_eq!(only_file(extension("shop.v1.Item", 100)), file);
    assert_eq!(only_file(extension("shop.v1.Item", 101)), file);
    assert_eq!(code(extension("shop.v1.Item", 102)), NOT_FOUND);
    assert_eq!(code(extension("shop.v1.Nothing", 100)), NOT_FOUND);
}

#[test]
fn extension_numbers_of_a_type_are_told() {
    let server = shop();
    let numbers = |name: &str| ask(&server, Query::AllExtensionNumbersOfType(name.to_owned()));
    let Answer::ExtensionNumbers(item) = numbers("shop.v1.Item") else {
        panic!()
    };
    assert_eq!(item.base_type_name, "shop.v1.Item");
    assert_eq!(item.extension_numbers, [100, 101]);
    let Answer::ExtensionNumbers(part) = numbers("shop.v1.Item.Part") else {
        panic!()
    };
    assert!(part.extension_numbers.is_empty());
    assert_eq!(code(numbers("shop.v1.Nothing")), NOT_FOUND);
}

#[test]
fn request_without_a_question_is_invalid() {
    let answer = shop().index.answer(Request::default()).answer.unwrap();
    assert_eq!(code(answer), INVALID_ARGUMENT);
}

#[test]
fn unknown_options_of_a_file_survive() {
    // Field 1000 of a file, which no descriptor knows: key 8002 as a varint, then its value.
    let file = [
        descriptor::File {
            name: "odd.proto".to_owned(),
            ..Default::default()
        }
        .encode_to_vec(),
        vec![0xc2, 0x3e, 2, b'h', b'i'],
    ]
    .concat();
    let set = descriptor::FileSet {
        files: vec![file.clone().into()],
    }
    .encode_to_vec();
    let (server, _) = reflection(&[service("odd.Service", set)]);
    assert_eq!(only_file(named(&server, "odd.proto")), file);
}

#[test]
fn first_file_of_a_name_counts() {
    let file = |package: &str| {
        let (name, package) = ("one.proto".to_owned(), package.to_owned());
        let messages = vec![descriptor::Message {
            name: "M".to_owned(),
            ..Default::default()
        }];
        let file = descriptor::File {
            name,
            package,
            messages,
            ..Default::default()
        };
        descriptor::FileSet {
            files: vec![file.encode_to_vec().into()],
        }
        .encode_to_vec()
    };
    let (server, _) = reflection(&[service("a.A", file("a")), service("b.B", file("b"))]);
    assert_eq!(
        only_file(symbol(&server, "a.M")),
        only_file(named(&server, "one.proto"))
    );
    assert_eq!(code(symbol(&server, "b.M")), NOT_FOUND);
}

#[test]
fn malformed_files_leave_the_others_alone() {
    let (server, _) = reflection(&[
        service("bad.Bad", vec![0xff]),
        service("shop.v1.Shop", shop_files()),
    ]);
    assert!(listed(&server).contains(&"bad.Bad".to_owned()));
    only_file(symbol(&server, "shop.v1.Item"));
}

#[tokio::test]
async fn one_stream_answers_many_questions_in_both_versions() {
    let (v1, v1alpha) = reflection(&[service("shop.v1.Shop", shop_files())]);
    for server in [v1, v1alpha] {
        let desc = server.describe();
        let caller = Caller::open(server.clone(), desc, "ServerReflectionInfo", 1);
        let questions = [
            Query::ListServices(String::new()),
            Query::FileContainingSymbol("shop.v1.Shop".to_owned()),
            Query::FileByFilename("nothing.proto".to_owned()),
        ];
        for query in questions {
            let request = Request {
                host: String::new(),
                query: Some(query),
            };
            caller.send(request.encode_to_vec());
            assert_eq!(
                caller.recv::<Response>().await,
                server.index.answer(request)
            );
        }
        caller.close();
        assert!(caller.end().await.0.is_ok());
    }
}

#[tokio::test]
async fn idle_stream_ends_when_the_server_closes() {
    let shutdown = Shutdown::new();
    let server = shop().with_stop(shutdown.stop());
    let caller = Caller::open(server, &V1, "ServerReflectionInfo", 9);
    caller.send(Bytes::new());
    assert!(caller.recv::<Response>().await.answer.is_some());
    shutdown.enter(Phase::Close);
    assert!(caller.end().await.0.is_ok());
}

#[tokio::test]
async fn malformed_request_ends_the_stream() {
    let caller = Caller::open(shop(), &V1, "ServerReflectionInfo", 9);
    caller.send(vec![0xff]);
    assert_eq!(caller.end().await.0.unwrap_err().class(), Class::Decode);
}

#[tokio::test]
async fn unary_calls_are_unimplemented() {
    let error = unary(&shop(), &V1, "ServerReflectionInfo", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Unimplemented);
}

#[test]
fn messages_match_their_contract() {
    let server = shop();
    let item = || "shop.v1.Item".to_owned();
    let wanted = ExtensionRequest {
        containing_type: item(),
        extension_number: 100,
    };
    let queries = [
        Query::FileByFilename("shop.proto".to_owned()),
        Query::FileContainingSymbol(item()),
        Query::FileContainingExtension(wanted),
        Query::AllExtensionNumbersOfType(item()),
        Query::ListServices("*".to_owned()),
        Query::FileByFilename("nothing".to_owned()),
    ];
    for (desc, version) in [(&V1, "v1"), (&V1ALPHA, "v1alpha")] {
        let pool = DescriptorPool::decode(desc.files).unwrap();
        let name = format!("grpc.reflection.{version}.ServerReflectionResponse");
        let message = pool.get_message_by_name(&name).unwrap();
        for query in queries.clone() {
            let request = Request {
                host: "here".to_owned(),
                query: Some(query),
            };
            let bytes = server.index.answer(request).encode_to_vec();
            let read = DynamicMessage::decode(message.clone(), bytes.as_slice()).unwrap();
            assert_known(&read);
        }
    }
}

/// Nothing of the message, and of the messages in it, is unknown to its contract.
#[track_caller]
fn assert_known(message: &DynamicMessage) {
    assert_eq!(message.unknown_fields().count(), 0, "{message}");
    for (_, value) in message.fields() {
        let nested = value.as_list().unwrap_or_default().iter().chain([value]);
        nested
            .filter_map(|value| value.as_message())
            .for_each(assert_known);
    }
}

proptest! {
    #[test]
    fn hostile_requests_never_panic(requests: Vec<Vec<u8>>) {
        let server = reflection(&[]).0;
        block_on(async {
            let caller = Caller::open(server, &V1, "ServerReflectionInfo", usize::MAX);
            requests.into_iter().for_each(|bytes| caller.send(bytes));
            caller.close();
            let _ = caller.end().await;
        });
    }

    #[test]
    fn hostile_questions_are_answered(kind in 0..5, name: String, number: i32) {
        let server = reflection(&[]).0;
        let answer = ask(&server, match kind {
            0 => Query::FileByFilename(name),
            1 => Query::FileContainingSymbol(name),
            2 => Query::FileContainingExtension(ExtensionRequest {
                containing_type: name,
                extension_number: number,
            }),
            3 => Query::AllExtensionNumbersOfType(name),
            _ => Query::ListServices(name),
        });
        prop_assert!(kind == 4 || code(answer) == NOT_FOUND);
    }

    #[test]
    fn hostile_descriptors_never_panic(
        at: prop::sample::Index,
        byte: u8,
        noise: Vec<u8>,
    ) {
        let mut files = shop_set();
        let at = at.index(files.len());
        files[at] = byte;
        files.extend(noise);
        let mut index = Index::default();
        let _ = index.add_set(files.into());
    }
}

fn shop_set() -> Vec<u8> {
    static SET: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    SET.get_or_init(shop_files).clone()
}
