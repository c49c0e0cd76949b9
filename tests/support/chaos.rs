//! A network that misbehaves on demand: a proxy in front of any Postgres that cuts, slows and refuses connections, or loses answers.
//! Looks at bytes alone, but for the answers of COMMIT; never changes one that it passes on.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use migrate_wizard::postgres::Connector;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::Instant;

use super::chance::Chance;
use super::dsql::wire;
use super::postgres::password;

/// Bytes that pass at once.
const PIECE: usize = 1 << 13;
/// Pieces in a second, at least, when the speed is limited.
const SMOOTHNESS: u64 = 50;

/// What came by, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    pub connections: u64,
    pub refused: u64,
    /// Connections that were cut, for whatever reason.
    pub cut: u64,
    /// Commits that were made and not told.
    pub lost_commits: u64,
    /// Both ways together.
    pub bytes: u64,
}

struct State {
    to: Connector,
    chance: Mutex<Chance>,
    passed: Mutex<Passed>,
    switches: Mutex<Switches>,
    /// Counts the cuts of all connections.
    cuts: watch::Sender<u64>,
    /// When the line is free again, while its speed is limited.
    free: Mutex<Instant>,
}

#[derive(Debug, Clone, Default)]
struct Switches {
    refuse: bool,
    cut_after: Option<Range<u64>>,
    bytes_per_second: Option<u64>,
    lose_commits: f64,
}

impl State {
    fn count(&self, change: impl FnOnce(&mut Passed)) {
        change(&mut self.passed.lock().unwrap());
    }

    fn switches(&self) -> Switches {
        self.switches.lock().unwrap().clone()
    }

    /// How many bytes a new connection may carry.
    fn budget(&self) -> u64 {
        match self.switches().cut_after {
            Some(range) if !range.is_empty() => range.start + self.chance.lock().unwrap().number() % (range.end - range.start),
            Some(_) | None => u64::MAX,
        }
    }

    /// Waits until the line has room for a piece, and says how large it may be.
    async fn room(&self) -> usize {
        let Some(rate) = self.switches().bytes_per_second else { return PIECE };
        let free = *self.free.lock().unwrap();
        tokio::time::sleep_until(free).await;
        usize::try_from((rate / SMOOTHNESS).clamp(1, PIECE as u64)).unwrap_or(PIECE)
    }

    /// The line is busy with these bytes, after those of before.
    fn sent(&self, bytes: usize) {
        self.count(|passed| passed.bytes += bytes as u64);
        if let Some(rate) = self.switches().bytes_per_second {
            let mut free = self.free.lock().unwrap();
            *free = (*free).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        }
    }
}

/// A running proxy. Dropping it closes every connection.
pub struct Chaos {
    state: Arc<State>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Chaos {
    /// One that passes everything on until it is told otherwise.
    pub fn start(to: &Connector, seed: u64) -> Self {
        Self::with(to, seed, Switches::default())
    }

    /// One that loses the answer of a COMMIT at this rate: it was made, its answer is swallowed, the connection closes.
    pub fn losing_commits(to: &Connector, seed: u64, rate: f64) -> Self {
        Self::with(to, seed, Switches { lose_commits: rate, ..Switches::default() })
    }

    fn with(to: &Connector, seed: u64, switches: Switches) -> Self {
        let state = Arc::new(State {
            to: to.clone(),
            chance: Mutex::new(Chance::new(seed)),
            passed: Mutex::default(),
            switches: Mutex::new(switches),
            cuts: watch::Sender::new(0),
            free: Mutex::new(Instant::now()),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("chaos").enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = state.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = serving.clone();
                tokio::spawn(async move {
                    let _ended = serve(&state, client).await;
                });
            }
        });
        Self { state, address, runtime: Some(runtime) }
    }

    /// The same login, through the proxy.
    pub fn connector(&self) -> Connector {
        self.connector_for(&self.state.to)
    }

    /// Another login or database of the same server, through the proxy.
    pub fn connector_for(&self, other: &Connector) -> Connector {
        let connector = Connector::new("127.0.0.1", self.address.port(), other.database(), other.user()).unwrap();
        connector.with_password(&password(other))
    }

    /// Cuts every connection there is.
    pub fn cut_all(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Each new connection is cut after a number of bytes from this range; an empty range ends that.
    pub fn cut_after_bytes(&self, range: Range<u64>) {
        self.state.switches.lock().unwrap().cut_after = Some(range);
    }

    /// How fast all connections together may be, both ways.
    pub fn bytes_per_second(&self, rate: Option<u64>) {
        self.state.switches.lock().unwrap().bytes_per_second = rate;
    }

    /// New connections are closed before a byte.
    pub fn refuse(&self, refuse: bool) {
        self.state.switches.lock().unwrap().refuse = refuse;
    }

    pub fn passed(&self) -> Passed {
        *self.state.passed.lock().unwrap()
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(state: &State, mut client: TcpStream) -> io::Result<()> {
    // A close is a reset, as from a network that lost the connection.
    client.set_zero_linger()?;
    if state.switches().refuse {
        state.count(|passed| passed.refused += 1);
        return Ok(());
    }
    let mut cuts = state.cuts.subscribe();
    let mut server = TcpStream::connect((state.to.host(), state.to.port())).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    state.count(|passed| passed.connections += 1);
    let budget = AtomicU64::new(state.budget());
    let reads_answers = state.switches().lose_commits > 0.0;
    if reads_answers {
        open(&mut client, &mut server).await?;
    }
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let back = async {
        if reads_answers { answers(state, from_server, to_client).await } else { pump(state, &budget, from_server, to_client).await }
    };
    let ended = tokio::select! {
        end = pump(state, &budget, from_client, to_server) => end,
        end = back => end,
        _ = cuts.changed() => Ok(End::Cut),
    }?;
    match ended {
        End::Closed => {}
        End::Cut => state.count(|passed| passed.cut += 1),
    }
    Ok(())
}

enum End {
    /// One side left.
    Closed,
    Cut,
}

async fn pump(state: &State, budget: &AtomicU64, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<End> {
    let mut piece = [0; PIECE];
    loop {
        let room = state.room().await;
        let read = from.read(&mut piece[..room]).await?;
        if read == 0 {
            return Ok(End::Closed);
        }
        let left = budget.load(Ordering::Relaxed);
        let passes = read.min(usize::try_from(left).unwrap_or(usize::MAX));
        to.write_all(&piece[..passes]).await?;
        state.sent(passes);
        budget.store(left - passes as u64, Ordering::Relaxed);
        if passes < read || left == passes as u64 {
            return Ok(End::Cut);
        }
    }
}

/// The packets before a connection's first message, without encryption.
async fn open(client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
    loop {
        let (code, body) = wire::read_startup(client).await?;
        if code == 80_877_103 || code == 80_877_104 {
            client.write_all(b"N").await?;
            continue;
        }
        let length = u32::try_from(body.len() + 8).unwrap_or_default();
        server.write_all(&[&length.to_be_bytes()[..], &code.to_be_bytes(), &body].concat()).await?;
        return Ok(());
    }
}

/// Passes on answer by answer, but for the one of a COMMIT whose turn has come.
async fn answers(state: &State, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<End> {
    loop {
        let answer = wire::read(&mut from, usize::MAX).await?;
        if answer.tag == b'C' && answer.text() == "COMMIT" && state.chance.lock().unwrap().fraction() < state.switches().lose_commits {
            state.count(|passed| passed.lost_commits += 1);
            return Ok(End::Cut);
        }
        let mut out = Vec::with_capacity(answer.size());
        answer.write_to(&mut out);
        to.write_all(&out).await?;
        state.sent(out.len());
    }
}
