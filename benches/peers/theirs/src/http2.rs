//! The h2 crate alone: prost messages in HTTP/2 bodies, without gRPC's framing and trailers.

use std::net::SocketAddr;

use bench_load::Result;
use bench_load::messages::{Answer, Ask, Order};
use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, server};
use http::{Method, Request, Response};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};

const ECHO: &str = "/bench.v1.Bench/Echo";
const PLACE: &str = "/bench.v1.Bench/Place";

pub fn serve(listen: SocketAddr) -> Result<()> {
    bench_load::runtime()?.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                // The end of a connection, whatever its reason, is the client's affair.
                let _ = connection(stream).await;
            });
        }
    })
}

async fn connection(stream: TcpStream) -> Result<()> {
    let mut connection = server::handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        tokio::spawn(async move {
            let _ = answer(request, respond).await;
        });
    }
    Ok(())
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: server::SendResponse<Bytes>,
) -> Result<()> {
    let is_echo = request.uri().path() == ECHO;
    let body = read(request.into_body()).await?;
    let body: Bytes = if is_echo {
        let ask = Ask::decode(body)?;
        bench_load::work(ask.wait_us, ask.spin_us).await;
        let payload = ask.payload;
        Answer { payload }.encode_to_vec().into()
    } else {
        Order::decode(body)?.encode_to_vec().into()
    };
    let mut send = respond.send_response(Response::new(()), false)?;
    send.send_data(body, true)?;
    Ok(())
}

async fn read(mut body: RecvStream) -> Result<Bytes> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        // Most bodies are one frame, which is not copied.
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// One connection.
#[derive(Clone)]
pub struct Client {
    send: SendRequest<Bytes>,
    echo: http::Uri,
    place: http::Uri,
}

impl Client {
    async fn call(&mut self, uri: http::Uri, message: &impl Message) -> Result<Bytes> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        std::future::poll_fn(|cx| self.send.poll_ready(cx)).await?;
        let (response, mut body) = self.send.send_request(request, false)?;
        body.send_data(message.encode_to_vec().into(), true)?;
        read(response.await?.into_body()).await
    }
}

impl bench_load::Client for Client {
    type Order = Order;

    async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (send, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(Self {
            send,
            echo: format!("http://{address}{ECHO}").parse()?,
            place: format!("http://{address}{PLACE}").parse()?,
        })
    }

    fn order(order: &Order) -> Result<Order> {
        Ok(order.clone())
    }

    async fn echo(&mut self, payload: Bytes, wait_us: u32, spin_us: u32) -> Result<usize> {
        let ask = Ask {
            payload,
            wait_us,
            spin_us,
        };
        let body = self.call(self.echo.clone(), &ask).await?;
        Ok(Answer::decode(body)?.payload.len())
    }

    async fn place(&mut self, order: Order) -> Result<usize> {
        let body = self.call(self.place.clone(), &order).await?;
        Ok(Order::decode(body)?.items.len())
    }

    async fn feed(&mut self, _: u64, _: u32) -> Result<(u64, u64)> {
        bench_load::unsupported("streams")
    }
}
