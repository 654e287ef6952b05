use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use openindex_adapters_http::wire::PlainSecret;

use super::*;

fn store(file: PathBuf) -> ConfigStore {
    ConfigStore::new(Ok(ConfigPath {
        file,
        owns_directory: true,
    }))
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

fn set_current(store: &ConfigStore, name: &str) {
    store
        .update(|config| {
            config.current_profile = Some(name.to_owned());
            config.profiles.entry(name.to_owned()).or_default().token =
                Some(PlainSecret::new("a secret"));
            Ok(())
        })
        .expect("written");
}

#[test]
fn file_and_directory_are_only_accessible_to_their_owner() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path().join("a/openindex-agent/config.json"));
    set_current(&store, "work");
    assert_eq!(mode(store.file().unwrap()), Some(0o600));
    assert_eq!(mode(store.file().unwrap().parent().unwrap()), Some(0o700));
    assert_eq!(store.exposure(), None);
    let config = store.load().unwrap();
    assert_eq!(config.current_profile.as_deref(), Some("work"));
    assert_eq!(
        config.profiles["work"].token.as_ref().unwrap().expose(),
        "a secret"
    );
}

#[test]
fn an_open_mode_is_reported_and_fixed_by_the_next_update() {
    let home = tempfile::tempdir().unwrap();
    chmod(home.path(), 0o700);
    let store = store(home.path().join("my config.json"));
    set_current(&store, "work");
    chmod(store.file().unwrap(), 0o644);
    let (what, command) = store.exposure().unwrap();
    assert!(what.ends_with("(mode 0644)"), "{what}");
    assert_eq!(
        command,
        format!("chmod 600 '{}'", store.file().unwrap().display())
    );
    set_current(&store, "work");
    assert_eq!(store.exposure(), None);
    chmod(home.path(), 0o755);
    assert!(store.exposure().unwrap().1.starts_with("chmod 700 "));
}

#[test]
fn a_link_is_preserved_and_its_target_updated() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("dotfiles")).unwrap();
    let target = home.path().join("dotfiles/oi.json");
    let link = home.path().join("config.json");
    symlink("dotfiles/oi.json", &link).unwrap();
    let store = store(link.clone());
    for name in ["first", "second"] {
        set_current(&store, name);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&target).unwrap().contains(name));
    }
}

#[test]
fn links_in_a_circle_are_an_error() {
    let home = tempfile::tempdir().unwrap();
    let link = home.path().join("config.json");
    symlink(&link, &link).unwrap();
    assert!(store(link).update(|_| Ok(())).is_err());
}

#[test]
fn unknown_fields_are_preserved() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path().join("config.json"));
    let text =
        r#"{"theme":{"a":[1]},"profiles":{"work":{"app_url":"https://x.example","color":"red"}}}"#;
    fs::write(store.file().unwrap(), text).unwrap();
    set_current(&store, "work");
    let text = fs::read_to_string(store.file().unwrap()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["theme"]["a"][0], 1);
    assert_eq!(value["profiles"]["work"]["color"], "red");
    assert_eq!(value["profiles"]["work"]["app_url"], "https://x.example");
}

#[test]
fn an_invalid_file_is_reported_without_its_content_and_not_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path().join("config.json"));
    for (text, what) in [
        ("{\n \"profiles\": ", "is not valid JSON at line 2"),
        (
            r#"{"profiles": "oi_pat_leak"}"#,
            "has a value of the wrong type",
        ),
    ] {
        fs::write(store.file().unwrap(), text).unwrap();
        let failure = store.load().unwrap_err();
        assert_eq!(failure.code, "config_invalid");
        assert!(failure.message.contains(what), "{}", failure.message);
        assert!(
            failure
                .message
                .contains(&store.file().unwrap().display().to_string())
        );
        assert!(!failure.message.contains("leak"));
        assert!(store.update(|_| Ok(())).is_err());
        assert_eq!(fs::read_to_string(store.file().unwrap()).unwrap(), text);
    }
}

#[test]
fn a_failed_change_writes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path().join("config.json"));
    let failed = store.update(|config| -> Result<(), CliError> {
        config.current_profile = Some("x".to_owned());
        Err(Failure::usage("no").into())
    });
    assert!(failed.is_err());
    assert!(!store.file().unwrap().exists());
}

#[test]
fn a_missing_or_empty_file_is_an_empty_config() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path().join("config.json"));
    assert!(store.load().unwrap().profiles.is_empty());
    fs::write(store.file().unwrap(), "\n").unwrap();
    assert!(store.load().unwrap().profiles.is_empty());
}

#[test]
fn concurrent_updates_are_all_applied() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path().join("new/config.json"));
    std::thread::scope(|scope| {
        for number in 0..16 {
            let store = &store;
            scope.spawn(move || set_current(store, &format!("p{number}")));
        }
    });
    assert_eq!(store.load().unwrap().profiles.len(), 16);
}

#[test]
fn a_duplicate_key_is_reported_with_its_line() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path().join("config.json"));
    let text = "{\n  \"profiles\": {\n    \"work\": {},\n    \"work\": {}\n  }\n}\n";
    fs::write(store.file().unwrap(), text).unwrap();
    let failure = store.load().unwrap_err();
    assert_eq!(failure.code, "config_invalid");
    let expected = "has a duplicate key \"work\" at line 4";
    assert!(failure.message.contains(expected), "{}", failure.message);
}

#[test]
fn a_file_of_another_version_is_an_error_and_not_changed() {
    let home = tempfile::tempdir().unwrap();
    for (version, expected) in [
        ("99", "has version 99, but this oi supports version 1"),
        ("0", "has version 0"),
        ("\"hunter2\"", "has a non-numeric version"),
        ("1.5", "has a non-numeric version"),
    ] {
        let store = store(home.path().join("config.json"));
        let file = store.file().unwrap();
        let text = format!("{{\"version\":{version},\"profiles\":[\"in another form\"]}}");
        fs::write(file, &text).unwrap();
        let failure = store.load().unwrap_err();
        assert_eq!(failure.code, "config_version");
        assert!(failure.message.contains(expected), "{}", failure.message);
        assert!(!failure.message.contains("hunter2"));
        let changed = store.update(|config| {
            config.current_profile = Some("work".to_owned());
            Ok(())
        });
        assert!(changed.is_err());
        assert_eq!(fs::read_to_string(file).unwrap(), text);
    }
}

#[test]
fn unknown_fields_survive_an_update() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path().join("config.json"));
    let text = r#"{"version":1,"later":{"a":[1,1e3,9007199254740993,null]},"current_profile":"work",
        "profiles":{"work":{"token":"t","theme":"dark"},"home":{"later":true}}}"#;
    fs::write(store.file().unwrap(), text).unwrap();
    set_current(&store, "home");
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut expected = read(text);
    expected["current_profile"] = "home".into();
    expected["profiles"]["home"]["token"] = "a secret".into();
    let written = fs::read_to_string(store.file().unwrap()).unwrap();
    assert_eq!(read(&written), expected);
}
