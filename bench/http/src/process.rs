//! The measured programs, and their CPU time and memory as counted by the kernel.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::client::Client;

/// The kernel counts CPU time in hundredths of a second, on every architecture that matters.
const TICK: Duration = Duration::from_millis(10);
/// Maximum time until a program responds to its first request.
const START_WITHIN: Duration = Duration::from_mins(1);
/// Maximum time for a program to stop after SIGTERM.
const END_WITHIN: Duration = Duration::from_secs(15);

/// The cores of a run, as lists for `taskset`: the load generator, which is this program and wrk,
/// has one of its own, each measured server has another, and a database has both. A machine with
/// one core has only that.
#[derive(Debug)]
pub struct Cores {
    /// The core of the measured servers.
    pub server: String,
    /// The core of the load generator.
    pub generator: String,
}

impl Cores {
    /// Selects the first and the last core that this program may use, and moves it to the first.
    /// Call it before other threads start.
    ///
    /// # Errors
    ///
    /// If `taskset` of util-linux is missing.
    pub fn divide() -> anyhow::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let allowed = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
            .context("the list of cores")?;
        let mut numbers = allowed.trim().split([',', '-']);
        let generator = numbers.next().unwrap_or_default().to_owned();
        let server = numbers.next_back().unwrap_or(&generator).to_owned();
        let moved = Command::new("taskset")
            .args(["--cpu-list", "--pid", &generator])
            .arg(std::process::id().to_string())
            .stdout(Stdio::null())
            .status()
            .context("starting taskset")?;
        ensure!(moved.success(), "taskset failed");
        Ok(Self { server, generator })
    }

    /// Returns a command that runs a program on the servers' core, as the process that it starts.
    #[must_use]
    pub fn server(&self, program: impl AsRef<OsStr>) -> Command {
        Self::on(&self.server, program)
    }

    /// Returns a command that runs a program on both cores.
    #[must_use]
    pub fn both(&self, program: impl AsRef<OsStr>) -> Command {
        Self::on(&format!("{},{}", self.generator, self.server), program)
    }

    fn on(cores: &str, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", cores]).arg(program);
        command
    }
}

/// A loop on each core that yields to everything else, so that no core sleeps. Dropping this stops
/// the loops.
#[derive(Debug)]
pub struct KeptAwake(Vec<Child>);

impl KeptAwake {
    /// Starts one loop per core.
    ///
    /// # Errors
    ///
    /// If `chrt` of util-linux is missing.
    pub fn start(cores: &Cores) -> anyhow::Result<Self> {
        let mut loops = Self(Vec::new());
        for core in [&cores.generator, &cores.server] {
            let child = Cores::on(core, "chrt")
                .args(["--idle", "0", "sh", "-c", "while :; do :; done"])
                .stdin(Stdio::null())
                .spawn()
                .context("starting chrt")?;
            loops.0.push(child);
        }
        Ok(loops)
    }
}

impl Drop for KeptAwake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A running server. Dropping it stops the server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// Time from its start to its first successful response.
    pub started_in: Duration,
}

impl Server {
    /// Starts a program that listens on `address`, and waits until it responds to `GET path`.
    /// Writes its output to the file `log`.
    ///
    /// # Errors
    ///
    /// If it cannot be started, exits, or does not respond within a minute.
    pub fn start(
        command: &mut Command,
        address: SocketAddr,
        path: &str,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let file = fs::OpenOptions::new().create(true).append(true).open(log)?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let begun = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let mut server = Self {
            child,
            address,
            started_in: Duration::ZERO,
        };
        let client = Client::new(address);
        loop {
            let response = client.send("GET", path, "none");
            // A peer may not have this route: its 404 is enough.
            if response.is_ok_and(|(status, _)| status < 500) {
                server.started_in = begun.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("exited ({status}); see {}", log.display());
            }
            ensure!(
                begun.elapsed() < START_WITHIN,
                "no response; see {}",
                log.display()
            );
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Returns the process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM, so that a program also stops its workers.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let begun = Instant::now();
        while begun.elapsed() < END_WITHIN {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a free address on the loopback interface.
///
/// # Errors
///
/// If there is none.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Returns the CPU time of the programs that this one has started and waited for.
#[must_use]
pub fn children_cpu() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    parse_stat(&text, 2).map_or(Duration::ZERO, |(_, cpu)| cpu)
}

/// Returns the CPU time of this program alone.
#[must_use]
pub fn own_cpu() -> Duration {
    stat("self").map_or(Duration::ZERO, |(_, cpu)| cpu)
}

/// Returns the CPU time that a process and its descendants have used.
#[must_use]
pub fn cpu(pid: u32) -> Duration {
    family(pid).iter().map(|(_, cpu)| *cpu).sum()
}

/// Returns the memory of a process and its descendants, in bytes: the resident memory of one
/// process; for several, their proportional shares, since shared pages would otherwise count
/// several times.
#[must_use]
pub fn memory(pid: u32) -> u64 {
    match family(pid)[..] {
        [(pid, _)] => kilobytes(&format!("/proc/{pid}/status"), "VmRSS:"),
        ref family => family
            .iter()
            .map(|(pid, _)| kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:"))
            .sum(),
    }
}

fn kilobytes(file: &str, name: &str) -> u64 {
    fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

/// Returns a process and its descendants, each with its CPU time.
fn family(pid: u32) -> Vec<(u32, Duration)> {
    let mut all = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(found) = stat(&pid.to_string()) {
            all.insert(pid, found);
        }
    }
    let mut family: Vec<_> = all
        .get(&pid)
        .map(|(_, cpu)| (pid, *cpu))
        .into_iter()
        .collect();
    let mut index = 0;
    while index < family.len() {
        let parent = family[index].0;
        let children = all
            .iter()
            .filter(|(_, (its_parent, _))| *its_parent == parent);
        family.extend(children.map(|(pid, (_, cpu))| (*pid, *cpu)));
        index += 1;
    }
    family
}

/// Returns the parent and the CPU time of a process, from `/proc/PID/stat`.
fn stat(pid: &str) -> Option<(u32, Duration)> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?, 0)
}

/// `skipped` is 0 for the CPU time of the process, and 2 for that of its children.
fn parse_stat(text: &str, skipped: usize) -> Option<(u32, Duration)> {
    // The name, in parentheses, may contain anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some((parent, TICK * (ticks(11 + skipped)? + ticks(12 + skipped)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let text = "7 (a) b (c) S 3 7 7 0 -1 4194304 1 0 0 0 150 50 9 9 20 0 2 0 1";
        assert_eq!(parse_stat(text, 0), Some((3, Duration::from_secs(2))));
        assert_eq!(parse_stat(text, 2), Some((3, TICK * 18)));
    }

    #[test]
    fn a_process_has_itself_in_its_family() {
        let own = std::process::id();
        assert!(family(own).iter().any(|(pid, _)| *pid == own));
        assert!(memory(own) > 0);
    }
}
