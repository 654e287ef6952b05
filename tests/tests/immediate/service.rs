//! A service that is no replica but asks them: its guard verifies remotely, through a load balancer
//! in front of all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use openindex_adapters_http::guard::{AnyToken, Guard, HumanAdmin};
use openindex_adapters_http::remote::{RemoteSettings, RemoteVerifier};
use openindex_domain::token::Secret;
use openindex_tests::Client;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::board::Right;
use crate::wire::{Ports, Replicas};

/// Responds to the checks until it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    _runtime: Runtime,
}

impl Service {
    /// Starts the service with a token that it creates through this client, and adds it to the
    /// replicas. `guard` creates its guard.
    pub(crate) fn join(
        replicas: &mut Replicas,
        http: &Client,
        admin: &str,
        guard: impl FnOnce(RemoteVerifier) -> Guard,
    ) -> Self {
        let body = json!({"name": "service", "scope": "read_write"});
        let created = http.post("/me/pats", admin, &body).json();
        let token = created["token"].as_str().expect("a secret");
        let token = Secret::parse(token).expect("a secret");
        let runtime = Runtime::new().expect("a runtime");
        let listen = || {
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
            let listener = listener.expect("a port");
            let address = listener.local_addr().expect("an address");
            (listener, format!("http://{address}"))
        };
        let (listener, url) = listen();
        runtime.spawn(balance(listener, replicas.servers()));
        let settings = RemoteSettings::new(url.parse().expect("a URL"), token);
        let verifier = RemoteVerifier::new(settings).expect("valid settings");
        let app = Router::new()
            .route(
                Right::Authenticate.path(),
                get(async |AnyToken(_): AnyToken| StatusCode::OK),
            )
            .route(
                Right::Administer.path(),
                get(async |HumanAdmin(_): HumanAdmin| StatusCode::OK),
            )
            .with_state(guard(verifier));
        let (listener, url) = listen();
        runtime.spawn(async move { axum::serve(listener, app).await });
        replicas.join(&url);
        Self { _runtime: runtime }
    }
}

/// Forwards each connection to the next server, and to another one if that is gone.
async fn balance(listener: TcpListener, servers: Ports) {
    let next = Arc::new(AtomicUsize::new(0));
    while let Ok((mut client, _)) = listener.accept().await {
        let (servers, next) = (Arc::clone(&servers), Arc::clone(&next));
        tokio::spawn(async move {
            for _ in 0..servers.len() {
                let turn = next.fetch_add(1, Ordering::SeqCst) % servers.len();
                let port = servers[turn].load(Ordering::SeqCst);
                if let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await {
                    let _ = (client.set_nodelay(true), server.set_nodelay(true));
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                    return;
                }
            }
        });
    }
}
