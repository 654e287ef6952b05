//! Load by [wrk](https://github.com/wg/wrk): persistent connections, each of which sends the next
//! request after the response to the last (a closed loop).

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::process;
use crate::rounds::quantile;

/// Requests that take longer count as failed.
const TIMEOUT: &str = "30s";

/// The servers and requests of a load.
#[derive(Debug, Clone)]
pub struct Target {
    /// The servers, each with its share of the connections.
    pub addresses: Vec<SocketAddr>,
    /// The path and query of each request.
    pub path: String,
    /// The bearer tokens, which are presented in turn.
    pub tokens: Vec<String>,
}

impl Target {
    /// Returns `GET path` at one server, with each of the tokens in turn.
    #[must_use]
    pub fn get(address: SocketAddr, path: &str, tokens: &[String]) -> Self {
        Self {
            addresses: vec![address],
            path: path.to_owned(),
            tokens: tokens.to_vec(),
        }
    }
}

/// The amount and duration of a load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Number of open connections.
    pub connections: usize,
    /// Warm-up time in seconds, which is not measured.
    pub warm_up: u64,
    /// Time of the measurement in seconds.
    pub measure: u64,
}

/// The result of a measurement.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Sample {
    /// All complete responses.
    responses: u64,
    /// Responses with a 4xx or 5xx status.
    pub bad: u64,
    /// Connections that failed, and requests without a response in time.
    pub failed: u64,
    /// Duration of the measurement in microseconds.
    micros: u64,
    /// Median latency in microseconds.
    pub p50: f64,
    /// 99th percentile of the latency in microseconds.
    pub p99: f64,
    /// CPU time of the generator.
    #[serde(skip)]
    pub generator_cpu: Duration,
}

impl Sample {
    /// Returns the result of a load by this program: the latencies of the successful calls in
    /// microseconds, and the number of failed ones.
    #[must_use]
    pub fn of_calls(
        micros: &[f64],
        failed: u64,
        elapsed: Duration,
        generator_cpu: Duration,
    ) -> Self {
        Self {
            responses: micros.len() as u64,
            bad: 0,
            failed,
            micros: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            p50: quantile(micros, 0.5),
            p99: quantile(micros, 0.99),
            generator_cpu,
        }
    }

    /// Returns the number of successful responses.
    #[must_use]
    pub fn good(&self) -> u64 {
        self.responses.saturating_sub(self.bad)
    }

    /// Returns the duration of the measurement.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.micros)
    }

    /// Returns the successful responses per second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub fn rate(&self) -> f64 {
        self.good() as f64 / self.elapsed().as_secs_f64()
    }
}

/// A running load.
#[derive(Debug)]
pub struct Running {
    wrk: Child,
    cpu: Duration,
    /// Deleted at the end.
    _tokens: tempfile::NamedTempFile,
}

/// Starts a load of so many seconds.
///
/// # Errors
///
/// If wrk is missing.
pub fn start(target: &Target, connections: usize, seconds: u64) -> anyhow::Result<Running> {
    let tokens = tempfile::NamedTempFile::new()?;
    fs::write(tokens.path(), target.tokens.join("\n") + "\n")?;
    let servers: Vec<_> = target.addresses.iter().map(ToString::to_string).collect();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("wrk.lua");
    let cpu = process::children_cpu();
    let wrk = Command::new("wrk")
        .args(["--threads", &servers.len().to_string()])
        .args(["--connections", &connections.to_string()])
        .args(["--duration", &format!("{seconds}s"), "--timeout", TIMEOUT])
        .arg("--script")
        .arg(script)
        .arg(format!("http://{}{}", servers[0], target.path))
        .env("SERVERS", servers.join(" "))
        .env("TOKENS", tokens.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting wrk")?;
    Ok(Running {
        wrk,
        cpu,
        _tokens: tokens,
    })
}

impl Running {
    /// Ends the load before its time, and returns its result.
    ///
    /// # Errors
    ///
    /// If wrk fails.
    pub fn stop(self) -> anyhow::Result<Sample> {
        Command::new("kill")
            .args(["-INT", &self.wrk.id().to_string()])
            .status()?;
        self.wait()
    }

    /// Waits until the load ends, and returns its result.
    ///
    /// # Errors
    ///
    /// If wrk fails.
    pub fn wait(self) -> anyhow::Result<Sample> {
        let output = self.wrk.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "wrk failed: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let line = text.lines().find(|line| line.starts_with('{'));
        let sample = serde_json::from_str(line.context("no result of wrk")?)?;
        Ok(Sample {
            generator_cpu: process::children_cpu().saturating_sub(self.cpu),
            ..sample
        })
    }
}
