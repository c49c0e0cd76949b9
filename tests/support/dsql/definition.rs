//! Definitions as DSQL takes them: tables, columns, constraints, indexes, sequences, functions; and the two that become jobs.
//! Judges the parsed text; what only the catalogue knows (types, numbers of columns) is in `backing.sql`.

use migrate_wizard::postgres::quote;
use pg_query::protobuf::{
    AConst, AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint, CreateFunctionStmt, CreateStmt, DropStmt,
    IndexStmt, Integer, ObjectType, RangeVar, SortByDir, TypeName, ViewStmt, a_const,
};
use pg_query::{Node, NodeEnum};

use super::refusal::Refusal;
use super::statement::{Kind, unsupported};
use super::words::Words;

/// A definition that may stand in a transaction.
pub fn judge(node: &NodeEnum, words: &Words) -> Result<(), Refusal> {
    match node {
        NodeEnum::CreateStmt(stmt) => table(stmt),
        NodeEnum::AlterTableStmt(stmt) => alter_table(stmt),
        NodeEnum::IndexStmt(stmt) => Err(index(stmt, words)
            .err()
            // The words of a cluster.
            .unwrap_or_else(|| Refusal::unsupported("unsupported mode. please use CREATE INDEX ASYNC."))),
        NodeEnum::ViewStmt(stmt) => view(stmt),
        NodeEnum::CreateSeqStmt(stmt) if stmt.sequence.as_ref().is_some_and(|s| s.relpersistence != "p") => {
            Err(unsupported("a temporary sequence"))
        }
        NodeEnum::CreateSeqStmt(stmt) => cache("CREATE SEQUENCE", &stmt.options),
        NodeEnum::CreateFunctionStmt(stmt) => function(stmt),
        NodeEnum::CreateSchemaStmt(stmt) if !stmt.schema_elts.is_empty() => {
            Err(Refusal::unsupported("multiple ddl statements not supported in a transaction"))
        }
        NodeEnum::AlterDomainStmt(stmt) if matches!(stmt.subtype.as_str(), "C" | "O" | "V") => {
            Err(unsupported("this form of ALTER DOMAIN"))
        }
        NodeEnum::DropStmt(stmt) => dropping(stmt, words),
        NodeEnum::AlterObjectSchemaStmt(_)
        | NodeEnum::AlterOwnerStmt(_)
        | NodeEnum::AlterSeqStmt(_)
        | NodeEnum::AlterFunctionStmt(_)
        | NodeEnum::AlterDomainStmt(_)
        | NodeEnum::AlterDefaultPrivilegesStmt(_)
        | NodeEnum::AlterRoleStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::CommentStmt(_)
        | NodeEnum::CreateDomainStmt(_)
        | NodeEnum::CreateRoleStmt(_)
        | NodeEnum::CreateSchemaStmt(_)
        | NodeEnum::CreateStatsStmt(_)
        | NodeEnum::DropRoleStmt(_)
        | NodeEnum::GrantRoleStmt(_)
        | NodeEnum::GrantStmt(_)
        | NodeEnum::RenameStmt(_) => Ok(()),
        _ => Err(unsupported(&headline(words))),
    }
}

/// The words that name a statement.
fn headline(words: &Words) -> String {
    let number = if ["create", "alter", "drop", "refresh"].contains(&words.word(0).as_str()) { 2 } else { 1 };
    (0..number).map(|place| words.word(place).to_ascii_uppercase()).collect::<Vec<_>>().join(" ")
}

pub fn string(node: &Node) -> Option<String> {
    match &node.node {
        Some(NodeEnum::String(text)) => Some(text.sval.clone()),
        _ => None,
    }
}

/// An option's name and its value as text.
pub fn option(node: &Node) -> Option<(String, String)> {
    let Some(NodeEnum::DefElem(element)) = &node.node else { return None };
    let value = match element.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::String(text)) => text.sval.clone(),
        Some(NodeEnum::Integer(number)) => number.ival.to_string(),
        Some(NodeEnum::Float(number)) => number.fval.clone(),
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Sval(text)) => text.sval.clone(),
            Some(a_const::Val::Ival(number)) => number.ival.to_string(),
            Some(a_const::Val::Fval(number)) => number.fval.clone(),
            Some(a_const::Val::Boolval(yes)) => i32::from(yes.boolval).to_string(),
            Some(a_const::Val::Bsval(_)) | None => String::new(),
        },
        _ => String::new(),
    };
    Some((element.defname.clone(), value))
}

/// Every sequence names its cache: 1, or at least 65536.
fn cache(what: &str, options: &[Node]) -> Result<(), Refusal> {
    match options.iter().filter_map(option).find(|(name, _)| name == "cache") {
        None => Err(Refusal::unsupported(format!("{what} is not supported without an explicit cache size"))),
        Some((_, size)) if size == "1" || size.parse::<i64>().is_ok_and(|size| size >= 65_536) => Ok(()),
        Some((_, size)) => Err(Refusal::unsupported(format!("{what} is not supported with a cache size of {size}: 1 or at least 65536"))),
    }
}

fn table(stmt: &CreateStmt) -> Result<(), Refusal> {
    let persistence = stmt.relation.as_ref().map_or("p", |relation| relation.relpersistence.as_str());
    for (refused, what) in [
        (persistence == "t", "a temporary table"),
        (persistence == "u", "an unlogged table"),
        (stmt.partspec.is_some() || stmt.partbound.is_some(), "partitioning"),
        (!stmt.inh_relations.is_empty(), "inheritance"),
        (stmt.of_typename.is_some(), "a typed table"),
        (!stmt.options.is_empty(), "a storage parameter"),
        (!stmt.tablespacename.is_empty(), "TABLESPACE"),
        (!stmt.access_method.is_empty(), "an access method"),
    ] {
        if refused {
            return Err(unsupported(what));
        }
    }
    for element in stmt.table_elts.iter().chain(&stmt.constraints) {
        match &element.node {
            Some(NodeEnum::ColumnDef(def)) => column(def)?,
            Some(NodeEnum::Constraint(constraint)) => inline(constraint)?,
            _ => {}
        }
    }
    Ok(())
}

fn type_name(name: &TypeName) -> String {
    name.names.iter().filter_map(string).next_back().unwrap_or_default()
}

fn column(def: &ColumnDef) -> Result<(), Refusal> {
    let name = def.type_name.as_ref().map(type_name).unwrap_or_default();
    if ["serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"].contains(&name.as_str()) {
        return Err(Refusal::new("42704", format!("type \"{name}\" does not exist")));
    }
    if def.coll_clause.is_some() {
        return Err(unsupported("COLLATE"));
    }
    if !def.storage_name.is_empty() || !def.compression.is_empty() {
        return Err(unsupported("a storage parameter"));
    }
    let constraints: Vec<&Constraint> = def
        .constraints
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::Constraint(constraint)) => Some(constraint.as_ref()),
            _ => None,
        })
        .collect();
    // A column's own words come one by one: DEFERRABLE follows what it speaks of.
    let key = |constraint: &Constraint| matches!(constraint.contype(), ConstrType::ConstrPrimary | ConstrType::ConstrUnique);
    if constraints.windows(2).any(|pair| key(pair[0]) && pair[1].contype() == ConstrType::ConstrAttrDeferrable) {
        return Err(unsupported("a DEFERRABLE key"));
    }
    constraints.into_iter().try_for_each(inline)
}

/// A constraint within CREATE TABLE.
fn inline(constraint: &Constraint) -> Result<(), Refusal> {
    if !constraint.options.is_empty() && constraint.contype() != ConstrType::ConstrIdentity || !constraint.indexspace.is_empty() {
        return Err(unsupported("a storage parameter"));
    }
    match constraint.contype() {
        ConstrType::ConstrExclusion => Err(unsupported("an EXCLUDE constraint")),
        ConstrType::ConstrIdentity => cache("GENERATED AS IDENTITY", &constraint.options),
        ConstrType::ConstrPrimary | ConstrType::ConstrUnique if constraint.deferrable => Err(unsupported("a DEFERRABLE key")),
        ConstrType::ConstrPrimary
        | ConstrType::ConstrUnique
        | ConstrType::Undefined
        | ConstrType::ConstrNull
        | ConstrType::ConstrNotnull
        | ConstrType::ConstrDefault
        | ConstrType::ConstrGenerated
        | ConstrType::ConstrCheck
        | ConstrType::ConstrForeign
        | ConstrType::ConstrAttrDeferrable
        | ConstrType::ConstrAttrNotDeferrable
        | ConstrType::ConstrAttrDeferred
        | ConstrType::ConstrAttrImmediate
        | ConstrType::ConstrAttrEnforced
        | ConstrType::ConstrAttrNotEnforced => Ok(()),
    }
}

fn alter_table(stmt: &AlterTableStmt) -> Result<(), Refusal> {
    stmt.cmds.iter().try_for_each(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => alter(command),
        _ => Ok(()),
    })
}

fn alter(command: &AlterTableCmd) -> Result<(), Refusal> {
    let def = command.def.as_ref().and_then(|def| def.node.as_ref());
    match (command.subtype(), def) {
        (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(def))) if !def.constraints.is_empty() => {
            Err(unsupported("ALTER TABLE ADD COLUMN with constraints"))
        }
        (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(def))) => column(def),
        (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => added(constraint),
        (AlterTableType::AtAddIdentity, Some(NodeEnum::Constraint(constraint))) => inline(constraint),
        (AlterTableType::AtSetIdentity, Some(NodeEnum::List(list))) if list.items.iter().filter_map(option).any(|(n, _)| n == "cache") => {
            cache("SET CACHE", &list.items)
        }
        (
            AlterTableType::AtColumnDefault
            | AlterTableType::AtDropNotNull
            | AlterTableType::AtDropExpression
            | AlterTableType::AtSetIdentity
            | AlterTableType::AtDropIdentity
            | AlterTableType::AtDropConstraint
            | AlterTableType::AtDropColumn
            | AlterTableType::AtChangeOwner,
            _,
        ) => Ok(()),
        (AlterTableType::AtValidateConstraint, _) => {
            Err(Refusal::unsupported("unsupported mode. please use ALTER TABLE ASYNC ... VALIDATE CONSTRAINT."))
        }
        (other, _) => Err(Refusal::unsupported(format!("unsupported ALTER TABLE {}", other.as_str_name().to_ascii_lowercase()))),
    }
}

/// A constraint that comes later.
fn added(constraint: &Constraint) -> Result<(), Refusal> {
    match constraint.contype() {
        ConstrType::ConstrUnique if !constraint.indexname.is_empty() && !constraint.deferrable => Ok(()),
        ConstrType::ConstrForeign | ConstrType::ConstrCheck if constraint.skip_validation => Ok(()),
        _ => Err(Refusal::unsupported("unsupported ALTER TABLE ADD CONSTRAINT statement")),
    }
}

/// Everything of an index but its being asynchronous.
fn index(stmt: &IndexStmt, words: &Words) -> Result<(), Refusal> {
    for (refused, what) in [(stmt.concurrent, "CONCURRENTLY"), (words.has("using"), "USING")] {
        if refused {
            return Err(Refusal::unsupported(format!("{what} not supported for CREATE INDEX")));
        }
    }
    if !stmt.options.is_empty() || !stmt.table_space.is_empty() {
        return Err(unsupported("a storage parameter"));
    }
    if stmt.index_params.len() > 8 {
        return Err(Refusal::new("54011", "more than 8 column keys in an index are not supported"));
    }
    for element in &stmt.index_params {
        let Some(NodeEnum::IndexElem(element)) = &element.node else { continue };
        if element.ordering() != SortByDir::SortbyDefault {
            return Err(Refusal::unsupported("specifying sort order not supported for index keys"));
        }
        if !element.opclass.is_empty() {
            return Err(unsupported("an operator class"));
        }
        if !element.collation.is_empty() {
            return Err(unsupported("COLLATE"));
        }
    }
    Ok(())
}

fn view(stmt: &ViewStmt) -> Result<(), Refusal> {
    if stmt.view.as_ref().is_some_and(|view| view.relpersistence == "t") { Err(unsupported("a temporary view")) } else { Ok(()) }
}

fn function(stmt: &CreateFunctionStmt) -> Result<(), Refusal> {
    if stmt.is_procedure {
        return Err(unsupported("CREATE PROCEDURE"));
    }
    // A body in standard SQL names no language.
    match stmt.options.iter().filter_map(option).find(|(name, _)| name == "language") {
        Some((_, language)) if !language.eq_ignore_ascii_case("sql") => Err(unsupported(&format!("language {language}"))),
        _ => Ok(()),
    }
}

fn dropping(stmt: &DropStmt, words: &Words) -> Result<(), Refusal> {
    match stmt.remove_type() {
        _ if stmt.concurrent => Err(unsupported("DROP INDEX CONCURRENTLY")),
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectIndex
        | ObjectType::ObjectSequence
        | ObjectType::ObjectSchema
        | ObjectType::ObjectFunction
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectDomain
        | ObjectType::ObjectType
        | ObjectType::ObjectStatisticExt => Ok(()),
        _ => Err(unsupported(&headline(words))),
    }
}

fn qualified(relation: &RangeVar) -> String {
    if relation.schemaname.is_empty() { quote::ident(&relation.relname) } else { quote::qualified(&relation.schemaname, &relation.relname) }
}

/// A statement with ASYNC: what takes it on the Postgres behind, with an id of its own.
pub fn job(node: &NodeEnum, plain: &str) -> Result<(String, Kind), Refusal> {
    let words = Words::of(plain).ok_or_else(|| unsupported("ASYNC"))?;
    let (kind, relation, object, columns, replaces) = match node {
        NodeEnum::IndexStmt(stmt) => {
            index(stmt, &words)?;
            let columns: Vec<String> = stmt
                .index_params
                .iter()
                .filter_map(|element| match &element.node {
                    Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => Some(element.name.clone()),
                    _ => None,
                })
                .collect();
            let table = stmt.relation.as_ref().map(|relation| relation.relname.as_str()).unwrap_or_default();
            let unnamed = || format!("{table}_{}_idx", columns.join("_"));
            let name = if stmt.idxname.is_empty() { unnamed() } else { stmt.idxname.clone() };
            ("INDEX_BUILD", &stmt.relation, name, columns, stmt.if_not_exists)
        }
        NodeEnum::AlterTableStmt(stmt) => match stmt.cmds.first().and_then(|command| command.node.as_ref()) {
            Some(NodeEnum::AlterTableCmd(command)) if command.subtype() == AlterTableType::AtValidateConstraint => {
                ("VALIDATE_CONSTRAINT", &stmt.relation, command.name.clone(), Vec::new(), true)
            }
            _ => return Err(unsupported("this form of ALTER TABLE ASYNC")),
        },
        _ => return Err(unsupported("ASYNC")),
    };
    let id = job_id();
    let place = relation.as_ref().map(qualified).unwrap_or_default();
    let columns: Vec<String> = columns.iter().map(|column| quote::literal(column)).collect();
    let sql = format!(
        "select sys.standin_submit({}, {}, {}, {}, array[{}]::text[], {replaces}, {}) as job_id",
        quote::literal(&id),
        quote::literal(kind),
        quote::literal(&place),
        quote::literal(&object),
        columns.join(", "),
        quote::literal(plain)
    );
    Ok((sql, Kind::Job(id)))
}

/// As a cluster's: 26 signs of base 32.
fn job_id() -> String {
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    let bytes = random.iter().flat_map(|id| id.as_bytes());
    bytes.take(26).map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte % 32)])).collect()
}

/// A column of bare `numeric` becomes `numeric(18,6)`; whether there was one.
pub fn bare_numeric(node: &mut NodeEnum) -> bool {
    let columns: Vec<&mut ColumnDef> = match node {
        NodeEnum::CreateStmt(stmt) => stmt.table_elts.iter_mut().filter_map(column_of).collect(),
        NodeEnum::AlterTableStmt(stmt) => {
            let commands = stmt.cmds.iter_mut().filter_map(|node| match &mut node.node {
                Some(NodeEnum::AlterTableCmd(command)) => command.def.as_deref_mut(),
                _ => None,
            });
            commands.filter_map(column_of).collect()
        }
        _ => Vec::new(),
    };
    let mut found = false;
    for name in columns.into_iter().filter_map(|column| column.type_name.as_mut()) {
        if type_name(name) == "numeric" && name.typmods.is_empty() && name.array_bounds.is_empty() {
            name.typmods = [18, 6].map(number).to_vec();
            found = true;
        }
    }
    found
}

fn column_of(node: &mut Node) -> Option<&mut ColumnDef> {
    match &mut node.node {
        Some(NodeEnum::ColumnDef(column)) => Some(column),
        _ => None,
    }
}

fn number(ival: i32) -> Node {
    let val = Some(a_const::Val::Ival(Integer { ival }));
    Node { node: Some(NodeEnum::AConst(AConst { isnull: false, location: -1, val })) }
}
