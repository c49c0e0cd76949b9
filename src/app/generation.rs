//! Which generation of Replit templates made the app; the first mark that fits wins.
//! Never a judgement about the app: two generations differ only in what to expect.

use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::replit::ReplitFile;
use super::tree::Tree;

/// The template families of Replit, newest first in the order they are tried (seen in 25 apps, as of 2026-11-20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Generation {
    /// 2026: pnpm workspace with `artifact.toml` services.
    G4,
    /// From late 2025: `server/replit_integrations`, esbuild to CommonJS.
    G3,
    /// 2024–25: "rest-express".
    G2,
    /// Expo mobile app with a server.
    G2x,
    /// Python web app made by the agent.
    G2p,
    /// 2020–23: classic repl.
    G1,
    /// An ordinary app that was imported.
    G0,
}

impl Generation {
    /// What a person should know about it.
    pub fn title(self) -> &'static str {
        match self {
            Self::G4 => "pnpm workspace with artifacts (2026)",
            Self::G3 => "Express + Vite with replit_integrations (since late 2025)",
            Self::G2 => "Express + Vite \"rest-express\" (2024–25)",
            Self::G2x => "Expo app with a server",
            Self::G2p => "Python web app made by the agent",
            Self::G1 => "classic repl (2020–23)",
            Self::G0 => "ordinary app imported into Replit",
        }
    }
}

/// `None` without a `.replit` file.
pub fn detect(tree: &Tree, replit: Option<&ReplitFile>, root: Option<&Manifest>) -> Option<Generation> {
    let replit = replit?;
    let code_has = |mark: &str| tree.code("").any(|(_, text)| text.contains(mark));
    let depends = |package: &str| root.is_some_and(|m| m.depends_on(package));
    let run_has = |word: &str| replit.production.iter().flatten().any(|w| w.contains(word));
    Some(
        if replit.stack.as_deref() == Some("PNPM_WORKSPACE")
            || tree.entries.iter().any(|e| e.path.ends_with(".replit-artifact/artifact.toml"))
        {
            Generation::G4
        } else if tree.has_dir("server/replit_integrations")
            || tree.has("shared/models/auth.ts")
            || tree.has("shared/models/chat.ts")
            || (tree.has("script/build.ts") && tree.has("server/static.ts"))
        {
            Generation::G3
        } else if root.is_some_and(|m| m.name == "rest-express")
            || tree.has("server/replitAuth.ts")
            || tree.text("server/vite.ts").is_some_and(|t| t.contains("serveStatic"))
        {
            Generation::G2
        } else if replit.stack.as_deref() == Some("EXPO") || tree.has_dir("server_dist") || code_has("REPLIT_EXPO_DEV_DOMAIN") {
            Generation::G2x
        } else if tree.has("replit_auth.py") || (tree.has("main.py") && run_has("gunicorn")) {
            Generation::G2p
        } else if !replit.has_deployment
            && (replit.language.is_some()
                || depends("@replit/database")
                || code_has("from replit import db")
                || code_has(".repl.co")
                || tree.has("keep_alive.py")
                || (replit.run.is_some() && root.is_none()))
        {
            Generation::G1
        } else {
            Generation::G0
        },
    )
}
