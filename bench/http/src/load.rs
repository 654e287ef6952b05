//! The load generator: HTTP/1.1 on persistent connections, each of which sends the next request
//! after the response to the last (a closed loop). One thread, preformatted requests and minimal
//! parsing of responses keep its use of the shared cores low.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::histogram::Histogram;
use crate::process;
use crate::response::{Head, head};

/// Pause after a failed connection.
const PAUSE: Duration = Duration::from_millis(10);
/// Time for connections to end after the measurement, after which they are aborted.
const END_WITHIN: Duration = Duration::from_secs(5);

/// The servers and requests of a load.
#[derive(Debug, Clone)]
pub struct Target {
    /// The servers; connections are spread over them in turn.
    pub addresses: Vec<SocketAddr>,
    /// Complete requests, which all connections together send in turn.
    pub requests: Rc<Vec<Vec<u8>>>,
}

impl Target {
    /// Returns `GET path` at one server, with each of the tokens in turn.
    #[must_use]
    pub fn get(address: SocketAddr, path: &str, tokens: &[String]) -> Self {
        Self {
            addresses: vec![address],
            requests: Rc::new(tokens.iter().map(|token| get(path, token)).collect()),
        }
    }
}

/// Returns a complete GET request.
#[must_use]
pub fn get(path: &str, token: &str) -> Vec<u8> {
    request("GET", path, token)
}

/// Returns a complete request without a body.
#[must_use]
pub fn request(method: &str, path: &str, token: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\
         Accept: */*\r\n\r\n"
    )
    .into_bytes()
}

/// The amount and duration of a load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Number of open connections.
    pub connections: usize,
    /// Warm-up time, which is not measured.
    pub warm_up: Duration,
    /// Time of the measurement.
    pub measure: Duration,
}

/// The result of a measurement.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Responses with a 2xx status.
    pub good: u64,
    /// Other responses.
    pub bad: u64,
    /// Connections that failed, or ended within a response.
    pub failed: u64,
    /// Times from sending a request to receiving its response, of successful ones.
    pub times: Histogram,
    /// Duration of the measurement.
    pub elapsed: Duration,
    /// CPU time of the generator.
    pub generator_cpu: Duration,
}

impl Sample {
    /// Returns the successful responses per second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub fn rate(&self) -> f64 {
        self.good as f64 / self.elapsed.as_secs_f64()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measure,
    Over,
}

struct Shared {
    phase: Cell<Phase>,
    next: Cell<usize>,
    sample: RefCell<Sample>,
    target: Target,
}

/// Puts load on a target. Calls `at` when measuring begins and when it ends, to read what the
/// servers have used.
///
/// # Errors
///
/// If the runtime cannot be created.
pub fn run(target: &Target, load: Load, mut at: impl FnMut()) -> anyhow::Result<Sample> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let shared = Rc::new(Shared {
        phase: Cell::new(Phase::WarmUp),
        next: Cell::new(0),
        sample: RefCell::default(),
        target: target.clone(),
    });
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let connections: Vec<_> = (0..load.connections)
            .map(|number| {
                let addresses = &shared.target.addresses;
                let address = addresses[number % addresses.len()];
                tokio::task::spawn_local(connection(shared.clone(), address))
            })
            .collect();
        tokio::time::sleep(load.warm_up).await;
        at();
        let (begun, cpu) = (Instant::now(), process::own_cpu());
        shared.phase.set(Phase::Measure);
        tokio::time::sleep(load.measure).await;
        shared.phase.set(Phase::Over);
        let (elapsed, cpu) = (begun.elapsed(), process::own_cpu().saturating_sub(cpu));
        at();
        {
            let mut sample = shared.sample.borrow_mut();
            (sample.elapsed, sample.generator_cpu) = (elapsed, cpu);
        }
        let all = async {
            for connection in connections {
                let _ = connection.await;
            }
        };
        let _ = tokio::time::timeout(END_WITHIN, all).await;
    });
    Ok(shared.sample.take())
}

/// Opens one connection after another until the load ends.
async fn connection(shared: Rc<Shared>, address: SocketAddr) {
    while shared.phase.get() != Phase::Over {
        if requests(&shared, address).await.is_err() {
            if shared.phase.get() == Phase::Measure {
                shared.sample.borrow_mut().failed += 1;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Sends requests on a connection until the server closes it.
async fn requests(shared: &Shared, address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    while shared.phase.get() != Phase::Over {
        let number = shared.next.get();
        shared.next.set((number + 1) % shared.target.requests.len());
        let sent = Instant::now();
        stream.write_all(&shared.target.requests[number]).await?;
        let head = read_response(&mut stream, &mut buffer).await?;
        // Counts responses that arrive while measuring, whenever they were requested. Otherwise a
        // slow server, with most requests in flight when measuring begins, would look slower than
        // it is.
        if shared.phase.get() == Phase::Measure {
            let mut sample = shared.sample.borrow_mut();
            if (200..300).contains(&head.status) {
                sample.good += 1;
                sample.times.record(sent.elapsed());
            } else {
                sample.bad += 1;
            }
        }
        if !head.keeps_alive {
            break;
        }
    }
    Ok(())
}

/// Reads one complete response into the buffer.
async fn read_response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Head> {
    buffer.clear();
    let mut found = None;
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if found.is_none() {
            found = head(buffer);
        }
        if let Some(head) = found.filter(|head| head.is_whole(buffer)) {
            return Ok(head);
        }
    }
}
