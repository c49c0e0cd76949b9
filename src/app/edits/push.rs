//! Pushing the schema leaves the commands that build, install or start the app: several tasks would do it at once, to a live database.
//! The script for a person's own hand stays.

use super::package;
use super::work::{Work, line_of};

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
            let make = if parts.iter().any(|part| part.contains("prisma")) || pushes.iter().any(|name| has_prisma(&scripts, name)) {
                "prisma migrate dev"
            } else {
                "drizzle-kit generate"
            };
            let what = format!("from now on: {exec} {make}, look at the SQL, and run it as one task before a deployment");
            work.item(&file, None, &what, "the schema was changed by push; migrations are in nobody's way");
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
