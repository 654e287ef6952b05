//! A proxy between the replicas and the database that can cut and reject connections.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Forwards connections until they are cut. All of them end when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// The URL of the database through the proxy.
    pub(crate) url: String,
    state: watch::Sender<State>,
    _runtime: Runtime,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// How often all connections were cut.
    cuts: u64,
    /// Whether new connections are rejected.
    closed: bool,
}

impl Proxy {
    /// Listens in front of the server that `url` points at.
    pub(crate) fn before(url: &str) -> Self {
        let (user, rest) = url.split_once('@').expect("a user in the URL");
        let (server, database) = rest.split_once('/').expect("a database in the URL");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (state, watched) = watch::channel(State::default());
        runtime.spawn(accept(listener, server.to_owned(), watched));
        Self {
            url: format!("{user}@{address}/{database}"),
            state,
            _runtime: runtime,
        }
    }

    /// Cuts all connections; new ones are accepted.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Cuts all connections and rejects new ones.
    pub(crate) fn close(&self) {
        self.state.send_modify(|state| {
            state.cuts += 1;
            state.closed = true;
        });
    }

    /// Accepts new connections again.
    pub(crate) fn open(&self) {
        self.state.send_modify(|state| state.closed = false);
    }
}

async fn accept(listener: TcpListener, server: String, state: watch::Receiver<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let now = *state.borrow();
        if !now.closed {
            tokio::spawn(forward(client, server.clone(), state.clone(), now.cuts));
        }
    }
}

async fn forward(
    mut client: TcpStream,
    server: String,
    mut state: watch::Receiver<State>,
    cuts: u64,
) {
    let passing = async {
        let mut server = TcpStream::connect(server).await.expect("the database");
        // Measured queries must not wait for a packet to fill.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let _ = copy_bidirectional(&mut client, &mut server).await;
    };
    tokio::select! {
        biased;
        _ = state.wait_for(|state| state.cuts != cuts) => {}
        () = passing => {}
    }
}
