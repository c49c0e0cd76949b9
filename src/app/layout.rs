//! What the image and its files need to know of the app's tree beyond the scan: manifests, ignore lines, how a framework is built.
//! Never decides what goes into a file, and keeps no text of the app but ignore patterns and names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::tree::Tree;
use super::variable::Place;

/// Where things lie in the app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Folders with a package.json of their own; not the root.
    pub packages: Vec<String>,
    /// The root's install scripts may read the app's source.
    pub install_scripts: bool,
    /// Folders (empty: the root) whose Next.js build makes a program of its own.
    pub next_standalone: Vec<String>,
    /// Folders (empty: the root) that hold a folder `public`.
    pub public: Vec<String>,
    /// Files and folders that `requirements.txt` takes in.
    pub requirements: Vec<String>,
    /// Python packages by name, in lower case.
    pub python: Vec<String>,
    /// Django's WSGI module ("shop.wsgi").
    pub wsgi: Option<String>,
    /// Django collects its static files into a folder.
    pub static_root: bool,
    /// Patterns of `.replitignore` and of `ignorePaths` in `.replit`, as they stand there.
    pub ignored: Vec<String>,
    /// Files and folders that `app export` and `export` wrote into the app's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exported: Vec<String>,
    /// Folders (empty: the root) that hold a page for `/`: an `index.html`, or a page of Next.js.
    #[serde(default)]
    pub pages: Vec<String>,
    /// Titles of pages (`index.html`) by their path, where a title stands there as a browser is given it.
    #[serde(default)]
    pub titles: BTreeMap<String, String>,
    /// Where the code asks its PostgreSQL for TLS, if it does.
    #[serde(default)]
    pub database_tls: Option<Place>,
    /// Variables that Prisma's `directUrl` takes: another way to the app's own database, whatever their names.
    #[serde(default)]
    pub direct_urls: Vec<String>,
    /// Lines of `.replit` by section and name of a variable: `env`, `shared`, `development`, `production`.
    pub replit_lines: BTreeMap<String, u32>,
}

static STANDALONE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"\boutput\s*:\s*["'`]standalone["'`]"#).ok());
static STATIC_ROOT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?m)^STATIC_ROOT\s*=").ok());
/// `ssl: true`, `ssl: { … }`, `ssl: "require"`, `ssl: production ? { … } : false`, `sslmode=require` in a URL that the code makes.
static TLS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\bssl["']?\s*[:=]\s*(?:true\b|True\b|\{|["'](?:require|prefer|verify|no-verify)|[^,\n]*\?)|sslmode["']?\s*[=:]\s*["']?(?:require|verify-)"#).ok()
});
static DIRECT_URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^\s*directUrl\s*[:=]\s*(?:env\(\s*["']|process\.env\.)([A-Z][A-Z0-9_]*)"#).ok());
/// What a file holds that connects to PostgreSQL.
const CONNECTS: [&str; 9] =
    ["Pool(", "Client(", "postgres(", "drizzle(", "new Sequelize", "DataSource(", "TypeOrm", "create_engine(", "psycopg"];
static TITLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?is)<title[^>]*>\s*([^<]*?)\s*</title>").ok());
/// A longer title is no word to look for (characters).
const LONGEST_TITLE: usize = 80;
static PYTHON_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(?m)^\s*["']?([A-Za-z][A-Za-z0-9._-]*)"#).ok());
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"^\s*["']?([A-Za-z_][A-Za-z0-9_]*)["']?\s*="#).ok());

/// A key of [`Layout::replit_lines`].
pub fn line_key(section: &str, name: &str) -> String {
    format!("{section} {name}")
}

/// Reads the layout.
pub fn read(tree: &Tree, manifests: &[(String, Manifest)]) -> Layout {
    let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let root = manifests.iter().find(|(dir, _)| dir.is_empty()).map(|(_, m)| m);
    let is_next = |name: &str| name.starts_with("next.config.");
    let mut public: Vec<String> = tree
        .entries
        .iter()
        .filter_map(|e| {
            let at = if e.path.starts_with("public/") { Some(0) } else { e.path.find("/public/") }?;
            e.path.get(..at).map(str::to_owned)
        })
        .collect();
    public.sort();
    public.dedup();
    Layout {
        packages: manifests.iter().map(|(dir, _)| dir.clone()).filter(|dir| !dir.is_empty()).collect(),
        install_scripts: root
            .is_some_and(|m| ["preinstall", "install", "postinstall", "prepare"].iter().any(|s| m.scripts.contains_key(*s))),
        next_standalone: tree
            .entries
            .iter()
            .filter(|e| e.path.rsplit('/').next().is_some_and(is_next))
            .filter(|e| e.text.as_deref().is_some_and(|t| STANDALONE.as_ref().is_some_and(|p| p.is_match(t))))
            .map(|e| folder(&e.path))
            .collect(),
        public,
        requirements: requirements(tree),
        python: python(tree),
        wsgi: tree.entries.iter().find_map(|e| e.path.strip_suffix("/wsgi.py")).map(|dir| format!("{}.wsgi", dir.replace('/', "."))),
        static_root: tree.code("").any(|(file, text)| file.ends_with(".py") && STATIC_ROOT.as_ref().is_some_and(|p| p.is_match(text))),
        ignored: ignored(tree),
        exported: exported(tree),
        pages: pages(tree),
        titles: titles(tree),
        database_tls: database_tls(tree),
        direct_urls: direct_urls(tree),
        replit_lines: replit_lines(tree.text(".replit").unwrap_or("")),
    }
}

/// Scripts one by one, since other files may lie beside them; of `export` the whole folder, which has a file that says so.
fn exported(tree: &Tree) -> Vec<String> {
    let of_export = tree.entries.iter().filter_map(|e| e.path.strip_suffix("/.migrate-wizard-export.json"));
    tree.entries.iter().filter(|e| e.is_export).map(|e| e.path.as_str()).chain(of_export).map(str::to_owned).collect()
}

/// In a schema or in `prisma.config.ts`; a line that is commented out does not begin so.
fn direct_urls(tree: &Tree) -> Vec<String> {
    let is_prismas =
        |path: &str| path.ends_with(".prisma") || path.rsplit('/').next().is_some_and(|name| name.starts_with("prisma.config."));
    let texts = tree.entries.iter().filter(|e| is_prismas(&e.path)).filter_map(|e| e.text.as_deref());
    let named = texts.flat_map(str::lines).filter_map(|line| Some(DIRECT_URL.as_ref()?.captures(line)?.get(1)?.as_str().to_owned()));
    let mut out: Vec<String> = named.collect();
    out.sort();
    out.dedup();
    out
}

/// `-r other.txt` and `-c limits.txt`: the file, or its whole folder, since it may name others there.
fn requirements(tree: &Tree) -> Vec<String> {
    let text = tree.text("requirements.txt").unwrap_or("");
    let named = text.lines().filter_map(|line| {
        let (flag, rest) = line.trim().split_once([' ', '='])?;
        ["-r", "-c", "--requirement", "--constraint"].contains(&flag).then(|| rest.trim().trim_start_matches("./").to_owned())
    });
    let mut out: Vec<String> = named
        .filter(|path| tree.has(path))
        .map(|path| path.rsplit_once('/').map_or(path.clone(), |(folder, _)| folder.to_owned()))
        .collect();
    out.sort();
    out.dedup();
    out
}

fn python(tree: &Tree) -> Vec<String> {
    let Some(name) = PYTHON_NAME.as_ref() else { return Vec::new() };
    let mut out: Vec<String> = ["requirements.txt", "pyproject.toml"]
        .iter()
        .filter_map(|file| tree.text(file))
        // `dependencies = ["flask>=3", "gunicorn"]` on one line is a list as well
        .flat_map(|text| text.replace(['[', ','], "\n").lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| Some(name.captures(&line)?.get(1)?.as_str().to_lowercase().replace('_', "-")))
        .collect();
    out.sort();
    out.dedup();
    out
}

/// Files that are the page of `/`, whatever their ending: what Next.js makes one of.
const NEXT_PAGES: [&str; 4] = ["src/app/page", "app/page", "src/pages/index", "pages/index"];

fn pages(tree: &Tree) -> Vec<String> {
    let folder = |path: &str| -> Option<String> {
        if let Some(folder) = path.strip_suffix("index.html") {
            return (folder.is_empty() || folder.ends_with('/')).then(|| folder.trim_end_matches('/').to_owned());
        }
        let (stem, ending) = path.rsplit_once('.')?;
        let folder = NEXT_PAGES.iter().filter(|_| ["tsx", "jsx", "ts", "js"].contains(&ending)).filter_map(|page| stem.strip_suffix(page));
        let mut whole = folder.filter(|folder| folder.is_empty() || folder.ends_with('/'));
        whole.next().map(|folder| folder.trim_end_matches('/').to_owned())
    };
    let mut out: Vec<String> = tree.entries.iter().filter_map(|e| folder(&e.path)).collect();
    out.sort();
    out.dedup();
    out
}

fn database_tls(tree: &Tree) -> Option<Place> {
    let server = |file: &str| !file.contains("client/") && !file.contains("vite.config");
    // one word that all of these need, before nine of which any will do
    tree.code("").filter(|(file, text)| server(file) && text.contains("ssl") && CONNECTS.iter().any(|word| text.contains(word))).find_map(
        |(file, text)| {
            let found = TLS.as_ref()?.find_iter(text).find(|found| !tree.in_comment(file, found.start()))?;
            let line = text.get(..found.start()).unwrap_or("").matches('\n').count() + 1;
            Some(Place { file: file.to_owned(), line: u32::try_from(line).unwrap_or(1) })
        },
    )
}

/// What is filled in while the page is built or served, or written in another way, is no title to look for.
fn titles(tree: &Tree) -> BTreeMap<String, String> {
    let pages = tree.entries.iter().filter(|e| e.path == "index.html" || e.path.ends_with("/index.html"));
    let title = |text: &str| TITLE.as_ref()?.captures(text)?.get(1).map(|found| found.as_str().to_owned());
    let is_plain = |title: &String| {
        !title.is_empty() && title.chars().count() <= LONGEST_TITLE && !title.contains(['%', '{', '}', '$', '&', '\\', '\n', '\r'])
    };
    pages.filter_map(|e| Some((e.path.clone(), title(e.text.as_deref()?).filter(is_plain)?))).collect()
}

fn ignored(tree: &Tree) -> Vec<String> {
    let own = tree.text(".replitignore").unwrap_or("").lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let replit = tree.text(".replit").and_then(|t| toml::from_str::<toml::Table>(t).ok());
    let paths = replit.as_ref().and_then(|r| r.get("deployment")?.get("ignorePaths")?.as_array());
    let mut out: Vec<String> = own.map(str::to_owned).collect();
    out.extend(paths.into_iter().flatten().filter_map(|p| p.as_str()).map(str::to_owned));
    // what people sent to the app on this machine
    let git = tree.text(".gitignore").unwrap_or("").lines().map(|line| line.trim().trim_matches('/'));
    out.extend(
        git.filter(|line| line.to_lowercase().contains("upload") && !line.contains(['*', '!', '#'])).map(|line| format!("**/{line}")),
    );
    let mut seen = std::collections::BTreeSet::new();
    out.retain(|line| seen.insert(line.clone()));
    out
}

/// `.replit` is TOML, but its parser keeps no lines of values.
fn replit_lines(text: &str) -> BTreeMap<String, u32> {
    let mut out = BTreeMap::new();
    let mut section = "";
    for (number, line) in text.lines().enumerate() {
        if let Some(head) = line.trim().strip_prefix('[') {
            section = match head.split(']').next().unwrap_or("").trim() {
                "env" => "env",
                "userenv" | "userenv.shared" => "shared",
                "userenv.development" => "development",
                "userenv.production" => "production",
                _ => "",
            };
        } else if !section.is_empty()
            && let Some(name) = ASSIGNED.as_ref().and_then(|p| p.captures(line)).and_then(|c| c.get(1))
        {
            out.insert(line_key(section, name.as_str()), u32::try_from(number + 1).unwrap_or(u32::MAX));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::*;

    #[test]
    fn what_the_image_needs_is_found() {
        let app = App::new(&[
            (
                ".replit",
                "run = \"x\"\n[env]\nPORT = \"5000\"\n[userenv.shared]\n# a remark\nBRAND = \"Acme\"\n[deployment]\nignorePaths = [\"docs\", \"big\"]\n",
            ),
            (".replitignore", "# as Replit wrote it\nbig\n\n*.psd\n"),
            ("package.json", r#"{"name": "a", "workspaces": ["apps/*"], "scripts": {"postinstall": "node fix.js"}}"#),
            ("apps/web/package.json", r#"{"name": "web", "scripts": {"start": "next start"}, "dependencies": {"next": "15"}}"#),
            ("apps/web/next.config.mjs", "export default { output: 'standalone' };\n"),
            ("apps/web/public/logo.txt", "x"),
            ("requirements.txt", "-r requirements/base.txt\nPsycopg2>=2.9\nflask==3.0 ; python_version > '3'\n"),
            ("requirements/base.txt", "gunicorn\n"),
            ("shop/wsgi.py", "application = 1\n"),
            ("client/index.html", "<html><title>\n The shop </title></html>"),
            ("other/index.html", "<title>%VITE_TITLE%</title>"),
            ("shop/settings.py", "STATIC_ROOT = 'static'\n"),
            (
                "other/db.ts",
                "// ssl: true\nnew Pool({ ssl: process.env.NODE_ENV === \"production\" ? { rejectUnauthorized: false } : false });\n",
            ),
        ]);
        let layout = app.scan().layout;
        assert_eq!(layout.packages, ["apps/web"]);
        assert!(layout.install_scripts && layout.static_root);
        assert_eq!(layout.next_standalone, ["apps/web"]);
        assert_eq!(layout.public, ["apps/web"]);
        assert_eq!(layout.requirements, ["requirements"]);
        assert_eq!(layout.python, ["flask", "psycopg2"]);
        assert_eq!(layout.pages, ["client", "other"]);
        assert_eq!(layout.wsgi.as_deref(), Some("shop.wsgi"));
        assert_eq!(layout.ignored, ["big", "*.psd", "docs"]);
        assert_eq!(layout.titles, BTreeMap::from([("client/index.html".into(), "The shop".into())]));
        assert_eq!(layout.database_tls, Some(Place { file: "other/db.ts".into(), line: 2 }));
        assert_eq!(layout.replit_lines, BTreeMap::from([("env PORT".into(), 3), ("shared BRAND".into(), 6)]));
    }
}
