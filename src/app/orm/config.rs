//! `drizzle.config.ts`: what drizzle-kit can and cannot do with the target.
//! Never edits it: dialect and the variable with the URL stay as they are.

use super::database::Change;
use super::report::{Hand, Note, Work};
use super::script::{Script, value_of};

pub fn is_config(path: &str) -> bool {
    path.rsplit('/')
        .next()
        .is_some_and(|name| name.starts_with("drizzle.config.") || (name.starts_with("drizzle.") && name.contains(".config.")))
}

pub fn read(script: &Script, change: &Change, work: &mut Work) {
    let Some(options) = script
        .root()
        .dfs()
        .find(|part| part.kind() == "object" && value_of(part, "dialect").or_else(|| value_of(part, "driver")).is_some())
    else {
        return;
    };
    let line = |byte: usize| script.line(byte);
    let note = |byte: usize, what: String| Note { path: script.path.clone(), line: line(byte), what };
    if !change.runs_drizzle_kit {
        let what = "drizzle-kit push and migrate cannot run on Aurora DSQL: they send several DDL statements in one transaction, and a table with `serial`; \
                    `drizzle-kit generate` still writes SQL to read. Apply schema changes one statement at a time";
        work.notes.push(note(options.range().start, what.to_owned()));
    }
    if let Some(filter) = value_of(&options, "schemaFilter").filter(|filter| filter.text().contains('*')) {
        let what = "schemaFilter takes every schema: leave `migrate_wizard` out of it until `data finish`".to_owned();
        work.notes.push(note(filter.range().start, what));
    }
    if let Some(credentials) = value_of(&options, "dbCredentials").filter(|found| found.text().contains("neon.tech")) {
        work.hands.push(Hand {
            path: script.path.clone(),
            line: line(credentials.range().start),
            object: "dbCredentials".to_owned(),
            from: "a URL of Neon, in the file".to_owned(),
            to: "process.env.DATABASE_URL".to_owned(),
            why: "a URL with a password does not belong into a file, and it is not the target's".to_owned(),
        });
    }
}
