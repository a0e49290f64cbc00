//! What goes wrong with folders and files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rzero_registry::conformance::{instance, unique_service};
use rzero_registry::{Registry, ServiceName, Status};
use tokio::time::timeout;

use crate::support::{registry, see, see_count};

fn folder(dir: &Path, service: &ServiceName) -> PathBuf {
    dir.join(service.as_str().replace('/', "~"))
}

#[tokio::test]
async fn joins_and_leaves_are_seen() {
    let (_dir, registry) = registry();
    let service = unique_service("quick");
    let mut watch = registry.watch(&service);
    see_count(&mut watch, 0).await;
    let guard = registry.register(instance(&service, 1)).await.unwrap();
    see_count(&mut watch, 1).await;
    guard.close().await.unwrap();
    see_count(&mut watch, 0).await;
}

#[tokio::test]
async fn foreign_and_torn_files_are_skipped_and_kept() {
    let (dir, registry) = registry();
    let service = unique_service("foreign");
    let _guard = registry.register(instance(&service, 1)).await.unwrap();
    let folder = folder(dir.path(), &service);
    let foreign = [
        ("torn.json", "{\"id\":"),
        ("empty.json", ""),
        ("README", "hello"),
    ];
    for (name, content) in foreign {
        fs::write(folder.join(name), content).unwrap();
    }
    fs::create_dir(folder.join("folder.json")).unwrap();
    let mut watch = registry.watch(&service);
    see_count(&mut watch, 1).await;
    assert!(foreign.iter().all(|(name, _)| folder.join(name).exists()));
    assert!(registry.services().await.unwrap().contains(&service));
}

#[tokio::test]
async fn file_among_the_folders_of_services_is_skipped() {
    let (dir, registry) = registry();
    let service = unique_service("beside");
    let _guard = registry.register(instance(&service, 1)).await.unwrap();
    fs::write(dir.path().join("README"), "hello").unwrap();
    assert_eq!(registry.services().await.unwrap(), [service]);
}

#[tokio::test]
async fn entry_that_was_never_finished_is_removed_when_it_is_old() {
    let (dir, registry) = registry();
    let service = unique_service("unfinished");
    let _guard = registry.register(instance(&service, 1)).await.unwrap();
    let folder = folder(dir.path(), &service);
    let (old, young) = (folder.join(".a.0.json.1"), folder.join(".b.0.json.1"));
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::create(&old)
        .unwrap()
        .set_modified(an_hour_ago)
        .unwrap();
    fs::write(&young, "").unwrap();
    let mut watch = registry.watch(&service);
    see_count(&mut watch, 1).await;
    assert!(!old.exists() && young.exists());
}

#[tokio::test]
async fn entry_without_an_owner_is_skipped_and_removed() {
    let (dir, registry) = registry();
    let service = unique_service("orphan");
    let folder = folder(dir.path(), &service);
    fs::create_dir(&folder).unwrap();
    let file = folder.join("left.0.json");
    fs::write(&file, serde_json::to_vec(&instance(&service, 1)).unwrap()).unwrap();
    let mut watch = registry.watch(&service);
    see_count(&mut watch, 0).await;
    assert!(!file.exists());
}

#[tokio::test]
async fn deleted_entries_are_put_back_and_never_blink() {
    let (dir, registry) = registry();
    let service = unique_service("deleted");
    let _guard = registry.register(instance(&service, 1)).await.unwrap();
    let mut watch = registry.watch(&service);
    see_count(&mut watch, 1).await;
    fs::remove_dir_all(dir.path()).unwrap();
    let folder = folder(dir.path(), &service);
    let returned = async {
        while !fs::read_dir(&folder).is_ok_and(|mut files| files.next().is_some()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert_eq!(watch.current().instances.len(), 1);
        }
    };
    timeout(Duration::from_secs(10), returned).await.unwrap();
    // A look after the return still sees it.
    assert!(
        timeout(Duration::from_millis(500), watch.changed())
            .await
            .is_err()
            || watch.current().instances.len() == 1
    );
}

#[tokio::test]
async fn folder_that_cannot_be_read_keeps_what_was_known() {
    let (dir, registry) = registry();
    let service = unique_service("unreadable");
    let _guard = registry.register(instance(&service, 1)).await.unwrap();
    let mut watch = registry.watch(&service);
    see_count(&mut watch, 1).await;
    // A file in its place fails for the superuser too, for whom permissions mean nothing.
    let moved = dir.path().with_extension("moved");
    fs::rename(dir.path(), &moved).unwrap();
    fs::write(dir.path(), "in the way").unwrap();
    see(&mut watch, |snapshot| {
        matches!(snapshot.status, Status::Stale(_))
    })
    .await;
    assert_eq!(watch.current().instances.len(), 1);
    fs::remove_file(dir.path()).unwrap();
    fs::rename(&moved, dir.path()).unwrap();
    see(&mut watch, |snapshot| snapshot.status == Status::Live).await;
    assert_eq!(watch.current().instances.len(), 1);
}

#[tokio::test]
async fn folder_that_cannot_be_written_is_retried() {
    let (dir, registry) = registry();
    let service = unique_service("unwritable");
    fs::write(folder(dir.path(), &service), "in the way").unwrap();
    let guard = registry.register(instance(&service, 1)).await.unwrap();
    let status = format!("{:?}", guard.status().current());
    assert!(
        status.contains("Retrying") && status.contains("registry folder"),
        "{status}"
    );
    fs::remove_file(folder(dir.path(), &service)).unwrap();
    assert!(
        timeout(Duration::from_secs(10), guard.status().registered())
            .await
            .unwrap()
    );
}

#[test]
fn runtime_that_ends_takes_its_entries_along() {
    let (dir, registry) = registry();
    let service = unique_service("runtime");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let guard = runtime
        .block_on(registry.register(instance(&service, 1)))
        .unwrap();
    assert_eq!(
        fs::read_dir(folder(dir.path(), &service)).unwrap().count(),
        1
    );
    drop(runtime);
    assert_eq!(
        fs::read_dir(folder(dir.path(), &service)).unwrap().count(),
        0
    );
    drop(guard);
}
