//! `app users check|export|create|link`: the app's users, from its table to a user pool.
//! Prints counts and ids; an address or a name goes to the pool or into a file of mode 0600 and nowhere else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::data::{interrupted, unless_interrupted};
use super::telling::reporter;
use super::workload::Newest;
use super::{connections, out, out_json};
use crate::app;
use crate::cli::{RunArgs, UsersCmd, UsersCreateArgs, UsersExportArgs, UsersLinkArgs, UsersSourceArgs};
use crate::cloud::pool::{self, Mail};
use crate::cloud::users;
use crate::cloud::{Access, Secret};
use crate::effects::users::{Source, cell, lines, mapping, people, source};
use crate::error::{Context, Error, Kind, Result};
use crate::own_folder;
use crate::postgres::users::{find, link, read, some};
use crate::postgres::{self, private_file};
use crate::progress::Reporter;
use crate::runs;
use crate::text;
use crate::wizard::view::Sign;

/// The signal of ids in the code.
const IDS_IN_CODE: &str = "B6";

pub async fn run(args: &RunArgs, what: &UsersCmd) -> Result<u8> {
    match what {
        UsersCmd::Check(from) => check(args, from).await,
        UsersCmd::Export(what) => export(args, what).await,
        UsersCmd::Create(what) => create(args, what).await,
        UsersCmd::Link(what) => to_target(args, what).await,
    }
}

async fn read_source(args: &RunArgs, from: &UsersSourceArgs) -> Result<Source> {
    let connector = connections::source(args, from.source.as_deref(), &from.source_env).await?;
    let admins: BTreeSet<String> = from.admin.iter().cloned().collect();
    let source = source(&connector, from.table.as_deref(), &admins).await?;
    if source.table.is_none() {
        return Err(Error::new(Kind::Input, format!("{} has no table that looks like one of users", connector.label()))
            .cause("looked for a table with an id and an e-mail address, under the names in assets/users.toml")
            .hint("name it with --table schema.table, or the right database with --source-env"));
    }
    Ok(source)
}

/// What `check` tells.
#[derive(Serialize)]
struct Checked<'a> {
    table: String,
    email_column: Option<&'a str>,
    admin_column: Option<&'a str>,
    #[serde(flatten)]
    census: &'a postgres::users::Census,
    /// Where the code gives rights by ids: file and line.
    ids_in_code: BTreeSet<String>,
}

async fn check(args: &RunArgs, from: &UsersSourceArgs) -> Result<u8> {
    let source = read_source(args, from).await?;
    let scan = app::scan(&args.dir, &Reporter::silent())?;
    let by_form = scan.findings.iter().filter(|f| f.signal == IDS_IN_CODE);
    let mut ids_in_code: BTreeSet<String> = by_form.map(|f| f.line.map_or(f.file.clone(), |line| format!("{}:{line}", f.file))).collect();
    // any other form is met by the ids themselves
    ids_in_code.extend(app::user_ids::places(&args.dir, &source.ids.iter().map(String::as_str).collect())?);
    let table = source.table.as_ref();
    let checked = Checked {
        table: table.map(postgres::users::Table::label).unwrap_or_default(),
        email_column: table.and_then(|t| t.email()),
        admin_column: table.and_then(|t| t.admin()),
        census: &source.census,
        ids_in_code,
    };
    let open = source.census.left_out() > 0 || !checked.ids_in_code.is_empty();
    if args.json {
        out_json(&checked)?;
    } else {
        told(&checked, source.able.len());
    }
    Ok(u8::from(open))
}

fn told(checked: &Checked, able: usize) {
    let census = checked.census;
    let count = |n: usize, what: &str| text::plural(n as u64, what);
    out(format!("{}: {}, {} with an e-mail address", checked.table, count(census.total, "user"), census.with_email));
    out(format!("  {} can have an account on AWS and keep their ids", text::count(able as u64)));
    out(format!("  {} of the ids are of the shape that Replit gives out", text::count(census.replit_ids as u64)));
    match checked.admin_column {
        Some(column) => out(format!("  {} by the column {column}: {}", count(census.admins.len(), "administrator"), some(&census.admins))),
        None if census.admins.is_empty() => out("  no column tells administrators: name them with --admin ID"),
        None => out(format!("  {}, as named with --admin: {}", count(census.admins.len(), "administrator"), some(&census.admins))),
    }
    if checked.email_column.is_none() {
        out("  no column holds e-mail addresses: nobody can be linked");
    }
    if !census.without_email.is_empty() {
        out(format!(
            "! {} without an e-mail address: they cannot be linked to a login elsewhere: {}",
            count(census.without_email.len(), "user"),
            some(&census.without_email)
        ));
    }
    for ids in &census.same_email {
        out(format!("! one address, upper and lower case aside, for {}: {}", count(ids.len(), "user"), some(ids)));
    }
    for place in &checked.ids_in_code {
        out(format!("! ids of users stand in the code: {place}; they go on working only while the old ids stay"));
    }
    out(if census.left_out() > 0 {
        "\nNext: give those users an address of their own on Replit (or leave them behind), then migrate-wizard app users create --dry-run"
    } else {
        "\nNext: migrate-wizard app users create --dry-run"
    });
}

async fn export(args: &RunArgs, what: &UsersExportArgs) -> Result<u8> {
    let source = read_source(args, &what.from).await?;
    let people = people(&source.able);
    let field = |value: &Option<Secret>| value.as_ref().map(|v| cell(v.expose())).unwrap_or_default();
    // the header that Cognito's import job knows; what is not filled stays empty
    let mut rows = String::from("cognito:username,email,email_verified,given_name,family_name,picture,custom:legacy_id\n");
    for person in &people {
        let email = cell(person.email.expose());
        rows.push_str(&format!(
            "{email},{email},true,{},{},{},{}\n",
            field(&person.given),
            field(&person.family),
            field(&person.picture),
            cell(&person.id)
        ));
    }
    if args.dry_run {
        out(format!("{} would be written to {}", text::plural(people.len() as u64, "user"), what.out.display()));
        return Ok(0);
    }
    private_file::write(&what.out, &rows)?;
    if args.json {
        out_json(&json!({ "file": what.out.display().to_string(), "users": people.len(), "left_out": source.census.left_out() }))?;
        return Ok(0);
    }
    out(format!(
        "{} written to {} (mode 0600), {} left out",
        text::plural(people.len() as u64, "user"),
        what.out.display(),
        source.census.left_out()
    ));
    out("Next: import it or use migrate-wizard app users create; delete the file afterwards");
    Ok(0)
}

/// The sentence that a person types before anybody is written to.
fn consent(people: usize) -> String {
    format!("e-mail {people} {}", if people == 1 { "person" } else { "people" })
}

fn pool_id(newest: &Newest, named: Option<&String>) -> Result<String> {
    named.cloned().or_else(|| newest.user_pool()).ok_or_else(|| {
        Error::new(Kind::Usage, "no user pool is named, and no run of this checkout has made one")
            .hint("name it with --pool: the output UserPoolId of the identity stack")
    })
}

async fn create(args: &RunArgs, what: &UsersCreateArgs) -> Result<u8> {
    let newest = Newest::read(args)?;
    let id = pool_id(&newest, what.pool.as_ref())?;
    let source = read_source(args, &what.from).await?;
    let aws = newest.aws(args, Access::ReadWrite).await?;
    let pool = pool::pool(&aws, &id).await?;
    let mail = if what.invite.is_some() { Mail::Invite } else { Mail::Nobody };
    let everybody = people(&source.able);
    let work = pool::members(&aws, &pool).await?.work(&everybody, mail);
    if args.json && args.dry_run {
        out_json(&json!({
            "pool": pool.id, "new": work.new_accounts(), "linked": work.linked(), "there": work.there,
            "left_out": source.census.left_out() + work.taken.len(), "mail": mail == Mail::Invite,
        }))?;
        return Ok(0);
    }
    if !args.json {
        out(format!("user pool {} ({}):", pool.id, pool.name));
        for line in lines(&source, &work, mail) {
            let mark = match line.sign {
                Sign::Add => '+',
                Sign::Change | Sign::Replace => '~',
                Sign::Remove => '-',
                Sign::Same | Sign::Note => ' ',
                Sign::Warning => '!',
            };
            out(format!("{mark} {}", line.text));
        }
    }
    let sentence = consent(work.new_accounts());
    if args.dry_run {
        out(format!("\nNothing was touched. Next: the same without --dry-run; to send invitations as well, --invite '{sentence}'"));
        return Ok(0);
    }
    if let Some(given) = &what.invite
        && given.trim() != sentence
        && work.new_accounts() > 0
    {
        return Err(Error::new(Kind::Input, format!("--invite says `{given}`, which is no consent to what would be sent"))
            .hint(format!("write --invite '{sentence}', or leave it out: then nobody is written to")));
    }
    let path = what.out.clone().unwrap_or_else(|| args.dir.join(runs::FOLDER).join("users.csv"));
    folder_of(&path)?;
    let teller = reporter(args);
    let made = unless_interrupted(users::make(&aws, &pool, &work, mail, &teller)).await;
    drop(teller);
    if made?.is_none() {
        return interrupted();
    }
    let members = pool::members(&aws, &pool).await?;
    mapping(&path, &members)?;
    let done = members.work(&everybody, mail);
    if args.json {
        out_json(&json!({
            "pool": pool.id, "accounts": done.there, "left_out": source.census.left_out() + done.taken.len(), "mapping": path.display().to_string(),
        }))?;
        return Ok(0);
    }
    out(format!("{} there, linked to their old ids in {}", text::plural(done.there as u64, "account"), path.display()));
    out("Next: migrate-wizard app users link writes them into the target's column auth_subject, when the app has one");
    Ok(0)
}

fn folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().map(Path::to_path_buf).filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("."));
    own_folder::make(&folder).or_fail(Kind::Input, format!("cannot make {}", folder.display()), "choose another file with --out")
}

async fn to_target(args: &RunArgs, what: &UsersLinkArgs) -> Result<u8> {
    let newest = Newest::read(args)?;
    let id = pool_id(&newest, what.pool.as_ref())?;
    let connector = connections::target(args, what.target.as_deref(), &what.target_env).await?;
    if let Ok(source) = connections::source(args, None, connections::SOURCE).await
        && (source.host(), source.port(), source.database()) == (connector.host(), connector.port(), connector.database())
    {
        return Err(Error::new(Kind::Refused, format!("the target is the source: {}", connector.label()))
            .hint("the source is never written to: name the database on AWS with --target-env"));
    }
    let aws = newest.aws(args, Access::ReadOnly).await?;
    let pairs = pool::members(&aws, &pool::pool(&aws, &id).await?).await?.pairs();
    let access = if args.dry_run { postgres::Access::ReadOnly } else { postgres::Access::ReadWrite };
    let session = connector.connect(access).await?;
    let table = find(&session, what.table.as_deref()).await?.ok_or_else(|| {
        Error::new(Kind::Input, format!("{} has no table that looks like one of users", connector.label()))
            .hint("name it with --table schema.table")
    })?;
    let changed = if args.dry_run { 0 } else { link(&session, &table, &pairs).await? };
    let known: BTreeSet<String> = read(&session, &table, &BTreeSet::new()).await?.into_iter().map(|u| u.id).collect();
    let fitting = pairs.iter().filter(|(id, _)| known.contains(id)).count();
    if args.json {
        out_json(&json!({ "table": table.label(), "accounts": pairs.len(), "users": fitting, "changed": changed }))?;
        return Ok(0);
    }
    out(format!("{}: {} of {} accounts belong to a user here, {changed} written", table.label(), fitting, pairs.len()));
    out(if args.dry_run { "Nothing was touched. Next: the same without --dry-run" } else { "Next: log in once as an administrator" });
    Ok(0)
}
