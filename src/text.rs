//! Words and figures as a person reads them: sizes, times, redaction, tables.
//! Never decides anything and never prints.

mod secret;

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use sha2::{Digest, Sha256};

pub use secret::Secret;

/// `user:password@` in a URL, `password=…` in a DSN, AWS secret keys and session tokens.
static SECRETS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*):([^\s@]*)@", "$1:***@"),
        (r#"(?i)\b(password|passwd|pwd|secret_access_key|aws_secret_access_key|aws_session_token)(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&]+)"#, "$1$2***"),
        (r"(?i)(X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential)=[^&\s]+", "$1=***"),
        (r"\b(sk|rk|whsec)_(live|test)?_?[A-Za-z0-9]{8,}", "${1}_***"),
    ]
    .into_iter()
    .filter_map(|(pattern, to)| Regex::new(pattern).ok().map(|r| (r, to)))
    .collect()
});

/// The same text with everything that looks like a credential replaced by `***`.
pub fn redact(text: &str) -> String {
    SECRETS.iter().fold(text.to_owned(), |text, (pattern, to)| pattern.replace_all(&text, *to).into_owned())
}

/// `1_536` → `1.5 KiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `1234567` → `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `130 s` → `2m10s`; below a minute one decimal, below a second milliseconds.
pub fn duration(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0 => format!("{}ms", d.as_millis()),
        1..60 => format!("{:.1}s", d.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        86_400.. => format!("{}d{:02}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// `2m10s`, `90s`, `1h30m`, `500ms`, `1d` → a duration; `None` if it is none of these.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let n: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match rest.get(..letters)? {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            "d" => Duration::from_secs(86_400),
            "w" => Duration::from_secs(7 * 86_400),
            _ => return None,
        };
        total = total.checked_add(unit.checked_mul(u32::try_from(n).ok()?)?)?;
        rest = rest.get(letters..)?;
    }
    Some(total)
}

/// The time of a runbook in seconds from T: `T`, `T-1w`, `T+1h30m`.
pub fn runbook_time(text: &str) -> Option<i64> {
    let rest = text.trim().strip_prefix('T')?;
    if rest.is_empty() {
        return Some(0);
    }
    let (sign, length) = rest.strip_prefix('-').map(|length| (-1, length)).or_else(|| rest.strip_prefix('+').map(|length| (1, length)))?;
    Some(sign * i64::try_from(parse_duration(length)?.as_secs()).ok()?)
}

/// `1 row`, `2 rows`.
pub fn plural(n: u64, one: &str) -> String {
    format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Letters to add, drop or change to get from one to the other.
pub fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((b, above), (left_above, j)) in to.iter().zip(row.iter().skip(1)).zip(row.iter().zip(0..)) {
            let left = next.get(j).copied().unwrap_or(usize::MAX);
            next.push((left_above + usize::from(a != *b)).min(above + 1).min(left.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// `: did you mean `check`?` for the nearest of the known words, or nothing when none is near.
pub fn meant(word: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|known| (distance(word, known), known)).min();
    match nearest {
        Some((changes, known)) if changes <= 2 => format!(": did you mean `{known}`?"),
        Some(_) | None => String::new(),
    }
}

/// The first `bytes` bytes of a text's SHA-256, as hex digits.
pub fn digest(text: &str, bytes: usize) -> String {
    Sha256::digest(text.as_bytes()).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced() {
        for (given, then) in [
            ("postgres://bob:hunter2@db:5432/x", "postgres://bob:***@db:5432/x"),
            ("host=db password=hunter2 user=bob", "host=db password=*** user=bob"),
            ("key sk_live_abcdefgh12345678 x", "key sk_*** x"),
            ("no secret here: a@b.c", "no secret here: a@b.c"),
        ] {
            assert_eq!(redact(given), then);
        }
    }

    #[test]
    fn figures_read_well() {
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(duration(Duration::from_secs(130)), "2m10s");
        assert_eq!(parse_duration("2m10s"), Some(Duration::from_secs(130)));
        assert_eq!(parse_duration("soon"), None);
        assert_eq!(plural(1, "row"), "1 row");
    }

    #[test]
    fn letters_are_counted() {
        for (from, to, changes) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("us-east-1", "us-east-1", 0),
            ("us-eats-1", "us-east-1", 2),
            ("eu-central1", "eu-central-1", 1),
        ] {
            assert_eq!(distance(from, to), changes, "{from} {to}");
        }
    }
}
