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

pub(crate) fn written(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let file = directory.path().join(name);
    std::fs::write(&file, text).expect("it is written");
    file
}

/// Returns the path of a program: Debian's, even if another one comes first in `PATH`.
pub(crate) fn installed(name: &str) -> PathBuf {
    ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"]
        .into_iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| name.into())
}

/// A running program that listens on a port; killed when dropped.
pub(crate) struct Program {
    child: Child,
    _directory: TempDir,
}

impl Program {
    /// Starts the program with its configuration in `file`, and waits until it accepts connections.
    pub(crate) fn start(
        name: &str,
        arguments: &[&str],
        port: u16,
        directory: TempDir,
        file: &Path,
    ) -> Self {
        let mut command = Command::new(installed(name));
        command.args(arguments).arg(file);
        Self::run(&mut command, port, directory)
    }

    /// Starts a command at home in its directory, and waits until it accepts connections.
    pub(crate) fn run(command: &mut Command, port: u16, directory: TempDir) -> Self {
        let name = command.get_program().display().to_string();
        let mut child = command
            .env("HOME", directory.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        await_port(&mut child, port, &name);
        Self {
            child,
            _directory: directory,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
