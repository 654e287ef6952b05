use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Startup timeout; generous, for a busy machine.
const START: Duration = Duration::from_mins(1);

/// Returns a free port that no program gets when it asks for any port: the system assigns those
/// from a higher range (32,768 and up on Linux).
///
/// No other test gets it before this process ends: each port is reserved by a UDP socket of the
/// same number, which this process never closes.
#[must_use]
pub fn free_port() -> u16 {
    loop {
        let any = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        // A new port at each call, as the system would return.
        let port = 10_000 + any.local_addr().expect("its address").port() % 20_000;
        let Ok(reservation) = UdpSocket::bind(("127.0.0.1", port)) else {
            continue;
        };
        std::mem::forget(reservation);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until a started program accepts connections.
fn await_port(child: &mut Child, port: u16, name: &str) {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait().expect("its state");
        assert!(ended.is_none(), "{name} ended: {ended:?}");
        assert!(begun.elapsed() < START, "{name} does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running nginx; killed when dropped.
pub struct Nginx(#[expect(dead_code, reason = "it runs until it is dropped")] Proxy);

impl Nginx {
    /// Starts nginx on this port with these directives in its only server, and waits until it
    /// accepts connections.
    #[must_use]
    pub fn start(port: u16, directives: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {path}/{kind};"))
            .concat();
        let config = format!(
            "pid {path}/pid; error_log stderr; master_process off; events {{}}\n\
             http {{ access_log off; {temporary}\n\
             server {{ listen 127.0.0.1:{port}; {directives} }} }}"
        );
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, config).expect("its configuration is written");
        let arguments = ["-e", "stderr", "-g", "daemon off;", "-c"];
        Self(Proxy::start("nginx", &arguments, port, directory, &file))
    }
}

/// A running `haproxy` with the relevant settings of Debian's example; killed when dropped.
pub struct HaProxy(#[expect(dead_code, reason = "it runs until it is dropped")] Proxy);

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
        let file = directory.path().join("haproxy.cfg");
        std::fs::write(&file, config).expect("its configuration is written");
        Self(Proxy::start(
            "haproxy",
            &["-db", "-f"],
            port,
            directory,
            &file,
        ))
    }
}

/// A running proxy whose configuration is a code block of the documentation; killed when dropped.
pub struct DocumentedProxy(#[expect(dead_code, reason = "it runs until it is dropped")] Proxy);

impl DocumentedProxy {
    /// Starts nginx as `docs/integrations/nginx.md` says, in which each pair's first text is
    /// replaced by its second, and waits until it accepts connections on this port.
    #[must_use]
    pub fn nginx(port: u16, replaced: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {path}/{kind};"))
            .concat();
        let server = documented("nginx", "nginx", replaced);
        let config = format!(
            "pid {path}/pid; error_log stderr; master_process off; events {{}}\n\
             http {{ access_log off; {temporary}\n{server} }}"
        );
        let file = written(&directory, "nginx.conf", &config);
        let arguments = ["-e", "stderr", "-g", "daemon off;", "-c"];
        Self(Proxy::start("nginx", &arguments, port, directory, &file))
    }

    /// The same with Caddy and `docs/integrations/caddy.md`.
    #[must_use]
    pub fn caddy(port: u16, replaced: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let site = documented("caddy", "caddyfile", replaced);
        let file = written(
            &directory,
            "Caddyfile",
            &format!("{{\nadmin off\nauto_https off\nlog {{\nlevel ERROR\n}}\n}}\n{site}"),
        );
        let arguments = ["run", "--adapter", "caddyfile", "--config"];
        Self(Proxy::start("caddy", &arguments, port, directory, &file))
    }

    /// The same with `haproxy` and `docs/integrations/haproxy.md`.
    #[must_use]
    pub fn haproxy(port: u16, replaced: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let script = documented("haproxy", "lua", replaced);
        let script = written(&directory, "openindex.lua", &script);
        let config = documented("haproxy", "haproxy", replaced);
        let path = script.display().to_string();
        let config = config.replace("/etc/haproxy/openindex.lua", &path);
        let file = written(&directory, "haproxy.cfg", &config);
        Self(Proxy::start(
            "haproxy",
            &["-db", "-f"],
            port,
            directory,
            &file,
        ))
    }
}

/// Returns the code block in this language of a page of `docs/integrations`, with replacements,
/// each of which must occur.
fn documented(page: &str, language: &str, replaced: &[(&str, &str)]) -> String {
    let path = format!(
        "{}/../docs/integrations/{page}.md",
        env!("CARGO_MANIFEST_DIR")
    );
    let page = std::fs::read_to_string(&path).expect(&path);
    let (_, block) = page
        .split_once(&format!("```{language}\n"))
        .expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    replaced
        .iter()
        .fold(block.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn written(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let file = directory.path().join(name);
    std::fs::write(&file, text).expect("it is written");
    file
}

/// A running proxy; killed when dropped.
pub(crate) struct Proxy {
    child: Child,
    _directory: TempDir,
}

impl Proxy {
    /// Starts the program with its configuration in `file`, and waits until it accepts connections.
    pub(crate) fn start(
        name: &str,
        arguments: &[&str],
        port: u16,
        directory: TempDir,
        file: &Path,
    ) -> Self {
        let program = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"]
            .into_iter()
            .map(|folder| Path::new(folder).join(name))
            .find(|path| path.exists())
            .unwrap_or_else(|| name.into());
        let mut child = Command::new(program)
            .args(arguments)
            .arg(file)
            .env("HOME", directory.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        await_port(&mut child, port, name);
        Self {
            child,
            _directory: directory,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
