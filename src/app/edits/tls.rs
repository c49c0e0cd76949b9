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
    let Ok(disabled) = Regex::new("sslmode=disable") else { return };
    let wanted = |path: &str| [".ts", ".js", ".mjs", ".cjs", ".py", ".sh"].iter().any(|end| path.ends_with(end));
    for path in work.paths(|path, text| wanted(path) && disabled.is_match(text)) {
        let text = work.text(&path).unwrap_or_default();
        let line = disabled.find(text).map(|found| line_of(text, found.start()));
        work.item(&path, line, "take sslmode from DATABASE_URL (verify-full on AWS)", "RDS refuses a connection without TLS");
    }
}
