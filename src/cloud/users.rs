//! Accounts made in a Cognito user pool, once each, and the way back.
//! Never sends a mail that was not asked for, never logs or returns an address; the old id of each person is kept in the pool.

use aws_sdk_cognitoidentityprovider::types::{AttributeType, MessageActionType};
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::fault::{code, fault};
use super::pool::{ADMINS, Account, Before, LEGACY, Mail, Person, Pool, Work, members};
use super::session::Aws;
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, Unit};
use crate::text::{self, Secret};

/// Calls at once: a pool takes 50 new users a second.
const AT_ONCE: usize = 5;
/// E-mails a day that Cognito sends by itself, for the whole account. Source: quotas in Amazon Cognito, 2026-11.
const OWN_MAILS_A_DAY: usize = 50;

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
    if work.lacks_group {
        return Err(no_group(pool));
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

fn no_group(pool: &Pool) -> Error {
    Error::new(Kind::Conflict, format!("the user pool {} has no group {ADMINS}", pool.id))
        .hint(format!("make it: aws cognito-idp create-group --user-pool-id {} --group-name {ADMINS}", pool.id))
}

async fn promote(aws: &Aws, pool: &Pool, username: &str) -> Result<()> {
    match aws.cognito().admin_add_user_to_group().user_pool_id(&pool.id).username(username).group_name(ADMINS).send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == "ResourceNotFoundException" => Err(no_group(pool)),
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
