//! Neon's driver becomes node-postgres, with the packages that follow.
//! The edits of a file are those of `orm::driver`; here they meet package.json.

use super::super::orm::driver;
use super::super::orm::imports::Imports;
use super::super::orm::report;
use super::package;
use super::work::Work;

const NEON: &str = "@neondatabase/serverless";

pub fn edit(work: &mut Work) {
    for script in work.scripts(|_, text| driver::concerns(text)) {
        let imports = Imports::of(&script);
        let mut found = report::Work::default();
        driver::edit(&script, &imports, &mut found);
        for hand in found.hands {
            work.item(&hand.path, Some(hand.line), &format!("{}: {}", hand.object, hand.to), &hand.why);
        }
        if !found.edits.is_empty() {
            let more = imports.edits(&found.edits);
            found.edits.extend(more);
            work.edit(&script, found.edits);
        }
    }
    for file in work.paths(|path, text| path.ends_with("package.json") && text.contains(&format!("\"{NEON}\""))) {
        if package::is_used(work, NEON) {
            continue;
        }
        let why = "Neon's driver cannot reach any other PostgreSQL";
        package::remove(work, &file, &[NEON], why);
        if package::is_used(work, "pg") || package::is_used(work, "drizzle-orm/node-postgres") {
            package::add(work, &file, false, "pg", "the driver for any PostgreSQL");
            if package::is_typed(work, &file) {
                package::add(work, &file, true, "@types/pg", "the driver for any PostgreSQL");
            }
        }
        if !package::is_used(work, "ws") {
            package::remove(work, &file, &["ws", "@types/ws"], "only Neon's driver needed it");
        }
    }
}
