//! Small HTTP servers on loopback, one for each way an app can answer.
//! Never answers anything but the one text it was given.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::OnceLock;
use std::time::Duration;

/// Answers every request alike, after a while; the URL of its health route. It ends with the test binary.
pub fn answers(status: &'static str, content_type: &'static str, after: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/health", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut request = [0; 2048];
                let _asked = stream.read(&mut request);
                std::thread::sleep(after);
                let _left = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
                );
            });
        }
    });
    url
}

/// An app that is well.
pub fn healthy() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| answers("200 OK", "application/json; charset=utf-8", Duration::ZERO))
}

/// An app that is in maintenance.
pub fn away() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| answers("503 Service Unavailable", "text/html", Duration::ZERO))
}
