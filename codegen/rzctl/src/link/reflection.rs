//! Asks a server for its contracts (`grpc.reflection`, version 1, else 1alpha).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message;
use prost_reflect::DescriptorPool;
use rzero::CallOptions;
use rzero::parts::client::Channel;
use rzero::parts::core::{Code, Duplex, Error, Idempotency, Kind, Method};

/// Most files of a contract that are asked for.
const FILES_MAX: usize = 10_000;
/// Both versions have the same messages.
const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(oneof = "Query", tags = "3, 4, 7")]
    query: Option<Query>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Query {
    #[prost(string, tag = "3")]
    File(String),
    #[prost(string, tag = "4")]
    Symbol(String),
    #[prost(string, tag = "7")]
    Services(String),
}

#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(oneof = "Answer", tags = "4, 6, 7")]
    answer: Option<Answer>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Answer {
    #[prost(message, tag = "4")]
    Files(Files),
    #[prost(message, tag = "6")]
    Services(Services),
    #[prost(message, tag = "7")]
    Error(Refusal),
}

/// Also reads as a `FileDescriptorSet` whose files are still encoded, so that options of unknown
/// types survive.
#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    files: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Services {
    #[prost(message, repeated, tag = "1")]
    services: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Refusal {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// What of a file matters here.
#[derive(Clone, PartialEq, Message)]
struct Head {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, repeated, tag = "3")]
    imports: Vec<String>,
}

/// The contract that defines a symbol, with all its imports.
pub(crate) async fn describe(
    channel: &Channel,
    symbol: &str,
    options: &CallOptions,
) -> Result<DescriptorPool, Error> {
    let first = Query::Symbol(symbol.to_owned());
    let (mut stream, answer) = open(channel, first, options).await?;
    let mut known: BTreeMap<String, Bytes> = BTreeMap::new();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut wanted: Vec<String> = Vec::new();
    take(answer, &mut known, &mut wanted)?;
    while let Some(name) = wanted.pop() {
        if known.contains_key(&name) || !asked.insert(name.clone()) {
            continue;
        }
        if asked.len() > FILES_MAX {
            return Err(Error::internal(format!(
                "it has more than {FILES_MAX} files"
            )));
        }
        match ask(&mut stream, Query::File(name.clone())).await {
            Ok(answer) => take(answer, &mut known, &mut wanted)?,
            // Some servers leave out the well-known files, which everybody has.
            Err(error) => match DescriptorPool::global().get_file_by_name(&name) {
                Some(file) => drop(known.insert(name, file.encode_to_vec().into())),
                None => return Err(error),
            },
        }
    }
    stream.tx.close();
    let set = Files {
        files: known.into_values().collect(),
    };
    DescriptorPool::decode(set.encode_to_vec().as_slice())
        .map_err(|error| Error::internal("its contracts do not fit together").with_source(error))
}

/// Names of the services that a server offers, in order.
pub(crate) async fn list(channel: &Channel, options: &CallOptions) -> Result<Vec<String>, Error> {
    let (_, answer) = open(channel, Query::Services(String::new()), options).await?;
    match answer {
        Answer::Services(services) => {
            let names = services.services.into_iter().map(|service| service.name);
            Ok(names.collect::<BTreeSet<_>>().into_iter().collect())
        }
        _ => Err(Error::internal("it answered something else")),
    }
}

/// Opens the newest version that the server offers and asks a first question.
async fn open(
    channel: &Channel,
    first: Query,
    options: &CallOptions,
) -> Result<(Duplex, Answer), Error> {
    let mut missing = None;
    for path in PATHS {
        let method = Method::dynamic(path, Kind::Bidi, Idempotency::NoSideEffects)?;
        let mut stream = channel.open(method, options).await?;
        match ask(&mut stream, first.clone()).await {
            Ok(answer) => return Ok((stream, answer)),
            Err(error) if error.code() == Code::Unimplemented => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or_else(|| Error::unimplemented("there is no reflection")))
}

async fn ask(stream: &mut Duplex, query: Query) -> Result<Answer, Error> {
    let request = Request { query: Some(query) };
    // A server without reflection ends the call before it reads; the reason comes back below.
    let _ = stream.tx.send(request.encode_to_vec().into()).await;
    let reply = stream.rx.recv().await?;
    let reply = reply.ok_or_else(|| Error::internal("it ended without an answer"))?;
    let reply = Response::decode(reply)
        .map_err(|error| Error::internal("its answer is not valid").with_source(error))?;
    match reply.answer {
        Some(Answer::Error(refusal)) => {
            let code = u32::try_from(refusal.code).ok().and_then(Code::from_number);
            Err(Error::with_code(
                code.unwrap_or(Code::Unknown),
                refusal.message,
            ))
        }
        Some(answer) => Ok(answer),
        None => Err(Error::internal("it answered something else")),
    }
}

/// Notes files of an answer, and what they import.
fn take(
    answer: Answer,
    known: &mut BTreeMap<String, Bytes>,
    wanted: &mut Vec<String>,
) -> Result<(), Error> {
    let Answer::Files(files) = answer else {
        return Err(Error::internal("it answered something else"));
    };
    for file in files.files {
        let head = Head::decode(file.clone())
            .map_err(|error| Error::internal("a file of it is not valid").with_source(error))?;
        wanted.extend(head.imports);
        known.insert(head.name.unwrap_or_default(), file);
    }
    Ok(())
}
