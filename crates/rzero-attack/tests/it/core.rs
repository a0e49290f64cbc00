//! Scripts against the protocol core: no socket, no clock.

use rzero_attack::attack::{self, Attack, Expect, Next, Reading};
use rzero_attack::seen::Seen;
use rzero_http2::connection::{
    Config, Connection, ConnectionError, Credit, Ended, Events, Request, Role,
};
use rzero_http2::frame::{ErrorCode, StreamId};
use rzero_http2::hpack::Field;
use tokio::time::Instant;

/// More than any limit allows.
const ROUNDS_MAX: usize = 400;

/// Takes every request and every byte, and answers nothing.
#[derive(Default)]
struct Taker {
    broken: u64,
}

impl Events<()> for Taker {
    fn block(&mut self) {}

    fn field(&mut self, _: Field<'_>) {}

    fn request(&mut self, _: StreamId, _: bool) -> Request<()> {
        Request::Take(())
    }

    fn headers(&mut self, _: StreamId, (): &mut (), _: bool) {}

    fn data(&mut self, _: StreamId, (): &mut (), bytes: &[u8], _: bool) -> Credit {
        Credit::consumed(bytes.len())
    }

    fn ended(&mut self, _: StreamId, (): (), _: Ended) {
        self.broken += 1;
    }

    fn writable(&mut self, _: StreamId, (): &mut ()) {}

    fn go_away(&mut self, _: u32, _: ErrorCode, _: &[u8]) {}

    fn pong(&mut self, _: [u8; 8]) {}
}

/// Feeds a script to a server's core whose clock stands still.
fn feed(attack: &Attack) -> (Connection<()>, Result<(), ConnectionError>) {
    let now = Instant::now().into_std();
    let mut connection = Connection::new(Role::Server, Config::default(), now);
    let (mut script, mut seen, mut events) = ((attack.script)(), Seen::default(), Taker::default());
    let mut bytes = Vec::new();
    for _ in 0..ROUNDS_MAX {
        bytes.clear();
        let next = script(&mut bytes, &seen);
        let result = connection.receive(&bytes, now, &mut events);
        if attack.reading != Reading::Never || result.is_err() {
            connection.pump(&mut events);
            seen.take(connection.out());
            connection.out().clear();
        }
        if result.is_err() {
            let (told, _) = seen.go_away.expect("a failed connection says why");
            assert_eq!(Err(told), result.map_err(|error| error.code));
            return (connection, result);
        }
        if matches!(next, Next::Hold | Next::Leave) {
            break;
        }
    }
    (connection, Ok(()))
}

fn codes(attack: &Attack) -> Option<&'static [ErrorCode]> {
    match attack.expect {
        Expect::GoAway(codes) => Some(codes),
        _ => None,
    }
}

#[test]
fn whatever_has_to_end_ends_with_its_code() {
    let mut wrong = Vec::new();
    for attack in attack::all() {
        let Some(codes) = codes(&attack) else {
            continue;
        };
        let (mut connection, result) = feed(&attack);
        match result {
            Err(error) if codes.contains(&error.code) => {}
            Err(error) => wrong.push(format!("{}: {error}", attack.name)),
            Ok(()) => wrong.push(format!("{}: nothing ended it", attack.name)),
        }
        connection.take_streams().for_each(drop);
        let left = (connection.stream_count(), connection.buffered());
        if left != (0, 0) {
            wrong.push(format!("{}: left {left:?}", attack.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_well_formed_is_not_refused() {
    let mut wrong = Vec::new();
    for attack in attack::all() {
        if codes(&attack).is_some() || attack.tls || matches!(attack.expect, Expect::Marks(_)) {
            continue;
        }
        // Scripts that never greet, or that are to be cut by time, have nothing to end them here.
        if let (_, Err(error)) = feed(&attack)
            && matches!(attack.expect, Expect::Lives)
        {
            wrong.push(format!("{}: {error}", attack.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rule_of_each_limit_is_named() {
    for (name, rule) in [
        ("rapid-reset", "resets"),
        ("made-reset-half-closed", "resets"),
        ("data-empty", "idle_frames"),
        ("priority-flood", "idle_frames"),
        ("data-one-byte", "small_data"),
        ("settings-storm", "settings"),
        ("continuation-flood", "header_block_bytes_max"),
    ] {
        let attack = attack::named(name).expect("an attack of the table");
        let (_, result) = feed(&attack);
        let error = result.expect_err(name);
        assert!(error.rule.contains(rule), "{name}: {error}");
    }
}
