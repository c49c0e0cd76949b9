//! Vite: Replit's plugins, its banner, hosts of its previews, and what of Vite a server needs.

use super::*;

#[test]
fn replits_plugins_leave_vite_and_the_packages() {
    let config = "import { defineConfig } from \"vite\";\nimport react from \"@vitejs/plugin-react\";\nimport overlay from \"@replit/vite-plugin-runtime-error-modal\";\n\nexport default defineConfig({\n  plugins: [\n    react(),\n    overlay(),\n    ...(process.env.REPL_ID !== undefined\n      ? [await import(\"@replit/vite-plugin-cartographer\").then((m) => m.cartographer())]\n      : []),\n  ],\n});\n";
    let package = "{\n  \"devDependencies\": {\n    \"@replit/vite-plugin-cartographer\": \"^0.4.4\",\n    \"@replit/vite-plugin-runtime-error-modal\": \"^0.0.3\",\n    \"vite\": \"^7.3.0\"\n  }\n}\n";
    let (after, items) = edited("vite-plugins", &[("vite.config.ts", config), ("package.json", package)]);
    assert_eq!(
        after["vite.config.ts"],
        "import { defineConfig } from \"vite\";\nimport react from \"@vitejs/plugin-react\";\n\nexport default defineConfig({\n  plugins: [\n    react(),\n  ],\n});\n"
    );
    assert_eq!(after["package.json"], "{\n  \"devDependencies\": {\n    \"vite\": \"^7.3.0\"\n  }\n}\n");
    assert_eq!(items, [] as [String; 0]);
}

#[test]
fn another_plugin_beside_replits_stays() {
    let config = "import { a } from \"./a\";\nexport default {\n  plugins: [a(), ...(dev ? [(await import(\"@replit/vite-plugin-cartographer\")).cartographer(), a()] : [])],\n};\n";
    assert_eq!(
        one("vite-plugins", "vite.config.js", config),
        "import { a } from \"./a\";\nexport default {\n  plugins: [a(), ...(dev ? [a()] : [])],\n};\n"
    );
}

#[test]
fn the_banner_goes_with_its_comment() {
    let page = "<body>\n    <div id=\"root\"></div>\n    <!-- A Replit banner. -->\n    <script src=\"https://replit.com/public/js/replit-dev-banner.js\"></script>\n  </body>\n";
    assert_eq!(one("dev-banner", "client/index.html", page), "<body>\n    <div id=\"root\"></div>\n  </body>\n");
    let page = "<body>\n<!-- replit-dev-banner.js shows in a pop-up -->\n<script src=\"https://replit.com/public/js/replit-dev-banner.js\"></script>\n</body>\n";
    assert_eq!(one("dev-banner", "index.html", page), "<body>\n</body>\n", "a comment that speaks of it is not it");
    let page = "<p>x</p>\r\n<script src=\"https://replit.com/public/js/replit-dev-banner.js\"></script>\r\n<p>y</p>\r\n";
    assert_eq!(one("dev-banner", "index.html", page), "<p>x</p>\r\n<p>y</p>\r\n");
}

#[test]
fn preview_hosts_are_let_in_no_longer() {
    for (given, then) in [
        ("const origins = [\"http://localhost:5000\", \"https://x.replit.dev\"];", "const origins = [\"http://localhost:5000\"];"),
        ("ok = origin === own || origin.endsWith(\".replit.dev\") || origin.endsWith(\".repl.co\");", "ok = origin === own;"),
        ("ok = /\\.replit\\.dev$/.test(origin) || origin === own;", "ok = origin === own;"),
        ("hosts = [/\\.replit\\.app$/, own];", "hosts = [own];"),
    ] {
        assert_eq!(one("preview-hosts", "server/cors.ts", given), then);
    }
    let (_, items) = edited("preview-hosts", &[("server/cors.ts", "if (origin.endsWith(\".replit.dev\")) allow();\n")]);
    assert_eq!(items, ["server/cors.ts:1 let in the new host instead"]);
    // the other half: the new host is to be let in, where it is not yet
    let cors = "import cors from \"cors\";\n\nconst origins = [\n  \"http://localhost:5000\",\n  \"https://x.replit.dev\",\n];\nconst own = [process.env.APP_URL!, \"https://y.replit.dev\"];\nok = origin === own || origin.endsWith(\".repl.co\");\n";
    let (after, items) = edited(
        "preview-hosts",
        &[("server/cors.ts", cors), ("vite.config.ts", "export default { server: { allowedHosts: [\".replit.dev\"] } };\n")],
    );
    let what = "let in the app's new host here, from the environment (APP_URL), unless it is let in already";
    assert_eq!(items, ["server/cors.ts:3", "server/cors.ts:7", "vite.config.ts:1"].map(|place| format!("{place} {what}")), "{after:?}");
}

#[test]
fn the_production_bundle_no_longer_needs_vite() {
    let vite = "import express, { type Express } from \"express\";\nimport fs from \"fs\";\nimport path from \"path\";\nimport { createServer as createViteServer } from \"vite\";\n\nexport function log(message: string) {\n  console.log(message);\n}\n\nexport async function setupVite(app: Express) {\n  const vite = await createViteServer({});\n  log(\"vite\");\n  app.use(vite.middlewares);\n  await fs.promises.readFile(path.resolve(\"index.html\"));\n}\n\nexport function serveStatic(app: Express) {\n  const distPath = path.resolve(import.meta.dirname, \"public\");\n  app.use(express.static(distPath));\n}\n";
    let index = "import express from \"express\";\nimport { setupVite, serveStatic, log } from \"./vite\";\n\n(async () => {\n  if (app.get(\"env\") === \"development\") {\n    await setupVite(app);\n  } else {\n    serveStatic(app);\n  }\n  log(\"up\");\n})();\n";
    let (after, items) = edited("vite-server", &[("server/vite.ts", vite), ("server/index.ts", index)]);
    assert_eq!(
        after["server/static.ts"],
        "import express, { type Express } from \"express\";\nimport path from \"path\";\n\nexport function log(message: string) {\n  console.log(message);\n}\n\nexport function serveStatic(app: Express) {\n  const distPath = path.resolve(import.meta.dirname, \"public\");\n  app.use(express.static(distPath));\n}\n"
    );
    assert_eq!(
        after["server/index.ts"],
        "import express from \"express\";\nimport { serveStatic, log } from \"./static\";\n\n(async () => {\n  if (app.get(\"env\") === \"development\") {\n    // An address that the bundler does not follow: vite's server is for development only.\n    const { setupVite } = await import(new URL(\"./vite.ts\", import.meta.url).href);\n    await setupVite(app);\n  } else {\n    serveStatic(app);\n  }\n  log(\"up\");\n})();\n"
    );
    let left = &after["server/vite.ts"];
    assert!(
        left.contains("import { log } from \"./static\";") && !left.contains("serveStatic") && !left.contains("function log"),
        "{left}"
    );
    assert_eq!(items, [] as [String; 0]);
}
