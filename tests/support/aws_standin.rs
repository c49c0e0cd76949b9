//! Scripted stand-ins for single services of AWS, over loopback HTTP: what the emulator lacks or takes too lightly.
//! Each says only what its script says; nothing here was compared with AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use migrate_wizard::cloud::{Access, Aws, Options, base64, tags};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What a script answers: status and body; a JSON string is sent as it is (XML, text).
pub type Answer = (u16, Value);

/// A server that answers each call by its operation: `RunTask` (JSON 1.1), `DescribeTargetHealth` (query), `GET /health`.
pub struct StandIn {
    pub url: String,
    /// Operation and body of every call, in their order.
    pub calls: Arc<Mutex<Vec<(String, Value)>>>,
}

impl StandIn {
    pub fn start(script: impl FnMut(&str, &Value) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (script, heard) = (Arc::new(Mutex::new(script)), calls.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, heard) = (script.clone(), heard.clone());
                std::thread::spawn(move || {
                    let stream = stream.unwrap();
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while let Some((operation, body)) = request(&mut reader) {
                        heard.lock().unwrap().push((operation.clone(), body.clone()));
                        let (status, answer) = (script.lock().unwrap())(&operation, &body);
                        if respond(&stream, status, &answer).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { url, calls }
    }

    /// How often an operation was called.
    pub fn count(&self, operation: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(name, _)| name == operation).count()
    }

    /// The bodies an operation was called with.
    pub fn bodies(&self, operation: &str) -> Vec<Value> {
        self.calls.lock().unwrap().iter().filter(|(name, _)| name == operation).map(|(_, body)| body.clone()).collect()
    }

    pub async fn aws(&self) -> Aws {
        use aws_sdk_cloudformation::config::{Credentials, SharedCredentialsProvider};
        let keys = SharedCredentialsProvider::new(Credentials::new("sandbox", "sandbox", None, None, "test"));
        let options = Options {
            region: Some("us-east-1".into()),
            poll: std::time::Duration::from_millis(5),
            endpoint: Some(self.url.clone()),
            keys: Some(keys),
            ..Options::new(Access::ReadWrite)
        };
        Aws::connect(options).await.unwrap()
    }

    /// What the binary reads.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_ACCESS_KEY_ID", "sandbox"),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .to_vec()
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let mut first = String::new();
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let (mut target, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => target = value.trim().rsplit('.').next().map(str::to_owned),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let action = text.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
    let words: Vec<&str> = first.split_whitespace().collect();
    let operation = target.or(action).unwrap_or_else(|| format!("{} {}", words[0], words[1]));
    Some((operation, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

fn respond(mut stream: &TcpStream, status: u16, answer: &Value) -> std::io::Result<()> {
    let (kind, body) = match answer {
        Value::String(text) if text.starts_with('<') => ("text/xml", text.clone()),
        Value::String(text) => ("application/json", text.clone()),
        other => ("application/x-amz-json-1.1", other.to_string()),
    };
    write!(stream, "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

pub fn refusal(code: &str, message: &str) -> Answer {
    (400, json!({ "__type": code, "message": message }))
}

pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", tags::hex(&Sha256::digest(bytes)))
}

/// ECR's layer API as its reference describes it: parts in their order and of a size that is allowed, digests checked, no image without its layers.
#[derive(Default)]
pub struct Registry {
    pub layers: BTreeMap<String, Vec<u8>>,
    /// Digest → manifest.
    pub images: BTreeMap<String, String>,
    /// Tag → digest.
    pub tags: BTreeMap<String, String>,
    pub uploads: BTreeMap<String, Vec<u8>>,
    pub part: usize,
    /// Parts taken until one is refused because a key cannot be used; then parts are taken again.
    pub parts_until_failure: Option<usize>,
    /// Forget the uploads under way.
    pub forget: bool,
}

/// The largest part ECR takes.
const LARGEST: usize = 20_971_520;

impl Registry {
    pub fn answer(&mut self, operation: &str, body: &Value) -> Answer {
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        if std::mem::take(&mut self.forget) {
            self.uploads.clear();
        }
        match operation {
            "DescribeRepositories" => (
                200,
                json!({ "repositories": [{ "repositoryName": "shop/web", "repositoryUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web", "repositoryArn": "arn" }] }),
            ),
            "DescribeImages" => match self.tags.get(body["imageIds"][0]["imageTag"].as_str().unwrap_or_default()) {
                Some(digest) => (200, json!({ "imageDetails": [{ "imageDigest": digest }] })),
                None => refusal("ImageNotFoundException", "no such tag"),
            },
            "BatchCheckLayerAvailability" => {
                let layer = |digest: &Value| {
                    let there = self.layers.contains_key(digest.as_str().unwrap());
                    json!({ "layerDigest": digest, "layerAvailability": if there { "AVAILABLE" } else { "UNAVAILABLE" } })
                };
                (200, json!({ "layers": body["layerDigests"].as_array().unwrap().iter().map(layer).collect::<Vec<_>>(), "failures": [] }))
            }
            "InitiateLayerUpload" => {
                let id = format!("upload-{}", self.uploads.len() + self.layers.len());
                self.uploads.insert(id.clone(), Vec::new());
                (200, json!({ "uploadId": id, "partSize": self.part }))
            }
            "UploadLayerPart" => self.take(body),
            "CompleteLayerUpload" => {
                let Some(bytes) = self.uploads.remove(&text("uploadId")) else {
                    return refusal("UploadNotFoundException", "no such upload");
                };
                let digest = body["layerDigests"][0].as_str().unwrap().to_owned();
                if sha256(&bytes) != digest {
                    return refusal("InvalidLayerException", "the digest is another");
                }
                self.layers.insert(digest.clone(), bytes);
                (200, json!({ "layerDigest": digest }))
            }
            "PutImage" => {
                let manifest = text("imageManifest");
                let digest = sha256(manifest.as_bytes());
                if text("imageDigest") != digest {
                    return refusal("ImageDigestDoesNotMatchException", "the digest is another");
                }
                let parsed: Value = serde_json::from_str(&manifest).unwrap();
                let named = parsed["layers"].as_array().unwrap().iter().chain([&parsed["config"]]);
                if named.clone().any(|part| !self.layers.contains_key(part["digest"].as_str().unwrap())) {
                    return refusal("LayersNotFoundException", "a layer is not there");
                }
                self.images.insert(digest.clone(), manifest);
                self.tags.insert(text("imageTag"), digest.clone());
                (200, json!({ "image": { "imageId": { "imageDigest": digest, "imageTag": text("imageTag") } } }))
            }
            other => refusal("UnknownOperationException", other),
        }
    }

    fn take(&mut self, body: &Value) -> Answer {
        if let Some(left) = &mut self.parts_until_failure {
            if *left == 0 {
                self.parts_until_failure = None;
                return refusal("KmsException", "the key cannot be used");
            }
            *left -= 1;
        }
        let Some(upload) = self.uploads.get_mut(body["uploadId"].as_str().unwrap()) else {
            return refusal("UploadNotFoundException", "no such upload");
        };
        let bytes = base64::decode(body["layerPartBlob"].as_str().unwrap()).unwrap();
        let (first, last) = (body["partFirstByte"].as_u64().unwrap() as usize, body["partLastByte"].as_u64().unwrap() as usize);
        if first != upload.len() || last + 1 - first != bytes.len() || bytes.len() > LARGEST {
            let last = upload.len() as i64 - 1;
            return (400, json!({ "__type": "InvalidLayerPartException", "message": "not the next part", "lastValidByteReceived": last }));
        }
        upload.extend(bytes);
        (200, json!({ "lastByteReceived": last }))
    }

    /// Digests of what an image is made of.
    pub fn parts(&self, digest: &str) -> BTreeSet<String> {
        let parsed: Value = serde_json::from_str(&self.images[digest]).unwrap();
        let all = parsed["layers"].as_array().unwrap().iter().chain([&parsed["config"]]);
        all.map(|part| part["digest"].as_str().unwrap().to_owned()).collect()
    }
}
