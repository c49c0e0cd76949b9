//! The app's users as its own table holds them: which table that is, who of them can have an account elsewhere, and who cannot.
//! Only reads, but for [`link`], which writes to a target; an e-mail address or a name leaves as a [`Secret`] alone.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::quote::{ident, qualified};
use super::session::Session;
use crate::error::{Error, Kind, Result};
use crate::text::Secret;

const NAMES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/users.toml"));
const CATALOG: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sql/users.sql"));

/// What `assets/users.toml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    tables: Vec<String>,
    id: Vec<String>,
    email: Vec<String>,
    given: Vec<String>,
    family: Vec<String>,
    picture: Vec<String>,
    flags: Vec<String>,
    roles: Vec<String>,
    words: Vec<String>,
    subject: Vec<String>,
    replit_id: String,
}

fn names() -> Result<Names> {
    toml::from_str(NAMES).map_err(|e| Error::bug(format!("assets/users.toml cannot be read: {e}")))
}

/// How administrators are told from others.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Admin {
    Flag(String),
    Role(String),
}

/// The table of users and the columns that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub schema: String,
    pub name: String,
    id: String,
    email: Option<String>,
    given: Option<String>,
    family: Option<String>,
    picture: Option<String>,
    admin: Option<Admin>,
    subject: Option<String>,
}

impl Table {
    /// `public.users`.
    pub fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// The column that holds e-mail addresses, if there is one.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The column by which administrators are known, if there is one.
    pub fn admin(&self) -> Option<&str> {
        match self.admin.as_ref()? {
            Admin::Flag(column) | Admin::Role(column) => Some(column),
        }
    }
}

/// A table of the catalogue: its columns with their types.
#[derive(Debug, Clone, Deserialize)]
struct Found {
    schema: String,
    name: String,
    columns: BTreeMap<String, String>,
}

/// The table of users: the one that was named, else the best by its name and columns. `None`: there is none that looks like one.
///
/// # Errors
/// `Input` when the named table is not there or has no id; `Conflict` when two schemas have an equally good one.
pub async fn find(session: &Session, named: Option<&str>) -> Result<Option<Table>> {
    let all: Vec<Found> = session.json(CATALOG).await?;
    choose(&all, named, &names()?)
}

fn choose(all: &[Found], named: Option<&str>, names: &Names) -> Result<Option<Table>> {
    if let Some(named) = named {
        let is = |found: &&Found| named == found.name || named == format!("{}.{}", found.schema, found.name);
        let mut fitting = all.iter().filter(is);
        let found = fitting.next().ok_or_else(|| {
            Error::new(Kind::Input, format!("there is no table {named} in this database"))
                .hint("write it as schema.table, as psql's \\dt lists it")
        })?;
        if fitting.next().is_some() {
            return Err(Error::new(Kind::Input, format!("several schemas have a table {named}")).hint("write it as schema.table"));
        }
        return table(found, names).map(Some).ok_or_else(|| {
            Error::new(Kind::Input, format!("the table {named} has no column that names a user"))
                .cause(format!("looked for {}", names.id.join(", ")))
                .hint("name the table that other tables refer to as their user")
        });
    }
    let rank = |found: &Found| names.tables.iter().position(|name| name.eq_ignore_ascii_case(&found.name));
    // Without an address and without an id of its own a table says nothing of who logs in.
    let mut fitting: Vec<(usize, bool, Table)> = all
        .iter()
        .filter_map(|found| Some((rank(found)?, found.schema != "public", table(found, names).filter(|t| t.email.is_some())?)))
        .collect();
    fitting.sort_by(|a, b| (a.0, a.1, &a.2.schema).cmp(&(b.0, b.1, &b.2.schema)));
    if let [(rank, outside, first), (next, also_outside, second), ..] = fitting.as_slice()
        && (rank, outside) == (next, also_outside)
    {
        return Err(Error::new(Kind::Conflict, format!("both {} and {} look like the table of users", first.label(), second.label()))
            .hint("name the right one with --table"));
    }
    Ok(fitting.into_iter().next().map(|(_, _, table)| table))
}

fn table(found: &Found, names: &Names) -> Option<Table> {
    let column = |wanted: &[String]| wanted.iter().find_map(|name| found.columns.keys().find(|c| c.eq_ignore_ascii_case(name))).cloned();
    let of_type = |wanted: &[String], kinds: &[&str]| {
        column(wanted).filter(|name| found.columns.get(name).is_some_and(|kind| kinds.iter().any(|k| kind.starts_with(k))))
    };
    let text = ["text", "character varying", "citext", "character("];
    let flag = of_type(&names.flags, &["boolean"]).map(Admin::Flag);
    Some(Table {
        schema: found.schema.clone(),
        name: found.name.clone(),
        id: column(&names.id)?,
        email: of_type(&names.email, &text),
        given: of_type(&names.given, &text),
        family: of_type(&names.family, &text),
        picture: of_type(&names.picture, &text),
        // a role may be an enum of the app's own
        admin: flag.or_else(|| {
            column(&names.roles).filter(|c| found.columns.get(c).is_some_and(|k| k != "boolean" && k != "integer")).map(Admin::Role)
        }),
        subject: of_type(&names.subject, &text),
    })
}

/// One row of the table. Ids are shown; all else of a person is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: String,
    /// Trimmed, with its letters as they are stored; `None` where there is none that mail could reach.
    pub email: Option<Secret>,
    pub given: Option<Secret>,
    pub family: Option<Secret>,
    pub picture: Option<Secret>,
    pub admin: bool,
}

/// Everybody in the table, administrators first, then by id; `admins` are ids that are administrators whatever the table says.
pub async fn read(session: &Session, table: &Table, admins: &BTreeSet<String>) -> Result<Vec<User>> {
    let names = names()?;
    let text = |column: &Option<String>| column.as_ref().map_or_else(|| "null".to_owned(), |c| format!("{}::text", ident(c)));
    let admin = match &table.admin {
        None => "false".to_owned(),
        Some(Admin::Flag(column)) => format!("coalesce({}, false)", ident(column)),
        Some(Admin::Role(column)) => {
            let words: Vec<String> = names.words.iter().map(|word| super::quote::literal(word)).collect();
            format!("coalesce(lower({}::text) in ({}), false)", ident(column), words.join(", "))
        }
    };
    let sql = format!(
        "select {}::text, {}, {}, {}, {}, {admin} from {}",
        ident(&table.id),
        text(&table.email),
        text(&table.given),
        text(&table.family),
        text(&table.picture),
        qualified(&table.schema, &table.name)
    );
    let filled = |value: Option<String>| value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    let mut users: Vec<User> = session
        .text(&sql)
        .await?
        .into_iter()
        .filter_map(|row| {
            let mut row = row.into_iter();
            let mut next = || row.next().flatten();
            let id = next()?;
            let (email, given, family, picture) = (next(), next(), next(), next());
            let admin = next().as_deref() == Some("t") || admins.contains(&id);
            let secret = |value| filled(value).map(Secret::new);
            Some(User {
                id,
                email: filled(email).filter(|e| is_address(e)).map(Secret::new),
                given: secret(given),
                family: secret(family),
                picture: secret(picture),
                admin,
            })
        })
        .collect();
    users.sort_by(|a, b| (!a.admin, &a.id).cmp(&(!b.admin, &b.id)));
    Ok(users)
}

/// Could mail reach it?
fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// What is known of a table of users before anything is made of it. Ids only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Census {
    pub total: usize,
    pub with_email: usize,
    /// They cannot be linked to a login elsewhere.
    pub without_email: Vec<String>,
    /// Users that share one address, case ignored: which of them a login means nobody can tell.
    pub same_email: Vec<Vec<String>>,
    /// Ids of the shape that Replit gives out.
    pub replit_ids: usize,
    pub admins: Vec<String>,
}

impl Census {
    /// The census, and those who can have an account: with an address that is theirs alone.
    pub fn of(users: &[User]) -> Result<(Self, Vec<User>)> {
        let shape = names()?.replit_id;
        let shape = Regex::new(&shape).map_err(|e| Error::bug(format!("assets/users.toml, replit_id: {e}")))?;
        let mut by_email: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for user in users {
            if let Some(email) = &user.email {
                by_email.entry(email.expose().to_lowercase()).or_default().push(user.id.clone());
            }
        }
        let same_email: Vec<Vec<String>> = by_email.into_values().filter(|ids| ids.len() > 1).collect();
        let shared: BTreeSet<&String> = same_email.iter().flatten().collect();
        let able = users.iter().filter(|u| u.email.is_some() && !shared.contains(&u.id)).cloned().collect();
        let census = Self {
            total: users.len(),
            with_email: users.iter().filter(|u| u.email.is_some()).count(),
            without_email: users.iter().filter(|u| u.email.is_none()).map(|u| u.id.clone()).collect(),
            replit_ids: users.iter().filter(|u| shape.is_match(&u.id)).count(),
            admins: users.iter().filter(|u| u.admin).map(|u| u.id.clone()).collect(),
            same_email,
        };
        Ok((census, able))
    }

    /// How many cannot have an account as they are.
    pub fn left_out(&self) -> usize {
        self.without_email.len() + self.same_email.iter().map(Vec::len).sum::<usize>()
    }
}

/// Writes each user's new login beside the old id, on a target whose table has the column for it. `pairs`: old id, new subject.
/// Twice equals once; gives the rows that changed. What stands there for another login is left alone and an error.
pub async fn link(session: &Session, table: &Table, pairs: &[(String, String)]) -> Result<u64> {
    let column = table.subject.as_deref().ok_or_else(|| {
        Error::new(Kind::Conflict, format!("the table {} has no column for the new login", table.label()))
            .cause(format!("looked for {} of type text", names().map(|n| n.subject.join(", ")).unwrap_or_default()))
            .hint("add it with the app's next migration (auth_subject text unique), run that on the target, then run the same command")
    })?;
    let (ids, subjects): (Vec<&str>, Vec<&str>) = pairs.iter().map(|(id, subject)| (id.as_str(), subject.as_str())).unzip();
    let (table_name, id, column) = (qualified(&table.schema, &table.name), ident(&table.id), ident(column));
    let paired = "unnest($1::text[], $2::text[]) as p(id, subject)";
    let other =
        format!("select t.{id}::text from {table_name} t join {paired} on t.{id}::text = p.id where t.{column} <> p.subject order by 1");
    let others: Vec<String> = session.query(&other, &[&ids, &subjects]).await?.iter().map(|row| row.get(0)).collect();
    if !others.is_empty() {
        return Err(Error::new(
            Kind::Conflict,
            format!("another login stands already beside {}: {}", crate::text::plural(others.len() as u64, "user"), some(&others)),
        )
        .hint("was the app used with another pool? clear the column for these users, then run the same command"));
    }
    let sql = format!("update {table_name} t set {column} = p.subject from {paired} where t.{id}::text = p.id and t.{column} is null");
    session.execute(&sql, &[&ids, &subjects]).await
}

/// The first ten, and how many more.
pub fn some(ids: &[String]) -> String {
    let shown = ids.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    if ids.len() > 10 { format!("{shown} and {} more", ids.len() - 10) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str, email: &str, admin: bool) -> User {
        let email = (!email.is_empty()).then(|| Secret::new(email));
        User { id: id.into(), email, given: None, family: None, picture: None, admin }
    }

    fn found(schema: &str, name: &str, columns: &[(&str, &str)]) -> Found {
        Found {
            schema: schema.into(),
            name: name.into(),
            columns: columns.iter().map(|(c, t)| ((*c).to_owned(), (*t).to_owned())).collect(),
        }
    }

    #[test]
    fn who_can_have_an_account_and_who_cannot() {
        let users = [
            user("1", "root@example.org", true),
            user("31415926", "ann@example.org", false),
            user("c", "", false),
            user("d", "Twin@Example.org", false),
            user("e", "twin@example.org", false),
        ];
        let (census, able) = Census::of(&users).unwrap();
        assert_eq!(
            census,
            Census {
                total: 5,
                with_email: 4,
                without_email: vec!["c".into()],
                same_email: vec![vec!["d".into(), "e".into()]],
                replit_ids: 2,
                admins: vec!["1".into()],
            }
        );
        assert_eq!(able.iter().map(|u| u.id.as_str()).collect::<Vec<_>>(), ["1", "31415926"]);
        assert_eq!(census.left_out(), 3);
        assert!(!format!("{users:?}").contains("example.org"));
    }

    #[test]
    fn the_table_is_known_by_its_name_and_columns() {
        let id_and_mail = [("id", "character varying"), ("email", "text")];
        let all = [
            found("public", "profiles", &id_and_mail),
            found("public", "users", &[("id", "integer"), ("Email", "citext"), ("is_admin", "boolean"), ("role", "text")]),
            found("stripe", "accounts", &id_and_mail),
        ];
        let names = names().unwrap();
        let best = choose(&all, None, &names).unwrap().unwrap();
        assert_eq!((best.label().as_str(), best.email(), best.admin()), ("public.users", Some("Email"), Some("is_admin")));
        assert_eq!(choose(&all, Some("stripe.accounts"), &names).unwrap().unwrap().label(), "stripe.accounts");
        assert_eq!(choose(&all, Some("shops"), &names).unwrap_err().what, "there is no table shops in this database");
        assert_eq!(choose(&all[..0], None, &names).unwrap(), None);
        // a table of users without any address is no such table
        assert_eq!(choose(&[found("public", "users", &[("id", "integer")])], None, &names).unwrap(), None);
        let twice = [found("a", "users", &id_and_mail), found("b", "users", &id_and_mail)];
        assert_eq!(choose(&twice, None, &names).unwrap_err().what, "both a.users and b.users look like the table of users");
        assert_eq!(choose(&twice, Some("users"), &names).unwrap_err().what, "several schemas have a table users");
    }

    #[test]
    fn an_address_is_what_mail_can_reach() {
        for good in ["a@b.c", "first.last+tag@sub.example.org"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.c", "a@b@c.d", "a b@c.d", "a@b.c\n"] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
