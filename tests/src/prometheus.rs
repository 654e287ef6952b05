use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::Client;
use crate::program::{Program, free_port, installed, written};

/// How long a condition may take; generous, for a busy machine.
const TIMEOUT: Duration = Duration::from_mins(4);

/// A running Prometheus that scrapes several times per second; killed when dropped.
pub struct Prometheus {
    _program: Program,
    http: Client,
}

impl Prometheus {
    /// Starts Prometheus with these rules and these targets: the label `instance` and the port of
    /// each.
    #[must_use]
    pub fn start(rules: &str, targets: &[(&str, u16)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        written(&directory, "rules.yml", rules);
        let mut config = "global: {scrape_interval: 250ms, scrape_timeout: 250ms, \
                          evaluation_interval: 250ms}\nrule_files: [rules.yml]\n\
                          scrape_configs:\n- job_name: openindex\n  static_configs:\n"
            .to_owned();
        for (instance, port) in targets {
            let _ = writeln!(
                config,
                "  - {{targets: ['127.0.0.1:{port}'], labels: {{instance: {instance}}}}}"
            );
        }
        let file = written(&directory, "prometheus.yml", &config);
        let port = free_port();
        let mut command = Command::new(installed("prometheus"));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error");
        let program = Program::run(&mut command, port, directory);
        let http = Client::new(&format!("http://127.0.0.1:{port}"));
        let prometheus = Self {
            _program: program,
            http,
        };
        prometheus.until("it is ready", |it| {
            it.http.send("GET", "/-/ready", &[], None).status == 200
        });
        prometheus
    }

    /// Returns the result of a query now.
    #[must_use]
    pub fn query(&self, expression: &str) -> Vec<Value> {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let mut query = "query=".to_owned();
        for byte in expression.bytes() {
            let _ = write!(query, "%{byte:02X}");
        }
        let response = self.http.send("POST", "/api/v1/query", &form, Some(&query));
        assert_eq!(response.status, 200, "{expression}: {response:?}");
        let result = &response.json()["data"]["result"];
        result.as_array().expect("a vector").clone()
    }

    /// Returns the names of all metrics that were scraped.
    #[must_use]
    pub fn metric_names(&self) -> BTreeSet<String> {
        let names = self.get("/api/v1/label/__name__/values");
        let names = names.as_array().expect("names").iter();
        names
            .filter_map(|it| Some(it.as_str()?.to_owned()))
            .collect()
    }

    /// Returns the alerts that fire, each with its instance, which is empty if it has none.
    #[must_use]
    pub fn firing(&self) -> BTreeSet<(String, String)> {
        let alerts = self.get("/api/v1/alerts");
        let alerts = alerts["alerts"].as_array().expect("alerts").iter();
        let firing = alerts.filter(|it| it["state"] == "firing");
        let label = |alert: &Value, name: &str| {
            let label = alert["labels"][name].as_str();
            label.unwrap_or_default().to_owned()
        };
        firing
            .map(|it| (label(it, "alertname"), label(it, "instance")))
            .collect()
    }

    /// Waits until a condition is true.
    pub fn until(&self, what: &str, mut is_met: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !is_met(self) {
            assert!(begun.elapsed() < TIMEOUT, "{what}: {:?}", self.firing());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn get(&self, path: &str) -> Value {
        let response = self.http.send("GET", path, &[], None);
        assert_eq!(response.status, 200, "{response:?}");
        response.json()["data"].take()
    }
}
