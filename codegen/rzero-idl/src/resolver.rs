//! Finds files in the include folders and remembers what was read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protox::Error;
use protox::file::{File, FileResolver, GoogleFileResolver};

use crate::diagnostics::Problem;

/// A contract larger than this is refused: the largest public ones are below 1 MiB, and the
/// parser needs a multiple of the size in memory.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Deepest nesting of brackets. Messages nest to 31 in any case, options rarely to 10.
const MAX_DEPTH: usize = 100;

/// What some editors write before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file that was read: where it came from and its text.
#[derive(Clone, Debug)]
pub(crate) struct ReadFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// Full names of the types it defines, without a leading dot.
    pub(crate) types: Vec<String>,
}

/// Everything read so far, by import name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Library {
    /// Contracts that were handed in as text; they come before all folders.
    texts: Arc<BTreeMap<String, String>>,
    read: Arc<Mutex<BTreeMap<String, ReadFile>>>,
    /// Why the last file was refused here; the parser's error type cannot carry it.
    refusal: Arc<Mutex<Option<Problem>>>,
}

impl Library {
    pub(crate) fn with_texts(texts: BTreeMap<String, String>) -> Self {
        Self {
            texts: Arc::new(texts),
            ..Self::default()
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<ReadFile> {
        self.lock().get(name).cloned()
    }

    pub(crate) fn types(&self) -> Vec<String> {
        self.lock()
            .values()
            .flat_map(|file| file.types.iter().cloned())
            .collect()
    }

    /// The refusal that ended the last compilation, if one of ours did.
    pub(crate) fn take_refusal(&self) -> Option<Problem> {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn refuse(&self, problem: Problem) -> Error {
        let error = Error::new(problem.clone());
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
        error
    }

    fn insert(&self, name: &str, file: ReadFile) {
        self.lock().insert(name.to_owned(), file);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ReadFile>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks for imports in the include folders in order, then among the well-known files.
pub(crate) struct Includes {
    folders: Vec<PathBuf>,
    library: Library,
    google: GoogleFileResolver,
}

impl Includes {
    pub(crate) fn new(folders: Vec<PathBuf>, library: Library) -> Self {
        Self {
            folders,
            library,
            google: GoogleFileResolver::new(),
        }
    }

    fn parse(&self, name: &str, path: PathBuf, text: String) -> Result<File, Error> {
        let types = Vec::new();
        let mut read = ReadFile { path, text, types };
        self.library.insert(name, read.clone());
        if let Some(problem) = edition(&read).or_else(|| too_deep(&read)) {
            return Err(self.library.refuse(problem));
        }
        let file = File::from_source(name, &read.text)?;
        read.types = defined_types(file.file_descriptor_proto());
        self.library.insert(name, read);
        Ok(file)
    }
}

impl FileResolver for Includes {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        if !is_import_name(name) {
            return Err(Error::file_not_found(name));
        }
        if let Some(text) = self.library.texts.get(name) {
            return self.parse(name, PathBuf::from(name), text.clone());
        }
        for folder in &self.folders {
            let path = folder.join(name);
            match read_text(&path) {
                Ok(Some(text)) => return self.parse(name, path, text),
                Ok(None) => {}
                Err(problem) => return Err(self.library.refuse(*problem)),
            }
        }
        self.google.open_file(name)
    }
}

/// An import name is a relative path of plain parts with forward slashes.
pub(crate) fn is_import_name(name: &str) -> bool {
    !name.is_empty()
        && Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

/// The text of a file; `None` when there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, Box<Problem>> {
    let shown = path.display();
    let failed = |error: &io::Error| {
        Box::new(
            Problem::new(format!("cannot read `{shown}`: {error}"))
                .with_help("check that it is a file and that you may read it"),
        )
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(failed(&error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Box::new(
            Problem::new(format!(
                "`{shown}` is larger than {} MiB",
                MAX_FILE_BYTES >> 20
            ))
            .with_help("this is hardly a contract; split it if it is one"),
        ));
    }
    // Editors on Windows put the mark there; it says nothing about the contract.
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            Err(Box::new(
                Problem::new("the file is not UTF-8 text")
                    .with_source(shown.to_string(), text)
                    .with_mark(
                        at..at + '\u{fffd}'.len_utf8(),
                        "first byte that is not UTF-8",
                    )
                    .with_help("save it as UTF-8; binary descriptor sets are not read here"),
            ))
        }
    }
}

/// Editions are refused: the parser and the message generator know proto2 and proto3 only.
fn edition(file: &ReadFile) -> Option<Problem> {
    let text = &file.text;
    let start = skip_blank(text);
    let rest = &text[start..];
    let after = rest.strip_prefix("edition")?;
    if !after.trim_start().starts_with('=') {
        return None;
    }
    let length = rest.find([';', '\n']).map_or(rest.len(), |at| at + 1);
    let length = rest[..length].trim_end().len();
    Some(
        Problem::new("protobuf editions are not supported")
            .with_source(file.path.display().to_string(), text.clone())
            .with_mark(start..start + length, "an edition is chosen here")
            .with_help("write `syntax = \"proto3\";` instead"),
    )
}

/// Refuses brackets inside brackets beyond a limit: what the parser keeps of an option grows with
/// the square of its depth.
fn too_deep(file: &ReadFile) -> Option<Problem> {
    let text = &file.text;
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let blank = skip_blank(rest);
        if blank > 0 {
            at += blank;
            continue;
        }
        let Some(c) = rest.chars().next() else { break };
        match c {
            '{' | '[' | '(' | '<' => depth += 1,
            '}' | ']' | ')' | '>' => depth = depth.saturating_sub(1),
            '"' | '\'' => {
                at += string_length(rest, c);
                continue;
            }
            _ => {}
        }
        if depth > MAX_DEPTH {
            let problem = Problem::new(format!("brackets are nested deeper than {MAX_DEPTH}"))
                .with_source(file.path.display().to_string(), text.clone())
                .with_mark(at..at + 1, "this is the one too many")
                .with_help("is a closing bracket missing further up?");
            return Some(problem);
        }
        at += c.len_utf8();
    }
    None
}

/// Length of the string literal that starts the text; it ends at its quote or at the line's end.
fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return at,
            c if c == quote && !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

/// Offset of the first byte that is neither white space nor comment.
fn skip_blank(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        at += rest.len() - trimmed.len();
        let skipped = if trimmed.starts_with("//") {
            trimmed.find('\n').unwrap_or(trimmed.len())
        } else if trimmed.starts_with("/*") {
            trimmed.find("*/").map_or(trimmed.len(), |end| end + 2)
        } else {
            return at;
        };
        at += skipped;
    }
}

fn defined_types(file: &prost_types::FileDescriptorProto) -> Vec<String> {
    fn collect(
        prefix: &str,
        messages: &[prost_types::DescriptorProto],
        enums: &[prost_types::EnumDescriptorProto],
        out: &mut Vec<String>,
    ) {
        let full = |name: &str| {
            if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}.{name}")
            }
        };
        out.extend(enums.iter().map(|item| full(item.name())));
        for message in messages {
            let name = full(message.name());
            collect(&name, &message.nested_type, &message.enum_type, out);
            out.push(name);
        }
    }
    let mut out = Vec::new();
    collect(
        file.package(),
        &file.message_type,
        &file.enum_type,
        &mut out,
    );
    out
}
