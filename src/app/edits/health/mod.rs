//! A route that tells the load balancer how the app is: mounted before the login and before what answers every path.
//! What the route looks at is in `assets/files/health.*`; here it is only put in, with the app's own clients, and never over a route of the app's own.

mod next;
mod node;
mod present;
mod python;
mod reach;

use regex::Regex;

use super::work::{Work, folder, is_client, line_of};
pub use python::module as python_module;
pub use reach::{relative, suffix};

const WHY: &str = "the load balancer asks here whether the app can work: database, Redis and memory, each with a time limit";
const TYPED: &str = include_str!("../../../../assets/files/health.ts");
const PLAIN: &str = include_str!("../../../../assets/files/health.mjs");
const PYTHON: &str = include_str!("../../../../assets/files/health.py");
const DJANGO: &str = include_str!("../../../../assets/files/health_django.py");

pub fn edit(work: &mut Work) {
    let makers = [node::nest, node::express, node::fastify, node::hono, next::edit, python::flask, python::fastapi, python::django];
    if present::is_there(work) || makers.iter().any(|make| make(work)) {
        return;
    }
    by_hand(work);
}

/// A server of another kind: a person mounts the route.
fn by_hand(work: &mut Work) {
    let kinds = r"\b(?:http\.createServer\(|createServer\(\s*(?:async\s*)?\(|new Koa\(|new Elysia\(|Bun\.serve\(|polka\(\)|HTTPServer\(|web\.Application\(|Bottle\()";
    let Ok(server) = Regex::new(kinds) else { return };
    let Some(path) = work.paths(|path, text| is_code(path) && !is_client(path) && server.is_match(text)).into_iter().next() else { return };
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

/// The app has a database, by what its code says.
fn has_database(work: &Work) -> bool {
    let marks = ["DATABASE_URL", "PGHOST", "new PrismaClient(", "django.db.backends.postgresql"];
    work.any(|path, text| is_code(path) && !is_client(path) && marks.iter().any(|mark| text.contains(mark)))
}

/// The app speaks to Redis, by what its code says.
fn has_redis(work: &Work) -> bool {
    let marks = ["REDIS_URL", "new Redis(", "new IORedis(", "redis.Redis(", "Redis.from_url(", "redis.from_url("];
    work.any(|path, text| is_code(path) && !is_client(path) && marks.iter().any(|mark| text.contains(mark)))
}

/// The file of the checks beside a file of the app; `false`: another one of that name is there, or a person keeps it away.
fn file(work: &mut Work, path: &str, text: &str) -> bool {
    match work.text(path) {
        Some(there) if there.contains("made by migrate-wizard") => true,
        Some(_) => {
            let what = "mount a health route at /api/health: a file of this name is there already, so none was put in";
            work.item(path, None, what, WHY);
            false
        }
        None => work.put(path, text, WHY),
    }
}
