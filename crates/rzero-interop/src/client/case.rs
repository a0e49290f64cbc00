//! The list of cases.

use std::time::Duration;

use tokio::time::timeout;

use super::check::{Checked, Failure};
use super::{Target, compressed, endings, streams, unary};

/// How long a case may take. The longest does a hundred calls.
const CASE_TIMEOUT: Duration = Duration::from_secs(60);

macro_rules! cases {
    ($($variant:ident $name:literal $run:path, $about:literal;)*) => {
        /// A case of the interoperability tests of gRPC, by its usual name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Case { $(#[doc = $about] $variant,)* }

        impl Case {
            /// Every case, in the usual order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its usual name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is about.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            async fn checked(self, target: &Target) -> Checked {
                match self { $(Self::$variant => $run(target).await,)* }
            }
        }
    };
}

cases! {
    EmptyUnary "empty_unary" unary::empty, "A message without bytes, both ways.";
    LargeUnary "large_unary" unary::large, "271,828 bytes of payload there, 314,159 back.";
    ClientStreaming "client_streaming" streams::client_streaming, "Four payloads of different sizes are added up.";
    ServerStreaming "server_streaming" streams::server_streaming, "Four payloads of the asked sizes arrive in order.";
    PingPong "ping_pong" streams::ping_pong, "Four requests, each answered before the next is sent.";
    EmptyStream "empty_stream" streams::empty_stream, "Both directions end without a message.";
    HalfDuplex "half_duplex" streams::half_duplex, "Answers come only after the last request.";
    TimeoutOnSleepingServer "timeout_on_sleeping_server" endings::timeout_on_sleeping_server, "A stream of 1 ms ends with DEADLINE_EXCEEDED.";
    CancelAfterBegin "cancel_after_begin" endings::cancel_after_begin, "A stream is given up before its first message.";
    CancelAfterFirstResponse "cancel_after_first_response" endings::cancel_after_first_response, "A stream is given up after its first answer.";
    StatusCodeAndMessage "status_code_and_message" endings::status_code_and_message, "Code and message of the server arrive, unary and stream.";
    SpecialStatusMessage "special_status_message" endings::special_status_message, "Blanks and signs beyond ASCII survive in the message.";
    CustomMetadata "custom_metadata" endings::custom_metadata, "Metadata comes back at the beginning and the end, unary and stream.";
    UnimplementedMethod "unimplemented_method" endings::unimplemented_method, "An unknown method ends with UNIMPLEMENTED.";
    UnimplementedService "unimplemented_service" endings::unimplemented_service, "An unknown service ends with UNIMPLEMENTED.";
    PickFirstUnary "pick_first_unary" unary::pick_first, "A hundred calls reach the same server.";
    ClientCompressedUnary "client_compressed_unary" compressed::client_unary, "A request in gzip is understood.";
    ServerCompressedUnary "server_compressed_unary" compressed::server_unary, "Answers are understood, whether in gzip or not.";
    ClientCompressedStreaming "client_compressed_streaming" compressed::client_streaming, "Messages of a stream in gzip are understood.";
    ServerCompressedStreaming "server_compressed_streaming" compressed::server_streaming, "Answers of a stream are understood, whether in gzip or not.";
}

impl Case {
    /// The case called `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|case| case.name() == name)
    }

    /// Whether it needs a server that takes gzip.
    #[must_use]
    pub const fn needs_gzip(self) -> bool {
        matches!(
            self,
            Self::ClientCompressedUnary
                | Self::ServerCompressedUnary
                | Self::ClientCompressedStreaming
                | Self::ServerCompressedStreaming
        )
    }

    /// Runs the case against a server.
    ///
    /// # Errors
    /// What was found that should not be, or that the case took longer than a minute.
    ///
    /// # Cancel safety
    /// Safe: its calls are cancelled.
    pub async fn run(self, target: &Target) -> Result<(), Failure> {
        let late = |_| Failure::new(format!("not done after {CASE_TIMEOUT:?}"));
        timeout(CASE_TIMEOUT, self.checked(target))
            .await
            .map_err(late)?
    }
}

#[cfg(test)]
mod tests {
    use super::Case;

    #[test]
    fn every_case_is_found_by_its_name() {
        for case in Case::ALL {
            assert_eq!(Case::by_name(case.name()), Some(*case));
        }
        assert_eq!(Case::by_name("all"), None);
    }
}
