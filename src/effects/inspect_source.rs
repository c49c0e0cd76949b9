//! `inspect_source`: version, size, tables, extensions, roles and rights of the source database, and what its host is.
//! Only reads, over a session that the server itself keeps read-only.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{World, write_files};
use crate::error::{Error, Result};
use crate::postgres::{Access, HostKind, facts};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectSource {
    /// Schemas that are not moved: nothing is asked because of them.
    #[serde(default)]
    except: Vec<String>,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    Ok(Box::new(from_fields::<InspectSource>("inspect_source", fields)?))
}

fn host_words(kind: &HostKind) -> &'static str {
    match kind {
        HostKind::Helium => "helium: Replit's own database, reachable only inside the Repl",
        HostKind::Neon => "Neon: Replit's production database, or your own",
        HostKind::Rds => "an RDS database",
        HostKind::Dsql => "an Aurora DSQL cluster",
        HostKind::Localhost => "this machine",
        HostKind::Other => "a database of your own",
    }
}

/// Storage for so many bytes and half as much again, in GiB; at least what RDS gives.
fn room(bytes: u64) -> u64 {
    const LEAST: u64 = 20;
    (bytes / 2).saturating_add(bytes).div_ceil(1 << 30).max(LEAST)
}

impl InspectSource {
    /// Whether one of these schemas is moved, for the `when` of a question.
    fn moved(&self, schemas: &[String]) -> Value {
        json!(if schemas.iter().any(|schema| !self.except.contains(schema)) { "yes" } else { "no" })
    }
}

#[async_trait]
impl Look<World> for InspectSource {
    fn describe(&self) -> Description {
        Description::new(
            "read what the source database is: version, size, tables, extensions, rights",
            "psql \"$SOURCE_DATABASE_URL\" -c '\\dt+'",
        )
    }

    fn needs(&self) -> Need {
        Need::Source
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        Ok(vec![PreviewLine::new(Sign::Note, format!("reads {}", world.source()?.label()))])
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let connector = world.source()?;
        for note in connector.notes() {
            cx.reporter.log(note);
        }
        let session = connector.connect(Access::ReadOnly).await?;
        let found = facts::inspect(&session).await?;
        if found.server.unreadable_tables > 0 {
            cx.reporter.log(format!(
                "{} cannot be read by {}: they would be missing",
                text::plural(found.server.unreadable_tables, "table"),
                found.server.user
            ));
        }
        for table in found.largest(5) {
            cx.reporter.log(format!(
                "{}.{}: about {}, {}",
                table.schema,
                table.name,
                text::plural(table.rows, "row"),
                text::bytes(table.bytes)
            ));
        }
        let bytes = found.server.database_bytes.unwrap_or(0);
        let host = host_words(&connector.kind());
        let summary = format!(
            "PostgreSQL {}, {} in {} of {}, about {}; {host}",
            found.server.major(),
            text::bytes(bytes),
            text::plural(found.tables.len() as u64, "table"),
            text::plural(found.schemas.len() as u64, "schema"),
            text::plural(found.rows(), "row"),
        );
        cx.reporter.log(&summary);
        let all = serde_json::to_string_pretty(&found).map_err(|e| Error::bug(format!("the source's facts cannot be written: {e}")))?;
        write_files(&world.run_dir, &[("source.json".to_owned(), all)])?;
        Ok(Outputs::from([
            ("label".into(), json!(connector.label())),
            ("version".into(), json!(found.server.major().to_string())),
            ("bytes".into(), json!(bytes)),
            ("room_gib".into(), json!(room(bytes).to_string())),
            ("tables".into(), json!(found.tables.len())),
            ("rows".into(), json!(found.rows())),
            ("host".into(), json!(host)),
            ("extensions".into(), json!(found.extensions.iter().map(|e| e.name.clone()).collect::<Vec<_>>())),
            ("schemas".into(), json!(found.schemas)),
            ("has_enums".into(), self.moved(&found.enums)),
            ("has_arrays".into(), self.moved(&found.arrays)),
            ("has_bare_numerics".into(), self.moved(&found.bare_numerics)),
            ("summary".into(), json!(summary)),
        ]))
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("label".into(), json!("no address")),
            ("version".into(), json!("16")),
            ("bytes".into(), json!(0)),
            ("room_gib".into(), json!("20")),
            ("tables".into(), json!(0)),
            ("rows".into(), json!(0)),
            ("host".into(), json!("unknown")),
            ("extensions".into(), json!([])),
            ("schemas".into(), json!([])),
            ("has_enums".into(), json!("no")),
            ("has_arrays".into(), json!("no")),
            ("has_bare_numerics".into(), json!("no")),
            ("summary".into(), json!("nothing was read")),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::room;

    #[test]
    fn storage_is_half_as_much_again_and_at_least_what_rds_gives() {
        for (bytes, gib) in [(0, 20), (8 << 20, 20), (20 << 30, 30), ((20 << 30) + 1, 31), (u64::MAX, (u64::MAX).div_ceil(1 << 30))] {
            assert_eq!(room(bytes), gib, "{bytes}");
        }
    }
}
