//! How a client gets in: no encryption, the rate of new connections, the start-up packet, the token; then its session until its time is up.
//! Sees no statement.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::backend::Backend;
use super::refusal::Refusal;
use super::session::Session;
use super::shared::Shared;
use super::wire::{self, take_text};

const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];
const CANCEL: u32 = 80_877_102;

/// One client from its first byte to its last.
pub async fn serve(shared: Arc<Shared>, mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (code, body) = loop {
        let (code, body) = wire::read_startup(&mut client).await?;
        if !ENCRYPTION.contains(&code) {
            break (code, body);
        }
        client.write_all(b"N").await?;
    };
    if code == CANCEL {
        return cancel(&shared, &body).await;
    }
    let _open = shared.opened();
    let entered = match shared.admit() {
        Ok(()) => enter(&shared, &mut client, &body).await?,
        Err(refusal) => Err(refusal),
    };
    let backend = match entered {
        Ok(backend) => backend,
        Err(refusal) => {
            shared.count(|seen| seen.refused_connections += 1);
            let mut out = Vec::new();
            refusal.fatal().write_to(&mut out);
            return client.write_all(&out).await;
        }
    };
    shared.count(|seen| seen.connections += 1);
    let life = shared.rules().close_after;
    // Counted before the session is dropped and its client learns of it.
    let mut session = pin!(Session::new(shared.clone(), client, backend).run());
    match life {
        None => session.await,
        Some(life) => tokio::select! {
            ended = &mut session => ended,
            () = tokio::time::sleep(life) => {
                shared.count(|seen| seen.closed_connections += 1);
                Ok(())
            }
        },
    }
}

/// Hands the request on: the key that the client has is the one of the server behind.
async fn cancel(shared: &Shared, key: &[u8]) -> io::Result<()> {
    let mut server = TcpStream::connect((shared.backing.host(), shared.backing.port())).await?;
    let mut packet = 16_u32.to_be_bytes().to_vec();
    packet.extend(CANCEL.to_be_bytes());
    packet.extend_from_slice(key);
    server.write_all(&packet).await
}

async fn enter(shared: &Shared, client: &mut TcpStream, startup: &[u8]) -> io::Result<Result<Backend, Refusal>> {
    let mut rest = startup;
    let mut parameters = BTreeMap::new();
    while rest.first().is_some_and(|byte| *byte != 0) {
        let name = take_text(&mut rest);
        parameters.insert(name, take_text(&mut rest));
    }
    let mut out = Vec::new();
    wire::authentication(3).write_to(&mut out);
    client.write_all(&out).await?;
    let token = wire::read(client, 1 << 16).await?.text();
    let user = parameters.remove("user").unwrap_or_default();
    if let Err(refusal) = shared.check_token(&user, &token) {
        return Ok(Err(refusal));
    }
    let database = parameters.remove("database").unwrap_or_else(|| user.clone());
    if database != shared.backing.database() {
        return Ok(Err(Refusal::new("3D000", format!("database \"{database}\" does not exist"))));
    }
    // A host on loopback does not look like DSQL's, so a reader asks for its read-only session here. Nothing else is taken.
    let options = parameters.remove("options").unwrap_or_default();
    let read_only = options.trim().starts_with("-c default_transaction_read_only=on");
    if !read_only && !options.trim().is_empty() {
        return Ok(Err(Refusal::unsupported("command line options are not supported")));
    }
    let own = format!(
        "-c TimeZone=UTC -c default_transaction_isolation=repeatable\\ read -c default_transaction_read_only={}",
        if read_only { "on" } else { "off" }
    );
    let mut all = vec![("options", own.as_str())];
    all.extend(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let backend = Backend::open(&shared.backing, &all).await?;
    let mut out = Vec::new();
    wire::authentication(0).write_to(&mut out);
    backend.greeting.iter().for_each(|frame| frame.write_to(&mut out));
    wire::ready(b'I').write_to(&mut out);
    client.write_all(&out).await?;
    Ok(Ok(backend))
}
