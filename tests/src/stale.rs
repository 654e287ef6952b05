//! Whether a built program is older than its sources, which Cargo lists beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Returns why this program is not the one to test, or `None` if it is.
pub(crate) fn reason(program: &Path) -> Option<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let program_name = program.display();
    let Ok(list) = fs::read_to_string(program.with_extension("d")) else {
        return Some(format!("{program_name} was not built by Cargo"));
    };
    let sources = sources(&list);
    if !sources.iter().any(|source| source.starts_with(workspace)) {
        return Some(format!("{program_name} was built in another directory"));
    }
    let built = changed(program)?;
    let newer = sources
        .iter()
        .find(|source| changed(source).is_none_or(|at| at > built))?;
    Some(format!(
        "{program_name} is older than {}",
        newer.strip_prefix(workspace).unwrap_or(newer).display()
    ))
}

/// Returns when a file was changed, or `None` if it was deleted.
fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// Returns the files of a rule `program: source source`, with the spaces in their names escaped.
fn sources(list: &str) -> Vec<PathBuf> {
    let (_, list) = list.split_once(": ").unwrap_or_default();
    let escaped = list.trim_end().replace("\\ ", "\0");
    let names = escaped.split(' ').filter(|name| !name.is_empty());
    names
        .map(|name| PathBuf::from(name.replace('\0', " ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_program_is_stale_if_a_source_is_newer_deleted_or_of_another_directory() {
        let directory = tempfile::tempdir().unwrap();
        let [program, other] = ["oi", "a source.rs"].map(|name| directory.path().join(name));
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stale.rs");
        let list = |sources: &str| {
            let list = format!("{}: {sources}\n", program.display());
            fs::write(program.with_extension("d"), list).unwrap();
        };
        let escaped = other.display().to_string().replace(' ', "\\ ");
        let both = format!("{} {escaped}", ours.display());
        fs::write(&program, "").unwrap();
        let built = changed(&program).unwrap();
        let source = File::create(&other).unwrap();
        let says = |text| {
            let reason = reason(&program).expect("a reason");
            assert!(reason.contains(text), "{reason}");
        };

        says("was not built by Cargo");
        list(&escaped);
        says("was built in another directory");
        list(&both);
        source.set_modified(built).unwrap();
        assert_eq!(reason(&program), None);
        source.set_modified(built + Duration::from_secs(1)).unwrap();
        says("a source.rs");
        fs::remove_file(&other).unwrap();
        says("a source.rs");
    }
}
