//! Pushing the schema leaves the commands that build, install or start the app: several tasks would do it at once, to a live database.
//! The script for a person's own hand stays.

use super::package;
use super::work::{Work, folder, line_of};

const WHY: &str = "a push while building or starting changes the live schema without asking, once for each task";
/// Scripts that npm or a deployment runs by itself.
const AUTOMATIC: &[&str] =
    &["start", "prestart", "poststart", "build", "prebuild", "postbuild", "postinstall", "preinstall", "install", "prepare", "deploy"];

pub fn edit(work: &mut Work) {
    for file in work.paths(|path, text| path.ends_with("package.json") && text.contains("push")) {
        let scripts = package::scripts(work, &file);
        let pushes: Vec<String> = scripts
            .iter()
            .filter(|(name, body)| !AUTOMATIC.contains(&name.as_str()) && is_push(body, &[]))
            .map(|(name, _)| name.clone())
            .collect();
        for (name, body) in scripts.iter().filter(|(name, _)| AUTOMATIC.contains(&name.as_str())) {
            let parts: Vec<&str> = body.split("&&").map(str::trim).collect();
            let kept: Vec<&str> = parts.iter().copied().filter(|part| !is_push(part, &pushes)).collect();
            if kept.len() == parts.len() {
                continue;
            }
            let body = (!kept.is_empty()).then(|| kept.join(" && "));
            package::script(work, &file, name, body.as_deref(), WHY);
            let exec = work.lock().exec;
            let is_prisma = parts.iter().any(|part| part.contains("prisma")) || pushes.iter().any(|name| has_prisma(&scripts, name));
            let (what, why) = from_now_on(work, &file, exec, is_prisma);
            work.item(&file, None, &what, why);
        }
    }
    if let Some(text) = work.text(".replit").map(str::to_owned) {
        let mut section = "";
        let mut places = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with('[') {
                section = line.trim();
            }
            if section.starts_with("[deployment") && (line.contains("drizzle-kit push") || line.contains("db:push")) {
                places.push(number + 1);
            }
        }
        for line in places {
            work.item(".replit", Some(line), "leave the push out of the image's command", WHY);
        }
    }
    for path in work.paths(|path, text| path.ends_with(".sh") && !path.ends_with("post-merge.sh") && text.contains("drizzle-kit push")) {
        let text = work.text(&path).unwrap_or_default();
        let line = line_of(text, text.find("drizzle-kit push").unwrap_or_default());
        work.item(&path, Some(line), "leave the push out, if a deployment runs this file", WHY);
    }
}

/// What takes the place of a push. Where there was nothing but pushes the first migration is what the database has already.
fn from_now_on(work: &Work, file: &str, exec: &str, is_prisma: bool) -> (String, &'static str) {
    let dir = folder(file);
    let ends: &[&str] = if is_prisma { &["/migration.sql", "/migration_lock.toml"] } else { &["/meta/_journal.json", "/snapshot.json"] };
    let has_history = work.any(|path, _| path.starts_with(dir) && ends.iter().any(|end| path.ends_with(end)));
    let make = if is_prisma { "prisma migrate dev" } else { "drizzle-kit generate" };
    if has_history {
        let what = format!("from now on: {exec} {make}, look at the SQL, and run it as one task before a deployment");
        return (what, "a push writes down nothing of what it does; a migration is a file that can be looked at before it runs, once");
    }
    if !is_prisma {
        let what = format!(
            "once: {exec} drizzle-kit generate makes the first migration, which is the whole schema as it is; a database that has its tables (the copy on AWS) must not run it, so mark it there as applied: create schema if not exists drizzle; create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint); insert into drizzle.__drizzle_migrations (hash, created_at) values ('SHA-256 of the .sql file', \"when\" of its entry in meta/_journal.json). From then on: {exec} drizzle-kit generate, look at the SQL, and {exec} drizzle-kit migrate as one task before a deployment"
        );
        return (
            what,
            "until now the schema was only pushed: the first migration of drizzle-kit makes every table, and fails where they are there",
        );
    }
    let schema = work.paths(|path, _| path.starts_with(dir) && path.ends_with(".prisma")).into_iter().next();
    let schema = schema.as_deref().and_then(|path| path.strip_prefix(dir)).unwrap_or("prisma/schema.prisma");
    let first = format!("{}migrations/0_init", folder(schema));
    let what = format!(
        "once: mkdir -p {first}; {exec} prisma migrate diff --from-empty --to-schema-datamodel {schema} --script > {first}/migration.sql (Prisma 7: --to-schema); and for each database that has the tables (the copy on AWS) {exec} prisma migrate resolve --applied 0_init. From then on: {exec} prisma migrate dev, on a database for development alone, look at the SQL, and {exec} prisma migrate deploy as one task before a deployment"
    );
    (
        what,
        "until now the schema was only pushed: without that first migration `prisma migrate dev` reports drift and offers to reset the database, which deletes every row",
    )
}

fn has_prisma(scripts: &[(String, String)], name: &str) -> bool {
    scripts.iter().any(|(its, body)| its == name && body.contains("prisma db push"))
}

fn is_push(part: &str, scripts: &[String]) -> bool {
    part.contains("drizzle-kit push")
        || part.contains("prisma db push")
        || scripts.iter().any(|name| {
            ["npm run", "pnpm run", "pnpm", "yarn", "yarn run", "bun run"].iter().any(|run| part.trim() == format!("{run} {name}"))
        })
}
