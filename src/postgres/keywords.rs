//! libpq's keyword/value connection strings: `host=db dbname='my shop' user=bob`.
//! Never shows a value, nor a name that may be the rest of an unquoted password: an error says after which setting it went wrong.

use crate::error::{Error, Kind, Result};
use crate::postgres::parts::{Keyword, Parts};

/// Whether a text is meant as keywords: it begins with `name =`.
pub fn are_meant(text: &str) -> bool {
    let text = text.trim_start();
    let name = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    name > 0 && text.get(name..).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// Takes the settings apart by libpq's rules: blanks around `=` are allowed; a value with blanks stands in single quotes;
/// a backslash takes the next character as it is.
pub fn parse(text: &str) -> Result<Parts> {
    let mut parts = Parts::default();
    let mut chars = text.chars().peekable();
    let mut after = "at its beginning".to_owned();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(parts);
        }
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_whitespace()) {
            name.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next_if_eq(&'=').is_none() {
            return Err(wrong(format!("{after} stands a word without `=`; a value with blanks must stand in single quotes")));
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match chars.next_if(|c| quoted || !c.is_whitespace()) {
                None if quoted => return Err(wrong(format!("{after} begins a value with a quote that is never closed"))),
                None => break,
                Some('\'') if quoted => break,
                Some('\\') => value.extend(chars.next()),
                Some(other) => value.push(other),
            }
        }
        match parts.set(&name, &value) {
            Ok(Keyword::Known) => after = format!("after `{name}`"),
            Ok(Keyword::Unknown) => {
                return Err(wrong(format!(
                    "{after} stands a setting whose name libpq does not know; a value with blanks must stand in single quotes"
                )));
            }
            Err(unfit) => return Err(wrong(unfit.to_string())),
        }
    }
}

fn wrong(why: impl AsRef<str>) -> Error {
    Error::new(Kind::Input, "cannot read the connection string")
        .cause(why)
        .hint(r"write it as host=db.example.com port=5432 dbname='my shop' user=bob, with \' and \\ for a quote and a backslash in a value, or as a URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_as_libpq_quotes_them() {
        let parts =
            parse(r"  host = db.example.com port=6543 dbname='my \'shop\\' user=b\ ob password='p w=1'  sslmode=verify-ca ").unwrap();
        assert_eq!(parts.host.as_deref(), Some("db.example.com"));
        assert_eq!(parts.port, Some(6543));
        assert_eq!(parts.database.as_deref(), Some(r"my 'shop\"));
        assert_eq!(parts.user.as_deref(), Some("b ob"));
        assert_eq!(parts.password.as_deref(), Some("p w=1"));
        let empty = parse("host='' dbname=x dbname=y").unwrap();
        assert_eq!((empty.host, empty.database.as_deref()), (None, Some("y")));
    }

    #[test]
    fn a_bad_string_says_where_and_hides_the_password() {
        for (text, says) in [
            ("host=h password=hun ter2", "after `password` stands a word without `=`"),
            ("host=h password=hun ter2=x", "after `password` stands a setting whose name libpq does not know"),
            ("host=h password='hunter2", "a quote that is never closed"),
            ("host=h port=ter2", "the port is not a number"),
            ("host=a,b", "several hosts"),
            ("sslcert=x", "client certificate"),
        ] {
            let error = parse(text).err().expect(text);
            assert_eq!(error.kind, Kind::Input, "{text}");
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert!(!error.to_string().contains("ter2"), "{error}");
        }
    }

    #[test]
    fn a_url_is_not_taken_for_keywords() {
        assert!(are_meant("host=h") && are_meant(" dbname = x"));
        for text in ["postgres://u:p@h/d?host=x", "mysql://h?x=1", "nonsense", ""] {
            assert!(!are_meant(text), "{text}");
        }
    }
}
