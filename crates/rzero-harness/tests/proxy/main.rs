//! The fault proxy between a plain client and an echoing server.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rzero_harness::{Fault, FaultProxy};

const SAFETY_NET: Duration = Duration::from_secs(10);

/// A server that sends back what it gets, for as long as the test runs.
fn echo_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

fn proxy() -> FaultProxy {
    FaultProxy::start(echo_server()).unwrap()
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(SAFETY_NET)).unwrap();
    stream
}

fn echo(stream: &mut TcpStream, text: &str) -> io::Result<String> {
    stream.write_all(text.as_bytes())?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer).unwrap())
}

fn read_one(stream: &mut TcpStream) -> io::Result<usize> {
    stream.read(&mut [0])
}

#[test]
fn bytes_pass_both_ways() {
    let proxy = proxy();
    let mut client = connect(&proxy);
    assert_eq!(echo(&mut client, "hello").unwrap(), "hello");
    assert_eq!((proxy.connections(), proxy.accepted()), (1, 1));
}

#[test]
fn large_transfer_arrives_whole() {
    let proxy = proxy();
    let mut client = connect(&proxy);
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut sender = client.try_clone().unwrap();
    let copy = sent.clone();
    let writer = thread::spawn(move || {
        sender.write_all(&copy).unwrap();
        sender.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    writer.join().unwrap();
    assert!(
        received == sent,
        "{} of {} bytes",
        received.len(),
        sent.len()
    );
}

#[test]
fn blackhole_holds_bytes_until_it_ends() {
    let proxy = proxy();
    let mut client = connect(&proxy);
    assert_eq!(echo(&mut client, "a").unwrap(), "a");
    proxy.set(Fault::Blackhole);
    client.write_all(b"b").unwrap();
    client
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let silent = read_one(&mut client).unwrap_err();
    assert_eq!(silent.kind(), ErrorKind::WouldBlock);
    client.set_read_timeout(Some(SAFETY_NET)).unwrap();
    proxy.set(Fault::Forward);
    assert_eq!(read_one(&mut client).unwrap(), 1);
}

#[test]
fn blackhole_accepts_new_connections() {
    let proxy = proxy();
    proxy.set(Fault::Blackhole);
    let mut client = connect(&proxy);
    client.write_all(b"x").unwrap();
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    assert_eq!(
        read_one(&mut client).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
}

#[test]
fn reset_ends_old_and_new_connections() {
    let proxy = proxy();
    let mut old = connect(&proxy);
    assert_eq!(echo(&mut old, "a").unwrap(), "a");
    proxy.set(Fault::Reset);
    assert_eq!(proxy.connections(), 0);
    assert_eq!(
        read_one(&mut old).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    let mut new = connect(&proxy);
    assert_eq!(
        read_one(&mut new).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
}

#[test]
fn refuse_closes_the_port_until_it_ends() {
    let proxy = proxy();
    let mut old = connect(&proxy);
    assert_eq!(echo(&mut old, "a").unwrap(), "a");
    proxy.set(Fault::Refuse);
    assert_eq!(
        read_one(&mut old).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.set(Fault::Forward);
    assert_eq!(echo(&mut connect(&proxy), "b").unwrap(), "b");
}

#[test]
fn delay_slows_each_direction() {
    let proxy = proxy();
    let mut client = connect(&proxy);
    let delay = Duration::from_millis(80);
    proxy.set(Fault::Delay(delay));
    #[expect(clippy::disallowed_methods, reason = "real sockets, real time")]
    let start = Instant::now();
    assert_eq!(echo(&mut client, "x").unwrap(), "x");
    assert!(start.elapsed() >= delay * 2, "{:?}", start.elapsed());
}

#[test]
fn cut_spares_later_connections() {
    let proxy = proxy();
    let mut old = connect(&proxy);
    assert_eq!(echo(&mut old, "a").unwrap(), "a");
    proxy.cut();
    assert_eq!(
        read_one(&mut old).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(echo(&mut connect(&proxy), "b").unwrap(), "b");
}

#[test]
fn dead_server_resets_the_client() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = FaultProxy::start(gone).unwrap();
    let mut client = connect(&proxy);
    assert_eq!(
        read_one(&mut client).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
}

#[test]
fn drop_frees_the_port() {
    let proxy = proxy();
    let mut client = connect(&proxy);
    assert_eq!(echo(&mut client, "a").unwrap(), "a");
    let address = proxy.address();
    drop(proxy);
    assert!(read_one(&mut client).is_err());
    assert!(TcpStream::connect(address).is_err());
}
