//! Who is in a Cognito user pool, and what is left to do so that everybody of a list is.
//! Only reads; an address is compared and never told.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cognitoidentityprovider::types::{EmailSendingAccountType, UserStatusType, UserType};
use serde::{Deserialize, Serialize};

use super::fault::{code, fault};
use super::session::Aws;
use crate::error::{Error, Kind, Result};
use crate::text::Secret;

/// The pool's own attribute that keeps the id a person had before.
pub(super) const LEGACY: &str = "custom:legacy_id";
/// The group that the identity stack makes.
pub const ADMINS: &str = "admins";

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
pub(super) struct Account {
    /// The pool's own name of the user, with which it is addressed.
    pub(super) username: String,
    /// What the app sees after a login.
    pub(super) subject: String,
    /// In lower case.
    email: String,
    verified: bool,
    pub(super) legacy: Option<String>,
    invited: bool,
}

/// Who is in a pool.
#[derive(Debug, Clone)]
pub struct Members {
    pub(super) accounts: Vec<Account>,
    pub(super) admins: BTreeSet<String>,
    /// The pool has the group for them.
    pub(super) group: bool,
}

/// What there was before us, for the undo: subjects, no address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Accounts that already had an old id.
    pub(super) linked: BTreeSet<String>,
    /// Accounts without one.
    pub(super) other: BTreeSet<String>,
    pub(super) admins: BTreeSet<String>,
}

/// What is left to do for each person; counts are what a preview tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Work {
    pub(super) create: Vec<Person>,
    /// Username and old id: an account of the same verified address that has no old id yet.
    pub(super) link: Vec<(String, String)>,
    /// Left in the middle, or still waiting for an invitation's password: username.
    pub(super) settle: Vec<String>,
    /// Not in the group yet: username.
    pub(super) admin: Vec<String>,
    /// Ids whose address belongs to another account: nothing is done for them.
    pub taken: Vec<String>,
    pub there: usize,
    /// Somebody is to be put into the group of administrators, and the pool has none.
    pub lacks_group: bool,
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
    let (mut admins, mut group) = (BTreeSet::new(), true);
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => admins.extend(page.users.unwrap_or_default().iter().map(|user| account(user).subject)),
            // a pool of one's own may lack the group; it is told when somebody is to be put into it
            Err(error) if code(&error) == "ResourceNotFoundException" => {
                group = false;
                break;
            }
            Err(error) => return Err(fault("cognito-idp:ListUsersInGroup", error)),
        }
    }
    Ok(Members { accounts, admins, group })
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
        work.lacks_group = !self.group && (!work.admin.is_empty() || work.create.iter().any(|person| person.admin));
        work
    }
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
            group: true,
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
        // somebody is to be an administrator, and there is no group of them
        assert!(!work.lacks_group && Members { group: false, ..members.clone() }.work(&people, Mail::Nobody).lacks_group);
        assert!(!Members { group: false, ..members.clone() }.work(&people[1..3], Mail::Nobody).lacks_group);
        // who was invited waits for the temporary password of the mail
        assert!(members.work(&people, Mail::Invite).settle.is_empty());
        assert_eq!(members.pairs(), [("1".to_owned(), "s1".to_owned()), ("2".to_owned(), "s2".to_owned())]);
    }
}
