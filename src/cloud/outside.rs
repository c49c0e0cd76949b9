//! How the new side is asked from outside before its name leads there: another address to connect to, and the word that a closed door lets pass.
//! The certificate is checked for the URL's own name all the same. Judges no answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

use crate::error::{Context as _, Error, Kind, Result};
use crate::text;

/// The header with which a look passes a closed door (`cloud::door`).
pub const PASS: &str = "x-migrate-wizard";
/// What to do when a place is not found.
const BY_ITS_NAME: &str = "the load balancer's own name is among the outputs of the edge stack: migrate-wizard stacks status";
/// So many redirects are followed.
const REDIRECTS: usize = 5;

/// A client for one URL.
///
/// `at` is the host (with a port where it is not the usual one) to connect to in place of the URL's; empty: the URL's. `pass` is the
/// word for a closed door; empty: none.
///
/// # Errors
/// `Unreachable` if `at` does not resolve.
pub async fn client(url: &str, at: &str, pass: &str, patience: Duration) -> Result<reqwest::Client> {
    let mut headers = HeaderMap::new();
    if !pass.is_empty() {
        let value = HeaderValue::from_str(pass)
            .map_err(|error| Error::new(Kind::Input, "the word for the door has letters that a header cannot have").because(&error))?;
        headers.insert(HeaderName::from_static(PASS), value);
    }
    // away from the host nobody is sent who was led there by another way than its name
    let stays = Policy::custom(|attempt| {
        let first = attempt.previous().first().and_then(|url| url.host_str().map(str::to_owned));
        if attempt.previous().len() > REDIRECTS || attempt.url().host_str().map(str::to_owned) != first {
            attempt.stop()
        } else {
            attempt.follow()
        }
    });
    let follow = if at.is_empty() && pass.is_empty() { Policy::limited(REDIRECTS) } else { stays };
    let mut builder = reqwest::Client::builder().timeout(patience).user_agent("migrate-wizard").default_headers(headers).redirect(follow);
    if !at.is_empty() {
        let place = Place::of(url, at);
        // told now, in words; later lookups fail as any look fails
        place.addresses().await.or_fail(Kind::Unreachable, format!("{at} does not resolve"), BY_ITS_NAME)?;
        // a proxy would be told the URL's name, and go where that leads
        builder = builder.no_proxy().dns_resolver(Arc::new(place));
    }
    builder.build().map_err(|error| Error::bug(format!("the HTTP client cannot be made: {error}")))
}

/// Does the address serve a certificate that is valid for the name? Any answer at all was preceded by one.
///
/// # Errors
/// In words for a person: what is wrong with it.
pub async fn certificate(name: &str, at: &str) -> std::result::Result<String, String> {
    let url = format!("https://{name}/");
    let bad = |why: String| format!("{at} has no valid certificate for {name}: {why}");
    let client = client(&url, at, "", Duration::from_secs(10)).await.map_err(|error| bad(error.line()))?;
    match client.get(&url).send().await {
        Ok(_) => Ok(format!("{at} has a valid certificate for {name}")),
        Err(error) => Err(bad(text::redact(&deepest(&error)))),
    }
}

/// The last cause: what really went wrong.
pub fn deepest(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), deepest)
}

/// Where to connect to, whatever name is asked for. It is looked up for each connection: a load balancer's addresses change.
#[derive(Debug, Clone)]
struct Place {
    host: String,
    port: u16,
}

impl Place {
    /// The port of `at` or, without one, that of the URL's scheme. A port in the URL itself counts before both.
    fn of(url: &str, at: &str) -> Self {
        let usual = if url.starts_with("https") { 443 } else { 80 };
        match at.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?))) {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                Self { host: host.trim_matches(['[', ']']).to_owned(), port }
            }
            Some(_) | None => Self { host: at.to_owned(), port: usual },
        }
    }

    async fn addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect())
    }
}

impl Resolve for Place {
    fn resolve(&self, _: Name) -> Resolving {
        let place = self.clone();
        Box::pin(async move {
            let found = place.addresses().await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_own_port_or_that_of_the_scheme() {
        let of = |url, at| {
            let place = Place::of(url, at);
            (place.host, place.port)
        };
        assert_eq!(of("https://shop.example/", "lb.example"), ("lb.example".to_owned(), 443));
        assert_eq!(of("http://shop.example/", "lb.example"), ("lb.example".to_owned(), 80));
        assert_eq!(of("https://shop.example/", "127.0.0.1:8443"), ("127.0.0.1".to_owned(), 8443));
        assert_eq!(of("https://shop.example/", "[::1]:8443"), ("::1".to_owned(), 8443));
        assert_eq!(of("https://shop.example/", "2001:db8::1"), ("2001:db8::1".to_owned(), 443));
    }
}
