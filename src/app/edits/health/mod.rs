//! A route that tells the load balancer how the app is: mounted before the login and before what answers every path.
//! What the route looks at is in `assets/files/health.*`; here it is only put in, with the app's own clients, and never over a route of the app's own.

mod listener;
mod next;
mod node;
mod present;
mod python;
mod reach;
mod scope;

use regex::Regex;

use super::super::mark;
use super::browser::Side;
use super::work::{Server, Work, folder, line_of};
pub use python::module as python_module;
pub use reach::{relative, suffix};

const WHY: &str = "the load balancer asks here whether the app can work: database, Redis and memory, each with a time limit";
const TYPED: &str = include_str!("../../../../assets/files/health.ts");
const PLAIN: &str = include_str!("../../../../assets/files/health.mjs");
const PYTHON: &str = include_str!("../../../../assets/files/health.py");
const DJANGO: &str = include_str!("../../../../assets/files/health_django.py");

/// Makes the route of one server; `false`: it is not written with that.
type Make = fn(&mut Work, &Server) -> bool;

/// By the framework as the scan names it. The first that fits makes it: NestJS has an Express inside.
const MAKERS: [(&str, Make); 8] = [
    ("NestJS", node::nest),
    ("Express", node::express),
    ("Fastify", node::fastify),
    ("Hono", node::hono),
    ("Next.js", next::edit),
    ("Flask", python::flask),
    ("FastAPI", python::fastapi),
    ("Django", python::django),
];

/// A route is made for what is written with one of these, or it is said how.
pub fn makes(frameworks: &[String]) -> bool {
    frameworks.iter().any(|name| MAKERS.iter().any(|(its, _)| name == its))
}

/// Each server of the app has a route of its own.
pub fn edit(work: &mut Work) {
    listener::edit(work);
    let servers = work.servers();
    let done = |work: &mut Work, server: &Server| present::is_there(work, server) || MAKERS.iter().any(|(_, make)| make(work, server));
    let mut open = Vec::new();
    for server in &servers {
        if !done(work, server) {
            open.push(server);
        }
    }
    // where no server has one in its own folder, it may be made elsewhere
    if open.len() == servers.len() && servers.iter().any(|server| *server != Server::default()) && done(work, &Server::default()) {
        return;
    }
    for server in open {
        by_hand(work, server);
    }
}

/// A server of another kind: a person mounts the route.
fn by_hand(work: &mut Work, of: &Server) {
    let kinds = r"\b(?:http\.createServer\(|createServer\(\s*(?:async\s*)?\(|new Koa\(|new Elysia\(|Bun\.serve\(|polka\(\)|HTTPServer\(|web\.Application\(|Bottle\()";
    let Ok(server) = Regex::new(kinds) else { return };
    let sides = work.sides();
    let is_one = |path: &str, text: &str| of.holds(path) && is_code(path) && sides.side(path) != Side::Browser && server.is_match(text);
    let Some(path) = work.paths(is_one).into_iter().next() else { return };
    let text = work.text(&path).unwrap_or_default();
    let line = server.find(text).map(|found| line_of(text, found.start()));
    let (file, contents, code) = if path.ends_with(".py") {
        ("health.py", PYTHON, "status, body = health({\"database\": ask_the_database})")
    } else if super::syntax::is_typed(&path) {
        ("health.ts", TYPED, "const answer = await health({ database: () => pool.query(\"select 1\") })")
    } else {
        ("health.mjs", PLAIN, "const answer = await health({ database: () => pool.query(\"select 1\") })")
    };
    let file = format!("{}{file}", folder(&path));
    if work.text(&file).is_none() && !work.put(&file, contents, WHY) {
        return;
    }
    let what = format!(
        "answer GET /api/health here with what `{code}` says ({file}): for a server of this kind the route cannot be put in for you"
    );
    work.item(&path, line, &what, WHY);
}

fn is_code(path: &str) -> bool {
    ["ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts", "py"].iter().any(|end| path.rsplit_once('.').is_some_and(|(_, its)| its == *end))
}

/// What code has that speaks to the database.
const DATABASE: &[&str] = &["DATABASE_URL", "PGHOST", "new PrismaClient(", "django.db.backends.postgresql"];
/// What code has that speaks to Redis.
const REDIS: &[&str] = &[
    "REDIS_URL",
    "REDIS_HOST",
    "\"bullmq\"",
    "'bullmq'",
    "new Redis(",
    "new IORedis(",
    "redis.Redis(",
    "Redis.from_url(",
    "redis.from_url(",
];

/// The app has a database, by what its code says.
fn has_database(work: &Work) -> bool {
    has(work, DATABASE, |_, _| true)
}

/// The app speaks to Redis, by what its code says.
fn has_redis(work: &Work) -> bool {
    has(work, REDIS, |_, _| true)
}

/// Where the app keeps its data in Replit's key-value store, which lives in the database on AWS.
fn store(work: &Work, within: impl Fn(&str) -> bool) -> Option<(String, usize)> {
    let made = Regex::new(r#"["']@replit/database["']|\breplit\.db\b|from replit import db\b|from replit\.database import"#).ok()?;
    let sides = work.sides();
    let mut server = work.own().filter(|(path, _)| within(path) && is_code(path) && sides.side(path) != Side::Browser);
    server.find_map(|(path, text)| Some((path.to_owned(), line_of(text, made.find(text)?.start()))))
}

/// The store is asked by the app's own client, which a person knows.
fn ask_store(work: &mut Work) {
    ask_store_within(work, |_| true);
}

fn ask_store_within(work: &mut Work, within: impl Fn(&str) -> bool) {
    if let Some((path, line)) = store(work, within) {
        let what = "give the health route a read of the key-value store, which lives in the database on AWS: one that throws when it fails, as `store` in what the route passes to `health`";
        work.item(&path, Some(line), what, WHY);
    }
}

/// Code that does not run in the browser alone has one of these.
fn has(work: &Work, marks: &[&str], within: impl Fn(&str, &str) -> bool) -> bool {
    let sides = work.sides();
    work.any(|path, text| {
        within(path, text) && is_code(path) && sides.side(path) != Side::Browser && marks.iter().any(|mark| text.contains(mark))
    })
}

/// The file of the checks beside a file of the app; `false`: another one of that name is there, or a person keeps it away.
fn file(work: &mut Work, path: &str, text: &str) -> bool {
    match work.text(path) {
        Some(there) if there.contains(mark::WORDS) => true,
        Some(_) => {
            let what = "mount a health route at /api/health: a file of this name is there already, so none was put in";
            work.item(path, None, what, WHY);
            false
        }
        None => work.put(path, text, WHY),
    }
}
