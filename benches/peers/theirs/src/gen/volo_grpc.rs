pub mod volo_grpc {
    #![allow(warnings, clippy::all)]
    use ::pilota::{Buf as _, BufMut as _};
    pub mod bench {
        use ::pilota::{Buf as _, BufMut as _};

        pub mod v1 {
            use ::pilota::{Buf as _, BufMut as _};
            #[derive(PartialOrd, Hash, Eq, Ord, Debug, Default, Clone, PartialEq)]
            pub struct Ask {
                pub payload: ::pilota::Bytes,

                pub wait_us: u32,

                pub spin_us: u32,
            }
            impl ::pilota::pb::Message for Ask {
                #[inline]
                fn encoded_len(&self, ctx: &mut ::pilota::pb::EncodeLengthContext) -> usize {
                    0 + ::pilota::pb::encoding::bytes::encoded_len(ctx, 1, &self.payload)
                        + ::pilota::pb::encoding::uint32::encoded_len(ctx, 2, &self.wait_us)
                        + ::pilota::pb::encoding::uint32::encoded_len(ctx, 3, &self.spin_us)
                }

                #[allow(unused_variables)]
                fn encode_raw(&self, buf: &mut ::pilota::LinkedBytes) {
                    ::pilota::pb::encoding::bytes::encode(1, &self.payload, buf);
                    ::pilota::pb::encoding::uint32::encode(2, &self.wait_us, buf);
                    ::pilota::pb::encoding::uint32::encode(3, &self.spin_us, buf);
                }

                #[allow(unused_variables)]
                fn merge_field(
                    &mut self,
                    tag: u32,
                    wire_type: ::pilota::pb::encoding::WireType,
                    buf: &mut ::pilota::Bytes,
                    ctx: &mut ::pilota::pb::encoding::DecodeContext,
                    is_root: bool,
                ) -> ::core::result::Result<(), ::pilota::pb::DecodeError> {
                    const STRUCT_NAME: &'static str = stringify!(Ask);

                    match tag {
                        1 => {
                            let mut _inner_pilota_value = &mut self.payload;
                            ::pilota::pb::encoding::bytes::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(payload));
                                error
                            })
                        }
                        2 => {
                            let mut _inner_pilota_value = &mut self.wait_us;
                            ::pilota::pb::encoding::uint32::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(wait_us));
                                error
                            })
                        }
                        3 => {
                            let mut _inner_pilota_value = &mut self.spin_us;
                            ::pilota::pb::encoding::uint32::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(spin_us));
                                error
                            })
                        }
                        _ => ::pilota::pb::encoding::skip_field(wire_type, tag, buf, ctx),
                    }
                }
            }
            #[derive(PartialOrd, Hash, Eq, Ord, Debug, Default, Clone, PartialEq, Copy)]
            #[repr(transparent)]
            pub struct OrderStatus(i32);

            impl OrderStatus {
                pub const ORDER_STATUS_UNSPECIFIED: Self = Self(0);
                pub const ORDER_STATUS_NEW: Self = Self(1);
                pub const ORDER_STATUS_PAID: Self = Self(2);
                pub const ORDER_STATUS_SENT: Self = Self(3);

                pub fn inner(&self) -> i32 {
                    self.0
                }

                pub fn to_string(&self) -> ::std::string::String {
                    match self {
                        Self(0) => ::std::string::String::from("ORDER_STATUS_UNSPECIFIED"),
                        Self(1) => ::std::string::String::from("ORDER_STATUS_NEW"),
                        Self(2) => ::std::string::String::from("ORDER_STATUS_PAID"),
                        Self(3) => ::std::string::String::from("ORDER_STATUS_SENT"),
                        Self(val) => val.to_string(),
                    }
                }

                pub fn try_from_i32(value: i32) -> ::std::option::Option<Self> {
                    match value {
                        0 => ::std::option::Option::Some(Self::ORDER_STATUS_UNSPECIFIED),
                        1 => ::std::option::Option::Some(Self::ORDER_STATUS_NEW),
                        2 => ::std::option::Option::Some(Self::ORDER_STATUS_PAID),
                        3 => ::std::option::Option::Some(Self::ORDER_STATUS_SENT),
                        _ => ::std::option::Option::None,
                    }
                }
            }

            impl ::std::convert::From<i32> for OrderStatus {
                fn from(value: i32) -> Self {
                    Self(value)
                }
            }

            impl ::std::convert::From<OrderStatus> for i32 {
                fn from(value: OrderStatus) -> i32 {
                    value.0
                }
            }

            #[derive(PartialOrd, Hash, Eq, Ord, Debug, Default, Clone, PartialEq)]
            pub struct Moment {
                pub seconds: i64,

                pub nanos: i32,
            }
            impl ::pilota::pb::Message for Moment {
                #[inline]
                fn encoded_len(&self, ctx: &mut ::pilota::pb::EncodeLengthContext) -> usize {
                    0 + ::pilota::pb::encoding::int64::encoded_len(ctx, 1, &self.seconds)
                        + ::pilota::pb::encoding::int32::encoded_len(ctx, 2, &self.nanos)
                }

                #[allow(unused_variables)]
                fn encode_raw(&self, buf: &mut ::pilota::LinkedBytes) {
                    ::pilota::pb::encoding::int64::encode(1, &self.seconds, buf);
                    ::pilota::pb::encoding::int32::encode(2, &self.nanos, buf);
                }

                #[allow(unused_variables)]
                fn merge_field(
                    &mut self,
                    tag: u32,
                    wire_type: ::pilota::pb::encoding::WireType,
                    buf: &mut ::pilota::Bytes,
                    ctx: &mut ::pilota::pb::encoding::DecodeContext,
                    is_root: bool,
                ) -> ::core::result::Result<(), ::pilota::pb::DecodeError> {
                    const STRUCT_NAME: &'static str = stringify!(Moment);

                    match tag {
                        1 => {
                            let mut _inner_pilota_value = &mut self.seconds;
                            ::pilota::pb::encoding::int64::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(seconds));
                                error
                            })
                        }
                        2 => {
                            let mut _inner_pilota_value = &mut self.nanos;
                            ::pilota::pb::encoding::int32::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(nanos));
                                error
                            })
                        }
                        _ => ::pilota::pb::encoding::skip_field(wire_type, tag, buf, ctx),
                    }
                }
            }
            #[derive(PartialOrd, Hash, Eq, Ord, Debug, Default, Clone, PartialEq)]
            pub struct Answer {
                pub payload: ::pilota::Bytes,
            }
            impl ::pilota::pb::Message for Answer {
                #[inline]
                fn encoded_len(&self, ctx: &mut ::pilota::pb::EncodeLengthContext) -> usize {
                    0 + ::pilota::pb::encoding::bytes::encoded_len(ctx, 1, &self.payload)
                }

                #[allow(unused_variables)]
                fn encode_raw(&self, buf: &mut ::pilota::LinkedBytes) {
                    ::pilota::pb::encoding::bytes::encode(1, &self.payload, buf);
                }

                #[allow(unused_variables)]
                fn merge_field(
                    &mut self,
                    tag: u32,
                    wire_type: ::pilota::pb::encoding::WireType,
                    buf: &mut ::pilota::Bytes,
                    ctx: &mut ::pilota::pb::encoding::DecodeContext,
                    is_root: bool,
                ) -> ::core::result::Result<(), ::pilota::pb::DecodeError> {
                    const STRUCT_NAME: &'static str = stringify!(Answer);

                    match tag {
                        1 => {
                            let mut _inner_pilota_value = &mut self.payload;
                            ::pilota::pb::encoding::bytes::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(payload));
                                error
                            })
                        }
                        _ => ::pilota::pb::encoding::skip_field(wire_type, tag, buf, ctx),
                    }
                }
            }
            #[derive(PartialOrd, Hash, Eq, Ord, Debug, Default, Clone, PartialEq)]
            pub struct Item {
                pub sku: ::pilota::FastStr,

                pub title: ::pilota::FastStr,

                pub quantity: u32,

                pub price: ::std::option::Option<Money>,

                pub gift: bool,
            }
            impl ::pilota::pb::Message for Item {
                #[inline]
                fn encoded_len(&self, ctx: &mut ::pilota::pb::EncodeLengthContext) -> usize {
                    0 + ::pilota::pb::encoding::faststr::encoded_len(ctx, 1, &self.sku)
                        + ::pilota::pb::encoding::faststr::encoded_len(ctx, 2, &self.title)
                        + ::pilota::pb::encoding::uint32::encoded_len(ctx, 3, &self.quantity)
                        + self.price.as_ref().map_or(0, |msg| {
                            ::pilota::pb::encoding::message::encoded_len(ctx, 4, msg)
                        })
                        + ::pilota::pb::encoding::bool::encoded_len(ctx, 5, &self.gift)
                }

                #[allow(unused_variables)]
                fn encode_raw(&self, buf: &mut ::pilota::LinkedBytes) {
                    ::pilota::pb::encoding::faststr::encode(1, &self.sku, buf);
                    ::pilota::pb::encoding::faststr::encode(2, &self.title, buf);
                    ::pilota::pb::encoding::uint32::encode(3, &self.quantity, buf);
                    if let ::std::option::Option::Some(_pilota_inner_value) = self.price.as_ref() {
                        ::pilota::pb::encoding::message::encode(4, _pilota_inner_value, buf);
                    }
                    ::pilota::pb::encoding::bool::encode(5, &self.gift, buf);
                }

                #[allow(unused_variables)]
                fn merge_field(
                    &mut self,
                    tag: u32,
                    wire_type: ::pilota::pb::encoding::WireType,
                    buf: &mut ::pilota::Bytes,
                    ctx: &mut ::pilota::pb::encoding::DecodeContext,
                    is_root: bool,
                ) -> ::core::result::Result<(), ::pilota::pb::DecodeError> {
                    const STRUCT_NAME: &'static str = stringify!(Item);

                    match tag {
                        1 => {
                            let mut _inner_pilota_value = &mut self.sku;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(sku));
                                error
                            })
                        }
                        2 => {
                            let mut _inner_pilota_value = &mut self.title;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(title));
                                error
                            })
                        }
                        3 => {
                            let mut _inner_pilota_value = &mut self.quantity;
                            ::pilota::pb::encoding::uint32::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(quantity));
                                error
                            })
                        }
                        4 => {
                            let mut _inner_pilota_value = &mut self.price;
                            ::pilota::pb::encoding::message::merge(
                                wire_type,
                                _inner_pilota_value
                                    .get_or_insert_with(::core::default::Default::default),
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(price));
                                error
                            })
                        }
                        5 => {
                            let mut _inner_pilota_value = &mut self.gift;
                            ::pilota::pb::encoding::bool::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(gift));
                                error
                            })
                        }
                        _ => ::pilota::pb::encoding::skip_field(wire_type, tag, buf, ctx),
                    }
                }
            }
            #[derive(PartialOrd, Hash, Eq, Ord, Debug, Default, Clone, PartialEq)]
            pub struct FeedRequest {
                pub count: u64,

                pub bytes: u32,
            }
            impl ::pilota::pb::Message for FeedRequest {
                #[inline]
                fn encoded_len(&self, ctx: &mut ::pilota::pb::EncodeLengthContext) -> usize {
                    0 + ::pilota::pb::encoding::uint64::encoded_len(ctx, 1, &self.count)
                        + ::pilota::pb::encoding::uint32::encoded_len(ctx, 2, &self.bytes)
                }

                #[allow(unused_variables)]
                fn encode_raw(&self, buf: &mut ::pilota::LinkedBytes) {
                    ::pilota::pb::encoding::uint64::encode(1, &self.count, buf);
                    ::pilota::pb::encoding::uint32::encode(2, &self.bytes, buf);
                }

                #[allow(unused_variables)]
                fn merge_field(
                    &mut self,
                    tag: u32,
                    wire_type: ::pilota::pb::encoding::WireType,
                    buf: &mut ::pilota::Bytes,
                    ctx: &mut ::pilota::pb::encoding::DecodeContext,
                    is_root: bool,
                ) -> ::core::result::Result<(), ::pilota::pb::DecodeError> {
                    const STRUCT_NAME: &'static str = stringify!(FeedRequest);

                    match tag {
                        1 => {
                            let mut _inner_pilota_value = &mut self.count;
                            ::pilota::pb::encoding::uint64::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(count));
                                error
                            })
                        }
                        2 => {
                            let mut _inner_pilota_value = &mut self.bytes;
                            ::pilota::pb::encoding::uint32::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(bytes));
                                error
                            })
                        }
                        _ => ::pilota::pb::encoding::skip_field(wire_type, tag, buf, ctx),
                    }
                }
            }

            pub trait Bench {
                fn echo(
                    &self,
                    req: ::volo_grpc::Request<Ask>,
                ) -> impl ::std::future::Future<
                    Output = ::std::result::Result<
                        ::volo_grpc::Response<Answer>,
                        ::volo_grpc::Status,
                    >,
                > + Send;
                fn place(
                    &self,
                    req: ::volo_grpc::Request<Order>,
                ) -> impl ::std::future::Future<
                    Output = ::std::result::Result<
                        ::volo_grpc::Response<Order>,
                        ::volo_grpc::Status,
                    >,
                > + Send;
                fn feed(
                    &self,
                    req: ::volo_grpc::Request<FeedRequest>,
                ) -> impl ::std::future::Future<
                    Output = ::std::result::Result<
                        ::volo_grpc::Response<
                            ::volo_grpc::BoxStream<
                                'static,
                                ::std::result::Result<Answer, ::volo_grpc::Status>,
                            >,
                        >,
                        ::volo_grpc::Status,
                    >,
                > + Send;
            }

            pub enum BenchRequestSend {
                Echo(
                    ::volo_grpc::BoxStream<
                        'static,
                        ::std::result::Result<Ask, ::volo_grpc::Status>,
                    >,
                ),
                Place(
                    ::volo_grpc::BoxStream<
                        'static,
                        ::std::result::Result<Order, ::volo_grpc::Status>,
                    >,
                ),
                Feed(
                    ::volo_grpc::BoxStream<
                        'static,
                        ::std::result::Result<FeedRequest, ::volo_grpc::Status>,
                    >,
                ),
            }

            impl ::volo_grpc::SendEntryMessage for BenchRequestSend {
                fn into_body(
                    self,
                    compression_encoding: ::std::option::Option<
                        ::volo_grpc::codec::compression::CompressionEncoding,
                    >,
                ) -> ::volo_grpc::BoxStream<
                    'static,
                    ::std::result::Result<
                        ::volo_grpc::codegen::Frame<::volo_grpc::codegen::Bytes>,
                        ::volo_grpc::Status,
                    >,
                > {
                    match self {
                        Self::Echo(s) => {
                            ::volo_grpc::codec::encode::encode(s, compression_encoding)
                        }
                        Self::Place(s) => {
                            ::volo_grpc::codec::encode::encode(s, compression_encoding)
                        }
                        Self::Feed(s) => {
                            ::volo_grpc::codec::encode::encode(s, compression_encoding)
                        }
                    }
                }
            }

            pub enum BenchRequestRecv {
                Echo(::volo_grpc::RecvStream<Ask>),
                Place(::volo_grpc::RecvStream<Order>),
                Feed(::volo_grpc::RecvStream<FeedRequest>),
            }

            impl ::volo_grpc::RecvEntryMessage for BenchRequestRecv {
                fn from_body(
                    method: ::std::option::Option<&str>,
                    body: ::volo_grpc::body::BoxBody,
                    kind: ::volo_grpc::codec::decode::Kind,
                    compression_encoding: ::std::option::Option<
                        ::volo_grpc::codec::compression::CompressionEncoding,
                    >,
                ) -> ::std::result::Result<Self, ::volo_grpc::Status> {
                    match method {
                        Some("/bench.v1.Bench/Echo") => ::std::result::Result::Ok(Self::Echo(
                            ::volo_grpc::RecvStream::new(body, kind, compression_encoding),
                        )),
                        Some("/bench.v1.Bench/Place") => ::std::result::Result::Ok(Self::Place(
                            ::volo_grpc::RecvStream::new(body, kind, compression_encoding),
                        )),
                        Some("/bench.v1.Bench/Feed") => ::std::result::Result::Ok(Self::Feed(
                            ::volo_grpc::RecvStream::new(body, kind, compression_encoding),
                        )),
                        _ => ::std::result::Result::Err(::volo_grpc::Status::new(
                            ::volo_grpc::Code::Unimplemented,
                            "Method not found.",
                        )),
                    }
                }
            }

            pub enum BenchResponseSend {
                Echo(
                    ::volo_grpc::BoxStream<
                        'static,
                        ::std::result::Result<Answer, ::volo_grpc::Status>,
                    >,
                ),
                Place(
                    ::volo_grpc::BoxStream<
                        'static,
                        ::std::result::Result<Order, ::volo_grpc::Status>,
                    >,
                ),
                Feed(
                    ::volo_grpc::BoxStream<
                        'static,
                        ::std::result::Result<Answer, ::volo_grpc::Status>,
                    >,
                ),
            }

            impl ::volo_grpc::SendEntryMessage for BenchResponseSend {
                fn into_body(
                    self,
                    compression_encoding: ::std::option::Option<
                        ::volo_grpc::codec::compression::CompressionEncoding,
                    >,
                ) -> ::volo_grpc::BoxStream<
                    'static,
                    ::std::result::Result<
                        ::volo_grpc::codegen::Frame<::volo_grpc::codegen::Bytes>,
                        ::volo_grpc::Status,
                    >,
                > {
                    match self {
                        Self::Echo(s) => {
                            ::volo_grpc::codec::encode::encode(s, compression_encoding)
                        }
                        Self::Place(s) => {
                            ::volo_grpc::codec::encode::encode(s, compression_encoding)
                        }
                        Self::Feed(s) => {
                            ::volo_grpc::codec::encode::encode(s, compression_encoding)
                        }
                    }
                }
            }

            pub enum BenchResponseRecv {
                Echo(::volo_grpc::RecvStream<Answer>),
                Place(::volo_grpc::RecvStream<Order>),
                Feed(::volo_grpc::RecvStream<Answer>),
            }

            impl ::volo_grpc::RecvEntryMessage for BenchResponseRecv {
                fn from_body(
                    method: ::std::option::Option<&str>,
                    body: ::volo_grpc::body::BoxBody,
                    kind: ::volo_grpc::codec::decode::Kind,
                    compression_encoding: ::std::option::Option<
                        ::volo_grpc::codec::compression::CompressionEncoding,
                    >,
                ) -> ::std::result::Result<Self, ::volo_grpc::Status>
                where
                    Self: ::core::marker::Sized,
                {
                    match method {
                        Some("/bench.v1.Bench/Echo") => ::std::result::Result::Ok(Self::Echo(
                            ::volo_grpc::RecvStream::new(body, kind, compression_encoding),
                        )),
                        Some("/bench.v1.Bench/Place") => ::std::result::Result::Ok(Self::Place(
                            ::volo_grpc::RecvStream::new(body, kind, compression_encoding),
                        )),
                        Some("/bench.v1.Bench/Feed") => ::std::result::Result::Ok(Self::Feed(
                            ::volo_grpc::RecvStream::new(body, kind, compression_encoding),
                        )),
                        _ => ::std::result::Result::Err(::volo_grpc::Status::new(
                            ::volo_grpc::Code::Unimplemented,
                            "Method not found.",
                        )),
                    }
                }
            }

            pub struct BenchClientBuilder {}
            impl BenchClientBuilder {
                pub fn new(
                    service_name: impl AsRef<str>,
                ) -> ::volo_grpc::client::ClientBuilder<
                    ::volo::layer::Identity,
                    ::volo::layer::Identity,
                    MkBenchGenericClient,
                    ::volo_grpc::layer::loadbalance::LbConfig<
                        ::volo::loadbalance::random::WeightedRandomBalance<(::volo::FastStr)>,
                        ::volo_grpc::client::dns::DnsResolver,
                    >,
                    BenchRequestSend,
                    BenchResponseRecv,
                > {
                    ::volo_grpc::client::ClientBuilder::new(MkBenchGenericClient, service_name)
                }
            }

            pub struct MkBenchGenericClient;

            pub type BenchClient = BenchGenericClient<
                ::volo::service::BoxCloneService<
                    ::volo_grpc::context::ClientContext,
                    ::volo_grpc::Request<BenchRequestSend>,
                    ::volo_grpc::Response<BenchResponseRecv>,
                    ::volo_grpc::Status,
                >,
            >;

            impl<S> ::volo::client::MkClient<::volo_grpc::Client<S>> for MkBenchGenericClient {
                type Target = BenchGenericClient<S>;
                fn mk_client(&self, service: ::volo_grpc::Client<S>) -> Self::Target {
                    BenchGenericClient(service)
                }
            }

            #[derive(Clone)]
            pub struct BenchGenericClient<S>(pub ::volo_grpc::Client<S>);

            pub struct BenchOneShotClient<S>(pub ::volo_grpc::Client<S>);

            impl<S> BenchGenericClient<S>
            where
                S: ::volo::service::Service<
                        ::volo_grpc::context::ClientContext,
                        ::volo_grpc::Request<BenchRequestSend>,
                        Response = ::volo_grpc::Response<BenchResponseRecv>,
                        Error = ::volo_grpc::Status,
                    > + Sync
                    + Send
                    + 'static,
            {
                pub fn with_callopt<
                    Opt: ::volo::client::Apply<::volo_grpc::context::ClientContext>,
                >(
                    self,
                    opt: Opt,
                ) -> BenchOneShotClient<::volo::client::WithOptService<S, Opt>> {
                    BenchOneShotClient(self.0.with_opt(opt))
                }

                pub async fn echo(
                    &self,
                    requests: impl ::volo_grpc::IntoRequest<Ask>,
                ) -> ::std::result::Result<::volo_grpc::Response<Answer>, ::volo_grpc::Status>
                {
                    let req = requests
                        .into_request()
                        .map(|m| {
                            ::volo_grpc::codegen::futures::stream::once(
                                ::volo_grpc::codegen::futures::future::ready(
                                    ::std::result::Result::Ok(m),
                                ),
                            )
                        })
                        .map(
                            |message| BenchRequestSend::Echo(::std::boxed::Box::pin(message) as _),
                        );
                    let mut cx = self.0.make_cx("/bench.v1.Bench/Echo");

                    let resp = ::volo::Service::call(&self.0, &mut cx, req).await?;
                    let (mut metadata, extensions, message_stream) = resp.into_parts();
                    let mut message_stream = match message_stream {
                        BenchResponseRecv::Echo(stream) => stream,
                        #[allow(unreachable_patterns)]
                        _ => {
                            return ::std::result::Result::Err(::volo_grpc::Status::new(
                                ::volo_grpc::Code::Unimplemented,
                                "Method not found.",
                            ));
                        }
                    };
                    let message = ::volo_grpc::codegen::StreamExt::try_next(&mut message_stream)
                        .await
                        .map_err(|mut status| {
                            status.metadata_mut().merge(metadata.clone());
                            status
                        })?
                        .ok_or_else(|| {
                            ::volo_grpc::Status::new(
                                ::volo_grpc::Code::Internal,
                                "Missing response message.",
                            )
                        })?;
                    if let Some(trailers) = message_stream.trailers().await? {
                        metadata.merge(trailers);
                    }
                    ::std::result::Result::Ok(::volo_grpc::Response::from_parts(
                        metadata, extensions, message,
                    ))
                }
                pub async fn place(
                    &self,
                    requests: impl ::volo_grpc::IntoRequest<Order>,
                ) -> ::std::result::Result<::volo_grpc::Response<Order>, ::volo_grpc::Status>
                {
                    let req = requests
                        .into_request()
                        .map(|m| {
                            ::volo_grpc::codegen::futures::stream::once(
                                ::volo_grpc::codegen::futures::future::ready(
                                    ::std::result::Result::Ok(m),
                                ),
                            )
                        })
                        .map(|message| {
                            BenchRequestSend::Place(::std::boxed::Box::pin(message) as _)
                        });
                    let mut cx = self.0.make_cx("/bench.v1.Bench/Place");

                    let resp = ::volo::Service::call(&self.0, &mut cx, req).await?;
                    let (mut metadata, extensions, message_stream) = resp.into_parts();
                    let mut message_stream = match message_stream {
                        BenchResponseRecv::Place(stream) => stream,
                        #[allow(unreachable_patterns)]
                        _ => {
                            return ::std::result::Result::Err(::volo_grpc::Status::new(
                                ::volo_grpc::Code::Unimplemented,
                                "Method not found.",
                            ));
                        }
                    };
                    let message = ::volo_grpc::codegen::StreamExt::try_next(&mut message_stream)
                        .await
                        .map_err(|mut status| {
                            status.metadata_mut().merge(metadata.clone());
                            status
                        })?
                        .ok_or_else(|| {
                            ::volo_grpc::Status::new(
                                ::volo_grpc::Code::Internal,
                                "Missing response message.",
                            )
                        })?;
                    if let Some(trailers) = message_stream.trailers().await? {
                        metadata.merge(trailers);
                    }
                    ::std::result::Result::Ok(::volo_grpc::Response::from_parts(
                        metadata, extensions, message,
                    ))
                }
                pub async fn feed(
                    &self,
                    requests: impl ::volo_grpc::IntoRequest<FeedRequest>,
                ) -> ::std::result::Result<
                    ::volo_grpc::Response<
                        impl ::volo_grpc::codegen::futures::Stream<
                            Item = ::std::result::Result<Answer, ::volo_grpc::Status>,
                        >,
                    >,
                    ::volo_grpc::Status,
                > {
                    let req = requests
                        .into_request()
                        .map(|m| {
                            ::volo_grpc::codegen::futures::stream::once(
                                ::volo_grpc::codegen::futures::future::ready(
                                    ::std::result::Result::Ok(m),
                                ),
                            )
                        })
                        .map(
                            |message| BenchRequestSend::Feed(::std::boxed::Box::pin(message) as _),
                        );
                    let mut cx = self.0.make_cx("/bench.v1.Bench/Feed");

                    let resp = ::volo::Service::call(&self.0, &mut cx, req).await?;
                    let (mut metadata, extensions, message_stream) = resp.into_parts();
                    let mut message_stream = match message_stream {
                        BenchResponseRecv::Feed(stream) => stream,
                        #[allow(unreachable_patterns)]
                        _ => {
                            return ::std::result::Result::Err(::volo_grpc::Status::new(
                                ::volo_grpc::Code::Unimplemented,
                                "Method not found.",
                            ));
                        }
                    };
                    ::std::result::Result::Ok(::volo_grpc::Response::from_parts(
                        metadata,
                        extensions,
                        message_stream,
                    ))
                }
            }

            impl<
                S: ::volo::client::OneShotService<
                        ::volo_grpc::context::ClientContext,
                        ::volo_grpc::Request<BenchRequestSend>,
                        Response = ::volo_grpc::Response<BenchResponseRecv>,
                        Error = ::volo_grpc::Status,
                    > + Send
                    + Sync
                    + 'static,
            > BenchOneShotClient<S>
            {
                pub async fn echo(
                    self,
                    requests: impl ::volo_grpc::IntoRequest<Ask>,
                ) -> ::std::result::Result<::volo_grpc::Response<Answer>, ::volo_grpc::Status>
                {
                    let req = requests
                        .into_request()
                        .map(|m| {
                            ::volo_grpc::codegen::futures::stream::once(
                                ::volo_grpc::codegen::futures::future::ready(
                                    ::std::result::Result::Ok(m),
                                ),
                            )
                        })
                        .map(
                            |message| BenchRequestSend::Echo(::std::boxed::Box::pin(message) as _),
                        );
                    let mut cx = self.0.make_cx("/bench.v1.Bench/Echo");

                    let resp = ::volo::client::OneShotService::call(self.0, &mut cx, req).await?;

                    let (mut metadata, extensions, message_stream) = resp.into_parts();
                    let mut message_stream = match message_stream {
                        BenchResponseRecv::Echo(stream) => stream,
                        #[allow(unreachable_patterns)]
                        _ => {
                            return ::std::result::Result::Err(::volo_grpc::Status::new(
                                ::volo_grpc::Code::Unimplemented,
                                "Method not found.",
                            ));
                        }
                    };
                    let message = ::volo_grpc::codegen::StreamExt::try_next(&mut message_stream)
                        .await
                        .map_err(|mut status| {
                            status.metadata_mut().merge(metadata.clone());
                            status
                        })?
                        .ok_or_else(|| {
                            ::volo_grpc::Status::new(
                                ::volo_grpc::Code::Internal,
                                "Missing response message.",
                            )
                        })?;
                    if let Some(trailers) = message_stream.trailers().await? {
                        metadata.merge(trailers);
                    }
                    ::std::result::Result::Ok(::volo_grpc::Response::from_parts(
                        metadata, extensions, message,
                    ))
                }
                pub async fn place(
                    self,
                    requests: impl ::volo_grpc::IntoRequest<Order>,
                ) -> ::std::result::Result<::volo_grpc::Response<Order>, ::volo_grpc::Status>
                {
                    let req = requests
                        .into_request()
                        .map(|m| {
                            ::volo_grpc::codegen::futures::stream::once(
                                ::volo_grpc::codegen::futures::future::ready(
                                    ::std::result::Result::Ok(m),
                                ),
                            )
                        })
                        .map(|message| {
                            BenchRequestSend::Place(::std::boxed::Box::pin(message) as _)
                        });
                    let mut cx = self.0.make_cx("/bench.v1.Bench/Place");

                    let resp = ::volo::client::OneShotService::call(self.0, &mut cx, req).await?;

                    let (mut metadata, extensions, message_stream) = resp.into_parts();
                    let mut message_stream = match message_stream {
                        BenchResponseRecv::Place(stream) => stream,
                        #[allow(unreachable_patterns)]
                        _ => {
                            return ::std::result::Result::Err(::volo_grpc::Status::new(
                                ::volo_grpc::Code::Unimplemented,
                                "Method not found.",
                            ));
                        }
                    };
                    let message = ::volo_grpc::codegen::StreamExt::try_next(&mut message_stream)
                        .await
                        .map_err(|mut status| {
                            status.metadata_mut().merge(metadata.clone());
                            status
                        })?
                        .ok_or_else(|| {
                            ::volo_grpc::Status::new(
                                ::volo_grpc::Code::Internal,
                                "Missing response message.",
                            )
                        })?;
                    if let Some(trailers) = message_stream.trailers().await? {
                        metadata.merge(trailers);
                    }
                    ::std::result::Result::Ok(::volo_grpc::Response::from_parts(
                        metadata, extensions, message,
                    ))
                }
                pub async fn feed(
                    self,
                    requests: impl ::volo_grpc::IntoRequest<FeedRequest>,
                ) -> ::std::result::Result<
                    ::volo_grpc::Response<
                        impl ::volo_grpc::codegen::futures::Stream<
                            Item = ::std::result::Result<Answer, ::volo_grpc::Status>,
                        >,
                    >,
                    ::volo_grpc::Status,
                > {
                    let req = requests
                        .into_request()
                        .map(|m| {
                            ::volo_grpc::codegen::futures::stream::once(
                                ::volo_grpc::codegen::futures::future::ready(
                                    ::std::result::Result::Ok(m),
                                ),
                            )
                        })
                        .map(
                            |message| BenchRequestSend::Feed(::std::boxed::Box::pin(message) as _),
                        );
                    let mut cx = self.0.make_cx("/bench.v1.Bench/Feed");

                    let resp = ::volo::client::OneShotService::call(self.0, &mut cx, req).await?;

                    let (mut metadata, extensions, message_stream) = resp.into_parts();
                    let mut message_stream = match message_stream {
                        BenchResponseRecv::Feed(stream) => stream,
                        #[allow(unreachable_patterns)]
                        _ => {
                            return ::std::result::Result::Err(::volo_grpc::Status::new(
                                ::volo_grpc::Code::Unimplemented,
                                "Method not found.",
                            ));
                        }
                    };
                    ::std::result::Result::Ok(::volo_grpc::Response::from_parts(
                        metadata,
                        extensions,
                        message_stream,
                    ))
                }
            }

            pub struct BenchServer<S> {
                inner: ::std::sync::Arc<S>,
            }

            impl<S> Clone for BenchServer<S> {
                fn clone(&self) -> Self {
                    BenchServer {
                        inner: self.inner.clone(),
                    }
                }
            }

            impl<S> BenchServer<S> {
                pub fn new(inner: S) -> Self {
                    Self::from_arc(::std::sync::Arc::new(inner))
                }

                pub fn from_arc(inner: ::std::sync::Arc<S>) -> Self {
                    Self { inner }
                }
            }

            impl<S>
                ::volo::service::Service<
                    ::volo_grpc::context::ServerContext,
                    ::volo_grpc::Request<BenchRequestRecv>,
                > for BenchServer<S>
            where
                S: Bench + ::core::marker::Send + ::core::marker::Sync + 'static,
            {
                type Response = ::volo_grpc::Response<BenchResponseSend>;
                type Error = ::volo_grpc::status::Status;

                async fn call<'s, 'cx>(
                    &'s self,
                    cx: &'cx mut ::volo_grpc::context::ServerContext,
                    req: ::volo_grpc::Request<BenchRequestRecv>,
                ) -> ::std::result::Result<Self::Response, Self::Error> {
                    let inner = self.inner.clone();
                    match cx.rpc_info.method().as_str() {
                        "/bench.v1.Bench/Echo" => {
                            let (mut metadata, extensions, message_stream) = req.into_parts();
                            let mut message_stream = match message_stream {
                                BenchRequestRecv::Echo(stream) => stream,
                                #[allow(unreachable_patterns)]
                                _ => {
                                    return ::std::result::Result::Err(::volo_grpc::Status::new(
                                        ::volo_grpc::Code::Unimplemented,
                                        "Method not found.",
                                    ));
                                }
                            };
                            ::volo_grpc::codegen::futures::pin_mut!(message_stream);
                            let message =
                                ::volo_grpc::codegen::StreamExt::try_next(&mut message_stream)
                                    .await?
                                    .ok_or_else(|| {
                                        ::volo_grpc::Status::new(
                                            ::volo_grpc::Code::Internal,
                                            "Missing request message.",
                                        )
                                    })?;
                            if let Some(trailers) = message_stream.trailers().await? {
                                metadata.merge(trailers);
                            }
                            let req =
                                ::volo_grpc::Request::from_parts(metadata, extensions, message);
                            let resp = inner.echo(req).await;
                            resp.map(|r| {
                                r.map(|m| {
                                    BenchResponseSend::Echo(::std::boxed::Box::pin(
                                        ::volo_grpc::codegen::futures::stream::once(
                                            ::volo_grpc::codegen::futures::future::ok(m),
                                        ),
                                    ))
                                })
                            })
                        }
                        "/bench.v1.Bench/Place" => {
                            let (mut metadata, extensions, message_stream) = req.into_parts();
                            let mut message_stream = match message_stream {
                                BenchRequestRecv::Place(stream) => stream,
                                #[allow(unreachable_patterns)]
                                _ => {
                                    return ::std::result::Result::Err(::volo_grpc::Status::new(
                                        ::volo_grpc::Code::Unimplemented,
                                        "Method not found.",
                                    ));
                                }
                            };
                            ::volo_grpc::codegen::futures::pin_mut!(message_stream);
                            let message =
                                ::volo_grpc::codegen::StreamExt::try_next(&mut message_stream)
                                    .await?
                                    .ok_or_else(|| {
                                        ::volo_grpc::Status::new(
                                            ::volo_grpc::Code::Internal,
                                            "Missing request message.",
                                        )
                                    })?;
                            if let Some(trailers) = message_stream.trailers().await? {
                                metadata.merge(trailers);
                            }
                            let req =
                                ::volo_grpc::Request::from_parts(metadata, extensions, message);
                            let resp = inner.place(req).await;
                            resp.map(|r| {
                                r.map(|m| {
                                    BenchResponseSend::Place(::std::boxed::Box::pin(
                                        ::volo_grpc::codegen::futures::stream::once(
                                            ::volo_grpc::codegen::futures::future::ok(m),
                                        ),
                                    ))
                                })
                            })
                        }
                        "/bench.v1.Bench/Feed" => {
                            let (mut metadata, extensions, message_stream) = req.into_parts();
                            let mut message_stream = match message_stream {
                                BenchRequestRecv::Feed(stream) => stream,
                                #[allow(unreachable_patterns)]
                                _ => {
                                    return ::std::result::Result::Err(::volo_grpc::Status::new(
                                        ::volo_grpc::Code::Unimplemented,
                                        "Method not found.",
                                    ));
                                }
                            };
                            ::volo_grpc::codegen::futures::pin_mut!(message_stream);
                            let message =
                                ::volo_grpc::codegen::StreamExt::try_next(&mut message_stream)
                                    .await?
                                    .ok_or_else(|| {
                                        ::volo_grpc::Status::new(
                                            ::volo_grpc::Code::Internal,
                                            "Missing request message.",
                                        )
                                    })?;
                            if let Some(trailers) = message_stream.trailers().await? {
                                metadata.merge(trailers);
                            }
                            let req =
                                ::volo_grpc::Request::from_parts(metadata, extensions, message);
                            let resp = inner.feed(req).await;
                            resp.map(|r| r.map(|s| BenchResponseSend::Feed(s)))
                        }
                        path => {
                            let path = path.to_string();
                            ::std::result::Result::Err(::volo_grpc::Status::unimplemented(
                                ::std::format!("Unimplemented http path: {}", path),
                            ))
                        }
                    }
                }
            }

            impl<S: Bench> ::volo_grpc::server::NamedService for BenchServer<S> {
                const NAME: &'static str = "bench.v1.Bench";
            }
            #[derive(Debug, Default, Clone, PartialEq)]
            pub struct Order {
                pub id: ::pilota::FastStr,

                pub customer_id: u64,

                pub shop_id: u64,

                pub status: OrderStatus,

                pub created_at: ::std::option::Option<Moment>,

                pub updated_at: ::std::option::Option<Moment>,

                pub total: ::std::option::Option<Money>,

                pub tax: ::std::option::Option<Money>,

                pub shipping: ::std::option::Option<Money>,

                pub discount_percent: f64,

                pub customer_name: ::pilota::FastStr,

                pub email: ::pilota::FastStr,

                pub phone: ::pilota::FastStr,

                pub street: ::pilota::FastStr,

                pub city: ::pilota::FastStr,

                pub country: ::pilota::FastStr,

                pub items: ::std::vec::Vec<Item>,

                pub labels: ::pilota::AHashMap<::pilota::FastStr, ::pilota::FastStr>,

                pub note: ::pilota::FastStr,

                pub express: bool,
            }
            impl ::pilota::pb::Message for Order {
                #[inline]
                fn encoded_len(&self, ctx: &mut ::pilota::pb::EncodeLengthContext) -> usize {
                    0 + ::pilota::pb::encoding::faststr::encoded_len(ctx, 1, &self.id)
                        + ::pilota::pb::encoding::uint64::encoded_len(ctx, 2, &self.customer_id)
                        + ::pilota::pb::encoding::uint64::encoded_len(ctx, 3, &self.shop_id)
                        + ::pilota::pb::encoding::int32::encoded_len(ctx, 4, &self.status)
                        + self.created_at.as_ref().map_or(0, |msg| {
                            ::pilota::pb::encoding::message::encoded_len(ctx, 5, msg)
                        })
                        + self.updated_at.as_ref().map_or(0, |msg| {
                            ::pilota::pb::encoding::message::encoded_len(ctx, 6, msg)
                        })
                        + self.total.as_ref().map_or(0, |msg| {
                            ::pilota::pb::encoding::message::encoded_len(ctx, 7, msg)
                        })
                        + self.tax.as_ref().map_or(0, |msg| {
                            ::pilota::pb::encoding::message::encoded_len(ctx, 8, msg)
                        })
                        + self.shipping.as_ref().map_or(0, |msg| {
                            ::pilota::pb::encoding::message::encoded_len(ctx, 9, msg)
                        })
                        + ::pilota::pb::encoding::double::encoded_len(
                            ctx,
                            10,
                            &self.discount_percent,
                        )
                        + ::pilota::pb::encoding::faststr::encoded_len(ctx, 11, &self.customer_name)
                        + ::pilota::pb::encoding::faststr::encoded_len(ctx, 12, &self.email)
                        + ::pilota::pb::encoding::faststr::encoded_len(ctx, 13, &self.phone)
                        + ::pilota::pb::encoding::faststr::encoded_len(ctx, 14, &self.street)
                        + ::pilota::pb::encoding::faststr::encoded_len(ctx, 15, &self.city)
                        + ::pilota::pb::encoding::faststr::encoded_len(ctx, 16, &self.country)
                        + ::pilota::pb::encoding::message::encoded_len_repeated(
                            ctx,
                            17,
                            &self.items,
                        )
                        + ::pilota::pb::encoding::hash_map::encoded_len(
                            ctx,
                            ::pilota::pb::encoding::faststr::encoded_len,
                            ::pilota::pb::encoding::faststr::encoded_len,
                            18,
                            &self.labels,
                        )
                        + ::pilota::pb::encoding::faststr::encoded_len(ctx, 19, &self.note)
                        + ::pilota::pb::encoding::bool::encoded_len(ctx, 20, &self.express)
                }

                #[allow(unused_variables)]
                fn encode_raw(&self, buf: &mut ::pilota::LinkedBytes) {
                    ::pilota::pb::encoding::faststr::encode(1, &self.id, buf);
                    ::pilota::pb::encoding::uint64::encode(2, &self.customer_id, buf);
                    ::pilota::pb::encoding::uint64::encode(3, &self.shop_id, buf);
                    ::pilota::pb::encoding::int32::encode(4, &self.status, buf);
                    if let ::std::option::Option::Some(_pilota_inner_value) =
                        self.created_at.as_ref()
                    {
                        ::pilota::pb::encoding::message::encode(5, _pilota_inner_value, buf);
                    }
                    if let ::std::option::Option::Some(_pilota_inner_value) =
                        self.updated_at.as_ref()
                    {
                        ::pilota::pb::encoding::message::encode(6, _pilota_inner_value, buf);
                    }
                    if let ::std::option::Option::Some(_pilota_inner_value) = self.total.as_ref() {
                        ::pilota::pb::encoding::message::encode(7, _pilota_inner_value, buf);
                    }
                    if let ::std::option::Option::Some(_pilota_inner_value) = self.tax.as_ref() {
                        ::pilota::pb::encoding::message::encode(8, _pilota_inner_value, buf);
                    }
                    if let ::std::option::Option::Some(_pilota_inner_value) = self.shipping.as_ref()
                    {
                        ::pilota::pb::encoding::message::encode(9, _pilota_inner_value, buf);
                    }
                    ::pilota::pb::encoding::double::encode(10, &self.discount_percent, buf);
                    ::pilota::pb::encoding::faststr::encode(11, &self.customer_name, buf);
                    ::pilota::pb::encoding::faststr::encode(12, &self.email, buf);
                    ::pilota::pb::encoding::faststr::encode(13, &self.phone, buf);
                    ::pilota::pb::encoding::faststr::encode(14, &self.street, buf);
                    ::pilota::pb::encoding::faststr::encode(15, &self.city, buf);
                    ::pilota::pb::encoding::faststr::encode(16, &self.country, buf);
                    for msg in &self.items {
                        ::pilota::pb::encoding::message::encode(17, msg, buf);
                    }
                    ::pilota::pb::encoding::hash_map::encode(
                        ::pilota::pb::encoding::faststr::encode,
                        ::pilota::pb::encoding::faststr::encoded_len,
                        ::pilota::pb::encoding::faststr::encode,
                        ::pilota::pb::encoding::faststr::encoded_len,
                        18,
                        &self.labels,
                        buf,
                    );
                    ::pilota::pb::encoding::faststr::encode(19, &self.note, buf);
                    ::pilota::pb::encoding::bool::encode(20, &self.express, buf);
                }

                #[allow(unused_variables)]
                fn merge_field(
                    &mut self,
                    tag: u32,
                    wire_type: ::pilota::pb::encoding::WireType,
                    buf: &mut ::pilota::Bytes,
                    ctx: &mut ::pilota::pb::encoding::DecodeContext,
                    is_root: bool,
                ) -> ::core::result::Result<(), ::pilota::pb::DecodeError> {
                    const STRUCT_NAME: &'static str = stringify!(Order);

                    match tag {
                        1 => {
                            let mut _inner_pilota_value = &mut self.id;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(id));
                                error
                            })
                        }
                        2 => {
                            let mut _inner_pilota_value = &mut self.customer_id;
                            ::pilota::pb::encoding::uint64::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(customer_id));
                                error
                            })
                        }
                        3 => {
                            let mut _inner_pilota_value = &mut self.shop_id;
                            ::pilota::pb::encoding::uint64::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(shop_id));
                                error
                            })
                        }
                        4 => {
                            let mut _inner_pilota_value = &mut self.status;
                            ::pilota::pb::encoding::int32::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(status));
                                error
                            })
                        }
                        5 => {
                            let mut _inner_pilota_value = &mut self.created_at;
                            ::pilota::pb::encoding::message::merge(
                                wire_type,
                                _inner_pilota_value
                                    .get_or_insert_with(::core::default::Default::default),
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(created_at));
                                error
                            })
                        }
                        6 => {
                            let mut _inner_pilota_value = &mut self.updated_at;
                            ::pilota::pb::encoding::message::merge(
                                wire_type,
                                _inner_pilota_value
                                    .get_or_insert_with(::core::default::Default::default),
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(updated_at));
                                error
                            })
                        }
                        7 => {
                            let mut _inner_pilota_value = &mut self.total;
                            ::pilota::pb::encoding::message::merge(
                                wire_type,
                                _inner_pilota_value
                                    .get_or_insert_with(::core::default::Default::default),
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(total));
                                error
                            })
                        }
                        8 => {
                            let mut _inner_pilota_value = &mut self.tax;
                            ::pilota::pb::encoding::message::merge(
                                wire_type,
                                _inner_pilota_value
                                    .get_or_insert_with(::core::default::Default::default),
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(tax));
                                error
                            })
                        }
                        9 => {
                            let mut _inner_pilota_value = &mut self.shipping;
                            ::pilota::pb::encoding::message::merge(
                                wire_type,
                                _inner_pilota_value
                                    .get_or_insert_with(::core::default::Default::default),
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(shipping));
                                error
                            })
                        }
                        10 => {
                            let mut _inner_pilota_value = &mut self.discount_percent;
                            ::pilota::pb::encoding::double::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(discount_percent));
                                error
                            })
                        }
                        11 => {
                            let mut _inner_pilota_value = &mut self.customer_name;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(customer_name));
                                error
                            })
                        }
                        12 => {
                            let mut _inner_pilota_value = &mut self.email;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(email));
                                error
                            })
                        }
                        13 => {
                            let mut _inner_pilota_value = &mut self.phone;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(phone));
                                error
                            })
                        }
                        14 => {
                            let mut _inner_pilota_value = &mut self.street;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(street));
                                error
                            })
                        }
                        15 => {
                            let mut _inner_pilota_value = &mut self.city;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(city));
                                error
                            })
                        }
                        16 => {
                            let mut _inner_pilota_value = &mut self.country;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(country));
                                error
                            })
                        }
                        17 => {
                            let mut _inner_pilota_value = &mut self.items;
                            ::pilota::pb::encoding::message::merge_repeated(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(items));
                                error
                            })
                        }
                        18 => {
                            let mut _inner_pilota_value = &mut self.labels;
                            ::pilota::pb::encoding::hash_map::merge(
                                ::pilota::pb::encoding::faststr::merge,
                                ::pilota::pb::encoding::faststr::merge,
                                &mut _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(labels));
                                error
                            })
                        }
                        19 => {
                            let mut _inner_pilota_value = &mut self.note;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(note));
                                error
                            })
                        }
                        20 => {
                            let mut _inner_pilota_value = &mut self.express;
                            ::pilota::pb::encoding::bool::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(express));
                                error
                            })
                        }
                        _ => ::pilota::pb::encoding::skip_field(wire_type, tag, buf, ctx),
                    }
                }
            }
            #[derive(PartialOrd, Hash, Eq, Ord, Debug, Default, Clone, PartialEq)]
            pub struct Money {
                pub currency: ::pilota::FastStr,

                pub units: i64,

                pub nanos: i32,
            }
            impl ::pilota::pb::Message for Money {
                #[inline]
                fn encoded_len(&self, ctx: &mut ::pilota::pb::EncodeLengthContext) -> usize {
                    0 + ::pilota::pb::encoding::faststr::encoded_len(ctx, 1, &self.currency)
                        + ::pilota::pb::encoding::int64::encoded_len(ctx, 2, &self.units)
                        + ::pilota::pb::encoding::int32::encoded_len(ctx, 3, &self.nanos)
                }

                #[allow(unused_variables)]
                fn encode_raw(&self, buf: &mut ::pilota::LinkedBytes) {
                    ::pilota::pb::encoding::faststr::encode(1, &self.currency, buf);
                    ::pilota::pb::encoding::int64::encode(2, &self.units, buf);
                    ::pilota::pb::encoding::int32::encode(3, &self.nanos, buf);
                }

                #[allow(unused_variables)]
                fn merge_field(
                    &mut self,
                    tag: u32,
                    wire_type: ::pilota::pb::encoding::WireType,
                    buf: &mut ::pilota::Bytes,
                    ctx: &mut ::pilota::pb::encoding::DecodeContext,
                    is_root: bool,
                ) -> ::core::result::Result<(), ::pilota::pb::DecodeError> {
                    const STRUCT_NAME: &'static str = stringify!(Money);

                    match tag {
                        1 => {
                            let mut _inner_pilota_value = &mut self.currency;
                            ::pilota::pb::encoding::faststr::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(currency));
                                error
                            })
                        }
                        2 => {
                            let mut _inner_pilota_value = &mut self.units;
                            ::pilota::pb::encoding::int64::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(units));
                                error
                            })
                        }
                        3 => {
                            let mut _inner_pilota_value = &mut self.nanos;
                            ::pilota::pb::encoding::int32::merge(
                                wire_type,
                                _inner_pilota_value,
                                buf,
                                ctx,
                            )
                            .map_err(|mut error| {
                                error.push(STRUCT_NAME, stringify!(nanos));
                                error
                            })
                        }
                        _ => ::pilota::pb::encoding::skip_field(wire_type, tag, buf, ctx),
                    }
                }
            }
        }
    }
}
