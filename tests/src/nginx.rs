use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long it may take to start: far longer than it does, for a machine that is busy.
const START: Duration = Duration::from_mins(1);

/// A port of this machine that is free now.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Waits until a program that was started accepts connections.
pub(crate) fn await_port(child: &mut Child, port: u16, name: &str) {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait().expect("its state");
        assert!(ended.is_none(), "{name} ended: {ended:?}");
        assert!(begun.elapsed() < START, "{name} does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running nginx of the test's own. It is killed when it is dropped.
pub struct Nginx {
    child: Child,
    _directory: TempDir,
}

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
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())
            .unwrap_or("nginx");
        let mut child = Command::new(program)
            .args(["-e", "stderr", "-g", "daemon off;", "-c"])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts");
        await_port(&mut child, port, "nginx");
        Self {
            child,
            _directory: directory,
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
