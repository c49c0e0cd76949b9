//! A place in S3: signed URLs for one upload each, and what is there with size and digest.
//! Never writes an object itself, and never keeps or prints a signed URL.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use aws_sdk_sts::config::ProvideCredentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use regex::Regex;

use super::{Aws, Secret};
use crate::error::{Context, Error, Kind, Result};

/// The longest that S3 accepts a signed URL.
pub const LONGEST: Duration = Duration::from_secs(7 * 86_400);
/// For a listing, which is asked for at once.
const LISTING: Duration = Duration::from_secs(300);

/// `s3://bucket/prefix`. The prefix ends with `/` or is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub bucket: String,
    pub prefix: String,
}

impl std::str::FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(Kind::Usage, format!("`{text}` is no place in S3"))
                .cause("expected: s3://bucket or s3://bucket/prefix, the bucket in lower case letters, digits, `.` and `-`")
                .hint("aws s3 ls shows your buckets")
        };
        let (bucket, prefix) = text.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, ""))).ok_or_else(wrong)?;
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(named) {
            return Err(wrong());
        }
        let prefix = prefix.trim_end_matches('/');
        Ok(Self { bucket: bucket.to_owned(), prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") } })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// An object below a place: its name without the prefix, and the ETag without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub name: String,
    pub bytes: u64,
    pub etag: String,
}

impl Place {
    /// A URL for one upload (PUT) of this name, good for so long; its body is not part of the signature.
    ///
    /// # Errors
    /// [`Kind::Denied`] without credentials.
    pub async fn upload_url(&self, aws: &Aws, name: &str, good: Duration) -> Result<Secret> {
        self.signed(aws, "PUT", &format!("{}{name}", self.prefix), "", good).await
    }

    /// Everything below the place.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] if S3 cannot be reached, [`Kind::Denied`] if it refuses.
    pub async fn list(&self, aws: &Aws) -> Result<Vec<Stored>> {
        let what = format!("cannot list {self}");
        let hint = "check the bucket's name and --region; it needs s3:ListBucket on the bucket";
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let more = if after.is_empty() { String::new() } else { format!("&continuation-token={}", escaped(&after, "")) };
            let query = format!("list-type=2&encoding-type=url&prefix={}{more}", escaped(&self.prefix, ""));
            let url = self.signed(aws, "GET", "", &query, LISTING).await?;
            // The error of a client would name the URL.
            let answer = reqwest::get(url.expose()).await.map_err(reqwest::Error::without_url).or_fail(Kind::Unreachable, &what, hint)?;
            let status = answer.status();
            let body = answer.text().await.map_err(reqwest::Error::without_url).or_fail(Kind::Unreachable, &what, hint)?;
            if !status.is_success() {
                let kind = if status.as_u16() == 403 { Kind::Denied } else { Kind::Input };
                let code = between(&body, "Code").next().unwrap_or_default();
                return Err(Error::new(kind, what).cause(format!("S3 answered {status} {code}")).hint(hint));
            }
            for entry in between(&body, "Contents") {
                let field = |tag: &str| between(entry, tag).next().unwrap_or_default();
                let name = unescaped(field("Key"));
                let Some(name) = name.strip_prefix(&self.prefix) else { continue };
                let bytes = field("Size").parse().or_fail(Kind::Failed, "S3 gave a listing without sizes", "try again")?;
                let etag = field("ETag").replace("&quot;", "").replace("&#34;", "").replace('"', "");
                found.push(Stored { name: name.to_owned(), bytes, etag });
            }
            match between(&body, "NextContinuationToken").next() {
                Some(token) => after = token.replace("&amp;", "&"),
                None => return Ok(found),
            }
        }
    }

    async fn signed(&self, aws: &Aws, method: &str, key: &str, query: &str, good: Duration) -> Result<Secret> {
        let no_keys = "sign in first: aws sso login, or set AWS_PROFILE";
        let provider = aws.config().credentials_provider().ok_or_else(|| Error::new(Kind::Denied, "no AWS credentials").hint(no_keys))?;
        let keys = provider.provide_credentials().await.or_fail(Kind::Denied, "no AWS credentials", no_keys)?;
        let path = format!("/{}/{}", self.bucket, escaped(key, "/"));
        let base = match aws.config().endpoint_url() {
            Some(own) => own.trim_end_matches('/').to_owned(),
            None => format!("https://s3.{}.amazonaws.com", aws.region()),
        };
        let url = format!("{base}{path}{}{query}", if query.is_empty() { "" } else { "?" });
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(good.min(LONGEST));
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = keys.into();
        let bug = |e: &(dyn std::error::Error + 'static)| Error::bug("a URL of S3 cannot be signed").because(e);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(aws.region())
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|e| bug(&e))?
            .into();
        let none = std::iter::empty();
        let request = SignableRequest::new(method, &url, none, SignableBody::UnsignedPayload).map_err(|e| bug(&e))?;
        let (instructions, _) = sign(request, &parameters).map_err(|e| bug(&e))?.into_parts();
        let (_, added) = instructions.into_parts();
        let added: Vec<String> = added.iter().map(|(name, value)| format!("{name}={}", escaped(value, ""))).collect();
        Ok(Secret::new(format!("{url}{}{}", if query.is_empty() { "?" } else { "&" }, added.join("&"))))
    }
}

/// Texts between `<tag>` and `</tag>`.
fn between<'a>(text: &'a str, tag: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (inner, after) = after.split_once(&close)?;
        rest = after;
        Some(inner)
    })
}

/// Percent encoding as S3's signatures want it, but of the characters `kept`.
fn escaped(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') || kept.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The name that a listing gives percent encoded.
fn unescaped(text: &str) -> String {
    static BYTE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("%([0-9A-Fa-f]{2})|\\+").ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut from = 0;
    for found in BYTE.iter().flat_map(|pattern| pattern.captures_iter(text)) {
        let Some(whole) = found.get(0) else { continue };
        bytes.extend_from_slice(text.get(from..whole.start()).unwrap_or_default().as_bytes());
        bytes.push(found.get(1).and_then(|hex| u8::from_str_radix(hex.as_str(), 16).ok()).unwrap_or(b' '));
        from = whole.end();
    }
    bytes.extend_from_slice(text.get(from..).unwrap_or_default().as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_and_said() {
        for (text, said) in
            [("s3://my-app", "s3://my-app/"), ("s3://my-app/dump/", "s3://my-app/dump/"), ("s3://my.app/a/b", "s3://my.app/a/b/")]
        {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), said);
        }
        for wrong in ["my-app", "s3://My-App/x", "s3:///x", "s3://a", "https://my-app"] {
            assert!(wrong.parse::<Place>().unwrap_err().causes[0].contains("expected: s3://bucket"), "{wrong}");
        }
    }

    #[test]
    fn names_are_escaped_and_read_back() {
        let name = "a b/ü+(1)'%.txt";
        assert_eq!(escaped(name, "/"), "a%20b/%C3%BC%2B%281%29%27%25.txt");
        assert_eq!(unescaped(&escaped(name, "/")), name);
        assert_eq!(unescaped("a+b"), "a b");
    }
}
