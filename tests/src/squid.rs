use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use crate::program::{Program, free_port};

/// What Debian's configuration allows: CONNECT to port 443 only.
const STOCK: &str = "\
acl SSL_ports port 443
acl Safe_ports port 80
acl Safe_ports port 443
acl Safe_ports port 1025-65535
http_access deny !Safe_ports
http_access deny CONNECT !SSL_ports
http_access allow localhost
http_access deny all
";

/// A running squid that resolves `oi.corp.example` to this machine; killed when dropped.
pub struct Squid {
    _proxy: Program,
    name: String,
    /// The URL for a proxy variable.
    pub url: String,
}

impl Squid {
    /// Starts squid with these directives before the rules that are installed with it, and waits
    /// until it accepts connections.
    #[must_use]
    pub fn start(directives: &str) -> Self {
        let port = free_port();
        let directory = tempfile::tempdir().expect("a directory");
        // When started as root, squid changes to another user.
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755))
            .expect("readable");
        let hosts = directory.path().join("hosts");
        std::fs::write(&hosts, "127.0.0.1 oi.corp.example\n").expect("a file");
        let config = format!(
            "http_port 127.0.0.1:{port}\nhosts_file {}\n{directives}\n{STOCK}\
             visible_hostname proxy.example\npid_filename none\naccess_log none\n\
             cache_log /dev/null\ncache_store_log none\nlogfile_rotate 0\nnetdb_filename none\n\
             pinger_enable off\nshutdown_lifetime 0 seconds\n",
            hosts.display()
        );
        let file = directory.path().join("squid.conf");
        std::fs::write(&file, config).expect("its configuration is written");
        // By its name, squid names its shared memory; two of one name cannot start at once.
        let name = format!("oi{port}");
        let arguments = ["-N", "-n", &name, "-f"];
        Self {
            _proxy: Program::start("squid", &arguments, port, directory, &file),
            name,
            url: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        // Squid is killed, so it does not remove its shared memory.
        for part in ["metadata", "queues", "readers"] {
            let _ = std::fs::remove_file(format!("/dev/shm/{}-cf__{part}.shm", self.name));
        }
    }
}
