//! The first line of a file that we made: a digest of the rest tells whether somebody changed it since.
//! Never writes, and never reads anything but the text that it is given.

/// In every file of ours in an app.
pub const WORDS: &str = "made by migrate-wizard";
const HEAD: &str = "# made by migrate-wizard ";
const TAIL: &str = ": change it and it is yours, then it is not made again without --force";

/// In the head of code that we wrote and that is the app's own from then on.
const WRITTEN: &str = "Written by migrate-wizard";

/// In the head of the scripts that bring data out of Replit.
const EXPORTED: &str = "Written by migrate-wizard app export";

/// One of the first lines says that we wrote this file, whoever changed it since.
pub fn is_written(text: &str) -> bool {
    text.lines().take(3).any(|line| line.contains(WRITTEN))
}

/// A script of `app export`: it is run inside Replit, and no part of the app.
pub fn is_export(text: &str) -> bool {
    text.lines().take(3).any(|line| line.contains(EXPORTED))
}

/// What stands where a file of ours is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Absent,
    /// The same bytes.
    Same,
    /// Ours as we wrote it: the new one may take its place.
    Ours,
    /// Somebody else's, or ours with changes.
    Theirs,
}

fn digest(body: &str) -> String {
    crate::text::digest(body, 8)
}

/// The text with its mark as the first line. For files whose comments begin with `#`.
pub fn seal(body: &str) -> String {
    format!("{HEAD}{}{TAIL}\n{body}", digest(body))
}

/// The text is as we made it.
pub fn is_ours(text: &str) -> bool {
    let Some((first, body)) = text.split_once('\n') else { return false };
    first.strip_prefix(HEAD).and_then(|rest| rest.split(':').next()).is_some_and(|found| found == digest(body))
}

/// What is there, against what is to be there.
pub fn standing(there: Option<&str>, new: &str) -> Standing {
    match there {
        None => Standing::Absent,
        Some(text) if text == new => Standing::Same,
        Some(text) if is_ours(text) => Standing::Ours,
        Some(_) => Standing::Theirs,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::super::inside::What;
    use super::super::{Choices, Scan, files};
    use super::*;

    #[test]
    fn scripts_that_bring_data_out_of_replit_are_no_part_of_the_app() {
        let plain = [
            ("package.json", r#"{"name":"a","scripts":{"start":"node index.js"},"dependencies":{"express":"5"}}"#),
            ("index.js", "app.listen(process.env.PORT || 3000);\n"),
        ];
        let app = App::new(&plain);
        let before = app.scan();
        let scripts: Vec<(&str, &str)> = What::ALL.iter().flat_map(|what| what.scripts()).map(|(name, text)| (*name, *text)).collect();
        assert!(scripts.len() > 3 && scripts.iter().all(|(_, text)| is_export(text)));
        for (name, text) in &scripts {
            app.put(&format!("exp/{name}"), text);
        }
        app.put("stacks/.migrate-wizard-export.json", "{}");
        let after = app.scan();
        assert_eq!((&after.findings, &after.variables, &after.databases), (&before.findings, &before.variables, &before.databases));
        let ignored = |scan: &Scan| {
            let files = files::container(scan, &Choices::from_scan(scan)).unwrap();
            files.into_iter().find(|file| file.path == ".dockerignore").unwrap().contents
        };
        let lines = ignored(&after);
        assert!(["\nexp/kv.mjs\n", "\nexp/database.sh\n", "\nstacks\n"].iter().all(|line| lines.contains(line)), "{lines}");
        assert!(!ignored(&before).contains("exp/"));
        // the same without its mark is the app's
        app.put("exp/kv.mjs", &scripts.iter().find(|(name, _)| *name == "kv.mjs").unwrap().1.replace(EXPORTED, ""));
        assert!(app.scan().has_finding("D10"));
        // what app prepare writes is the app's from then on
        assert!(!is_export(include_str!("../../assets/files/uploads.ts")));
    }

    #[test]
    fn a_change_by_hand_makes_it_theirs() {
        let (old, new) = (seal("FROM a\n"), seal("FROM b\n"));
        assert_eq!(standing(None, &new), Standing::Absent);
        assert_eq!(standing(Some(&new), &new), Standing::Same);
        assert_eq!(standing(Some(&old), &new), Standing::Ours);
        assert_eq!(standing(Some(&old.replace("FROM a", "FROM c")), &new), Standing::Theirs);
        assert_eq!(standing(Some("FROM a\n"), &new), Standing::Theirs);
        assert_eq!(standing(Some(""), &new), Standing::Theirs);
        // a checkout with CRLF is not as we wrote it
        assert_eq!(standing(Some(&old.replace('\n', "\r\n")), &new), Standing::Theirs);
    }
}
