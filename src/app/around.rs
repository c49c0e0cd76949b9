//! The lines around a place in the app, fit to be shown: what looks like a secret is blotted out.
//! Reads one file below the app's folder and nothing outside it, not even through a link.

use std::path::Path;

use super::hide;

/// Lines before and after the one that is meant.
const AROUND: usize = 3;
/// A larger file is no code that somebody reads (bytes).
const LARGEST: u64 = 4 << 20;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: u32,
    pub text: String,
    pub meant: bool,
}

/// Line `number` of `file` with three lines on each side; nothing where the file cannot be read, is not below `dir` or has no such line.
pub fn around(dir: &Path, file: &str, number: u32) -> Vec<Line> {
    let Some(text) = read(dir, file) else { return Vec::new() };
    let meant = usize::try_from(number).unwrap_or(usize::MAX);
    if meant == 0 || meant > text.lines().count() {
        return Vec::new();
    }
    let first = meant.saturating_sub(AROUND).max(1);
    // the whole file is walked: a key that spans lines may have begun before the first one on show
    let mut within = false;
    let mut out = Vec::new();
    for (at, line) in (1..).zip(text.lines()).take_while(|(at, _)| *at <= meant + AROUND) {
        let begins = line.contains("-----BEGIN") && line.contains("PRIVATE KEY");
        let shown = if within || begins { "***".to_owned() } else { hide::line(file, line) };
        within = (within || begins) && !line.contains("-----END");
        if at >= first {
            out.push(Line { number: u32::try_from(at).unwrap_or(u32::MAX), text: shown, meant: at == meant });
        }
    }
    out
}

fn read(dir: &Path, file: &str) -> Option<String> {
    let root = dir.canonicalize().ok()?;
    let path = root.join(file).canonicalize().ok()?;
    let metadata = path.metadata().ok()?;
    if !path.starts_with(&root) || !metadata.is_file() || metadata.len() > LARGEST {
        return None;
    }
    std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::*;

    fn shown(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|l| format!("{}{} {}", if l.meant { ">" } else { " " }, l.number, l.text)).collect()
    }

    #[test]
    fn the_line_is_shown_with_its_neighbours_and_without_secrets() {
        let app = App::new(&[
            ("server/a.ts", "one\n  two\nconst apiKey = \"sk-proj-aaaaaaaaaaaaaaaa\";\nfour\nfive\nsix\nseven\n"),
            (".env", "A=1\nB=two\n"),
            ("key.ts", "const key = `-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBg\n-----END PRIVATE KEY-----`;\nuse(key);\n"),
        ]);
        assert_eq!(
            shown(&around(app.path(), "server/a.ts", 3)),
            [" 1 one", " 2   two", ">3 const apiKey = \"***\";", " 4 four", " 5 five", " 6 six"]
        );
        assert_eq!(shown(&around(app.path(), "server/a.ts", 7)), [" 4 four", " 5 five", " 6 six", ">7 seven"]);
        assert_eq!(shown(&around(app.path(), ".env", 2)), [" 1 A=***", ">2 B=***"]);
        assert_eq!(shown(&around(app.path(), "key.ts", 4)), [" 1 ***", " 2 ***", " 3 ***", ">4 use(key);"]);
        for (file, line) in [("server/a.ts", 8), ("server/a.ts", 0), ("none.ts", 1), ("server", 1)] {
            assert_eq!(around(app.path(), file, line), [], "{file}:{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nothing_outside_the_app_is_read() {
        let outside = App::new(&[("secret.ts", "hunter2\n")]);
        let app = App::new(&[("a.ts", "x\n")]);
        std::os::unix::fs::symlink(outside.path().join("secret.ts"), app.path().join("link.ts")).unwrap();
        let beside = format!("../{}/secret.ts", outside.path().file_name().unwrap().to_str().unwrap());
        for file in ["link.ts", beside.as_str(), outside.path().join("secret.ts").to_str().unwrap()] {
            assert_eq!(around(app.path(), file, 1), [], "{file}");
        }
    }
}
