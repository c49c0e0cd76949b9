//! The app's own role on the target: it may read and write the app's tables and nothing else.
//! Never grants a right to make or drop an object, and never shows the password.

use crate::error::Result;
use crate::postgres::quote::{ident, literal};
use crate::postgres::session::Session;

/// Is there such a role?
pub async fn exists(session: &Session, role: &str) -> Result<bool> {
    session.value("select exists (select 1 from pg_roles where rolname = $1)", &[&role]).await
}

/// Schemas of the app: not Postgres's, not ours.
const SCHEMAS: &str = "select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'migrate_wizard', 'migrate_wizard_freeze')";

/// Makes the role or gives it this password, and grants it the rows of every schema. Twice equals once.
pub async fn ensure(session: &Session, role: &str, password: &str) -> Result<()> {
    let name = ident(role);
    let verb = if exists(session, role).await? { "alter" } else { "create" };
    session.batch(&format!("{verb} role {name} login password {}", literal(password))).await?;
    for row in session.text(SCHEMAS).await? {
        let Some(Some(schema)) = row.first() else { continue };
        let schema = ident(schema);
        session
            .batch(&format!(
                "grant usage on schema {schema} to {name};
                 grant select, insert, update, delete on all tables in schema {schema} to {name};
                 grant usage, select, update on all sequences in schema {schema} to {name};
                 grant execute on all functions in schema {schema} to {name}"
            ))
            .await?;
    }
    Ok(())
}

/// Takes its rights and the role away. Twice equals once.
pub async fn drop(session: &Session, role: &str) -> Result<()> {
    if !exists(session, role).await? {
        return Ok(());
    }
    let name = ident(role);
    session.batch(&format!("drop owned by {name}; drop role {name}")).await
}

/// What follows a role's name in that of its twin: one of the two is in use, the other gets the next password.
const TWIN: &str = "_alt";

/// The other of the two roles that take turns: `app` and `app_alt`.
pub fn twin(role: &str) -> String {
    role.strip_suffix(TWIN).map_or_else(|| format!("{role}{TWIN}"), str::to_owned)
}

/// Makes the other role of a pair or gives it this password, with all rights of the first: those it has by grant, and through membership
/// those of row-level policies. The role in use stays as it is. Twice equals once.
pub async fn ensure_twin(session: &Session, used: &str, password: &str) -> Result<String> {
    let next = twin(used);
    ensure(session, &next, password).await?;
    session.batch(&format!("alter role {} login", ident(&next))).await?;
    if let Some(first) = next.strip_suffix(TWIN) {
        session.batch(&format!("grant {} to {}", ident(first), ident(&next))).await?;
    }
    Ok(next)
}

/// May this role log in?
pub async fn may_login(session: &Session, role: &str) -> Result<bool> {
    session.value("select exists (select 1 from pg_roles where rolname = $1 and rolcanlogin)", &[&role]).await
}

/// Lets a role log in or no longer; its password stays, and its open sessions are ended with its right. Twice equals once.
pub async fn let_login(session: &Session, role: &str, may: bool) -> Result<()> {
    if !exists(session, role).await? {
        return Ok(());
    }
    session.batch(&format!("alter role {} {}", ident(role), if may { "login" } else { "nologin" })).await?;
    if !may {
        session.batch(&format!("select pg_terminate_backend(pid) from pg_stat_activity where usename = {}", literal(role))).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_roles_take_turns() {
        assert_eq!(twin("app"), "app_alt");
        assert_eq!(twin(&twin("app")), "app");
    }
}
