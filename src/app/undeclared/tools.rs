//! Programs that an app's own scripts run and whose package no file of it declares: the image could not be built, or would not start.
//! Never what a script only names in passing, and never what `npx` fetches by itself.

use super::super::command::{is_assignment, words};
use super::super::manifest::Manifest;

/// What an image runs, with what npm runs before and after by itself.
const SCRIPTS: [&str; 8] = ["prebuild", "build", "postbuild", "prestart", "start", "preinstall", "postinstall", "prepare"];

/// The programs of one `package.json`: the line of its script, and each program that is run.
pub fn run<'a>(manifest: &'a Manifest, text: &'a str) -> impl Iterator<Item = (u32, String)> + 'a {
    SCRIPTS.iter().filter_map(|name| Some((*name, manifest.scripts.get(*name)?))).flat_map(move |(name, script)| {
        let key = format!("\"{name}\"");
        let named = |line: &str| line.split_once(&key).is_some_and(|(_, rest)| rest.trim_start().starts_with(':'));
        // a dependency of the same name is not in question: it stands behind the scripts or has another value
        let is_it = |line: &str| named(line) && line.contains(script.split('"').next().unwrap_or(script));
        let line = text.lines().position(is_it).or_else(|| text.lines().position(named)).unwrap_or(0);
        let line = u32::try_from(line + 1).unwrap_or(u32::MAX);
        programs(script).into_iter().map(move |program| (line, program))
    })
}

/// The first word of each command, behind variables and what only sets them.
fn programs(script: &str) -> Vec<String> {
    let parts = script.split(['&', ';', '|', '(', ')']);
    let first = |part: &str| -> Vec<String> {
        let mut out = Vec::new();
        let mut words = words(part).into_iter().filter(|word| !is_assignment(word)).peekable();
        while let Some(word) = words.next() {
            let sets = matches!(word.as_str(), "cross-env" | "cross-env-shell" | "dotenv" | "env" | "time" | "exec");
            out.push(word);
            if !sets {
                break;
            }
            while words.next_if(|word| word == "--" || word.starts_with('-')).is_some() {}
        }
        out
    };
    parts.flat_map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_what_stands_first() {
        assert_eq!(
            programs("NODE_ENV=production cross-env A=b vite build && esbuild server/index.ts --outdir=dist; (tsc -p .) | tee log || true"),
            ["cross-env", "vite", "esbuild", "tsc", "tee", "true"]
        );
        assert_eq!(programs("npx tsc && npm run build:server"), ["npx", "npm"]);
    }
}
