//! A web site on loopback, by HTTP or, with a certificate of an authority of its own, by HTTPS: its pages are a function of what is asked.
//! Ends with the test binary.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

/// What a visitor asks.
pub struct Asked {
    pub path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// Status, content type, body.
pub type Answer = (u16, &'static str, String);

/// What answers.
pub type Pages = fn(&Asked) -> Answer;

/// Serves over plain HTTP.
pub fn plain(pages: Pages) -> SocketAddr {
    serve(None, pages)
}

/// An authority and a certificate of it for one name, in a folder.
pub struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    pub fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ext"), format!("subjectAltName=DNS:{name}\n")).unwrap();
        for args in [
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca",
            &format!("req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN={name}"),
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt",
        ] {
            let output = Command::new("openssl").args(args.split(' ')).current_dir(folder.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Self { folder }
    }

    /// The authority, for `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Serves over HTTPS.
    pub fn serve(&self, pages: Pages) -> SocketAddr {
        serve(Some(self.config()), pages)
    }

    /// What a server needs to show it.
    pub fn config(&self) -> Arc<rustls::ServerConfig> {
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let read = |name: &str| self.folder.path().join(name);
        let chain = CertificateDer::pem_file_iter(read("server.crt")).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(read("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}

fn serve(tls: Option<Arc<rustls::ServerConfig>>, pages: Pages) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tls) = (stream.unwrap(), tls.clone());
            std::thread::spawn(move || match tls {
                None => answer(&mut stream, pages),
                Some(config) => {
                    let mut session = rustls::ServerConnection::new(config).unwrap();
                    answer(&mut rustls::Stream::new(&mut session, &mut stream), pages);
                }
            });
        }
    });
    at
}

/// One request; a visitor that goes away early is no trouble.
fn answer(stream: &mut (impl Read + Write), pages: Pages) {
    let mut text = Vec::new();
    let mut buffer = [0; 1024];
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => text.extend_from_slice(&buffer[..length]),
            Ok(_) | Err(_) => return,
        }
    }
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.split("\r\n");
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let (status, kind, body) = pages(&Asked { path, headers });
    let length = body.len();
    let _gone =
        write!(stream, "HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let _gone = stream.flush();
}
