//! Pages of an app as a visitor gets them: status, content type, title, and whether what must be in them is there.
//! Keeps no page's text beyond its title, and never shows a cookie.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::outside::deepest;
use crate::error::{Error, Kind, Result};
use crate::text::{self, Secret};

/// So much of a page is looked at.
const LARGEST: usize = 2 * 1024 * 1024;
/// A longer title is cut.
const TITLE: usize = 200;

/// A page, and what must be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Begins with a slash.
    pub path: String,
    /// Empty: the title alone is compared, where the old side's is known.
    pub word: String,
}

/// What a visitor got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub status: u16,
    /// `text/html`, without what follows it.
    pub kind: String,
    /// Empty where there is none.
    pub title: String,
}

/// `/ = Welcome, /login = Sign in, /about`: commas or lines.
///
/// # Errors
/// `Input` names what is no path.
pub fn parse(list: &str) -> Result<Vec<Wanted>> {
    let mut all = Vec::new();
    for item in list.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()) {
        let (path, word) = item.split_once('=').map_or((item, ""), |(path, word)| (path.trim(), word.trim()));
        if !path.starts_with('/') {
            return Err(Error::new(Kind::Input, format!("`{item}` is no page"))
                .hint("write paths, each with a word that must be in it: / = Welcome, /login = Sign in"));
        }
        all.push(Wanted { path: path.to_owned(), word: word.to_owned() });
    }
    Ok(all)
}

/// Gets a page and says whether the word is in it. The cookie goes to this host alone.
///
/// # Errors
/// In words: why nothing came.
pub async fn get(
    client: &reqwest::Client,
    base: &str,
    wanted: &Wanted,
    cookie: Option<&Secret>,
) -> std::result::Result<(Page, bool), String> {
    let url = format!("{}{}", base.trim_end_matches('/'), wanted.path);
    let mut request = client.get(&url);
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie.expose());
    }
    let mut answer = request.send().await.map_err(|error| text::redact(&deepest(&error)))?;
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_lowercase();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| text::redact(&deepest(&error)))? {
        body.extend_from_slice(&chunk);
        if body.len() >= LARGEST {
            break;
        }
    }
    let body = String::from_utf8_lossy(&body);
    let has = body.contains(&wanted.word);
    Ok((Page { status, kind, title: title(&body) }, has))
}

fn title(body: &str) -> String {
    let Ok(pattern) = Regex::new("(?is)<title[^>]*>(.*?)</title>") else { return String::new() };
    let found = pattern.captures(body).and_then(|found| found.get(1)).map(|title| title.as_str()).unwrap_or_default();
    let words: Vec<&str> = found.split_whitespace().collect();
    text::redact(&words.join(" ").chars().take(TITLE).collect::<String>())
}

/// What speaks against a page; empty: it is as it should be. `old` is the same page of the old side: where that was not well itself, nothing is compared.
pub fn against(wanted: &Wanted, page: &Page, has_word: bool, old: Option<&Page>) -> Vec<String> {
    let mut all = Vec::new();
    let old = old.filter(|old| old.status < 500);
    match old {
        Some(old) if old.status != page.status => all.push(format!("status {}, on the old side {}", page.status, old.status)),
        None if page.status >= 400 => all.push(format!("status {}", page.status)),
        Some(_) | None => {}
    }
    if !wanted.word.is_empty() && !has_word {
        all.push(format!("\"{}\" is not in it", wanted.word));
    }
    if let Some(old) = old.filter(|old| old.status == page.status) {
        if old.kind != page.kind {
            all.push(format!("it is {}, on the old side {}", kind_of(page), kind_of(old)));
        }
        if old.title != page.title {
            all.push(format!("its title is \"{}\", on the old side \"{}\"", page.title, old.title));
        }
    }
    all
}

fn kind_of(page: &Page) -> &str {
    if page.kind.is_empty() { "of no content type" } else { &page.kind }
}

/// Pages by path, as one line that a journal keeps.
pub fn kept(pages: &BTreeMap<String, Page>) -> String {
    serde_json::to_string(pages).unwrap_or_default()
}

/// The same, read back; what cannot be read is nothing.
pub fn read(kept: &str) -> BTreeMap<String, Page> {
    serde_json::from_str(kept).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status: u16, kind: &str, title: &str) -> Page {
        Page { status, kind: kind.into(), title: title.into() }
    }

    #[test]
    fn pages_are_listed_with_what_must_be_in_them() {
        let all = parse("/ = Welcome, /login=Sign in\n/about").unwrap();
        let told: Vec<(&str, &str)> = all.iter().map(|w| (w.path.as_str(), w.word.as_str())).collect();
        assert_eq!(told, [("/", "Welcome"), ("/login", "Sign in"), ("/about", "")]);
        assert!(parse("login = Sign in").unwrap_err().what.contains("`login = Sign in` is no page"));
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn a_title_is_one_line_of_words() {
        assert_eq!(title("<html><TITLE data-x>\n My\n  shop </TITLE>"), "My shop");
        assert_eq!(title("{}"), "");
    }

    #[test]
    fn a_page_is_held_against_the_old_side() {
        let wanted = Wanted { path: "/".into(), word: "Cart".into() };
        let old = page(200, "text/html", "Shop");
        let against = |page: &Page, has, old: Option<&Page>| against(&wanted, page, has, old);
        assert_eq!(against(&page(200, "text/html", "Shop"), true, Some(&old)), Vec::<String>::new());
        assert_eq!(against(&page(404, "text/html", "Shop"), true, None), ["status 404"]);
        assert_eq!(against(&page(302, "", ""), true, Some(&old)), ["status 302, on the old side 200"]);
        assert_eq!(
            against(&page(200, "application/json", "Vite App"), false, Some(&old)),
            [
                "\"Cart\" is not in it",
                "it is application/json, on the old side text/html",
                "its title is \"Vite App\", on the old side \"Shop\""
            ]
        );
        assert_eq!(against(&page(200, "text/html", "Shop"), true, Some(&page(503, "", ""))), Vec::<String>::new());
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let all = BTreeMap::from([("/".to_owned(), page(200, "text/html", "Shop"))]);
        assert_eq!(read(&kept(&all)), all);
        assert!(read("").is_empty());
    }
}
