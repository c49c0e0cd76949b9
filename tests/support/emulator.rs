//! The AWS endpoint emulator as a child process on a free loopback port; ends with the value.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running emulator. Dropping it stops it.
pub struct Emulator {
    child: Child,
    pub port: u16,
}

impl Emulator {
    /// What a client of AWS's own needs to talk to it.
    pub async fn config(&self) -> aws_config::SdkConfig {
        let keys = aws_sdk_ecr::config::Credentials::new("sandbox", "sandbox", None, None, "test");
        aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("us-east-1"))
            .endpoint_url(self.url())
            .credentials_provider(keys)
            .load()
            .await
    }

    /// Starts one with extra environment, such as `MWX_FAIL`.
    pub fn start(extra: &[(&str, &str)]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python: PathBuf = root.join("target/emulator/bin/python");
        assert!(python.exists(), "the emulator is not installed: run `make emulator`");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(python)
            .arg(root.join("tests/support/emulator.py"))
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("MINISTACK_ACCOUNT_ID", "123456789012")
            .env("REDIS_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .envs(extra.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let emulator = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(90);
        while emulator.http("GET", "/_ministack/health").is_none() {
            assert!(Instant::now() < deadline, "the emulator did not start within 90 s");
            std::thread::sleep(Duration::from_millis(50));
        }
        emulator
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the AWS SDK reads.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.url().as_str()),
            ("AWS_ACCESS_KEY_ID", "sandbox"),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .to_vec()
    }

    /// One plain HTTP request; the body of a 200, else nothing.
    pub fn http(&self, method: &str, path: &str) -> Option<String> {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = Vec::new();
        stream.read_to_end(&mut text).ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        text.starts_with("HTTP/1.1 200").then(|| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// Everything in it is forgotten.
    pub fn reset(&self) {
        self.http("POST", "/_ministack/reset").expect("the emulator can be reset");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}
