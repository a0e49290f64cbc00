//! What is measured: who calls, who serves.

/// A program of `benches/peers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Program {
    Ours,
    Theirs,
    Go,
}

/// One end of the calls: a program, and which of its systems it plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Side {
    pub(super) program: Program,
    pub(super) system: &'static str,
}

const fn ours(system: &'static str) -> Side {
    Side {
        program: Program::Ours,
        system,
    }
}

const fn theirs(system: &'static str) -> Side {
    Side {
        program: Program::Theirs,
        system,
    }
}

const GRPC_GO: Side = Side {
    program: Program::Go,
    system: "grpc-go",
};

/// Which cases a system takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Those that all figures are about: everything.
    Main,
    /// Unary calls of all sizes.
    Unary,
    /// One kind calls another: small messages.
    Cross,
    /// The same with Go, without pinning: its runtime wants several cores.
    CrossGo,
}

/// A row of the tables.
#[derive(Debug)]
pub(super) struct System {
    pub(super) name: &'static str,
    pub(super) client: Side,
    pub(super) server: Side,
    pub(super) connections: u32,
    pub(super) group: Group,
    /// Part of `--quick`.
    pub(super) quick: bool,
    pub(super) about: &'static str,
}

const fn system(
    name: &'static str,
    (client, server): (Side, Side),
    group: Group,
    about: &'static str,
) -> System {
    System {
        name,
        client,
        server,
        connections: 1,
        group,
        quick: false,
        about,
    }
}

const fn same(side: Side, group: Group, about: &'static str) -> System {
    system(side.system, (side, side), group, about)
}

impl System {
    const fn quick(mut self) -> Self {
        self.quick = true;
        self
    }

    const fn connections(mut self, connections: u32) -> Self {
        self.connections = connections;
        self
    }

    pub(super) fn uses(&self, program: Program) -> bool {
        self.client.program == program || self.server.program == program
    }
}

use Group::{Cross, CrossGo, Main, Unary};

/// All systems, in the order of the tables.
pub(super) static ALL: [System; 18] = [
    same(ours("rzero"), Main, "facade: all default layers").quick(),
    same(ours("rzero-bare"), Main, "the wire alone").quick(),
    same(theirs("tonic"), Main, "as it comes").quick(),
    same(theirs("tonic-tuned"), Unary, "large windows"),
    system(
        "tonic-4",
        (theirs("tonic"), theirs("tonic")),
        Unary,
        "four connections",
    )
    .connections(4),
    same(theirs("volo-grpc"), Unary, "as it comes"),
    same(theirs("volo-thrift"), Unary, "one connection"),
    same(theirs("tarpc"), Unary, "bincode over TCP").quick(),
    same(theirs("h2"), Unary, "HTTP/2 without gRPC"),
    same(theirs("raw"), Main, "opaque frames over TCP").quick(),
    same(theirs("raw-prost"), Unary, "raw, messages decoded"),
    system(
        "rzero-to-tonic",
        (ours("rzero"), theirs("tonic")),
        Cross,
        "our client, tonic's server",
    )
    .quick(),
    system(
        "rzero-bare-to-tonic",
        (ours("rzero-bare"), theirs("tonic")),
        Cross,
        "our bare client, tonic's server",
    ),
    system(
        "tonic-to-rzero",
        (theirs("tonic"), ours("rzero")),
        Cross,
        "tonic's client, our server",
    )
    .quick(),
    system(
        "tonic-to-rzero-bare",
        (theirs("tonic"), ours("rzero-bare")),
        Cross,
        "tonic's client, our bare server",
    ),
    system(
        "grpc-go",
        (GRPC_GO, GRPC_GO),
        CrossGo,
        "Go's client and server",
    ),
    system(
        "grpc-go-to-rzero",
        (GRPC_GO, ours("rzero")),
        CrossGo,
        "Go's client, our server",
    ),
    system(
        "grpc-go-to-rzero-bare",
        (GRPC_GO, ours("rzero-bare")),
        CrossGo,
        "Go's client, our bare server",
    ),
];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_system_has_its_own_name() {
        for (at, system) in ALL.iter().enumerate() {
            assert!(
                ALL[..at].iter().all(|other| other.name != system.name),
                "{}",
                system.name
            );
        }
    }
}
