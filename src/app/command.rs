//! Command lines of an app: split into words, followed through npm scripts to what really runs.
//! Never runs anything.

/// Words of a command line; one that needs a shell becomes `sh -c …`.
pub fn words(line: &str) -> Vec<String> {
    let line = line.trim();
    if line.contains(['&', '|', ';', '$', '"', '\'', '<', '>', '`', '*', '(']) {
        return vec!["sh".into(), "-c".into(), line.to_owned()];
    }
    line.split_whitespace().map(str::to_owned).collect()
}

/// The line a person would type.
pub fn line(words: &[String]) -> String {
    match words {
        [shell, flag, script] if is_shell(shell) && matches!(flag.as_str(), "-c" | "-lc") => script.clone(),
        _ => words.iter().map(|w| if w.contains(' ') { format!("'{w}'") } else { w.clone() }).collect::<Vec<_>>().join(" "),
    }
}

fn is_shell(word: &str) -> bool {
    matches!(word, "sh" | "bash" | "/bin/sh" | "/bin/bash")
}

/// Work that belongs in the image build or in a one-off task, not in front of every start.
pub fn is_preparation(part: &str) -> bool {
    const HEADS: [&str; 12] = [
        "npm ci",
        "npm install",
        "npm i ",
        "pnpm install",
        "yarn install",
        "bun install",
        "pip install",
        "npm run build",
        "pnpm run build",
        "npm run db:push",
        "npx drizzle-kit push",
        "drizzle-kit push",
    ];
    let to_root = part.strip_prefix("cd ").is_some_and(|to| in_app(to.trim().trim_matches('"')).is_empty());
    HEADS.iter().any(|head| part.starts_with(head)) || matches!(part, "npm i" | "yarn" | "true") || to_root
}

/// Replit's folder of the app, as scripts name it.
pub const WORKSPACE: [&str; 4] = ["/home/runner/workspace", "~/workspace", "$REPL_HOME", "${REPL_HOME}"];

/// A path from the app's root; empty: the root itself.
pub fn in_app(path: &str) -> String {
    let below = WORKSPACE.iter().find_map(|root| path.strip_prefix(root));
    let below = below.unwrap_or(path).trim_end_matches('/');
    let below = if below == "." || below.starts_with("$(dirname") { "" } else { below };
    let inside = WORKSPACE.iter().any(|root| path.starts_with(root));
    if inside { below.trim_start_matches('/').to_owned() } else { below.trim_start_matches("./").to_owned() }
}

/// What a production command comes to: installs and pushes dropped, `npm start` followed into `scripts`,
/// `NAME=value` prefixes taken off (the image sets them), so that the real program receives the stop signal.
pub fn resolve(words_in: &[String], script: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    resolve_to(words_in, script, 4)
}

fn resolve_to(given: &[String], script: &dyn Fn(&str) -> Option<String>, depth: u8) -> Vec<String> {
    let text = line(given);
    let kept: Vec<&str> = text.split("&&").map(str::trim).filter(|part| !part.is_empty() && !is_preparation(part)).collect();
    let [single] = kept.as_slice() else { return if kept.is_empty() { given.to_vec() } else { words(&kept.join(" && ")) } };
    let mut parts = words(single);
    if parts.first().is_some_and(|w| w == "exec" || w == "env" || w == "cross-env") {
        parts.remove(0);
    }
    while parts.first().is_some_and(|w| is_assignment(w)) {
        parts.remove(0);
    }
    let name = match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["npm" | "pnpm" | "yarn" | "bun", "run", name] => Some((*name).to_owned()),
        ["npm" | "pnpm" | "yarn", "start"] => Some("start".to_owned()),
        _ => None,
    };
    match name.and_then(|name| script(&name)) {
        Some(body) if depth > 0 => {
            let inner = resolve_to(&words(&body), script, depth - 1);
            // other programs come from node_modules/.bin, which npm puts in the path
            if inner.first().is_some_and(|w| matches!(w.as_str(), "node" | "sh")) && !inner.iter().any(|w| w == "-c") {
                inner
            } else {
                parts
            }
        }
        Some(_) | None => parts,
    }
}

pub fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
}

/// The port that a command line names: `-p 3001`, `--port=3001`, `PORT=3001`, `0.0.0.0:5000`.
pub fn port(text: &str) -> Option<u16> {
    static PORT: std::sync::LazyLock<Option<regex::Regex>> = std::sync::LazyLock::new(|| {
        regex::Regex::new(r"(?:(?:\s|^)-p[= ]?|--port[= ]|PORT=|(?:0\.0\.0\.0|localhost|127\.0\.0\.1|\[::\]):)(\d{2,5})\b").ok()
    });
    PORT.as_ref()?.captures(text)?.get(1)?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_down_to_the_program() {
        let scripts = |name: &str| match name {
            "start" => Some("NODE_ENV=production node dist/index.cjs".to_owned()),
            "serve" => Some("next start -p 3000".to_owned()),
            _ => None,
        };
        for (given, then) in [
            ("npm run start", "node dist/index.cjs"),
            ("npm start", "node dist/index.cjs"),
            ("npm ci && npm run build && npm run start", "node dist/index.cjs"),
            ("npm run serve", "npm run serve"),
            ("cd /home/runner/workspace && node dist/index.js", "node dist/index.js"),
            ("NODE_ENV=production node ./dist/index.js", "node ./dist/index.js"),
            ("gunicorn --bind 0.0.0.0:5000 main:app", "gunicorn --bind 0.0.0.0:5000 main:app"),
        ] {
            assert_eq!(line(&resolve(&words(given), &scripts)), then, "{given}");
        }
        assert_eq!(words("a && b"), ["sh", "-c", "a && b"]);
        assert_eq!(port("next start -p 3001"), Some(3001));
        assert_eq!(port("gunicorn --bind 0.0.0.0:5000 main:app"), Some(5000));
        assert_eq!(port("node x"), None);
    }
}
