//! Trait, table, server and client of a service.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use rzero_idl::{Idempotency, MethodKind};

use super::paths::{ident, tokens};
use super::surface::{SurfaceMethod, SurfaceService};
use crate::docs;
use crate::error::GenerateError;

/// A package's messages and services as one formatted text.
pub(super) fn with_services(
    package: &str,
    messages: &str,
    services: &[&SurfaceService],
) -> Result<String, GenerateError> {
    let syntax = |source| GenerateError::Syntax {
        package: package.to_owned(),
        source,
    };
    let tokens = services
        .iter()
        .map(|service| Writer::new(service).service())
        .collect();
    let mut file = syn::parse2::<syn::File>(tokens).map_err(syntax)?;
    file.items
        .extend(syn::parse_file(messages).map_err(syntax)?.items);
    Ok(prettyplease::unparse(&file))
}

struct Writer<'a> {
    service: &'a SurfaceService,
    logic: Ident,
    server: Ident,
    client: Ident,
    table: Ident,
    parameter: Ident,
}

/// One method, with everything in token form.
struct Parts<'a> {
    method: &'a SurfaceMethod,
    index: proc_macro2::Literal,
    name: Ident,
    with: Ident,
    input: TokenStream,
    output: TokenStream,
    docs: TokenStream,
    deprecated: TokenStream,
}

impl<'a> Writer<'a> {
    fn new(service: &'a SurfaceService) -> Self {
        Self {
            service,
            logic: ident(&service.trait_name),
            server: ident(&service.server_name),
            client: ident(&service.client_name),
            table: ident(&service.table_name),
            parameter: ident(&service.parameter),
        }
    }

    fn service(&self) -> TokenStream {
        let parts: Vec<Parts<'_>> = self.service.methods.iter().enumerate().map(parts).collect();
        let logic = self.logic(&parts);
        let table = self.table(&parts);
        let server = self.server(&parts);
        let client = self.client(&parts);
        quote! { #logic #table #server #client }
    }

    fn logic(&self, parts: &[Parts<'_>]) -> TokenStream {
        let Self { logic, .. } = self;
        let fallback = format!("The logic of service `{}`.", self.service.full_name);
        let docs = doc_or(&self.service.docs, &fallback);
        let methods = parts.iter().map(|part| {
            let Parts {
                name,
                input,
                output,
                docs,
                deprecated,
                ..
            } = part;
            let future = |value: TokenStream| {
                quote! {
                    impl ::core::future::Future<Output = ::rzero::Result<#value>>
                        + ::core::marker::Send
                }
            };
            let (arguments, returned) = match part.method.kind {
                MethodKind::Unary => (quote! { req: #input }, future(output.clone())),
                MethodKind::ServerStream => (
                    quote! { req: #input, tx: ::rzero::Sender<#output> },
                    future(quote! { () }),
                ),
                MethodKind::ClientStream => (
                    quote! { rx: ::rzero::Receiver<#input> },
                    future(output.clone()),
                ),
                MethodKind::Bidi => (
                    quote! { rx: ::rzero::Receiver<#input>, tx: ::rzero::Sender<#output> },
                    future(quote! { () }),
                ),
            };
            quote! {
                #docs
                #deprecated
                fn #name(&self, cx: &::rzero::Cx, #arguments) -> #returned;
            }
        });
        quote! {
            #docs
            pub trait #logic: ::core::marker::Send + ::core::marker::Sync + 'static {
                #(#methods)*
            }
        }
    }

    fn table(&self, parts: &[Parts<'_>]) -> TokenStream {
        let Self { table, service, .. } = self;
        let full_name = &service.full_name;
        let docs = doc(&[format!("The methods of service `{full_name}`.")]);
        let ups = service.module.iter().map(|_| quote! { super:: });
        let methods = parts.iter().map(|part| {
            let Parts { method, index, .. } = part;
            let (path, name) = (&method.path, &method.name);
            let kind = match method.kind {
                MethodKind::Unary => quote! { Unary },
                MethodKind::ClientStream => quote! { ClientStream },
                MethodKind::ServerStream => quote! { ServerStream },
                MethodKind::Bidi => quote! { Bidi },
            };
            let idempotency = match method.idempotency {
                Idempotency::Unknown => quote! { Unknown },
                Idempotency::NoSideEffects => quote! { NoSideEffects },
                Idempotency::Idempotent => quote! { Idempotent },
            };
            quote! {
                ::rzero::rt::MethodDesc {
                    path: #path,
                    service: #full_name,
                    name: #name,
                    kind: ::rzero::rt::Kind::#kind,
                    idempotency: ::rzero::rt::Idempotency::#idempotency,
                    index: #index,
                }
            }
        });
        quote! {
            #docs
            pub static #table: ::rzero::rt::ServiceDesc = ::rzero::rt::ServiceDesc {
                name: #full_name,
                methods: &[#(#methods),*],
                files: #(#ups)* DESCRIPTOR_SET,
            };
        }
    }

    fn server(&self, parts: &[Parts<'_>]) -> TokenStream {
        let Self {
            logic,
            server,
            table,
            parameter,
            ..
        } = self;
        let full_name = &self.service.full_name;
        let docs = doc(&[
            format!("Serves `{full_name}` with the logic of a [`{logic}`]."),
            String::new(),
            "Clones share the logic.".to_owned(),
        ]);
        let unary = parts.iter().filter(|p| p.method.kind == MethodKind::Unary);
        let unary = unary.map(|part| self.unary_arm(part));
        let streams = parts.iter().filter(|p| p.method.kind != MethodKind::Unary);
        let streams = streams.map(|part| self.stream_arm(part));
        let bytes = quote! { ::rzero::bytes::Bytes };
        let unary = self.dispatch(&bytes, &quote! { ::rzero::Reply<#bytes> }, unary);
        let duplex = quote! { ::rzero::rt::Duplex };
        let streams = self.dispatch(&duplex, &quote! { ::rzero::rt::Trailers }, streams);
        quote! {
            #docs
            #[derive(Debug)]
            pub struct #server<#parameter> {
                logic: ::std::sync::Arc<#parameter>,
            }

            impl<#parameter: #logic> #server<#parameter> {
                /// A server that owns its logic.
                pub fn new(logic: #parameter) -> Self {
                    Self::from_arc(::std::sync::Arc::new(logic))
                }

                /// A server of logic that is shared with others.
                pub fn from_arc(logic: ::std::sync::Arc<#parameter>) -> Self {
                    Self { logic }
                }
            }

            impl<#parameter> ::core::clone::Clone for #server<#parameter> {
                fn clone(&self) -> Self {
                    Self { logic: ::core::clone::Clone::clone(&self.logic) }
                }
            }

            impl<#parameter: #logic> ::rzero::rt::Describe for #server<#parameter> {
                fn describe(&self) -> &'static ::rzero::rt::ServiceDesc {
                    &#table
                }
            }

            #unary
            #streams
        }
    }

    /// The service implementation for one kind of body.
    fn dispatch(
        &self,
        body: &TokenStream,
        reply: &TokenStream,
        arms: impl Iterator<Item = TokenStream>,
    ) -> TokenStream {
        let Self {
            logic,
            server,
            parameter,
            ..
        } = self;
        quote! {
            impl<#parameter: #logic> ::rzero::Service<::rzero::Call<#body>> for #server<#parameter> {
                type Reply = #reply;

                async fn call(
                    &self,
                    call: ::rzero::Call<#body>,
                ) -> ::rzero::Result<Self::Reply> {
                    match call.info.method().index() {
                        #(#arms)*
                        _ => ::core::result::Result::Err(::rzero::rt::unimplemented(&call.info)),
                    }
                }
            }
        }
    }

    fn unary_arm(&self, part: &Parts<'_>) -> TokenStream {
        let Self {
            logic, parameter, ..
        } = self;
        let Parts {
            index,
            name,
            input,
            output,
            ..
        } = part;
        quote! {
            #index => {
                let (cx, req) = ::rzero::rt::open_unary(call, ::rzero::rt::proto::<#input>())?;
                let out = <#parameter as #logic>::#name(&self.logic, &cx, req).await;
                ::rzero::rt::close_unary(cx, out, ::rzero::rt::proto::<#output>())
            }
        }
    }

    fn stream_arm(&self, part: &Parts<'_>) -> TokenStream {
        let Self {
            logic, parameter, ..
        } = self;
        let Parts {
            index,
            name,
            input,
            output,
            ..
        } = part;
        let method = quote! { <#parameter as #logic>::#name };
        let rest = match part.method.kind {
            MethodKind::ServerStream => quote! {
                let out = match ::rzero::rt::only(rx).await {
                    ::core::result::Result::Ok(req) => #method(&self.logic, &cx, req, tx).await,
                    ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
                };
                ::rzero::rt::close_stream(cx, out)
            },
            MethodKind::ClientStream => quote! {
                let out = #method(&self.logic, &cx, rx).await;
                ::rzero::rt::close_stream_with(cx, tx, out).await
            },
            MethodKind::Bidi | MethodKind::Unary => quote! {
                let out = #method(&self.logic, &cx, rx, tx).await;
                ::rzero::rt::close_stream(cx, out)
            },
        };
        quote! {
            #index => {
                let (cx, rx, tx) = ::rzero::rt::open_stream(
                    call,
                    ::rzero::rt::proto::<#input>(),
                    ::rzero::rt::proto::<#output>(),
                );
                #rest
            }
        }
    }

    fn client(&self, parts: &[Parts<'_>]) -> TokenStream {
        let Self { client, .. } = self;
        let docs = doc(&[
            format!("Calls service `{}`.", self.service.full_name),
            String::new(),
            "Clones are cheap and share the channel.".to_owned(),
        ]);
        let methods = parts.iter().map(|part| self.client_methods(part));
        // Who still serves a deprecated service is not to blame; who calls it is told.
        let deprecated = deprecated(self.service.deprecated);
        quote! {
            #docs
            #deprecated
            #[derive(Clone, Debug)]
            pub struct #client {
                channel: ::rzero::Channel,
            }

            impl #client {
                /// A client that calls over `channel`.
                pub fn new(channel: ::rzero::Channel) -> Self {
                    Self { channel }
                }

                #(#methods)*
            }
        }
    }

    fn client_methods(&self, part: &Parts<'_>) -> TokenStream {
        let Self { table, .. } = self;
        let Parts {
            index,
            name,
            with,
            input,
            output,
            docs,
            deprecated,
            ..
        } = part;
        let (call, request, returned) = match part.method.kind {
            MethodKind::Unary => ("call_unary", true, quote! { #output }),
            MethodKind::ServerStream => (
                "call_server_stream",
                true,
                quote! { ::rzero::Receiver<#output> },
            ),
            MethodKind::ClientStream => (
                "call_client_stream",
                false,
                quote! { ::rzero::ClientStream<#input, #output> },
            ),
            MethodKind::Bidi => (
                "call_bidi",
                false,
                quote! { (::rzero::Sender<#input>, ::rzero::Receiver<#output>) },
            ),
        };
        let call = format_ident!("{call}");
        let (parameter, argument) = if request {
            (quote! { req: #input, }, quote! { req, })
        } else {
            <_>::default()
        };
        let unary = part.method.kind == MethodKind::Unary;
        let with_returned = if unary {
            quote! { ::rzero::Reply<#returned> }
        } else {
            returned.clone()
        };
        let into_inner = unary.then(|| quote! { .map(::rzero::Reply::into_inner) });
        let with_docs = doc(&[format!("[`Self::{name}`] with options for this call.")]);
        quote! {
            #docs
            #deprecated
            pub async fn #name(&self, #parameter) -> ::rzero::Result<#returned> {
                self.#with(#argument &::rzero::CallOptions::new()).await #into_inner
            }

            #with_docs
            #deprecated
            pub async fn #with(
                &self,
                #parameter
                options: &::rzero::CallOptions,
            ) -> ::rzero::Result<#with_returned> {
                ::rzero::rt::#call(
                    &self.channel,
                    ::rzero::rt::Method::new(&#table.methods[#index]),
                    #argument
                    options,
                    ::rzero::rt::proto::<#input>(),
                    ::rzero::rt::proto::<#output>(),
                )
                .await
            }
        }
    }
}

fn parts((at, method): (usize, &SurfaceMethod)) -> Parts<'_> {
    Parts {
        method,
        index: proc_macro2::Literal::usize_unsuffixed(at),
        name: ident(&method.rust_name),
        with: ident(&method.with_name),
        input: tokens(&method.input),
        output: tokens(&method.output),
        docs: doc_or(&method.docs, &format!("Method `{}`.", method.path)),
        deprecated: deprecated(method.deprecated),
    }
}

fn deprecated(deprecated: bool) -> TokenStream {
    if deprecated {
        quote! { #[deprecated] }
    } else {
        TokenStream::new()
    }
}

fn doc_or(comment: &str, fallback: &str) -> TokenStream {
    let lines = docs::lines(comment);
    if lines.is_empty() {
        doc(&[fallback.to_owned()])
    } else {
        doc(&lines)
    }
}

fn doc(lines: &[String]) -> TokenStream {
    let lines = lines.iter().map(|line| {
        if line.is_empty() {
            String::new()
        } else {
            format!(" {line}")
        }
    });
    quote! { #(#[doc = #lines])* }
}
