//! Where a new service gets rzero from, until the crates are published.

use std::env;
use std::path::{Path, PathBuf};

use rzero_codegen::Dependency;

use super::paths;
use crate::failure::{Failure, Result};

/// Environment variable with a path or git URL.
pub(crate) const ENV_SOURCE: &str = "RZ_SOURCE";
/// The facade, relative to the root of a checkout.
const FACADE: &str = "crates/rzero/Cargo.toml";
/// How a manifest that shares the workspace's dependencies asks for it.
const WORKSPACE: &str = "workspace";

/// The source to write into the manifest of a service in `folder` (from the root): what the
/// argument says, else `RZ_SOURCE`, else the checkout around the current folder, around this
/// program, or the one that it was built in.
pub(crate) fn find(argument: Option<&str>, folder: &Path) -> Result<Dependency> {
    if let Some(text) = argument {
        return named(text, "--rzero", folder);
    }
    if let Ok(text) = env::var(ENV_SOURCE)
        && !text.is_empty()
    {
        return named(&text, ENV_SOURCE, folder);
    }
    let here = paths::current_dir()?;
    let program = env::current_exe().and_then(|path| path.canonicalize()).ok();
    let starts = [Some(folder), Some(&here), program.as_deref(), built_in()];
    match starts.into_iter().flatten().find_map(checkout_around) {
        Some(root) => checkout(&root, folder),
        None => Err(
            Failure::input("where rzero comes from is not known").help(format!(
                "add `--rzero PATH` with a checkout of rzero, or `--rzero URL` with its git\n\
             repository, or set {ENV_SOURCE} to one of them"
            )),
        ),
    }
}

/// The source folder of this program when it was built from a checkout that is still there.
/// Cargo's own copies of git repositories come and go, so they do not count.
fn built_in() -> Option<&'static Path> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let parts: Vec<_> = folder.iter().collect();
    let copies = [["git", "checkouts"], ["registry", "src"]];
    let copied = parts
        .windows(2)
        .any(|pair| copies.iter().any(|copy| pair == copy));
    (!copied).then_some(folder)
}

fn named(text: &str, from: &str, folder: &Path) -> Result<Dependency> {
    if text == WORKSPACE {
        return Ok(Dependency::Workspace);
    }
    let path = Path::new(text);
    if path.is_dir() {
        let root = paths::absolute(path)?;
        if !root.join(FACADE).is_file() {
            return Err(Failure::input(format!(
                "`{text}` ({from}) is not a checkout of rzero: it has no `{FACADE}`"
            ))
            .help("name the root of the checkout"));
        }
        return checkout(&root, folder);
    }
    match git_url(text) {
        Some(url) => Ok(Dependency::Git(url)),
        None => Err(Failure::input(format!(
            "`{text}` ({from}) is neither a folder nor a git URL"
        ))
        .help("name a checkout of rzero, or a URL such as https://example.com/rzero.git")),
    }
}

/// A checkout is named by its path; within itself by the way to its root, so that the service can
/// be committed and moves along.
fn checkout(root: &Path, folder: &Path) -> Result<Dependency> {
    let way = match folder.starts_with(root) && folder != root && !is_built(root, folder) {
        true => paths::relative(folder, root),
        false => root.to_path_buf(),
    };
    match way.to_str() {
        Some(way) => Ok(Dependency::Path(way.to_owned())),
        None => Err(Failure::input(format!(
            "the path of the checkout `{}` is not UTF-8",
            root.display()
        ))),
    }
}

/// Whether a folder is build output, which nobody commits.
fn is_built(root: &Path, folder: &Path) -> bool {
    folder.starts_with(root.join("target"))
}

fn checkout_around(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .find(|folder| folder.join(FACADE).is_file())
        .map(Path::to_path_buf)
}

/// A URL that cargo takes; the short form of ssh is spelled out.
fn git_url(text: &str) -> Option<String> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let known = ["https", "http", "ssh", "git", "file"].contains(&scheme);
        return (known && !rest.is_empty()).then(|| text.to_owned());
    }
    let (host, path) = text.split_once(':')?;
    (host.contains('@') && !path.is_empty()).then(|| format!("ssh://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_urls_are_what_cargo_takes() {
        let same = Some("https://example.com/rzero.git".to_owned());
        assert_eq!(git_url("https://example.com/rzero.git"), same);
        assert_eq!(
            git_url("git@example.com:a/rzero.git").as_deref(),
            Some("ssh://git@example.com/a/rzero.git")
        );
        for wrong in ["rzero", "../rzero", "https://", "zoo://x", "c:/rzero"] {
            assert_eq!(git_url(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn this_checkout_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        let root = root.canonicalize().unwrap();
        let outside = find(Some(root.to_str().unwrap()), dir.path()).unwrap();
        assert_eq!(outside, Dependency::Path(root.to_str().unwrap().to_owned()));
        let inside = find(Some(root.to_str().unwrap()), &root.join("examples/x")).unwrap();
        assert_eq!(inside, Dependency::Path("../..".to_owned()));
    }

    #[test]
    fn folders_that_are_no_checkout_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().to_str().unwrap();
        let failure = named(text, "--rzero", dir.path()).unwrap_err();
        assert!(failure.to_string().contains("is not a checkout of rzero"));
    }
}
