//! Reads, parses and checks a set of `.proto` files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::thread;

use protox::Compiler;

use crate::convert::{self, Context};
use crate::diagnostics::{Diagnostics, Problem};
use crate::model::Model;
use crate::resolver::{self, Includes, Library};
use crate::{build, check};

/// Stack of the parser's thread. Imports are followed by recursion, so a chain of files must fit.
const STACK_BYTES: usize = 64 << 20;

/// Which contracts to read and where their imports are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtoInput {
    /// The `.proto` files. Services are taken from these only, messages from imports too.
    pub files: Vec<PathBuf>,
    /// Folders that imports are relative to, searched in this order. A file outside all of them
    /// adds its own folder at the end. The well-known files (`google/protobuf/*.proto`) are built
    /// in and need no folder.
    pub includes: Vec<PathBuf>,
}

/// Reads the files and everything they import.
///
/// The result depends on the contents only: neither on the order in which files are named nor on
/// where the folders are on this machine.
///
/// # Errors
///
/// Every mistake found, at least one: unreadable files, missing imports, syntax, unknown types,
/// and what is refused here (groups, editions). Bad input never panics.
pub fn load_protos(input: &ProtoInput) -> Result<Model, Diagnostics> {
    let input = input.clone();
    on_parser_thread(move || {
        let library = Library::default();
        let (names, includes) = names(&input)?;
        load(&names, &includes, &library)
    })
}

/// Reads contracts that are in memory, by import name (`greeter/v1/greeter.proto`). All of them
/// are named files in the sense of [`ProtoInput::files`].
///
/// # Errors
///
/// As [`load_protos`]; file names in the messages are the import names.
pub fn load_texts(texts: BTreeMap<String, String>) -> Result<Model, Diagnostics> {
    on_parser_thread(move || {
        let names: BTreeSet<String> = texts.keys().cloned().collect();
        let wrong = names.iter().find(|name| !resolver::is_import_name(name));
        if let Some(name) = wrong {
            return Err(Problem::new(format!("`{name}` cannot be imported"))
                .with_help("import names are relative, with forward slashes and without `..`")
                .into());
        }
        load(&names, &[], &Library::with_texts(texts))
    })
}

fn on_parser_thread(
    work: impl FnOnce() -> Result<Model, Diagnostics> + Send + 'static,
) -> Result<Model, Diagnostics> {
    let parser = thread::Builder::new()
        .name("proto-parser".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map_err(|error| Problem::new(format!("cannot start the parser's thread: {error}")))?;
    parser.join().unwrap_or_else(|_| {
        Err(Problem::new("the parser failed on this input")
            .with_help("this is a bug: please report it together with the files")
            .into())
    })
}

fn load(
    names: &BTreeSet<String>,
    includes: &[PathBuf],
    library: &Library,
) -> Result<Model, Diagnostics> {
    if names.is_empty() {
        return Err(Problem::new("no contract was named")
            .with_help("name at least one `.proto` file")
            .into());
    }
    let context = Context { library, includes };
    let mut compiler = compiler(includes, library);
    if let Some(error) = names.iter().find_map(|name| compiler.open_file(name).err()) {
        return Err(all_problems(&error, names, &context));
    }
    let set = compiler.file_descriptor_set();
    let problems = check::check(&set, library);
    if !problems.is_empty() {
        return Err(Diagnostics::new(problems));
    }
    let bytes = compiler.encode_file_descriptor_set();
    Ok(build::model(names, set, bytes, library))
}

fn compiler(includes: &[PathBuf], library: &Library) -> Compiler {
    let resolver = Includes::new(includes.to_vec(), library.clone());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    compiler
}

/// A failure stops a compiler, so each file is tried on its own to tell all mistakes at once.
/// `first` comes before them: two files that are fine alone may not be together.
fn all_problems(
    first: &protox::Error,
    names: &BTreeSet<String>,
    context: &Context<'_>,
) -> Diagnostics {
    let mut problems = convert::problems(first, context);
    for name in names {
        let mut compiler = compiler(context.includes, context.library);
        if let Err(error) = compiler.open_file(name) {
            problems.extend(convert::problems(&error, context));
        }
    }
    Diagnostics::new(problems)
}

/// Import names of the files, sorted, and the folders to search.
fn names(input: &ProtoInput) -> Result<(BTreeSet<String>, Vec<PathBuf>), Diagnostics> {
    let mut includes: Vec<PathBuf> = Vec::new();
    for folder in &input.includes {
        if !folder.as_os_str().is_empty() && !folder.is_dir() {
            return Err(
                Problem::new(format!("`{}` is not a folder", folder.display()))
                    .with_help("`-I` names a folder that imports are relative to")
                    .into(),
            );
        }
        if !includes.contains(folder) {
            includes.push(folder.clone());
        }
    }
    let mut names = BTreeSet::new();
    let mut problems = Vec::new();
    for file in &input.files {
        match name_of(file, &mut includes) {
            Ok(name) => {
                names.insert(name);
            }
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() {
        Ok((names, includes))
    } else {
        Err(Diagnostics::new(problems))
    }
}

/// The file's name relative to the first include folder that holds it; else its folder becomes
/// the last include folder. A file that is not there may be named as imports name it.
fn name_of(file: &Path, includes: &mut Vec<PathBuf>) -> Result<String, Box<Problem>> {
    let below = || {
        let mut paths = includes.iter().map(|folder| folder.join(file));
        paths.find(|path| path.is_file())
    };
    let found = if file.exists() { None } else { below() };
    let file = found.as_deref().unwrap_or(file);
    if !file.exists() {
        return Err(Box::new(
            Problem::new(format!("there is no file `{}`", file.display())).with_help(
                "check the path; it is relative to the folder you run in or to an `-I` folder",
            ),
        ));
    }
    if file.is_dir() {
        return Err(Box::new(
            Problem::new(format!("`{}` is a folder", file.display()))
                .with_help("name the `.proto` files in it"),
        ));
    }
    let inside = includes.iter().find_map(|folder| relative(file, folder));
    let name = match inside {
        Some(name) => name,
        None => {
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            let name = file.file_name().map(PathBuf::from).unwrap_or_default();
            includes.push(folder);
            name
        }
    };
    let parts: Option<Vec<&str>> = name.iter().map(|part| part.to_str()).collect();
    let parts = parts.ok_or_else(|| {
        Box::new(Problem::new(format!(
            "the name of `{}` is not UTF-8",
            file.display()
        )))
    })?;
    let name = parts.join("/");
    shadowed(file, &name, includes)?;
    Ok(name)
}

/// Refuses a file whose import name leads to another file in an earlier folder.
fn shadowed(file: &Path, name: &str, includes: &[PathBuf]) -> Result<(), Box<Problem>> {
    let Some(first) = includes
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
    else {
        return Ok(());
    };
    if same(&first, file) {
        return Ok(());
    }
    Err(Box::new(
        Problem::new(format!("`{}` hides `{}`", first.display(), file.display())).with_help(
            format!("both are imported as `{name}`: reorder the `-I` folders or rename one"),
        ),
    ))
}

fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// `file` relative to `folder`: by the text of the paths, else by where they lead.
fn relative(file: &Path, folder: &Path) -> Option<PathBuf> {
    let clean = |path: &Path| -> PathBuf {
        path.components()
            .filter(|part| !matches!(part, Component::CurDir))
            .collect()
    };
    let plain = |path: &Path| {
        path.components()
            .all(|part| matches!(part, Component::Normal(_)))
    };
    let by_text = clean(file)
        .strip_prefix(clean(folder))
        .ok()
        .map(Path::to_path_buf);
    if let Some(name) = by_text.filter(|name| plain(name)) {
        return Some(name);
    }
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let (file, folder) = (file.canonicalize().ok()?, folder.canonicalize().ok()?);
    file.strip_prefix(folder).ok().map(Path::to_path_buf)
}
