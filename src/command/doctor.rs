//! `doctor`: what is missing on this machine, and how to get it.
//! Reads only; every finding ends with a command or a setting.

use serde::Serialize;

use super::{out, out_json};
use crate::cli::RunArgs;
use crate::cloud;
use crate::error::Result;
use crate::postgres::{Connector, programs};

#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    ok: bool,
    found: String,
    next: String,
}

fn check(what: &'static str, found: Option<String>, next: &str) -> Check {
    Check {
        what,
        ok: found.is_some(),
        next: if found.is_some() { String::new() } else { next.to_owned() },
        found: found.unwrap_or_else(|| "missing".into()),
    }
}

async fn program(name: &str) -> Option<String> {
    programs::find(name, 0).await.ok().map(|p| format!("{} ({})", p.path.display(), p.major))
}

async fn whoami(args: &RunArgs) -> Result<String> {
    let mut options = cloud::Options::new(cloud::Access::ReadOnly);
    options.region.clone_from(&args.region);
    options.profile.clone_from(&args.aws_profile);
    let who = cloud::Aws::connect(options).await?.identity().await?;
    Ok(format!("{} in {}", who.arn, who.region))
}

pub async fn run(args: &RunArgs) -> Result<u8> {
    let install =
        "install PostgreSQL's client of the source's version or newer: apt-get install postgresql-client, brew install postgresql@18";
    let server = "needed for --sandbox and demo only: apt-get install postgresql, brew install postgresql@18; or name the folder in MIGRATE_WIZARD_PG_BIN";
    let mut checks = vec![
        check("pg_dump", program("pg_dump").await, install),
        check("a Postgres server to start", program("initdb").await, server),
        check(
            "an image builder",
            cloud::image::find_tool().await.map(|t| t.path.display().to_string()),
            "docker, podman or buildah; without one CodeBuild builds in AWS (decision CI/CD: codepipeline)",
        ),
        check(
            "a source database",
            Connector::from_env(&["SOURCE_DATABASE_URL", "DATABASE_URL"]).ok().map(|c| c.label()),
            "export SOURCE_DATABASE_URL='postgresql://user@host/db?sslmode=verify-full' (the password may stand in ~/.pgpass)",
        ),
    ];
    checks.push(match whoami(args).await {
        Ok(who) => check("AWS credentials", Some(who), ""),
        Err(error) => Check { what: "AWS credentials", ok: false, found: error.line(), next: error.hint },
    });
    checks.push(check(
        "a Replit app in this folder",
        args.dir.join(".replit").is_file().then(|| ".replit".to_owned()),
        "run in the app's checkout or name it with --dir",
    ));
    if args.json {
        out_json(&checks)?;
    } else {
        for c in &checks {
            out(format!("{} {:<28} {}", if c.ok { "ok     " } else { "missing" }, c.what, c.found));
            if !c.ok {
                out(format!("        next: {}", c.next));
            }
        }
        out(if checks.iter().all(|c| c.ok) {
            "\neverything is there. Next: migrate-wizard --dry-run"
        } else {
            "\na dry run works without any of these: migrate-wizard --dry-run"
        });
    }
    Ok(u8::from(checks.iter().any(|c| !c.ok)))
}
