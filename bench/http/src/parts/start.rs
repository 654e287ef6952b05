//! Startup time, memory at rest, binary sizes, and the command line.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::bench::Bench;
use crate::parts::http::{TOKENS, filled};
use crate::process::memory;
use crate::report::{Report, mebibytes, spread, table};
use crate::rounds::{Spread, take_turns};

/// Idle time before a server's memory is measured.
const REST: Duration = Duration::from_secs(1);

/// Returns the sizes of what `scripts/package` has built in this folder, if it has.
fn released(folder: &Path) -> anyhow::Result<Vec<Vec<String>>> {
    let files = fs::read_dir(folder).into_iter().flatten();
    let files = files.map(|file| Ok(file?.path()));
    let mut files = files.collect::<anyhow::Result<Vec<_>>>()?;
    files.sort();
    let mut sizes = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let what = if file.extension().is_some_and(|it| it == "deb") {
            "Debian package of both programs"
        } else if name.ends_with("-image.tar.gz") {
            "image, compressed"
        } else if name.ends_with(".tar.gz") {
            "tarball of both programs"
        } else {
            continue;
        };
        let bytes = fs::metadata(&file)?.len();
        sizes.push(vec![what.to_owned(), mebibytes(bytes)]);
        if what.starts_with("image") {
            let mut gzip = Command::new("gzip")
                .args(["--decompress", "--stdout"])
                .arg(&file)
                .stdout(Stdio::piped())
                .spawn()?;
            let unpacked = gzip
                .stdout
                .take()
                .map(|mut out| io::copy(&mut out, &mut io::sink()));
            ensure!(gzip.wait()?.success(), "{} is damaged", file.display());
            let bytes = unpacked.transpose()?.unwrap_or_default();
            sizes.push(vec!["image, unpacked".to_owned(), mebibytes(bytes)]);
        }
    }
    Ok(sizes)
}

/// Measures startup, and everything besides requests.
///
/// # Errors
///
/// If a program does not start or respond.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    bench.progress("start");
    let times = bench.quick_or(3, 20);
    let mut report = Report::default();
    let mut rows = Vec::new();

    // A new file each time, and existing databases.
    let new = (0..times)
        .map(|_| Ok(millis(bench.oi_server(&bench.sqlite()?, &[])?.started_in)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    rows.push(vec![
        "SQLite, a new file".to_owned(),
        spread(Spread::of(new)),
        String::new(),
    ]);
    for (name, key, database) in [
        ("SQLite", "sqlite", bench.sqlite()?),
        ("PostgreSQL", "postgres", bench.postgres()?),
    ] {
        drop(filled(bench, &database, TOKENS, &[])?);
        let mut starts = Vec::new();
        for _ in 0..times {
            starts.push(millis(bench.oi_server(&database, &[])?.started_in));
        }
        let starts = Spread::of(starts);
        let server = bench.oi_server(&database, &[])?;
        std::thread::sleep(REST);
        report.record(&format!("start, {key}, ms"), starts.median);
        rows.push(vec![
            format!("{name}, 1 000 tokens"),
            spread(starts),
            mebibytes(memory(server.pid())),
        ]);
    }
    report.add("From start to the first 200 of `GET /ready`, including migration:");
    report.add(&table(&["oi-server", "ready, ms", "memory at rest"], &rows));

    let size = |name: &str| -> anyhow::Result<Vec<String>> {
        let bytes = fs::metadata(bench.program(name))?.len();
        Ok(vec![format!("`{name}`"), mebibytes(bytes)])
    };
    let mut sizes = vec![size("oi-server")?, size("oi")?];
    sizes.extend(released(&bench.program("../dist"))?);
    report.add(&table(&["program or release", "size"], &sizes));

    let (server, tokens) = filled(bench, &bench.sqlite()?, TOKENS, &[])?;
    let url = format!("http://{}", server.address);
    let check = ["auth", "check", "--app-url", &url];
    let oi = bench.program("oi");
    let mut commands: [(&str, &Path, &[&str]); 3] = [
        ("`true`, which does nothing", Path::new("true"), &[]),
        ("`oi --help`", &oi, &["--help"]),
        ("`oi auth check`", &oi, &check),
    ];
    let turns = take_turns(&mut commands, times, |(_, program, arguments)| {
        let program: &Path = program;
        let begun = Instant::now();
        let status = Command::new(program)
            .args(*arguments)
            .env("OPENINDEX_CONFIG_DIR", bench.scratch.path())
            .env("OPENINDEX_TOKEN", &tokens[0])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        ensure!(status.success(), "{}: {status}", program.display());
        Ok(millis(begun.elapsed()))
    })?;
    let rows: Vec<_> = commands
        .iter()
        .zip(&turns)
        .map(|((name, ..), turns)| {
            let wall = Spread::of(turns.iter().copied());
            vec![(*name).to_owned(), spread(wall)]
        })
        .collect();
    report.add(&table(&["command", "wall time, ms"], &rows));
    Ok(report)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
