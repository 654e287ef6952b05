use tempfile::TempDir;

use crate::documented::documented;
use crate::program::{Program, written};

/// A running nginx; killed when dropped.
pub struct Nginx(#[expect(dead_code, reason = "it runs until it is dropped")] Program);

impl Nginx {
    /// Starts nginx on this port with these directives in its only server, and waits until it
    /// accepts connections.
    #[must_use]
    pub fn start(port: u16, directives: &str) -> Self {
        Self(nginx(
            port,
            &format!("server {{ listen 127.0.0.1:{port}; {directives} }}"),
        ))
    }
}

/// Starts nginx with these servers, and waits until it accepts connections on this port.
fn nginx(port: u16, servers: &str) -> Program {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {path}/{kind};"))
        .concat();
    let config = format!(
        "pid {path}/pid; error_log stderr; master_process off; events {{}}\n\
         http {{ access_log off; {temporary}\n{servers} }}"
    );
    let file = written(&directory, "nginx.conf", &config);
    let arguments = ["-e", "stderr", "-g", "daemon off;", "-c"];
    Program::start("nginx", &arguments, port, directory, &file)
}

/// A running `haproxy` with the relevant settings of Debian's example; killed when dropped.
pub struct HaProxy(#[expect(dead_code, reason = "it runs until it is dropped")] Program);

impl HaProxy {
    /// Starts `haproxy` on this port in front of the server at `address`, with `option forwardfor`,
    /// and waits until it accepts connections.
    #[must_use]
    pub fn start(port: u16, address: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let config = format!(
            "defaults\n mode http\n option forwardfor\n timeout connect 5s\n timeout client 60s\n \
             timeout server 60s\nfrontend f\n bind 127.0.0.1:{port}\n default_backend b\n\
             backend b\n server s {address}\n"
        );
        Self(haproxy(port, directory, &config))
    }

    /// Starts `haproxy` on this port in front of two PostgreSQL servers, as
    /// `integrations/haproxy/postgresql.cfg` says, and waits until it accepts connections.
    #[must_use]
    pub fn before_primary(port: u16, servers: [&str; 2]) -> Self {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../integrations/haproxy/postgresql.cfg"
        );
        let config = std::fs::read_to_string(file).expect("the configuration");
        let config = config
            .replace("127.0.0.1:6432", &format!("127.0.0.1:{port}"))
            .replace("db1.example.com:5432", servers[0])
            .replace("db2.example.com:5432", servers[1]);
        let directory = tempfile::tempdir().expect("a directory");
        Self(haproxy(port, directory, &config))
    }
}

/// Starts `haproxy` with this configuration, and waits until it accepts connections on this port.
fn haproxy(port: u16, directory: TempDir, config: &str) -> Program {
    let file = written(&directory, "haproxy.cfg", config);
    Program::start("haproxy", &["-db", "-f"], port, directory, &file)
}

/// A running proxy whose configuration is a code block of the documentation; killed when dropped.
pub struct DocumentedProxy(#[expect(dead_code, reason = "it runs until it is dropped")] Program);

impl DocumentedProxy {
    /// Starts nginx as `docs/integrations/nginx.md` says, in which each pair's first text is
    /// replaced by its second, and waits until it accepts connections on this port.
    #[must_use]
    pub fn nginx(port: u16, replaced: &[(&str, &str)]) -> Self {
        Self(nginx(port, &configured("nginx", "nginx", replaced)))
    }

    /// The same with Caddy and `docs/integrations/caddy.md`.
    #[must_use]
    pub fn caddy(port: u16, replaced: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let site = configured("caddy", "caddyfile", replaced);
        let file = written(
            &directory,
            "Caddyfile",
            &format!("{{\nadmin off\nauto_https off\nlog {{\nlevel ERROR\n}}\n}}\n{site}"),
        );
        let arguments = ["run", "--adapter", "caddyfile", "--config"];
        Self(Program::start("caddy", &arguments, port, directory, &file))
    }

    /// The same with `haproxy` and `docs/integrations/haproxy.md`.
    #[must_use]
    pub fn haproxy(port: u16, replaced: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let script = configured("haproxy", "lua", replaced);
        let script = written(&directory, "openindex.lua", &script);
        let config = configured("haproxy", "haproxy", replaced);
        let path = script.display().to_string();
        let config = config.replace("/etc/haproxy/openindex.lua", &path);
        Self(haproxy(port, directory, &config))
    }
}

/// Returns the first code block in this language of a page of `docs/integrations`, in which each
/// pair's first text is replaced by its second.
fn configured(page: &str, language: &str, replaced: &[(&str, &str)]) -> String {
    let block = documented(page, language).swap_remove(0);
    replaced
        .iter()
        .fold(block, |text, (from, to)| text.replace(from, to))
}
