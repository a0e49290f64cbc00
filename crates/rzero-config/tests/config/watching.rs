use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rzero_config::{Error, Loader, Watched, watch_files};
use serde::Deserialize;

use crate::support::file;

#[derive(Debug, Deserialize)]
struct Config {
    count: u32,
}

/// Only a safety net: every wait below ends with an event.
const LIMIT: Duration = Duration::from_secs(30);

fn watch(path: &Path) -> Watched<Config> {
    let loader = Loader::new().file(path).env_map::<String, String>([]);
    let paths = loader.paths();
    let build = move || -> Result<Config, Error> { loader.clone().load()?.rest() };
    watch_files(build, paths).expect("the first build works")
}

async fn next(watched: &mut Watched<Config>) -> u32 {
    tokio::time::timeout(LIMIT, watched.changed())
        .await
        .expect("a change was noticed")
        .count
}

/// Waits until something true of another thread holds.
async fn until(condition: impl Fn() -> bool) {
    let polled = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, polled)
        .await
        .expect("the condition came true");
}

#[tokio::test]
async fn writing_in_place_reloads() {
    let (_folder, path) = file("a.toml", "count = 1");
    let mut watched = watch(&path);
    assert_eq!(watched.load().count, 1);
    fs::write(&path, "count = 2").unwrap();
    assert_eq!(next(&mut watched).await, 2);
    assert_eq!((watched.load().count, watched.reloads()), (2, 1));
}

#[tokio::test]
async fn renaming_over_the_file_reloads() {
    let (folder, path) = file("a.toml", "count = 1");
    let mut watched = watch(&path);
    for count in 2..5 {
        let new = folder.path().join("a.toml.tmp");
        fs::write(&new, format!("count = {count}")).unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(next(&mut watched).await, count);
    }
}

#[tokio::test]
async fn swapping_the_config_map_link_reloads() {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path();
    let version = |name: &str, count: u32| {
        fs::create_dir(mount.join(name)).unwrap();
        fs::write(mount.join(name).join("a.yaml"), format!("count: {count}")).unwrap();
    };
    version("..1", 1);
    symlink("..1", mount.join("..data")).unwrap();
    symlink("..data/a.yaml", mount.join("a.yaml")).unwrap();
    let mut watched = watch(&mount.join("a.yaml"));
    assert_eq!(watched.load().count, 1);
    for count in 2..5 {
        version(&format!("..{count}"), count);
        symlink(format!("..{count}"), mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
        fs::remove_dir_all(mount.join(format!("..{}", count - 1))).unwrap();
        assert_eq!(next(&mut watched).await, count);
    }
}

#[tokio::test]
async fn writing_behind_a_link_reloads() {
    let (_real_folder, real) = file("real.toml", "count = 1");
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("a.toml");
    symlink(&real, &link).unwrap();
    let mut watched = watch(&link);
    fs::write(&real, "count = 2").unwrap();
    assert_eq!(next(&mut watched).await, 2);
}

#[tokio::test]
async fn bad_update_keeps_the_last_good_value() {
    let (_folder, path) = file("a.toml", "count = 1");
    let mut watched = watch(&path);
    fs::write(&path, "cuont = 2").unwrap();
    until(|| watched.reload_errors() > 0).await;
    assert_eq!((watched.load().count, watched.reloads()), (1, 0));
    fs::remove_file(&path).unwrap();
    until(|| watched.reload_errors() > 1).await;
    fs::write(&path, "count = 3").unwrap();
    assert_eq!(next(&mut watched).await, 3);
}

#[tokio::test]
async fn panic_in_the_build_keeps_the_last_good_value() {
    let (_folder, path) = file("a.toml", "1");
    let source = path.clone();
    let build = move || {
        let text = fs::read_to_string(&source).unwrap();
        assert_ne!(text, "2", "this panic belongs to the test");
        Ok(Config {
            count: text.parse().unwrap_or(0),
        })
    };
    let mut watched = watch_files(build, [path.clone()]).unwrap();
    fs::write(&path, "2").unwrap();
    until(|| watched.reload_errors() > 0).await;
    assert_eq!(watched.load().count, 1);
    fs::write(&path, "3").unwrap();
    while next(&mut watched).await != 3 {}
}

#[tokio::test]
async fn equal_content_is_not_reloaded() {
    let (folder, path) = file("a.toml", "count = 1");
    let mut watched = watch(&path);
    let replace = |name: &str, count: u32| {
        let new = folder.path().join("new");
        fs::write(&new, format!("count = {count}")).unwrap();
        fs::rename(&new, folder.path().join(name)).unwrap();
    };
    replace("a.toml", 1);
    replace("other.toml", 9);
    replace("a.toml", 2);
    assert_eq!(next(&mut watched).await, 2);
    assert_eq!((watched.reloads(), watched.reload_errors()), (1, 0));
}

#[tokio::test]
async fn first_build_error_is_returned() {
    let (_folder, path) = file("a.toml", "cuont = 1");
    let loader = Loader::new().file(&path);
    let paths = loader.paths();
    let error = watch_files(move || loader.clone().load()?.rest::<Config>(), paths).unwrap_err();
    assert!(
        error.to_string().contains("did you mean `count`?"),
        "{error}"
    );
}

#[tokio::test]
async fn last_handle_stops_the_thread() {
    let (_folder, path) = file("a.toml", "count = 1");
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let build = move || {
        let _ = &held;
        Ok(1)
    };
    let watched = watch_files(build, [path]).unwrap();
    let other = watched.clone();
    drop(watched);
    assert_eq!((Arc::strong_count(&alive), *other.load()), (2, 1));
    drop(other);
    until(|| Arc::strong_count(&alive) == 1).await;
}
