//! A remote source as a layer, and as something that is followed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rzero_config::{Error, Loader, RemoteCell, RemoteSource, RemoteState, Watched, watch_sources};
use serde::Deserialize;

use crate::support::{file, no_env};

/// Only a safety net: every wait below ends with an event.
const LIMIT: Duration = Duration::from_secs(30);

/// A centre in this process.
#[derive(Debug, Default)]
struct Centre(RemoteCell);

impl Centre {
    fn write(&self, text: &str) {
        self.0.set(RemoteState::Document(text.as_bytes().into()));
    }
}

impl RemoteSource for Centre {
    fn name(&self) -> &str {
        "centre:/greeter"
    }

    fn current(&self) -> RemoteState {
        self.0.current()
    }

    fn wake_on_change(&self, wake: SyncSender<()>) {
        self.0.wake_on_change(wake);
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Config {
    count: u32,
    #[serde(default)]
    colour: String,
}

fn loader(path: &Path, centre: &Arc<Centre>) -> Loader {
    let centre: Arc<dyn RemoteSource> = centre.clone();
    no_env().file(path).remote(centre)
}

fn watch(path: &Path, centre: &Arc<Centre>) -> Watched<Config> {
    let loader = loader(path, centre);
    let paths = loader.paths();
    let build = move || -> Result<Config, Error> { loader.clone().load()?.rest() };
    watch_sources(build, paths, vec![centre.clone()]).expect("the first build works")
}

async fn next(watched: &mut Watched<Config>) -> u32 {
    tokio::time::timeout(LIMIT, watched.changed())
        .await
        .expect("a change was noticed")
        .count
}

async fn refused(watched: &Watched<Config>, times: u64) {
    let polled = async {
        while watched.reload_errors() < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, polled)
        .await
        .expect("the change was refused");
}

#[test]
fn remote_wins_over_files_and_loses_to_environment_and_command_line() {
    let text = "count = 1\ncolour = 'file'\nshape = 'file'\nsize = 'file'";
    let (_folder, path) = file("a.toml", text);
    let centre = Arc::new(Centre::default());
    centre.write("colour: remote\nshape: remote\nsize: remote\n");
    let document = loader(&path, &centre)
        .env_prefix("RZ")
        .env_map([("RZ_X__Y", "1")])
        .set("size", "cli")
        .load()
        .unwrap();
    let shown: Vec<String> = document
        .explain()
        .iter()
        .map(|line| format!("{} = {} # {}", line.key, line.value, line.origin))
        .collect();
    assert_eq!(
        shown,
        [
            r#"colour = "remote" # centre:/greeter:1:9"#.to_owned(),
            format!("count = 1 # {}:1:9", path.display()),
            r#"shape = "remote" # centre:/greeter:2:8"#.to_owned(),
            r#"size = "cli" # command line"#.to_owned(),
            r#"x.y = "1" # environment RZ_X__Y"#.to_owned(),
        ]
    );
}

#[test]
fn errors_name_the_remote_place() {
    let (_folder, path) = file("a.toml", "count = 1");
    let centre = Arc::new(Centre::default());
    let error = |bytes: &[u8]| {
        centre.0.set(RemoteState::Document(bytes.into()));
        let document = loader(&path, &centre).load();
        let read = document.and_then(rzero_config::Document::rest::<Config>);
        read.unwrap_err().to_string()
    };
    assert_eq!(
        error(b"# a comment\ncuont = 2"),
        "centre:/greeter:2:1: cuont: unknown key; did you mean `count`?"
    );
    assert!(error(b"count = ").starts_with("centre:/greeter:1:"));
    assert!(error(b"count: [").starts_with("centre:/greeter:"));
    assert!(error(b"{\"count\": }").starts_with("centre:/greeter:1:"));
    assert!(error(b"\xff").starts_with("centre:/greeter: this document is not UTF-8"));
    let large = vec![b'#'; (4 << 20) + 1];
    assert!(error(&large).contains("larger than 4 MiB"));
}

#[test]
fn source_without_an_answer_adds_nothing() {
    let (_folder, path) = file("a.toml", "count = 1");
    let centre = Arc::new(Centre::default());
    let count = || {
        loader(&path, &centre)
            .load()
            .unwrap()
            .rest::<Config>()
            .unwrap()
            .count
    };
    assert_eq!(count(), 1);
    centre.0.set(RemoteState::Absent);
    assert_eq!(count(), 1);
    centre.write("");
    assert_eq!(count(), 1);
}

#[tokio::test]
async fn remote_and_file_changes_take_the_same_way() {
    let (_folder, path) = file("a.toml", "count = 1");
    let centre = Arc::new(Centre::default());
    let mut watched = watch(&path, &centre);
    centre.write("count = 2");
    assert_eq!(next(&mut watched).await, 2);
    fs::write(&path, "count = 1\ncolour = 'red'").unwrap();
    assert_eq!(next(&mut watched).await, 2);
    assert_eq!(watched.load().colour, "red");
    centre.write("{\"count\": 3}");
    assert_eq!(next(&mut watched).await, 3);
}

#[tokio::test]
async fn deleted_document_falls_back_to_the_files() {
    let (_folder, path) = file("a.toml", "count = 1");
    let centre = Arc::new(Centre::default());
    centre.write("count = 2");
    let mut watched = watch(&path, &centre);
    assert_eq!(watched.load().count, 2);
    centre.0.set(RemoteState::Absent);
    assert_eq!(next(&mut watched).await, 1);
}

#[tokio::test]
async fn bad_document_keeps_the_last_good_value() {
    let (_folder, path) = file("a.toml", "count = 1");
    let centre = Arc::new(Centre::default());
    centre.write("count = 2");
    let mut watched = watch(&path, &centre);
    centre.write("count = 'many'");
    refused(&watched, 1).await;
    // A good file does not make the document good.
    fs::write(&path, "count = 7").unwrap();
    refused(&watched, 2).await;
    assert_eq!((watched.load().count, watched.reloads()), (2, 0));
    centre.write("count = 3");
    assert_eq!(next(&mut watched).await, 3);
}

#[tokio::test]
async fn first_answer_without_a_document_is_no_reload() {
    let (_folder, path) = file("a.toml", "count = 1");
    let centre = Arc::new(Centre::default());
    let mut watched = watch(&path, &centre);
    centre.0.unreachable("away");
    centre.0.set(RemoteState::Absent);
    centre.write("count = 2");
    assert_eq!(next(&mut watched).await, 2);
    assert_eq!(watched.reloads(), 1);
}

#[tokio::test]
async fn last_handle_lets_the_source_go() {
    let (_folder, path) = file("a.toml", "count = 1");
    let centre = Arc::new(Centre::default());
    let watched = watch(&path, &centre);
    drop(watched);
    let gone = async {
        while Arc::strong_count(&centre) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, gone)
        .await
        .expect("it was let go");
}
