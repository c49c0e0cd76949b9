//! Reaching a server: address by address, the question for encryption, and above it the regrouping of what COPY sends.
//! Knows no login and no statement, and never goes on without encryption where it was asked for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_postgres::config::{SslMode as Wire, SslNegotiation};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{CancelToken, Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::postgres::connector::Connector;
use crate::postgres::encryption::SslMode;
use crate::postgres::regroup::Regrouped;

/// Any stream to a server.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// By TCP or a socket in a folder.
pub struct Stream(Box<dyn Duplex>);

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Why a server was not reached, or did not let us in.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("error connecting to server")]
    Io(#[from] io::Error),
    #[error("server does not support TLS")]
    NoTls,
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
}

/// The request for encryption: a length and a number (PostgreSQL manual, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Opens a connection and logs in. What drives it runs until the connection ends.
pub async fn dial(to: &Connector, config: &tokio_postgres::Config, tls: &MakeRustlsConnect) -> Result<(Client, JoinHandle<()>), DialError> {
    let mut config = config.clone();
    let (stream, encrypted) = reach(to).await?;
    // An error of the connection also reaches whoever waits for an answer on it.
    if encrypted {
        config.ssl_mode(Wire::Require).ssl_negotiation(SslNegotiation::Direct);
        let (client, connection) = config.connect_raw(stream, Above(handshake(to, tls))).await?;
        Ok((client, tokio::spawn(async move { drop(connection.await) })))
    } else {
        config.ssl_mode(Wire::Disable);
        let (client, connection) = config.connect_raw(Regrouped::new(stream), NoTls).await?;
        Ok((client, tokio::spawn(async move { drop(connection.await) })))
    }
}

/// Asks the server to give up what a session is at.
pub async fn cancel(to: &Connector, token: &CancelToken, tls: &MakeRustlsConnect) -> Result<(), DialError> {
    let (stream, _) = reach(to).await?;
    Ok(token.cancel_query_raw(stream, handshake(to, tls)).await?)
}

type Handshake = <MakeRustlsConnect as MakeTlsConnect<Stream>>::TlsConnect;

fn handshake(to: &Connector, tls: &MakeRustlsConnect) -> Handshake {
    let Ok(handshake) = MakeTlsConnect::<Stream>::make_tls_connect(&mut tls.clone(), to.host());
    handshake
}

/// A stream to the server, and whether encryption begins on it now.
async fn reach(to: &Connector) -> Result<(Stream, bool), DialError> {
    let mut stream = tokio::time::timeout(to.timeout(), open(to))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "connection timed out"))??;
    if to.ssl == SslMode::Disable {
        return Ok((stream, false));
    }
    stream.write_all(&SSL_REQUEST).await?;
    match (stream.read_u8().await?, to.ssl) {
        (b'S', _) => Ok((stream, true)),
        (_, SslMode::Prefer) => Ok((stream, false)),
        (_, SslMode::Disable | SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => Err(DialError::NoTls),
    }
}

async fn open(to: &Connector) -> io::Result<Stream> {
    if to.host.starts_with('/') {
        let path = std::path::Path::new(&to.host).join(format!(".s.PGSQL.{}", to.port));
        return Ok(Stream(Box::new(UnixStream::connect(path).await?)));
    }
    let stream = match to.address {
        Some(address) => TcpStream::connect((address, to.port)).await?,
        None => TcpStream::connect((to.host.as_str(), to.port)).await?,
    };
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10));
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(Stream(Box::new(stream)))
}

/// Encryption with the regrouping above it, where messages can be told from each other.
struct Above(Handshake);

impl TlsConnect<Stream> for Above {
    type Stream = Regrouped<<Handshake as TlsConnect<Stream>>::Stream>;
    type Error = <Handshake as TlsConnect<Stream>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: Stream) -> Self::Future {
        let handshake = self.0.connect(stream);
        Box::pin(async move { handshake.await.map(Regrouped::new) })
    }
}

impl<S: TlsStream + Unpin> TlsStream for Regrouped<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner().channel_binding()
    }
}
