//! A proxy in front of the server that can stop forwarding: connections stay open and nothing comes
//! through, as if the host lost its network.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) struct Proxy {
    pub(crate) url: String,
    silent: watch::Sender<bool>,
}

impl Proxy {
    /// Listens in front of the server that `url` points at.
    pub(crate) async fn before(url: &str) -> Self {
        let (user, rest) = url.split_once('@').expect("a user in the URL");
        let (server, database) = rest.split_once('/').expect("a database in the URL");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (silent, watched) = watch::channel(false);
        let server = server.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server.clone(), watched.clone()));
            }
        });
        Self {
            url: format!("{user}@{address}/{database}"),
            silent,
        }
    }

    /// Stops forwarding, on old connections and on new ones.
    pub(crate) fn fall_silent(&self) {
        self.silent.send_replace(true);
    }

    /// Forwards new connections again, but never the old ones.
    pub(crate) fn speak(&self) {
        self.silent.send_replace(false);
    }
}

async fn forward(mut client: TcpStream, server: String, mut silent: watch::Receiver<bool>) {
    let passing = async {
        let mut server = TcpStream::connect(server).await.expect("the server");
        let _ = copy_bidirectional(&mut client, &mut server).await;
    };
    tokio::select! {
        biased;
        _ = silent.wait_for(|silent| *silent) => {}
        () = passing => return,
    }
    // Keeps the client's connection open until it gives up.
    std::future::pending::<()>().await;
}
