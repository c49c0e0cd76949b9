//! `users`: an account in the user pool for everybody in the app's own table of users, who keep their old ids.
//! Only hands what `postgres::users` reads to `cloud::users`; an address reaches neither journal nor log.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::Aws;
use crate::cloud::pool::{self, ADMINS, Before, Mail, Members, Person, Pool, Work};
use crate::cloud::users;
use crate::error::{Error, Kind, Result};
use crate::postgres::users::{Census, Table, User, find, read, some};
use crate::postgres::{Access, Connector, private_file};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// The user pool's id.
    pool: String,
    /// `nobody` or `invite`.
    mail: String,
    /// The table of users, when it is not the one that its name and columns tell.
    #[serde(default)]
    table: String,
    /// Ids of administrators that the table does not call so, as a comma list.
    #[serde(default)]
    admins: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let users = from_fields::<Users>("users", fields)?;
    one_of("users", "mail", &users.mail, &["nobody", "invite"])?;
    if users.pool.is_empty() {
        return Err(Error::new(Kind::Input, "effect `users`: `pool` is empty").hint("give it the output UserPoolId of the identity stack"));
    }
    Ok(Box::new(users))
}

/// Who is in the app's table: all of it is read, nothing of it is shown but ids.
pub struct Source {
    /// `None`: no table looks like one of users.
    pub table: Option<Table>,
    pub census: Census,
    /// Everybody's id.
    pub ids: BTreeSet<String>,
    /// Those who can have an account.
    pub able: Vec<User>,
}

/// Reads the table of users through a session that cannot write.
pub async fn source(connector: &Connector, table: Option<&str>, admins: &BTreeSet<String>) -> Result<Source> {
    let session = connector.only_reading().connect(Access::ReadOnly).await?;
    let Some(table) = find(&session, table).await? else {
        return Ok(Source { table: None, census: Census::default(), ids: BTreeSet::new(), able: Vec::new() });
    };
    let all = read(&session, &table, admins).await?;
    let (census, able) = Census::of(&all)?;
    Ok(Source { table: Some(table), census, ids: all.into_iter().map(|user| user.id).collect(), able })
}

/// The people of a source as a pool takes them.
pub fn people(able: &[User]) -> Vec<Person> {
    let person = |user: &User| {
        Some(Person {
            id: user.id.clone(),
            email: user.email.clone()?,
            given: user.given.clone(),
            family: user.family.clone(),
            picture: user.picture.clone(),
            admin: user.admin,
        })
    };
    able.iter().filter_map(person).collect()
}

/// Ids as a flag or field names them: `a,b`.
pub fn ids(list: &str) -> BTreeSet<String> {
    list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// What would be done, in lines: counts and ids.
pub fn lines(source: &Source, work: &Work, mail: Mail) -> Vec<PreviewLine> {
    let Some(table) = &source.table else {
        return vec![PreviewLine::new(
            Sign::Warning,
            "no table of users was found: no account is made; `app users create --table` takes its name",
        )];
    };
    let count = |n: usize, what: &str| text::plural(n as u64, what);
    let told = match mail {
        Mail::Nobody => "nobody is written to",
        Mail::Invite => "each gets an e-mail",
    };
    let sign = |n: usize, sign: Sign| if n == 0 { Sign::Same } else { sign };
    let mut out = vec![PreviewLine::new(
        sign(work.new_accounts(), Sign::Add),
        format!("{} of {} in {}; {told}", count(work.new_accounts(), "new account"), source.census.total, table.label()),
    )];
    if work.linked() > 0 {
        out.push(PreviewLine::new(
            Sign::Change,
            format!("{} with the same verified address get the old id", count(work.linked(), "account")),
        ));
    }
    if work.settled() > 0 {
        out.push(PreviewLine::new(
            Sign::Change,
            format!("{} left half-made, or invited earlier, become good for \"forgot password\" alone", count(work.settled(), "account")),
        ));
    }
    out.push(PreviewLine::new(Sign::Same, format!("{} there already", count(work.there, "account"))));
    let mut left = |ids: &[String], why: &str| {
        if !ids.is_empty() {
            out.push(PreviewLine::new(Sign::Warning, format!("{} {why}: {}", count(ids.len(), "user"), some(ids))));
        }
    };
    left(&source.census.without_email, "without an e-mail address cannot be linked");
    left(&source.census.same_email.concat(), "share an address with another: nobody could tell whose login it is");
    left(&work.taken, "have an address whose account is somebody else's, not verified, or waits for a first login");
    if work.lacks_group {
        out.push(PreviewLine::new(
            Sign::Warning,
            format!("the pool has no group {ADMINS} for its administrators: nothing is done until it has"),
        ));
    }
    out
}

impl Users {
    fn mail(&self) -> Mail {
        if self.mail == "invite" { Mail::Invite } else { Mail::Nobody }
    }

    async fn source(&self, world: &World) -> Result<Source> {
        let table = Some(self.table.as_str()).filter(|t| !t.is_empty());
        source(&world.source()?, table, &ids(&self.admins)).await
    }

    async fn look(&self, world: &World) -> Result<(Pool, Source, Members, Work)> {
        let aws: &Aws = world.aws().await?;
        let source = self.source(world).await?;
        let pool = pool::pool(aws, &self.pool).await?;
        let members = pool::members(aws, &pool).await?;
        let work = members.work(&people(&source.able), self.mail());
        Ok((pool, source, members, work))
    }
}

fn outputs(source: &Source, work: &Work) -> Outputs {
    Outputs::from([("accounts".into(), json!(work.there)), ("left_out".into(), json!(source.census.left_out() + work.taken.len()))])
}

#[async_trait]
impl Apply<World> for Users {
    fn describe(&self) -> Description {
        let told = match self.mail() {
            Mail::Nobody => "tell nobody",
            Mail::Invite => "send each an invitation",
        };
        Description::new(
            format!(
                "make an account in the user pool {} for every user with an e-mail address, administrators first, and {told}",
                self.pool
            ),
            format!("migrate-wizard app users create --pool {}", self.pool),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let (pool, source, _, work) = self.look(world).await?;
        let mut out = lines(&source, &work, self.mail());
        if self.mail() == Mail::Invite
            && let Err(error) = users::may_mail(&pool, work.new_accounts())
        {
            out.push(PreviewLine::new(Sign::Warning, error.what));
        }
        Ok(out)
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let (_, source, _, work) = self.look(world).await?;
        Ok(if work.is_done() { Probe::Present(outputs(&source, &work)) } else { Probe::Absent })
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let aws = world.aws().await?;
        let before = pool::members(aws, &pool::pool(aws, &self.pool).await?).await?.before();
        Ok(Outputs::from([("members".into(), json!(before))]))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let (pool, source, _, work) = self.look(world).await?;
        for line in lines(&source, &work, self.mail()) {
            cx.reporter.log(line.text);
        }
        let aws = world.aws().await?;
        users::make(aws, &pool, &work, self.mail(), &cx.reporter).await?;
        let members = pool::members(aws, &pool).await?;
        mapping(&world.out_dir("users.csv"), &members)?;
        let work = members.work(&people(&source.able), self.mail());
        Ok(outputs(&source, &work))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        // Without a record of who was there before nobody can be told from those that we made.
        let Some(before) = cx.before.get("members") else { return Ok(()) };
        let before: Before =
            serde_json::from_value(before.clone()).map_err(|e| Error::bug(format!("what the pool held before cannot be read: {e}")))?;
        let aws = world.aws().await?;
        let pool = pool::pool(aws, &self.pool).await?;
        users::undo(aws, &pool, &before, &cx.reporter).await
    }

    fn example(&self) -> Outputs {
        Outputs::from([("accounts".into(), json!(0)), ("left_out".into(), json!(0))])
    }
}

/// Old id and new login of everybody, in a file that only this user may read.
pub fn mapping(path: &std::path::Path, members: &Members) -> Result<()> {
    let rows: String = members.pairs().iter().map(|(id, subject)| format!("{},{}\n", cell(id), cell(subject))).collect();
    private_file::write(path, &format!("id,auth_subject\n{rows}"))
}

/// A field of a CSV file.
pub fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
