//! Lines of the app as they may be shown: shortened, and without anything that may be a secret.
//! Never decides whether a line matters.

use std::sync::LazyLock;

use regex::Regex;

/// What an excerpt may be long (characters).
const LONGEST: usize = 160;

static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        // a quoted value given to a name that sounds secret
        (r#"(?i)([\w-]*(?:secret|passwd|password|token|api_?key|apikey|private_?key|credential)[\w-]*["']?\]?\s*(?::|=|\|\||\?\?|,)\s*)(["'`])[^"'`]+(["'`])"#, "$1$2***$3"),
        // a shell assignment
        (r#"\b([A-Z0-9_]*(?:SECRET|PASSWORD|TOKEN|KEY)[A-Z0-9_]*=)[^\s"'`{(\[;,]+"#, "$1***"),
        // keys that are known by their shape
        (r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{12,}", "***"),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}", "***"),
        (r"\bAIza[A-Za-z0-9_-]{20,}", "***"),
        (r#"(-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----)[^"'`]+"#, "$1***"),
        (r"\b(?:ghp|gho|ghs|github_pat|xox[abp]|SG|re|hf|glpat)[_.-][A-Za-z0-9_.-]{12,}", "***"),
        (r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]+", "***"),
    ]
    .into_iter()
    .filter_map(|(pattern, to)| Regex::new(pattern).ok().map(|r| (r, to)))
    .collect()
});

static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(\s*(?:export\s+)?[A-Za-z_][\w.-]*\s*[=:]).+$").ok());

/// A line of `path` fit to be shown: trimmed, redacted, at most 160 characters.
/// In `.env` files no assigned value is shown at all, in `.replit` none of a name that sounds secret.
pub fn excerpt(path: &str, given: &str) -> String {
    line(path, given.trim())
}

/// The same with the white space that it begins with.
pub fn line(path: &str, line: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut shown = line.trim_end().to_owned();
    if name.starts_with(".env")
        && let Some(assigned) = ASSIGNED.as_ref()
    {
        shown = assigned.replace(&shown, "$1***").into_owned();
    }
    // a table of variables: the name stays, the value of what sounds secret does not
    if name == ".replit"
        && let Some((variable, _)) = shown.split_once('=')
        && is_secret_name(variable.trim().trim_matches(['"', '\'']))
    {
        shown = format!("{variable}= \"***\"");
    }
    let mut shown = text(&shown);
    if shown.chars().count() > LONGEST {
        shown = shown.chars().take(LONGEST - 1).collect::<String>() + "…";
    }
    shown
}

/// Any text with what looks like a secret replaced by `***`.
pub fn text(text: &str) -> String {
    PATTERNS.iter().fold(crate::text::redact(text), |text, (pattern, to)| pattern.replace_all(&text, *to).into_owned())
}

static SECRET_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(SECRET|PASSWORD|PASSWD|TOKEN|API_?KEY|PRIVATE|CREDENTIAL|_KEY$|^KEY$|_PASS$|_HASH$|_SALT$|DATABASE_URL|DATABASE_POOLER_URL|POSTGRES_URL|REDIS_URL|MONGO\w*_UR[IL]|_DSN$)").ok()
});
static PLAIN_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(_TTL$|_EXPIR\w*$|_LENGTH$|_NAME$|_LIMIT$|_DIR$|PUBLISHABLE|PUBLIC|^MAX_)").ok());

/// A variable of this name holds a secret: it belongs in Secrets Manager and its value is never shown.
pub fn is_secret_name(name: &str) -> bool {
    let is = |pattern: &Option<Regex>| pattern.as_ref().is_none_or(|p| p.is_match(name));
    is(&SECRET_NAME) && !is(&PLAIN_NAME)
}

/// The value itself looks like a secret, whatever its name.
pub fn is_secret_value(value: &str) -> bool {
    text(value) != value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        for (path, given, then) in [
            (".env", "STRIPE_KEY=abc123", "STRIPE_KEY=***"),
            (".env", "DATABASE_URL=\"postgres://a:b@helium/heliumdb\"", "DATABASE_URL=***"),
            (".replit", "API_KEY = \"abcdef\"", "API_KEY = \"***\""),
            (".replit", "  STRIPE_KEY='abcdef'", "STRIPE_KEY= \"***\""),
            (".replit", "SMTP_PASS = \"abcdef\"", "SMTP_PASS = \"***\""),
            (".replit", "PORT = \"5000\"", "PORT = \"5000\""),
            ("server/a.ts", "const password = \"hunter2\";", "const password = ***;"),
            ("server/a.ts", "  new OpenAI({ apiKey: 'sk-proj-aaaaaaaaaaaaaaaa' })", "new OpenAI({ apiKey: '***' })"),
            ("server/a.ts", "apiKey: process.env.OPENAI_API_KEY,", "apiKey: process.env.OPENAI_API_KEY,"),
            (
                "main.py",
                "app.secret_key = os.environ.get(\"SESSION_SECRET\", \"dev\")",
                "app.secret_key = os.environ.get(\"SESSION_SECRET\", \"***\")",
            ),
        ] {
            assert_eq!(excerpt(path, given), then);
        }
        assert_eq!(excerpt("a.ts", &"x".repeat(500)).chars().count(), 160);
    }

    #[test]
    fn names_tell_secrets_from_settings() {
        for name in
            ["SESSION_SECRET", "DATABASE_URL", "STRIPE_SECRET_KEY", "OPENAI_API_KEY", "ADMIN_PASSWORD_HASH", "SMTP_PASS", "REDIS_URL"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["PORT", "JWT_ACCESS_TOKEN_TTL", "STRIPE_PUBLISHABLE_KEY", "NEXT_PUBLIC_API_URL", "PRIVATE_OBJECT_DIR", "APP_URL"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
