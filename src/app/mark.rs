//! The first line of a file that we made: a digest of the rest tells whether somebody changed it since.
//! Never writes, and never reads anything but the text that it is given.

/// In every file of ours in an app.
pub const WORDS: &str = "made by migrate-wizard";
const HEAD: &str = "# made by migrate-wizard ";
const TAIL: &str = ": change it and it is yours, then it is not made again without --force";

/// In the head of code that we wrote and that is the app's own from then on.
const WRITTEN: &str = "Written by migrate-wizard";

/// One of the first lines says that we wrote this file, whoever changed it since.
pub fn is_written(text: &str) -> bool {
    text.lines().take(3).any(|line| line.contains(WRITTEN))
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
    use super::*;

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
