//! Lua scripts, which the server runs as one step.

use redis::{Cmd, ErrorKind, ServerErrorKind, ToRedisArgs, cmd};

/// A Lua script, known to servers by its hash.
#[derive(Debug, Clone)]
pub struct Script {
    code: String,
    hash: String,
}

impl Script {
    /// A script with this code. Everything that it reads or writes must be among its keys.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        let code = code.into();
        let hash = sha1_smol::Sha1::from(&code).digest().to_string();
        Self { code, hash }
    }

    /// The SHA-1 of the code, in hexadecimal, by which servers know it.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The short way, for servers that have seen it.
    pub(crate) fn by_hash(&self, keys: &[&str], args: impl ToRedisArgs) -> Cmd {
        Self::command("EVALSHA", &self.hash, keys, args)
    }

    /// The long way, after which the server knows it.
    pub(crate) fn in_full(&self, keys: &[&str], args: impl ToRedisArgs) -> Cmd {
        Self::command("EVAL", &self.code, keys, args)
    }

    fn command(verb: &str, script: &str, keys: &[&str], args: impl ToRedisArgs) -> Cmd {
        let mut command = cmd(verb);
        command.arg(script).arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        command.arg(args);
        command
    }
}

/// Whether a server says that it does not know the script.
pub(crate) fn is_unknown(error: &redis::RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_the_one_that_servers_compute() {
        // From `redis-cli SCRIPT LOAD 'return 1'`.
        assert_eq!(
            Script::new("return 1").hash(),
            "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
        );
    }

    #[test]
    fn commands_name_their_keys_before_their_arguments() {
        let script = Script::new("return 1");
        let packed = script.by_hash(&["k"], &[7_i64]).get_packed_command();
        let text = String::from_utf8(packed).unwrap();
        assert!(text.starts_with("*5\r\n$7\r\nEVALSHA\r\n$40\r\n"), "{text}");
        assert!(
            text.ends_with("$1\r\n1\r\n$1\r\nk\r\n$1\r\n7\r\n"),
            "{text}"
        );
    }
}
