//! TLS to the database is verified: the image has the certificates of RDS.
//! Never touches TLS to anything else.

use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::orm::script::key_of;
use super::work::{Work, line_of};

const WHY: &str =
    "anyone in between could read and change what goes to the database; the image has RDS's certificates (NODE_EXTRA_CA_CERTS)";

pub fn edit(work: &mut Work) {
    for script in work.server(|_, text| text.contains("rejectUnauthorized")) {
        let mut edits = Vec::new();
        for pair in script.root().dfs().filter(|part| part.kind() == "pair" && key_of(part).as_deref() == Some("rejectUnauthorized")) {
            let Some(value) = pair.field("value").filter(|value| value.text() == "false") else { continue };
            let above = || pair.ancestors().skip(1).take_while(|up| !super::syntax::is_function(up));
            let is_ssl = above().any(|up| match up.kind().as_ref() {
                "pair" => key_of(&up).as_deref() == Some("ssl"),
                "variable_declarator" => up.field("name").is_some_and(|name| name.text().to_lowercase().contains("ssl")),
                _ => false,
            });
            if is_ssl {
                edits.push(Edit::new(value.range(), "true", WHY));
            } else {
                work.item(
                    &script.path,
                    Some(script.line(pair.range().start)),
                    "verify the other side here",
                    "TLS without it keeps nobody out",
                );
            }
        }
        work.edit(&script, edits);
    }
    asyncpg(work);
    let Ok(disabled) = Regex::new("sslmode=disable") else { return };
    let wanted = |path: &str| [".ts", ".js", ".mjs", ".cjs", ".py", ".sh"].iter().any(|end| path.ends_with(end));
    for path in work.paths(|path, text| wanted(path) && disabled.is_match(text)) {
        let text = work.text(&path).unwrap_or_default();
        let line = disabled.find(text).map(|found| line_of(text, found.start()));
        work.item(&path, line, "take sslmode from DATABASE_URL (verify-full on AWS)", "RDS refuses a connection without TLS");
    }
}

/// SQLAlchemy gives what stands in the URL to asyncpg, which knows no `sslmode`.
fn asyncpg(work: &mut Work) {
    let (Ok(made), Ok(without)) = (
        Regex::new(r"\+asyncpg\b"),
        // the app takes it out, or builds the URL from parts
        Regex::new(
            r#"connect_args|re\.sub\([^\n]*sslmode|difference_update_query|update_query|\.set\(\s*query|split\(\s*["']\?|urlunsplit|urlunparse|_replace\(\s*query|URL\.create"#,
        ),
    ) else {
        return;
    };
    let uses = |text: &str| text.contains("create_async_engine(") || text.contains("async_engine_from_config(");
    if !work.any(|path, text| path.ends_with(".py") && uses(text)) {
        return;
    }
    let is_one = |path: &str, text: &str| path.ends_with(".py") && made.is_match(text) && text.to_uppercase().contains("DATABASE_URL");
    for path in work.paths(is_one) {
        let text = work.text(&path).unwrap_or_default();
        if without.is_match(text) {
            continue;
        }
        let line = text.lines().position(|line| !line.trim_start().starts_with('#') && made.is_match(line)).map(|at| at + 1);
        if line.is_some() {
            let what = "take sslmode out of the address here, and give TLS to the driver: sqlalchemy.engine.make_url(url).difference_update_query([\"sslmode\"]), and create_async_engine(…, connect_args={\"ssl\": ssl.create_default_context(cafile=os.environ[\"PGSSLROOTCERT\"])}) where it is set";
            work.item(
                &path,
                line,
                what,
                "DATABASE_URL ends with ?sslmode=verify-full on AWS, and asyncpg knows no such argument: every query would fail with a TypeError",
            );
        }
    }
}
