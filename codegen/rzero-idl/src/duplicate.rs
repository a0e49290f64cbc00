//! Names that are defined twice: what of it is news, and the one file that was read twice.

use miette::Diagnostic;

use crate::diagnostics::Problem;
use crate::resolver::Library;

/// The name and the file of the first definition in the parser's message.
fn parts(message: &str) -> Option<(&str, &str)> {
    let (name, file) = message
        .strip_prefix("name '")?
        .strip_suffix('\'')?
        .split_once("' is already defined in file '")?;
    Some((name, file))
}

/// The types that are known to be defined twice; that their members are too says nothing new.
#[derive(Default)]
pub(crate) struct Outer(Vec<String>);

impl Outer {
    /// Begins with the first problem.
    pub(crate) fn of(first: &dyn Diagnostic) -> Self {
        let mut outer = Self::default();
        outer.is_news(first);
        outer
    }

    /// Whether the problem is anything but a member of a type that was told before.
    pub(crate) fn is_news(&mut self, problem: &dyn Diagnostic) -> bool {
        let message = problem.to_string();
        let Some((name, _)) = parts(&message) else {
            return true;
        };
        let member = |outer: &String| {
            let rest = name.strip_prefix(outer.as_str());
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        if self.0.iter().any(member) {
            return false;
        }
        self.0.push(name.to_owned());
        true
    }
}

/// The problem of a file that two import names lead to: it clashes with itself everywhere.
pub(crate) fn read_twice(error: &protox::Error, library: &Library) -> Option<Problem> {
    let message = error.to_string();
    let (_, first) = parts(&message)?;
    let second = error.file()?;
    let (one, two) = (library.get(first)?.path, library.get(second)?.path);
    let same = first != second && one.canonicalize().ok()? == two.canonicalize().ok()?;
    same.then(|| {
        let file = two.display();
        Problem::new(format!("`{file}` is read twice, as `{first}` and as `{second}`")).with_help(
            "a contract has one import name: give only the `-I` folders that the `import` lines are \
             relative to, and name the file with a path below one of them",
        )
    })
}
