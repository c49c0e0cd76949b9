//! Conversion for targets that are PostgreSQL itself: the dump's own text, only put in order around the data.
//! Never edits a statement and never leaves one out without a finding.

use pg_query::NodeEnum;
use pg_query::protobuf::ObjectType;

use super::capabilities::Capabilities;
use super::classify::{added, classify, command};
use super::conversion::Conversion;
use super::finding::Finding;
use super::order::{AFTER, DEFINITIONS, Ranked, finish, rank};
use super::parse::Source;
use super::sides;
use super::statement::Kind;
use super::target::Target;
use crate::error::Result;

/// Orders the dump's statements; see [`super::convert`].
pub fn convert(sources: Vec<Source>, target: Target, capabilities: &Capabilities) -> Result<Conversion> {
    let prefix = target.name().to_uppercase();
    let (mut statements, mut findings) = (Vec::new(), Vec::new());
    if sources.iter().any(|source| matches!(source.node, NodeEnum::CreateFunctionStmt(_))) {
        // As pg_dump does: a body may name what is created later. Both phases may run in sessions of their own.
        for at in [0, AFTER] {
            statements.push(Ranked::new(Kind::Session, "check_function_bodies", "SET check_function_bodies = false").at(at));
        }
    }
    for source in sources {
        let (kind, object) = classify(&source.node);
        if let Some(finding) = held_back(capabilities, &prefix, kind, &object, &source.node)? {
            findings.push(finding);
            continue;
        }
        if kind == Kind::MaterializedView {
            findings.push(capabilities.finding(&format!("{prefix}-MATVIEW"), &object, "a REFRESH after the data is added", &[])?);
            let sql = refresh(&source.node)?;
            statements.push(Ranked::new(Kind::Refresh, &object, sql));
        }
        let at = place(kind, &source.node);
        let owner = sides::owner(&source.node).unwrap_or_default();
        statements.push(Ranked::new(kind, object, source.text).of(owner).at(at));
    }
    Ok(Conversion { statements: finish(statements), findings, ..Conversion::empty(target) })
}

/// Why a statement stays behind, if it does.
fn held_back(capabilities: &Capabilities, prefix: &str, kind: Kind, object: &str, node: &NodeEnum) -> Result<Option<Finding>> {
    if let Some(id) = capabilities.statements.get(&kind) {
        return capabilities.finding(id, object, "is left out", &[("detail", object)]).map(Some);
    }
    match node {
        NodeEnum::CreateExtensionStmt(_) if !capabilities.extensions.supported.iter().any(|name| name == object) => {
            let id = capabilities.extensions.known.get(object).unwrap_or(&capabilities.extensions.other);
            capabilities.finding(id, object, format!("extension {object} is left out"), &[("detail", object)]).map(Some)
        }
        NodeEnum::CommentStmt(comment) if comment.objtype() == ObjectType::ObjectExtension => {
            capabilities.finding(&format!("{prefix}-EXTENSION-COMMENT"), object, "its comment is left out", &[]).map(Some)
        }
        NodeEnum::CreateFunctionStmt(function) => {
            let language = super::tree::language(function);
            if capabilities.functions.languages.contains(&language) {
                return Ok(None);
            }
            capabilities
                .finding(&capabilities.functions.finding, object, format!("function in {language} is left out"), &[("detail", object)])
                .map(Some)
        }
        _ => Ok(None),
    }
}

/// Definitions stay in the dump's own order, because types, functions, tables and views may need each other.
fn place(kind: Kind, node: &NodeEnum) -> u16 {
    match (kind, node) {
        // pg_dump makes an empty stand-in first and replaces it once the keys that the view needs are there.
        (Kind::View, NodeEnum::ViewStmt(view)) if view.replace => rank(kind),
        (Kind::Schema | Kind::Extension | Kind::Language | Kind::AccessMethod, _) => rank(kind),
        // Built over the rows, as every index: rows are loaded into bare tables.
        (Kind::PrimaryKey, _) => AFTER,
        (Kind::Check, NodeEnum::AlterTableStmt(alter)) if command(alter).and_then(added).is_some_and(|c| !c.skip_validation) => 230,
        (Kind::Setting, NodeEnum::AlterTableStmt(alter)) if command(alter).is_some_and(waits_for_nothing) => DEFINITIONS,
        (
            Kind::Enum
            | Kind::Composite
            | Kind::Range
            | Kind::Domain
            | Kind::Collation
            | Kind::Operator
            | Kind::Cast
            | Kind::TextSearch
            | Kind::Sequence
            | Kind::Table
            | Kind::Foreign
            | Kind::Partition
            | Kind::Function
            | Kind::Procedure
            | Kind::Aggregate
            | Kind::View
            | Kind::MaterializedView,
            _,
        ) => DEFINITIONS,
        (
            Kind::Session
            | Kind::Values
            | Kind::Default
            | Kind::Identity
            | Kind::Index
            | Kind::Unique
            | Kind::Exclusion
            | Kind::Check
            | Kind::ForeignKey
            | Kind::Validation
            | Kind::Refresh
            | Kind::Trigger
            | Kind::EventTrigger
            | Kind::Rule
            | Kind::Policy
            | Kind::RowSecurity
            | Kind::Statistics
            | Kind::Comment
            | Kind::SequenceOwner
            | Kind::IndexPartition
            | Kind::Setting
            | Kind::Publication
            | Kind::Subscription
            | Kind::Privilege
            | Kind::Other,
            _,
        ) => rank(kind),
    }
}

/// Settings of columns and tables, as opposed to those that name an index or a trigger.
fn waits_for_nothing(command: &pg_query::protobuf::AlterTableCmd) -> bool {
    use pg_query::protobuf::AlterTableType as Alter;
    matches!(
        command.subtype(),
        Alter::AtSetStorage | Alter::AtSetStatistics | Alter::AtSetCompression | Alter::AtSetOptions | Alter::AtAlterColumnGenericOptions
    )
}

fn refresh(node: &NodeEnum) -> Result<String> {
    let relation = match node {
        NodeEnum::CreateTableAsStmt(create) => create.into.as_ref().and_then(|into| into.rel.clone()),
        _ => None,
    };
    super::tree::sql(NodeEnum::RefreshMatViewStmt(pg_query::protobuf::RefreshMatViewStmt { relation, ..Default::default() }))
}
