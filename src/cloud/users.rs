//! People in a Cognito user pool: who is there, an account for each who is not, and the way back.
//! Never sends a mail that was not asked for, never logs or returns an address; the old id of each person is kept in the pool.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cognitoidentityprovider::types::{AttributeType, EmailSendingAccountType, MessageActionType, UserStatusType, UserType};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::{code, fault};
use super::session::Aws;
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, Unit};
use crate::text::{self, Secret};

/// The pool's own attribute that keeps the id a person had before.
const LEGACY: &str = "custom:legacy_id";
/// The group that the identity stack makes.
pub const ADMINS: &str = "admins";
/// Calls at once: a pool takes 50 new users a second.
const AT_ONCE: usize = 5;
/// E-mails a day that Cognito sends by itself, for the whole account. Source: quotas in Amazon Cognito, 2026-11.
const OWN_MAILS_A_DAY: usize = 50;

/// Someone who is to have an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The id in the app's table; it stays.
    pub id: String,
    pub email: Secret,
    pub given: Option<Secret>,
    pub family: Option<Secret>,
    pub picture: Option<Secret>,
    pub admin: bool,
}

/// Whether new people hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mail {
    /// Nobody gets a mail: each sets a password with "forgot password" at the first visit.
    Nobody,
    /// Cognito sends each an invitation with a temporary password, good for seven days.
    Invite,
}

/// A pool, as far as making accounts depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    pub id: String,
    pub name: String,
    /// Mail goes by Cognito's own address, a few a day.
    pub mails_itself: bool,
}

/// An account that is there.
#[derive(Debug, Clone)]
struct Account {
    /// The pool's own name of the user, with which it is addressed.
    username: String,
    /// What the app sees after a login.
    subject: String,
    /// In lower case.
    email: String,
    verified: bool,
    legacy: Option<String>,
    invited: bool,
}

/// Who is in a pool.
#[derive(Debug)]
pub struct Members {
    accounts: Vec<Account>,
    admins: BTreeSet<String>,
}

/// What there was before us, for the undo: subjects, no address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Accounts that already had an old id.
    linked: BTreeSet<String>,
    /// Accounts without one.
    other: BTreeSet<String>,
    admins: BTreeSet<String>,
}

/// What is left to do for each person; counts are what a preview tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Work {
    create: Vec<Person>,
    /// Username and old id: an account of the same verified address that has no old id yet.
    link: Vec<(String, String)>,
    /// Left in the middle, or still waiting for an invitation's password: username.
    settle: Vec<String>,
    /// Not in the group yet: username.
    admin: Vec<String>,
    /// Ids whose address belongs to another account: nothing is done for them.
    pub taken: Vec<String>,
    pub there: usize,
}

impl Work {
    pub fn new_accounts(&self) -> usize {
        self.create.len()
    }

    pub fn linked(&self) -> usize {
        self.link.len()
    }

    /// Accounts that are there and get a password that nobody knows.
    pub fn settled(&self) -> usize {
        self.settle.len()
    }

    /// Is nothing left to do?
    pub fn is_done(&self) -> bool {
        self.create.is_empty() && self.link.is_empty() && self.settle.is_empty() && self.admin.is_empty()
    }
}

/// The pool of that id.
///
/// # Errors
/// `Input` when there is none; `Conflict` when it has nowhere to keep the old ids.
pub async fn pool(aws: &Aws, id: &str) -> Result<Pool> {
    let found = match aws.cognito().describe_user_pool().user_pool_id(id).send().await {
        Ok(found) => found.user_pool.ok_or_else(|| Error::bug("Cognito described no pool"))?,
        Err(error) if code(&error) == "ResourceNotFoundException" => {
            return Err(Error::new(Kind::Input, format!("there is no user pool {id} in {}", aws.region()))
                .hint("name the output UserPoolId of the identity stack with --pool, and its region with --region"));
        }
        Err(error) => return Err(fault("cognito-idp:DescribeUserPool", error)),
    };
    if !found.schema_attributes().iter().any(|a| a.name() == Some(LEGACY)) {
        return Err(Error::new(Kind::Conflict, format!("the user pool {id} has no attribute {LEGACY}"))
            .cause("without it nobody could tell whose rows an account's are")
            .hint("use the pool of the identity stack, or add the attribute: aws cognito-idp add-custom-attributes --custom-attributes Name=legacy_id,AttributeDataType=String"));
    }
    let own = found
        .email_configuration()
        .and_then(|mail| mail.email_sending_account())
        .is_none_or(|account| *account == EmailSendingAccountType::CognitoDefault);
    Ok(Pool { id: id.to_owned(), name: found.name.unwrap_or_default(), mails_itself: own })
}

/// Everybody in the pool.
pub async fn members(aws: &Aws, pool: &Pool) -> Result<Members> {
    let mut pages = aws.cognito().list_users().user_pool_id(&pool.id).into_paginator().send();
    let mut accounts = Vec::new();
    while let Some(page) = pages.next().await {
        accounts.extend(page.map_err(|e| fault("cognito-idp:ListUsers", e))?.users.unwrap_or_default().iter().map(account));
    }
    let mut pages = aws.cognito().list_users_in_group().user_pool_id(&pool.id).group_name(ADMINS).into_paginator().send();
    let mut admins = BTreeSet::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => admins.extend(page.users.unwrap_or_default().iter().map(|user| account(user).subject)),
            // a pool of one's own may lack the group; it is told when somebody is to be put into it
            Err(error) if code(&error) == "ResourceNotFoundException" => break,
            Err(error) => return Err(fault("cognito-idp:ListUsersInGroup", error)),
        }
    }
    Ok(Members { accounts, admins })
}

fn account(user: &UserType) -> Account {
    let of: BTreeMap<&str, &str> = user.attributes().iter().filter_map(|a| Some((a.name(), a.value()?))).collect();
    let get = |name: &str| of.get(name).map(|v| (*v).to_owned());
    let username = user.username().unwrap_or_default().to_owned();
    Account {
        subject: get("sub").unwrap_or_else(|| username.clone()),
        email: get("email").unwrap_or_default().to_lowercase(),
        verified: get("email_verified").as_deref() == Some("true"),
        legacy: get(LEGACY),
        invited: user.user_status() == Some(&UserStatusType::ForceChangePassword),
        username,
    }
}

impl Members {
    /// What there is before anything is done.
    pub fn before(&self) -> Before {
        let of = |linked: bool| self.accounts.iter().filter(|a| a.legacy.is_some() == linked).map(|a| a.subject.clone()).collect();
        Before { linked: of(true), other: of(false), admins: self.admins.clone() }
    }

    /// Old id and new subject of everybody who is linked, by old id.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = self.accounts.iter().filter_map(|a| Some((a.legacy.clone()?, a.subject.clone()))).collect();
        pairs.sort();
        pairs
    }

    /// What is left to do for these people.
    pub fn work(&self, people: &[Person], mail: Mail) -> Work {
        let by_email: BTreeMap<&str, &Account> = self.accounts.iter().map(|a| (a.email.as_str(), a)).collect();
        let by_id: BTreeMap<&str, &Account> = self.accounts.iter().filter_map(|a| Some((a.legacy.as_deref()?, a))).collect();
        let mut work = Work::default();
        for person in people {
            let email = person.email.expose().to_lowercase();
            let account = match (by_id.get(person.id.as_str()), by_email.get(email.as_str())) {
                // the address may have changed since: the account is found by the old id
                (Some(account), _) => account,
                (None, Some(account)) if account.legacy.is_none() && account.verified && !account.invited => {
                    work.link.push((account.username.clone(), person.id.clone()));
                    account
                }
                (None, Some(_)) => {
                    work.taken.push(person.id.clone());
                    continue;
                }
                (None, None) => {
                    work.create.push(person.clone());
                    continue;
                }
            };
            work.there += 1;
            if account.invited && mail == Mail::Nobody {
                work.settle.push(account.username.clone());
            }
            if person.admin && !self.admins.contains(&account.subject) {
                work.admin.push(account.username.clone());
            }
        }
        // so that it is seen first whether somebody who can help the others gets in
        work.create.sort_by_key(|person| !person.admin);
        work
    }
}

/// May so many mails be sent by this pool?
pub fn may_mail(pool: &Pool, mails: usize) -> Result<()> {
    if pool.mails_itself && mails > OWN_MAILS_A_DAY {
        return Err(Error::new(
            Kind::Conflict,
            format!("{} are to be sent, and Cognito by itself sends {OWN_MAILS_A_DAY} a day", text::plural(mails as u64, "invitation")),
        )
        .hint("let the pool send by Amazon SES (EmailConfiguration: DEVELOPER), or make the accounts silently: people set a password with \"forgot password\""));
    }
    Ok(())
}

/// Does what is left to do, administrators first. Whoever is there already is not touched twice, and nobody is told unless `mail` says so.
pub async fn make(aws: &Aws, pool: &Pool, work: &Work, mail: Mail, reporter: &Reporter) -> Result<()> {
    if mail == Mail::Invite {
        may_mail(pool, work.new_accounts())?;
    }
    for (username, id) in &work.link {
        link(aws, pool, username, id).await?;
    }
    for username in &work.settle {
        settle(aws, pool, username).await?;
    }
    for username in &work.admin {
        promote(aws, pool, username).await?;
    }
    let total = Some(work.create.len() as u64);
    let (admins, others): (Vec<&Person>, Vec<&Person>) = work.create.iter().partition(|person| person.admin);
    let mut done = 0;
    for people in [admins, others] {
        let each: Vec<_> = people.into_iter().map(|person| create(aws, pool, person, mail)).collect();
        let mut made = stream::iter(each).buffer_unordered(AT_ONCE);
        while made.try_next().await?.is_some() {
            done += 1;
            reporter.progress(done, total, Unit::Steps, "accounts");
        }
    }
    Ok(())
}

async fn create(aws: &Aws, pool: &Pool, person: &Person, mail: Mail) -> Result<()> {
    let attribute = |name: &str, value: &str| {
        AttributeType::builder().name(name).value(value).build().map_err(|e| Error::bug(format!("an attribute without a name: {e}")))
    };
    let known = [("given_name", &person.given), ("family_name", &person.family), ("picture", &person.picture)];
    let mut request = aws
        .cognito()
        .admin_create_user()
        .user_pool_id(&pool.id)
        .username(person.email.expose())
        .user_attributes(attribute("email", person.email.expose())?)
        .user_attributes(attribute("email_verified", "true")?)
        .user_attributes(attribute(LEGACY, &person.id)?);
    for (name, value) in known {
        if let Some(value) = value {
            request = request.user_attributes(attribute(name, value.expose())?);
        }
    }
    if mail == Mail::Nobody {
        request = request.message_action(MessageActionType::Suppress);
    }
    let username = match request.send().await {
        Ok(made) => made.user.and_then(|user| user.username).unwrap_or_default(),
        // made by a session that did not hear the answer
        Err(error) if code(&error) == "UsernameExistsException" => ours(aws, pool, person).await?,
        Err(error) => return Err(about(person, fault("cognito-idp:AdminCreateUser", error))),
    };
    if person.admin {
        promote(aws, pool, &username).await?;
    }
    if mail == Mail::Nobody {
        settle(aws, pool, &username).await?;
    }
    Ok(())
}

/// The account of that address, if it is this person's.
async fn ours(aws: &Aws, pool: &Pool, person: &Person) -> Result<String> {
    let found = aws
        .cognito()
        .admin_get_user()
        .user_pool_id(&pool.id)
        .username(person.email.expose())
        .send()
        .await
        .map_err(|e| about(person, fault("cognito-idp:AdminGetUser", e)))?;
    if found.user_attributes().iter().any(|a| a.name() == LEGACY && a.value() == Some(person.id.as_str())) {
        return Ok(found.username);
    }
    Err(Error::new(Kind::Conflict, format!("the address of user {} has an account since a moment ago", person.id))
        .hint("run the same command again: it is linked where its address is verified"))
}

/// An error about a person, without the address: AWS may repeat it.
fn about(person: &Person, error: Error) -> Error {
    let hide = |text: &str| {
        let mut out = text.to_owned();
        for secret in [Some(&person.email), person.given.as_ref(), person.family.as_ref(), person.picture.as_ref()].into_iter().flatten() {
            out = out.replace(secret.expose(), "***");
        }
        out
    };
    Error { what: format!("user {}: {}", person.id, hide(&error.what)), causes: error.causes.iter().map(|c| hide(c)).collect(), ..error }
}

/// A password that nobody knows: else "forgot password" is refused, and that is how a person who was not written to gets in.
async fn settle(aws: &Aws, pool: &Pool, username: &str) -> Result<()> {
    let password = Secret::new(format!("Aa1-{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
    aws.cognito()
        .admin_set_user_password()
        .user_pool_id(&pool.id)
        .username(username)
        .password(password.expose())
        .permanent(true)
        .send()
        .await
        .map(drop)
        .map_err(|e| fault("cognito-idp:AdminSetUserPassword", e))
}

async fn promote(aws: &Aws, pool: &Pool, username: &str) -> Result<()> {
    match aws.cognito().admin_add_user_to_group().user_pool_id(&pool.id).username(username).group_name(ADMINS).send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == "ResourceNotFoundException" => {
            Err(Error::new(Kind::Conflict, format!("the user pool {} has no group {ADMINS}", pool.id))
                .hint(format!("make it: aws cognito-idp create-group --user-pool-id {} --group-name {ADMINS}", pool.id)))
        }
        Err(error) => Err(fault("cognito-idp:AdminAddUserToGroup", error)),
    }
}

async fn link(aws: &Aws, pool: &Pool, username: &str, id: &str) -> Result<()> {
    let legacy =
        AttributeType::builder().name(LEGACY).value(id).build().map_err(|e| Error::bug(format!("an attribute without a name: {e}")))?;
    aws.cognito()
        .admin_update_user_attributes()
        .user_pool_id(&pool.id)
        .username(username)
        .user_attributes(legacy)
        .send()
        .await
        .map(drop)
        .map_err(|e| fault("cognito-idp:AdminUpdateUserAttributes", e))
}

/// Takes back what [`make`] did: accounts that were not there before and have an old id are deleted, the old id is taken from the others.
/// Twice equals once; who came to the pool by themselves stays.
pub async fn undo(aws: &Aws, pool: &Pool, before: &Before, reporter: &Reporter) -> Result<()> {
    let now = members(aws, pool).await?;
    let ours: Vec<&Account> = now.accounts.iter().filter(|a| a.legacy.is_some() && !before.linked.contains(&a.subject)).collect();
    let total = Some(ours.len() as u64);
    for (done, account) in ours.into_iter().enumerate() {
        if before.other.contains(&account.subject) {
            let request = aws.cognito().admin_delete_user_attributes().user_pool_id(&pool.id).username(&account.username);
            request.user_attribute_names(LEGACY).send().await.map_err(|e| fault("cognito-idp:AdminDeleteUserAttributes", e))?;
        } else {
            match aws.cognito().admin_delete_user().user_pool_id(&pool.id).username(&account.username).send().await {
                Ok(_) => {}
                Err(error) if code(&error) == "UserNotFoundException" => {}
                Err(error) => return Err(fault("cognito-idp:AdminDeleteUser", error)),
            }
        }
        reporter.progress(done as u64 + 1, total, Unit::Steps, "accounts taken back");
    }
    let known = |a: &&Account| before.linked.contains(&a.subject) || before.other.contains(&a.subject);
    for account in now.accounts.iter().filter(known).filter(|a| now.admins.contains(&a.subject) && !before.admins.contains(&a.subject)) {
        let request = aws.cognito().admin_remove_user_from_group().user_pool_id(&pool.id).username(&account.username);
        request.group_name(ADMINS).send().await.map_err(|e| fault("cognito-idp:AdminRemoveUserFromGroup", e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, email: &str, admin: bool) -> Person {
        Person { id: id.into(), email: Secret::new(email), given: None, family: None, picture: None, admin }
    }

    fn there(subject: &str, email: &str, legacy: Option<&str>, verified: bool, invited: bool) -> Account {
        let legacy = legacy.map(str::to_owned);
        Account { username: subject.into(), subject: subject.into(), email: email.into(), verified, legacy, invited }
    }

    #[test]
    fn what_is_left_is_told_from_who_is_there() {
        let members = Members {
            accounts: vec![
                there("s1", "ann@example.org", Some("1"), true, false),
                there("s2", "bob@example.org", Some("2"), true, true),
                there("s3", "came-alone@example.org", None, true, false),
                there("s4", "unproven@example.org", None, false, false),
            ],
            admins: BTreeSet::new(),
        };
        let people = [
            person("1", "Ann@Example.org", true),
            person("2", "bob@example.org", false),
            person("3", "Came-Alone@example.org", false),
            person("4", "unproven@example.org", false),
            person("5", "new@example.org", false),
            person("6", "new-admin@example.org", true),
        ];
        let work = members.work(&people, Mail::Nobody);
        assert_eq!(work.create.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["6", "5"]);
        assert_eq!(work.link, [("s3".to_owned(), "3".to_owned())]);
        assert_eq!(work.settle, ["s2"]);
        assert_eq!(work.admin, ["s1"]);
        // an address that its account has not proved may belong to somebody else
        assert_eq!(work.taken, ["4"]);
        assert_eq!((work.there, work.is_done()), (3, false));
        // who was invited waits for the temporary password of the mail
        assert!(members.work(&people, Mail::Invite).settle.is_empty());
        assert_eq!(members.pairs(), [("1".to_owned(), "s1".to_owned()), ("2".to_owned(), "s2".to_owned())]);
    }

    #[test]
    fn more_invitations_than_cognito_sends_are_refused() {
        let mut pool = Pool { id: "p".into(), name: String::new(), mails_itself: true };
        assert!(may_mail(&pool, 50).is_ok());
        let error = may_mail(&pool, 51).unwrap_err();
        assert_eq!(error.what, "51 invitations are to be sent, and Cognito by itself sends 50 a day");
        pool.mails_itself = false;
        assert!(may_mail(&pool, 5000).is_ok());
    }

    #[test]
    fn an_error_about_a_person_names_the_id_alone() {
        let error = Error::new(Kind::Failed, "x failed").cause("InvalidParameterException: ann@example.org is no phone");
        let error = about(&person("7", "ann@example.org", false), error);
        assert_eq!(error.line(), "user 7: x failed: InvalidParameterException: *** is no phone");
    }
}
