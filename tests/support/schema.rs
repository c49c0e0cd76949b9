//! Converting a live schema and applying it, as the wizard does: dump, convert, one statement at a time.

use migrate_wizard::postgres::{Access, Connector, dump};
use migrate_wizard::progress::Reporter;
use migrate_wizard::schema::{self, Applied, Conversion, Dialect, Options, Phase, Statement, Target};

use super::postgres::{block, database};

/// The conversion of a live database's schema.
pub fn convert(from: &Connector, target: Target) -> Conversion {
    let sql = block(dump::schema_only(from, &["migrate_wizard".into()])).unwrap();
    schema::convert(&sql, target, &Options::default()).unwrap()
}

/// Runs one phase on an ordinary PostgreSQL.
pub fn apply(to: &Connector, conversion: &Conversion, phase: Phase) -> Applied {
    let statements: Vec<&Statement> = conversion.phase(phase).collect();
    block(async {
        let session = to.connect(Access::ReadWrite).await.unwrap();
        let run = async |sql: String| session.batch(&sql).await;
        schema::apply(statements, Dialect::Postgres, |_| false, |_, _| Ok(()), run, &Reporter::silent()).await.unwrap()
    })
}

/// A new database with the converted tables, ready for rows, and what is to follow them.
pub fn target_for(from: &Connector, target: Target) -> (Connector, Conversion) {
    let conversion = convert(from, target);
    let to = database(target.name());
    apply(&to, &conversion, Phase::Before);
    (to, conversion)
}
