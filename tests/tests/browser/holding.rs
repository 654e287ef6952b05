//! A proxy that delays a response: the server has processed the request, and the browser waits.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// Starts before the server, whose public URL is the proxy's address.
pub(crate) struct Holding {
    listener: TcpListener,
    pub(crate) url: String,
}

/// The pending request to delay, and the channel that reports it.
type Hold = Arc<Mutex<Option<Sender<()>>>>;

/// A running proxy.
pub(crate) struct Proxy(Hold);

impl Holding {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        Self {
            listener,
            url: format!("http://{address}"),
        }
    }

    pub(crate) fn serve(self, server: &str) -> Proxy {
        let (hold, server) = (Hold::default(), server.to_owned());
        let shared = hold.clone();
        std::thread::spawn(move || {
            for client in self.listener.incoming() {
                let Ok(client) = client else { break };
                let upstream = TcpStream::connect(&server).expect("the server");
                carry(client, upstream, &shared);
            }
        });
        Proxy(hold)
    }
}

impl Proxy {
    /// Delays the response to the next form. The receiver is notified when the server has sent it.
    pub(crate) fn hold_next(&self) -> Receiver<()> {
        let (sender, receiver) = channel();
        *self.0.lock().expect("the hold") = Some(sender);
        receiver
    }
}

fn carry(client: TcpStream, upstream: TcpStream, hold: &Hold) {
    let is_form = Arc::new(Mutex::new(false));
    let (mut from, mut to) = (
        client.try_clone().expect("a stream"),
        upstream.try_clone().expect("a stream"),
    );
    let sees = is_form.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if buffer.starts_with(b"POST ") {
                *sees.lock().expect("a flag") = true;
            } else if buffer.starts_with(b"GET ") {
                *sees.lock().expect("a flag") = false;
            }
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
    });
    let (mut from, mut to, hold) = (upstream, client, hold.clone());
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if *is_form.lock().expect("a flag")
                && let Some(held) = hold.lock().expect("the hold").take()
            {
                let _ = held.send(());
                // The connection stays open without a response.
                std::mem::forget(to);
                return;
            }
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}
