//! Where a file runs, and what is written there by that.

use super::*;

const CODE: &str = "export const url = \"https://shop.replit.app/x\";\n";
const PAGE: &str = "export const url = `${window.location.origin}/x`;\n";
const SERVER: &str = "export const url = `${process.env.APP_URL}/x`;\n";
const HTML: &str = "<div id=\"root\"></div>\n<script type=\"module\" src=\"/src/main.tsx\"></script>\n";
const ARTIFACT: &str = "kind = \"web\"\n\n[services.production]\npublicDir = \"dist/public\"\nserve = \"static\"\n";

/// What one file becomes in an app.
#[track_caller]
fn becomes(path: &str, others: &[(&str, &str)]) -> String {
    let mut files = vec![(path, CODE)];
    files.extend(others);
    let (after, items) = edited("hosts", &files);
    assert_eq!(after[path] == CODE, items.iter().any(|item| item.starts_with(&format!("{path}:1 "))), "{items:?}");
    after[path].clone()
}

#[test]
fn what_runs_in_the_browser_asks_the_page_for_its_address() {
    let main = ("src/main.tsx", "import App from './App';\nimport { url } from \"@/lib/url\";\n");
    // what a page loads, wherever it is
    assert_eq!(becomes("src/lib/url.ts", &[("index.html", HTML), main]), PAGE);
    assert_eq!(becomes("src/lib/other.ts", &[("index.html", HTML), main]), PAGE, "in the page's folder");
    assert_eq!(becomes("web/src/a.ts", &[("web/index.html", HTML), ("web/src/main.tsx", "import './a'\n")]), PAGE);
    assert_eq!(
        becomes(
            "lib/ui/src/a.ts",
            &[
                ("web/index.html", HTML),
                ("web/src/main.tsx", "import { a } from \"@workspace/ui/a\";\n"),
                ("lib/ui/package.json", "{\"name\":\"@workspace/ui\"}"),
            ]
        ),
        PAGE,
        "a package of the workspace"
    );
    // a static artifact, also without a page's script
    assert_eq!(becomes("artifacts/portal/src/a.ts", &[("artifacts/portal/.replit-artifact/artifact.toml", ARTIFACT)]), PAGE);
    assert_eq!(
        becomes("frontend/src/a.ts", &[("frontend/index.html", "<div></div>"), ("frontend/vite.config.ts", "export default {}\n")]),
        PAGE
    );
    assert_eq!(becomes("src/a.js", &[("package.json", "{\"dependencies\":{\"react-scripts\":\"5\"}}")]), PAGE);
}

#[test]
fn what_runs_on_the_server_asks_the_environment() {
    let page = [("client/index.html", HTML), ("client/src/main.tsx", "import { api } from './api';\n")];
    let root = ("vite.config.ts", "export default { root: path.resolve(dir, \"client\") };\n");
    for path in ["server/a.ts", "src/a.ts", "artifacts/api-server/src/a.ts"] {
        let api = ("artifacts/api-server/.replit-artifact/artifact.toml", "kind = \"api\"\n");
        assert_eq!(becomes(path, &[page[0], page[1], root, api]), SERVER, "{path}");
    }
    // a type is not there when it runs
    let types = ("client/src/main.tsx", "import type { A } from \"../../server/a\";\nimport { type B } from './b';\n");
    assert_eq!(becomes("server/a.ts", &[page[0], types]), SERVER);
    // beside a page, but it answers requests
    let text = format!("import express from \"express\";\n{CODE}");
    let (after, _) = edited("hosts", &[("index.html", HTML), ("src/main.tsx", ""), ("src/server.ts", &text)]);
    assert!(after["src/server.ts"].ends_with(SERVER), "{after:?}");
    assert_eq!(one("hosts", "src/a.ts", CODE), SERVER);
}

#[test]
fn what_runs_in_both_is_left_to_a_person() {
    let page = ("client/index.html", HTML);
    let shared = [
        page,
        ("client/src/main.tsx", "import { url } from \"@shared/url\";\n"),
        ("server/index.ts", "import { url } from \"../shared/url\";\n"),
    ];
    assert_eq!(becomes("shared/url.ts", &shared), CODE);
    assert_eq!(
        becomes("src/lib/url.ts", &[("vite.config.ts", "export default { plugins: [sveltekit()] };\n"), ("svelte.config.js", "")]),
        CODE
    );
    let client = format!("\"use client\";\n{CODE}");
    let (after, items) = edited("hosts", &[("app/button.tsx", &client), ("app/page.tsx", "import B from './button';\n")]);
    assert_eq!(after["app/button.tsx"], client);
    assert!(
        items.len() == 1 && items[0].starts_with("app/button.tsx:2 put the app's new address here: this file runs in the browser, too"),
        "{items:?}"
    );
}
