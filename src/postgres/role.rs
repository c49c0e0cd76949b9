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
const SCHEMAS: &str =
    "select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'migrate_wizard')";

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
