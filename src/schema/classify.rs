//! What sort of object a parsed statement makes, and its name.
//! Never looks at the target.

use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType as Alter, ConstrType, Constraint, DefineStmt, ObjectType};
use pg_query::{Node, NodeEnum};

use super::names;
use super::statement::Kind;

/// The kind and the object's name (`public.orders`, `public.orders.orders_pkey`).
pub fn classify(node: &NodeEnum) -> (Kind, String) {
    match node {
        NodeEnum::CreateSchemaStmt(s) => (Kind::Schema, s.schemaname.clone()),
        NodeEnum::CreateExtensionStmt(s) => (Kind::Extension, s.extname.clone()),
        NodeEnum::CreateEnumStmt(s) => (Kind::Enum, names::list(&s.type_name)),
        NodeEnum::AlterEnumStmt(s) => (Kind::Enum, names::list(&s.type_name)),
        NodeEnum::CompositeTypeStmt(s) => (Kind::Composite, names::relation(s.typevar.as_ref())),
        NodeEnum::CreateRangeStmt(s) => (Kind::Range, names::list(&s.type_name)),
        NodeEnum::CreateDomainStmt(s) => (Kind::Domain, names::list(&s.domainname)),
        NodeEnum::CreateSeqStmt(s) => (Kind::Sequence, names::relation(s.sequence.as_ref())),
        NodeEnum::AlterSeqStmt(s) => (Kind::SequenceOwner, names::relation(s.sequence.as_ref())),
        NodeEnum::CreateStmt(s) => (Kind::Table, names::relation(s.relation.as_ref())),
        NodeEnum::AlterTableStmt(s) => alter_table(s),
        NodeEnum::IndexStmt(s) => {
            let table = names::relation(s.relation.as_ref());
            (Kind::Index, format!("{}.{}", table.split('.').next().unwrap_or_default(), s.idxname))
        }
        NodeEnum::ViewStmt(s) => (Kind::View, names::relation(s.view.as_ref())),
        NodeEnum::CreateTableAsStmt(s) => (Kind::MaterializedView, names::relation(s.into.as_ref().and_then(|into| into.rel.as_ref()))),
        NodeEnum::RefreshMatViewStmt(s) => (Kind::Refresh, names::relation(s.relation.as_ref())),
        NodeEnum::CreateFunctionStmt(s) => (if s.is_procedure { Kind::Procedure } else { Kind::Function }, names::list(&s.funcname)),
        NodeEnum::DefineStmt(s) => define(s),
        NodeEnum::CreateOpClassStmt(s) => (Kind::Operator, names::list(&s.opclassname)),
        NodeEnum::CreateOpFamilyStmt(s) => (Kind::Operator, names::list(&s.opfamilyname)),
        NodeEnum::AlterOpFamilyStmt(s) => (Kind::Operator, names::list(&s.opfamilyname)),
        NodeEnum::AlterTsconfigurationStmt(s) => (Kind::TextSearch, names::list(&s.cfgname)),
        NodeEnum::CreateTransformStmt(s) => {
            (Kind::Cast, format!("transform {}", s.type_name.as_ref().map(|t| names::parts(&t.names).join(".")).unwrap_or_default()))
        }
        NodeEnum::AlterDomainStmt(s) => (Kind::Domain, names::list(&s.type_name)),
        NodeEnum::AlterStatsStmt(s) => (Kind::Statistics, names::list(&s.defnames)),
        NodeEnum::CreateCastStmt(s) => {
            let name = |t: Option<&pg_query::protobuf::TypeName>| t.map(|t| names::parts(&t.names).join(".")).unwrap_or_default();
            (Kind::Cast, format!("{} as {}", name(s.sourcetype.as_ref()), name(s.targettype.as_ref())))
        }
        NodeEnum::CreatePlangStmt(s) => (Kind::Language, s.plname.clone()),
        NodeEnum::CreateAmStmt(s) => (Kind::AccessMethod, s.amname.clone()),
        NodeEnum::CreateTrigStmt(s) => (Kind::Trigger, format!("{}.{}", names::relation(s.relation.as_ref()), s.trigname)),
        NodeEnum::CreateEventTrigStmt(s) => (Kind::EventTrigger, s.trigname.clone()),
        NodeEnum::AlterEventTrigStmt(s) => (Kind::EventTrigger, s.trigname.clone()),
        NodeEnum::RuleStmt(s) => (Kind::Rule, format!("{}.{}", names::relation(s.relation.as_ref()), s.rulename)),
        NodeEnum::CreatePolicyStmt(s) => (Kind::Policy, format!("{}.{}", names::relation(s.table.as_ref()), s.policy_name)),
        NodeEnum::CreateStatsStmt(s) => (Kind::Statistics, names::list(&s.defnames)),
        NodeEnum::CommentStmt(s) => (Kind::Comment, comment(s.objtype(), s.object.as_deref())),
        NodeEnum::CreatePublicationStmt(s) => (Kind::Publication, s.pubname.clone()),
        NodeEnum::AlterPublicationStmt(s) => (Kind::Publication, s.pubname.clone()),
        NodeEnum::CreateSubscriptionStmt(s) => (Kind::Subscription, s.subname.clone()),
        NodeEnum::CreateFdwStmt(s) => (Kind::Foreign, s.fdwname.clone()),
        NodeEnum::CreateForeignServerStmt(s) => (Kind::Foreign, s.servername.clone()),
        NodeEnum::CreateUserMappingStmt(s) => (Kind::Foreign, format!("mapping.{}", s.servername)),
        NodeEnum::CreateForeignTableStmt(s) => {
            (Kind::Foreign, names::relation(s.base_stmt.as_ref().and_then(|base| base.relation.as_ref())))
        }
        NodeEnum::GrantStmt(_) | NodeEnum::GrantRoleStmt(_) | NodeEnum::AlterDefaultPrivilegesStmt(_) => {
            (Kind::Privilege, "privileges".into())
        }
        _ => (Kind::Other, "statement".into()),
    }
}

/// The command of an `ALTER TABLE` as pg_dump writes it: one each.
pub fn command(statement: &AlterTableStmt) -> Option<&AlterTableCmd> {
    match statement.cmds.first()?.node.as_ref()? {
        NodeEnum::AlterTableCmd(command) => Some(command),
        _ => None,
    }
}

/// The constraint that a command adds.
pub fn added(command: &AlterTableCmd) -> Option<&Constraint> {
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::Constraint(constraint) => Some(constraint),
        _ => None,
    }
}

fn alter_table(statement: &AlterTableStmt) -> (Kind, String) {
    let table = names::relation(statement.relation.as_ref());
    let Some(command) = command(statement) else { return (Kind::Setting, table) };
    match command.subtype() {
        Alter::AtAddConstraint => {
            let Some(constraint) = added(command) else { return (Kind::Other, table) };
            let kind = match constraint.contype() {
                ConstrType::ConstrPrimary => Kind::PrimaryKey,
                ConstrType::ConstrUnique => Kind::Unique,
                ConstrType::ConstrForeign => Kind::ForeignKey,
                ConstrType::ConstrExclusion => Kind::Exclusion,
                _ => Kind::Check,
            };
            (kind, format!("{table}.{}", constraint.conname))
        }
        Alter::AtColumnDefault => (Kind::Default, format!("{table}.{}", command.name)),
        Alter::AtAddIdentity => (Kind::Identity, format!("{table}.{}", command.name)),
        Alter::AtAttachPartition if statement.objtype() == ObjectType::ObjectIndex => {
            (Kind::IndexPartition, partition(command).unwrap_or(table))
        }
        Alter::AtAttachPartition => (Kind::Partition, partition(command).unwrap_or(table)),
        // pg_dump writes columns into their table; a file of migrations adds them.
        Alter::AtAddColumn => (Kind::Table, table),
        Alter::AtAddInherit => (Kind::Partition, table),
        Alter::AtEnableRowSecurity | Alter::AtForceRowSecurity => (Kind::RowSecurity, table),
        _ => (Kind::Setting, table),
    }
}

fn partition(command: &AlterTableCmd) -> Option<String> {
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::PartitionCmd(partition) => Some(names::relation(partition.name.as_ref())),
        _ => None,
    }
}

fn define(statement: &DefineStmt) -> (Kind, String) {
    let kind = match statement.kind() {
        ObjectType::ObjectAggregate => Kind::Aggregate,
        ObjectType::ObjectOperator => Kind::Operator,
        ObjectType::ObjectCollation => Kind::Collation,
        ObjectType::ObjectType => Kind::Composite,
        ObjectType::ObjectTsconfiguration | ObjectType::ObjectTsdictionary | ObjectType::ObjectTsparser | ObjectType::ObjectTstemplate => {
            Kind::TextSearch
        }
        _ => Kind::Other,
    };
    (kind, names::list(&statement.defnames))
}

/// The object that a comment describes, written like the object's own statement.
fn comment(kind: ObjectType, object: Option<&Node>) -> String {
    match object.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::String(string)) => string.sval.clone(),
        // A column is schema.table.column, a constraint or trigger schema.table.name.
        Some(NodeEnum::List(list)) => {
            let parts = names::parts(&list.items);
            let whole = matches!(
                kind,
                ObjectType::ObjectColumn
                    | ObjectType::ObjectTabconstraint
                    | ObjectType::ObjectTrigger
                    | ObjectType::ObjectPolicy
                    | ObjectType::ObjectRule
            );
            if parts.len() == if whole { 2 } else { 1 } { format!("public.{}", parts.join(".")) } else { parts.join(".") }
        }
        Some(NodeEnum::ObjectWithArgs(object)) => names::list(&object.objname),
        Some(NodeEnum::TypeName(name)) => names::type_full(name),
        _ => "statement".into(),
    }
}
