//! Breaks the lines of the templates as rustfmt does: names decide how long they are.

/// Widest arguments of a call, and widest chain of calls, that rustfmt leaves in one line.
const NARROW: usize = 60;

/// `Callee(arguments)` as the only argument of another call in a line that starts with `indent`
/// spaces.
pub(super) fn argument(call: String, indent: usize) -> String {
    let parts = call
        .split_once('(')
        .and_then(|(callee, rest)| Some((callee, rest.strip_suffix(')')?)));
    match parts {
        // A callee that is too wide by itself gains nothing by a break.
        Some((callee, arguments)) if call.len() > NARROW && callee.len() < NARROW => {
            let space = " ".repeat(indent);
            format!("{callee}(\n{space}    {arguments},\n{space})")
        }
        _ => call,
    }
}

/// `value.call().call()`, without dots inside, in a line that starts with `indent` spaces.
pub(super) fn chain(calls: String, indent: usize) -> String {
    if calls.len() <= NARROW {
        return calls;
    }
    calls.replace('.', &format!("\n{}.", " ".repeat(indent + 4)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_arguments_get_a_line_of_their_own() {
        let name = "N".repeat(NARROW - "(x)".len());
        assert_eq!(argument(format!("{name}(x)"), 4), format!("{name}(x)"));
        assert_eq!(
            argument(format!("N{name}(x)"), 4),
            format!("N{name}(\n        x,\n    )")
        );
    }

    #[test]
    fn wide_chains_get_a_line_for_each_call() {
        let name = "n".repeat(NARROW - "c.(x).await".len());
        assert_eq!(
            chain(format!("c.{name}(x).await"), 0),
            format!("c.{name}(x).await")
        );
        assert_eq!(
            chain(format!("c.n{name}(x).await"), 0),
            format!("c\n    .n{name}(x)\n    .await")
        );
    }
}
