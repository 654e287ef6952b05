//! The load generator: HTTP/1.1 on connections that are kept, each of which sends the next request
//! when it has the answer to the last (a closed loop). One thread, requests formatted beforehand
//! and answers hardly looked at, so that it takes little of the cores that it shares with what it
//! measures.

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

/// How long to wait after a connection failed.
const PAUSE: Duration = Duration::from_millis(10);
/// How long connections may take to end after the measurement; those that do not are given up.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Where to send requests to, and which.
#[derive(Debug, Clone)]
pub struct Target {
    /// The servers; connections are spread over them in turn.
    pub addresses: Vec<SocketAddr>,
    /// Whole requests, sent in turn, by all connections together.
    pub requests: Rc<Vec<Vec<u8>>>,
}

impl Target {
    /// `GET path` at one server, with each of the tokens in turn.
    #[must_use]
    pub fn get(address: SocketAddr, path: &str, tokens: &[String]) -> Self {
        Self {
            addresses: vec![address],
            requests: Rc::new(tokens.iter().map(|token| get(path, token)).collect()),
        }
    }
}

/// A whole request.
#[must_use]
pub fn get(path: &str, token: &str) -> Vec<u8> {
    request("GET", path, token)
}

/// A whole request without a body.
#[must_use]
pub fn request(method: &str, path: &str, token: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\
         Accept: */*\r\n\r\n"
    )
    .into_bytes()
}

/// How much load, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections that are open at the same time.
    pub connections: usize,
    /// How long it goes on before anything is counted.
    pub warm_up: Duration,
    /// How long it is measured.
    pub measure: Duration,
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Answers with status 2xx.
    pub good: u64,
    /// Other answers.
    pub bad: u64,
    /// Connections that failed or ended in the midst of an answer.
    pub failed: u64,
    /// From sending a request to having its answer, of good ones.
    pub times: Histogram,
    /// How long it was measured.
    pub elapsed: Duration,
    /// Processor time of the generator.
    pub generator_cpu: Duration,
}

impl Sample {
    /// Good answers a second.
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

/// Puts load on the target. `at` is called when measuring begins and when it ends, to look at
/// what the servers have used.
///
/// # Errors
///
/// When no runtime can be had.
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

/// Opens one connection after the other until it is over.
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

/// Sends requests on one connection, until the server closes it.
async fn requests(shared: &Shared, address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    while shared.phase.get() != Phase::Over {
        let number = shared.next.get();
        shared.next.set((number + 1) % shared.target.requests.len());
        let sent = Instant::now();
        stream.write_all(&shared.target.requests[number]).await?;
        let head = answer(&mut stream, &mut buffer).await?;
        // By when the answer is there, whenever the request was sent: else a slow server, most of
        // whose requests are under way when measuring begins, would look slower than it is.
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

/// Reads one whole answer into the buffer.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Head> {
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
