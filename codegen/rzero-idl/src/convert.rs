//! The parser's errors as problems of ours: our file names, and help where we know more.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, NamedSource};

use crate::diagnostics::{MAX_PROBLEMS, Problem};
use crate::resolver::Library;
use crate::{builtin, duplicate, suggest};

/// Folders searched for a file with the missing name; a search beyond this is not worth the time.
const MAX_SEARCHED_ENTRIES: usize = 20_000;
/// How deep the search goes below an include folder.
const MAX_SEARCH_DEPTH: usize = 6;

/// What the conversion may look things up in.
pub(crate) struct Context<'a> {
    pub(crate) library: &'a Library,
    pub(crate) includes: &'a [PathBuf],
}

/// All problems in one error of the parser.
pub(crate) fn problems(error: &protox::Error, context: &Context<'_>) -> Vec<Problem> {
    if let Some(problem) = context.library.take_refusal() {
        return vec![problem];
    }
    if let Some(problem) = duplicate::read_twice(error, context.library) {
        return vec![problem];
    }
    let name = error.file().map(str::to_owned);
    let source = name
        .as_deref()
        .and_then(|name| context.library.get(name))
        .map(|read| Arc::new(NamedSource::new(read.path.display().to_string(), read.text)));
    let source = source.as_ref();
    let mut problems = vec![convert(error, source, context)];
    if error.is_file_not_found() {
        let missing = missing_name(error);
        let problem = problems.remove(0);
        problems.push(match missing {
            Some(missing) => problem.with_help(not_found_help(&missing, context)),
            None => problem,
        });
    }
    let mut outer = duplicate::Outer::of(error);
    let related = error.related().into_iter().flatten();
    let related = related.filter(|related| outer.is_news(*related));
    // One more than is shown, so that it is told that there are more.
    let related = related.take(MAX_PROBLEMS);
    problems.extend(related.map(|related| convert(related, source, context)));
    problems
}

fn convert(
    error: &dyn Diagnostic,
    source: Option<&Arc<NamedSource<String>>>,
    context: &Context<'_>,
) -> Problem {
    let mut problem = Problem::new(error.to_string());
    let mut wrong = None;
    if let Some(source) = source {
        let text = source.inner();
        problem = problem.with_shared_source(source);
        for label in error.labels().into_iter().flatten() {
            let span = label.offset()..label.offset() + label.len();
            wrong = wrong.or_else(|| {
                let before = text.get(..span.start)?;
                Some((text.get(span.clone())?, Position::after(before)))
            });
            problem = problem.with_mark(span, label.label().unwrap_or("here"));
        }
        if let Some(span) = map_value(&error.to_string(), text).filter(|_| wrong.is_none()) {
            wrong = Some((&text[span.clone()], Position::Field));
            problem = problem.with_mark(span, "found here");
        }
        if wrong.is_none() && error.labels().is_none() {
            let end = text.trim_end().len();
            if error.to_string().contains("end of file") {
                problem = problem.with_mark(end..end, "the file ends here");
            }
        }
    }
    let help = error.help().map(|help| help.to_string());
    match help.or_else(|| own_help(&error.to_string(), wrong, context)) {
        Some(help) => problem.with_help(help),
        None => problem,
    }
}

/// Where the unknown value type of a map is: the parser marks those of fields and methods only.
fn map_value(message: &str, text: &str) -> Option<Range<usize>> {
    let name = message
        .strip_prefix("name '")?
        .strip_suffix("' is not defined")?;
    text.match_indices(name).find_map(|(start, _)| {
        let span = start..start + name.len();
        let inside = text[..start].trim_end().ends_with(',')
            && text[span.end..].trim_start().starts_with('>');
        inside.then_some(span)
    })
}

/// Help the parser does not give. It exposes no error kinds, so its words have to do.
fn own_help(
    message: &str,
    wrong: Option<(&str, Position)>,
    context: &Context<'_>,
) -> Option<String> {
    if message.starts_with("name '") && message.ends_with("is not defined") {
        let (wrong, at) = wrong?;
        return unknown_type_help(wrong, at, context);
    }
    if message.starts_with("a map field key type") {
        let near = suggest::nearest(wrong?.0, builtin::MAP_KEYS.iter().copied());
        return near.map(|near| format!("did you mean `{near}`?"));
    }
    if message.starts_with("import cycle") {
        return Some("move what both files need into a third one that imports neither".to_owned());
    }
    if message.starts_with("fields must have a label") {
        return Some(
            "write `syntax = \"proto3\";` at the top of the file if it is meant to be proto3"
                .to_owned(),
        );
    }
    None
}

/// Where a type is named: only fields may have a scalar one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Field,
    Message,
}

impl Position {
    /// Told by what stands before the type: `(`, `(stream` or `extend`.
    fn after(before: &str) -> Self {
        let before = before.trim_end();
        let method = before.strip_suffix("stream").unwrap_or(before).trim_end();
        if method.ends_with('(') || before.ends_with("extend") {
            Self::Message
        } else {
            Self::Field
        }
    }
}

fn unknown_type_help(wrong: &str, at: Position, context: &Context<'_>) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let qualified = wrong.contains('.');
    let wrong = last(wrong.trim());
    let types = context.library.types();
    let names: Vec<String> = types.iter().map(|name| last(name)).collect();
    if let Some(at) = names.iter().position(|name| *name == wrong) {
        return Some(format!("did you mean `{}`?", types[at]));
    }
    let scalars = if at == Position::Field && !qualified {
        builtin::SCALARS
    } else {
        &[]
    };
    if at == Position::Message && builtin::SCALARS.contains(&wrong.as_str()) {
        return Some(format!(
            "only messages can stand here: declare one with a field of type `{wrong}`"
        ));
    }
    let declared = names.iter().map(String::as_str);
    if let Some(near) = suggest::nearest(&wrong, declared.chain(scalars.iter().copied())) {
        return Some(format!("did you mean `{near}`?"));
    }
    let foreign = builtin::foreign(&wrong).filter(|_| !scalars.is_empty());
    if let Some(scalar) = foreign {
        return Some(format!("did you mean {scalar}?"));
    }
    let well_known = suggest::nearest(&wrong, builtin::well_known())?;
    let file = builtin::well_known_file(well_known)?;
    Some(format!(
        "for the well-known type write `google.protobuf.{well_known}` and `import \"{file}\";`"
    ))
}

/// The name in `import 'NAME' not found` and its relatives.
fn missing_name(error: &protox::Error) -> Option<String> {
    let message = error.to_string();
    let start = message.find('\'')? + 1;
    let end = start + message[start..].rfind('\'')?;
    Some(message[start..end].to_owned())
}

/// Says where was looked, and which `-I` would have found it.
pub(crate) fn not_found_help(missing: &str, context: &Context<'_>) -> String {
    let searched: Vec<String> = context
        .includes
        .iter()
        .map(|folder| format!("`{}`", shown(folder)))
        .collect();
    let searched = format!("searched in {}", searched.join(", "));
    match find_below(missing, context.includes) {
        Some(folder) => {
            format!(
                "{searched}; there is one below `{0}`: add `-I {0}`",
                shown(&folder)
            )
        }
        None => format!("{searched}; add `-I FOLDER` with the folder that holds `{missing}`"),
    }
}

/// A folder as a user would write it: `.` and never an empty text.
fn shown(folder: &Path) -> String {
    let text = folder.display().to_string();
    if text.is_empty() {
        ".".to_owned()
    } else {
        text
    }
}

/// The folder below an include folder (or beside one) to which `missing` is relative.
fn find_below(missing: &str, includes: &[PathBuf]) -> Option<PathBuf> {
    let mut left = MAX_SEARCHED_ENTRIES;
    let mut queue: Vec<(PathBuf, usize)> = includes
        .iter()
        .rev()
        .map(|folder| (folder.clone(), 0))
        .collect();
    while let Some((folder, depth)) = queue.pop() {
        if folder.join(missing).is_file() {
            return Some(folder);
        }
        if depth == MAX_SEARCH_DEPTH {
            continue;
        }
        let mut below: Vec<PathBuf> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .take(left)
            .filter_map(|entry| {
                left = left.saturating_sub(1);
                let entry = entry.ok()?;
                let skipped = matches!(
                    entry.file_name().to_str(),
                    None | Some("target" | "node_modules" | ".git")
                );
                (!skipped && entry.file_type().ok()?.is_dir()).then(|| entry.path())
            })
            .collect();
        below.sort_unstable();
        queue.extend(below.into_iter().rev().map(|folder| (folder, depth + 1)));
    }
    None
}
