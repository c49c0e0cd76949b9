//! Whether the old app no longer takes requests, seen from outside by HTTP. Redirects are not followed.
//! Only looks; what cannot be told is never good.

use std::time::Duration;

use super::outside::deepest;
use crate::error::{Error, Result};
use crate::text;

const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks: one 503 may be a hiccup.
const APART: Duration = Duration::from_secs(1);
/// What is read of a page.
const MOST: usize = 256 * 1024;

/// What a look found, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It takes no requests.
    Away(String),
    /// It does.
    There(String),
    /// It cannot be told.
    Unknown(String),
}

async fn once(client: &reqwest::Client, url: &str, word: &str) -> Seen {
    let mut answer = match client.get(url).send().await {
        Ok(answer) => answer,
        Err(error) => return unanswered(&error),
    };
    let status = answer.status();
    if status.is_redirection() {
        return Seen::There(format!("{status}: a redirect is not followed, and is no maintenance"));
    }
    if !word.is_empty() {
        let mut page = Vec::new();
        while page.len() < MOST {
            match answer.chunk().await {
                Ok(Some(chunk)) => page.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Seen::Unknown(format!("its page cannot be read: {}", text::redact(&deepest(&error)))),
            }
        }
        if String::from_utf8_lossy(&page).to_lowercase().contains(&word.to_lowercase()) {
            return Seen::Away(format!("{status}, and its page says {:?}", word));
        }
    }
    match status.as_u16() {
        503 => Seen::Away(status.to_string()),
        502 | 504 => Seen::Away(format!("{status}: nothing answers behind it")),
        404 | 410 => Seen::Unknown(format!(
            "{status}: a deployment that is gone and an app that lacks this path answer alike; agree on a word of the page"
        )),
        _ => Seen::There(status.to_string()),
    }
}

/// Looks twice where it seems to be away. `word`: what the page of the maintenance holds; empty: nothing was agreed.
///
/// # Errors
/// `Bug` if no HTTP client can be made; whatever the address answers, or does not, is a [`Seen`].
pub async fn look(url: &str, word: &str) -> Result<Seen> {
    let client = reqwest::Client::builder()
        .timeout(ANSWER_WITHIN)
        .user_agent("migrate-wizard")
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Error::bug(format!("the HTTP client cannot be made: {error}")))?;
    match once(&client, url, word).await {
        Seen::Away(_) => {
            tokio::time::sleep(APART).await;
            Ok(once(&client, url, word).await)
        }
        seen @ (Seen::There(_) | Seen::Unknown(_)) => Ok(seen),
    }
}

/// Refused: nobody is there. A name that does not resolve, a line that is down or silence may be this side's own.
fn unanswered(error: &reqwest::Error) -> Seen {
    let deepest = deepest(error);
    if refused(error) {
        Seen::Away("it does not take the connection".to_owned())
    } else {
        Seen::Unknown(format!("no answer, and this side may be to blame: {}", text::redact(&deepest)))
    }
}

fn refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut at = Some(error);
    while let Some(one) = at {
        if one.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        at = one.source();
    }
    false
}
