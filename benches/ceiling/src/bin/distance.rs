//! Distance to a server on the same machine: a proxy that hands every byte on after a time, each way, and never holds a sender back meanwhile.
//! It adds a delay alone: neither the rate nor the order of what passes changes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const USAGE: &str =
    "distance PORT MILLISECONDS: prints the port whose connections reach 127.0.0.1:PORT, so many milliseconds away each way";
const PIECE: usize = 64 << 10;
/// Pieces under way in one direction: more than a connection of this kind ever has on a line of some milliseconds.
const UNDER_WAY: usize = 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [port, milliseconds] = args.as_slice() else {
        println!("{USAGE}");
        return;
    };
    let port: u16 = port.parse().expect(USAGE);
    let away = Duration::from_secs_f64(milliseconds.parse::<f64>().expect(USAGE) / 1000.0);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::join!(pass(from_client, to_server, away), pass(from_server, to_client, away));
        });
    }
}

/// One direction, to its end: the other side learns of the end after the same time.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, away: Duration) {
    let (sender, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let reading = async move {
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            match from.read_buf(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if sender.send((Instant::now() + away, piece)).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = under_way.recv().await {
            tokio::time::sleep_until(due.into()).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _closed = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}
