//! The machine and versions of a run.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::report::{mebibytes, table};

/// Crates whose versions affect the results.
const CRATES: [&str; 11] = [
    "argon2",
    "axum",
    "criterion",
    "ed25519-dalek",
    "hyper",
    "jsonwebtoken",
    "libsqlite3-sys",
    "sha2",
    "sqlx",
    "tokio",
    "tower-http",
];

/// Returns the first line that a program prints.
#[must_use]
pub fn line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Returns machine and versions as a table.
#[must_use]
pub fn describe(root: &Path, target: &Path, postgres: Option<String>) -> String {
    let missing = || "not there".to_owned();
    let root_text = root.to_string_lossy();
    let git = |arguments: &[&str]| line("git", &[&["-C", &*root_text], arguments].concat());
    let dirty =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|it| !it.is_empty());
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(missing);
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
        .map_or_else(missing, |kilobytes| mebibytes(kilobytes * 1024));
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(missing);
    let family = field("/proc/cpuinfo", "cpu family").unwrap_or_default();
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = processors.matches("processor\t").count();
    let virtual_machine = processors.contains(" hypervisor ");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let python = target.join("peers/django-rest-knox/venv/bin/python");
    let rows = [
        (
            "processor",
            format!(
                "{model} (family {family}), {cores} cores{}",
                if virtual_machine { ", virtual" } else { "" }
            ),
        ),
        ("memory", memory),
        ("kernel", kernel.trim().to_owned()),
        (
            "rustc",
            line("rustc", &["--version"]).unwrap_or_else(missing),
        ),
        ("PostgreSQL", postgres.unwrap_or_else(missing)),
        ("Node", line("node", &["--version"]).unwrap_or_else(missing)),
        (
            "Python",
            line(&python.to_string_lossy(), &["--version"]).unwrap_or_else(missing),
        ),
        ("crates", crates(root)),
        (
            "commit",
            format!("{commit}{}", if dirty { ", with changes" } else { "" }),
        ),
        ("date", line("date", &["-u", "+%F"]).unwrap_or_else(missing)),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    table(&["", ""], &rows).replace("--:", "---")
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn crates(root: &Path) -> String {
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    let mut found = Vec::new();
    for package in lock.split("[[package]]") {
        let value = |key: &str| {
            let line = package.lines().find(|line| line.starts_with(key))?;
            Some(line.split('"').nth(1)?.to_owned())
        };
        if let (Some(name), Some(version)) = (value("name"), value("version"))
            && CRATES.contains(&name.as_str())
        {
            found.push(format!("{name} {version}"));
        }
    }
    found.join(", ")
}
