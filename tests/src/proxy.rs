use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long it may take to start: far longer than it does, for a machine that is busy.
const START: Duration = Duration::from_mins(1);

/// A port of this machine that is free now, and that no program gets which asks for any port: those come
/// from above (Linux gives 32,768 and higher).
#[must_use]
pub fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    loop {
        let any = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        // Another one at each call, since the system gives another one.
        let port = 10_000 + any.local_addr().expect("its address").port() % 20_000;
        if is_free(&port) {
            return port;
        }
    }
}

/// Waits until a program that was started accepts connections.
fn await_port(child: &mut Child, port: u16, name: &str) {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait().expect("its state");
        assert!(ended.is_none(), "{name} ended: {ended:?}");
        assert!(begun.elapsed() < START, "{name} does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running nginx of the test's own. It is killed when it is dropped.
pub struct Nginx(#[expect(dead_code, reason = "it runs until it is dropped")] Proxy);

impl Nginx {
    /// Starts one on this port, with these directives in its one server, and waits until it accepts
    /// connections.
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

/// A running `haproxy` of the test's own, with the settings of Debian's example that matter here. It
/// is killed when it is dropped.
pub struct HaProxy(#[expect(dead_code, reason = "it runs until it is dropped")] Proxy);

impl HaProxy {
    /// Starts one on this port in front of the server at `address`, with `option forwardfor`, and
    /// waits until it accepts connections.
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

/// A running proxy, which is killed when it is dropped.
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
