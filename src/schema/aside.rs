//! What of a dump makes no object of the schema: owners, rights, roles, rows, settings; set aside, counted, and told in one finding each.
//! Never silent: what is set aside is in a finding, but for pg_dump's settings of its own session.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::protobuf::{AlterTableType as Alter, ObjectType, RoleSpecType, VariableSetKind};
use pg_query::{Node, NodeEnum};

use super::capabilities::Capabilities;
use super::classify::command;
use super::finding::Finding;
use super::names;
use crate::error::Result;
use crate::text;

/// Why something is set aside; its name is the end of the finding's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Owner,
    Right,
    Role,
    Database,
    Tablespace,
    Drop,
    Rows,
    SequenceValue,
    LargeObject,
    Label,
    Session,
    Psql,
}

#[derive(Debug, Default)]
struct Group {
    count: u64,
    names: BTreeSet<String>,
}

/// All that was set aside.
#[derive(Debug, Default)]
pub struct Asides {
    groups: BTreeMap<Reason, Group>,
    /// Lines in COPY blocks, and statements INSERT.
    lines: u64,
    inserts: u64,
}

impl Asides {
    fn put(&mut self, reason: Reason, name: impl Into<String>) {
        let group = self.groups.entry(reason).or_default();
        group.count = group.count.saturating_add(1);
        let name = name.into();
        if !name.is_empty() {
            group.names.insert(name);
        }
    }

    /// The rows of a COPY.
    pub fn rows(&mut self, table: String, lines: u64) {
        self.put(Reason::Rows, table);
        self.lines = self.lines.saturating_add(lines);
    }

    /// A statement that makes a row.
    pub fn insert(&mut self, statement: &str) {
        let table = statement.split_whitespace().nth(2).unwrap_or_default().split('(').next().unwrap_or_default();
        self.put(Reason::Rows, table.replace('"', ""));
        self.inserts = self.inserts.saturating_add(1);
    }

    pub fn psql(&mut self, command: &str) {
        self.put(Reason::Psql, format!("\\{command}"));
    }

    /// Sets a statement aside, if it makes no object.
    pub fn take(&mut self, node: &NodeEnum) -> bool {
        let Some(found) = reason(node) else { return false };
        if let Some((reason, name)) = found {
            self.put(reason, name);
        }
        true
    }

    /// One finding for each reason.
    pub fn findings(&self, capabilities: &Capabilities, prefix: &str) -> Result<Vec<Finding>> {
        self.groups.iter().map(|(reason, group)| self.finding(capabilities, prefix, *reason, group)).collect()
    }

    fn finding(&self, capabilities: &Capabilities, prefix: &str, reason: Reason, group: &Group) -> Result<Finding> {
        let names = listed(&group.names);
        let n = |one: &str| text::plural(group.count, one);
        let (id, what) = match reason {
            Reason::Owner => {
                ("OWNER", format!("owner {names} is left out ({}): objects belong to the role that applies them", n("statement")))
            }
            Reason::Right => ("PRIVILEGE", format!("{} for {names} left out", n("GRANT or REVOKE statement"))),
            Reason::Role => ("ROLE", format!("{} on roles left out: {names}", n("statement"))),
            Reason::Database => ("DATABASE", format!("{} on databases left out: {names}", n("statement"))),
            Reason::Tablespace => ("TABLESPACE", format!("the place on disk of {names} is left out")),
            Reason::Drop => ("DROP", format!("{} left out: nothing that is there is dropped", text::plural(group.count, "DROP statement"))),
            Reason::Rows => {
                let read = [(self.lines, "line in COPY blocks"), (self.inserts, "INSERT statement")];
                let counts: Vec<String> = read.iter().filter(|(n, _)| *n > 0).map(|(n, of)| lines(*n, of)).collect();
                let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
                (
                    "ROWS",
                    format!("rows of {}{counts} are not read; use `data copy`: {names}", text::plural(group.names.len() as u64, "table")),
                )
            }
            Reason::SequenceValue => ("SEQUENCE-VALUE", format!("the values of {} are not read", n("sequence"))),
            Reason::LargeObject => ("LARGE-OBJECT", format!("{} on large objects left out", n("statement"))),
            Reason::Label => ("SECURITY-LABEL", format!("{} of {names} left out", n("security label"))),
            Reason::Session => ("SESSION", format!("{} left out: {names}", n("setting of the session"))),
            Reason::Psql => ("PSQL", format!("{} not run: {names}", n("psql command"))),
        };
        capabilities.finding(&format!("{prefix}-{id}"), "the dump", what, &[("detail", &names)])
    }
}

/// `line in COPY blocks`, `INSERT statement`: the plural is in the first word or the last.
fn lines(n: u64, of: &str) -> String {
    match of.split_once(' ') {
        Some((first, rest)) if first == "line" => format!("{} {rest}", text::plural(n, first)),
        _ => text::plural(n, of),
    }
}

/// The first few names.
fn listed(names: &BTreeSet<String>) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 { format!("{} and {} more", shown.join(", "), text::count(more as u64)) } else { shown.join(", ") }
}

/// Settings that would make the dump be read wrongly: what is wrong, and what to do.
pub fn refuses(node: &NodeEnum) -> Option<(&'static str, &'static str)> {
    let (name, value) = match node {
        NodeEnum::VariableSetStmt(set) => (set.name.clone(), values(&set.args).join(", ")),
        NodeEnum::SelectStmt(select) => setting(select)?,
        _ => return None,
    };
    match (name.as_str(), value.as_str()) {
        ("standard_conforming_strings", "off") => Some((
            "standard_conforming_strings is off: texts would be read otherwise than they are meant",
            "make the dump again with `PGOPTIONS='-c standard_conforming_strings=on' pg_dump --schema-only`",
        )),
        ("search_path", "" | "public" | "pg_catalog" | "public, pg_catalog") => None,
        ("search_path", _) => Some((
            "the search_path is set: names without their schema would be looked for in public",
            "make the dump again with pg_dump 13 or newer, which writes every name with its schema",
        )),
        _ => None,
    }
}

/// The setting of a `SELECT pg_catalog.set_config(name, value, …)`.
fn setting(select: &pg_query::protobuf::SelectStmt) -> Option<(String, String)> {
    let Some(NodeEnum::ResTarget(target)) = &select.target_list.first()?.node else { return None };
    let Some(NodeEnum::FuncCall(call)) = target.val.as_ref().and_then(|val| val.node.as_ref()) else { return None };
    let mut values = values(&call.args).into_iter();
    (names::parts(&call.funcname).last()? == "set_config").then(|| (values.next().unwrap_or_default(), values.next().unwrap_or_default()))
}

/// `shop` of `-reuse-previous=on "dbname='shop'"` and of `shop user`.
pub fn database(rest: &str) -> String {
    let bare = rest.trim_start_matches("-reuse-previous=on").trim().trim_matches('"');
    match bare.split_once("dbname=") {
        Some((_, name)) => name.trim_matches('\'').to_owned(),
        None => bare.split_whitespace().next().unwrap_or_default().to_owned(),
    }
}

/// `None`: it makes an object. `Some(None)`: nothing need be said.
fn reason(node: &NodeEnum) -> Option<Option<(Reason, String)>> {
    let found = match node {
        NodeEnum::VariableSetStmt(set) => session(set),
        NodeEnum::VariableShowStmt(_) | NodeEnum::TransactionStmt(_) => None,
        NodeEnum::SelectStmt(select) => called(select)?,
        NodeEnum::AlterOwnerStmt(s) if s.object_type() == ObjectType::ObjectLargeobject => Some((Reason::LargeObject, String::new())),
        NodeEnum::AlterOwnerStmt(s) => Some((Reason::Owner, role(s.newowner.as_ref()))),
        NodeEnum::AlterTableStmt(s) => altered(s)?,
        NodeEnum::GrantStmt(s) if s.objtype() == ObjectType::ObjectLargeobject => Some((Reason::LargeObject, String::new())),
        NodeEnum::GrantStmt(s) => Some((Reason::Right, roles(&s.grantees))),
        NodeEnum::AlterDefaultPrivilegesStmt(s) => {
            Some((Reason::Right, s.action.as_ref().map(|action| roles(&action.grantees)).unwrap_or_default()))
        }
        NodeEnum::GrantRoleStmt(s) => Some((Reason::Role, roles(&s.grantee_roles))),
        NodeEnum::CreateRoleStmt(s) => Some((Reason::Role, s.role.clone())),
        NodeEnum::AlterRoleStmt(s) => Some((Reason::Role, role(s.role.as_ref()))),
        NodeEnum::AlterRoleSetStmt(s) => Some((Reason::Role, role(s.role.as_ref()))),
        NodeEnum::DropRoleStmt(s) => Some((Reason::Role, roles(&s.roles))),
        NodeEnum::CreatedbStmt(s) => Some((Reason::Database, s.dbname.clone())),
        NodeEnum::DropdbStmt(s) => Some((Reason::Database, s.dbname.clone())),
        NodeEnum::AlterDatabaseStmt(s) => Some((Reason::Database, s.dbname.clone())),
        NodeEnum::AlterDatabaseSetStmt(s) => Some((Reason::Database, s.dbname.clone())),
        NodeEnum::AlterDatabaseRefreshCollStmt(s) => Some((Reason::Database, s.dbname.clone())),
        NodeEnum::CommentStmt(s) => commented(s.objtype(), s.object.as_deref())?,
        NodeEnum::CreateTableSpaceStmt(s) => Some((Reason::Tablespace, s.tablespacename.clone())),
        NodeEnum::AlterTableSpaceOptionsStmt(s) => Some((Reason::Tablespace, s.tablespacename.clone())),
        NodeEnum::DropTableSpaceStmt(s) => Some((Reason::Tablespace, s.tablespacename.clone())),
        NodeEnum::DropStmt(_) | NodeEnum::DropOwnedStmt(_) | NodeEnum::DropUserMappingStmt(_) | NodeEnum::DropSubscriptionStmt(_) => {
            Some((Reason::Drop, String::new()))
        }
        NodeEnum::SecLabelStmt(s) => Some((Reason::Label, s.provider.clone())),
        NodeEnum::InsertStmt(s) => Some((Reason::Rows, names::relation(s.relation.as_ref()))),
        NodeEnum::UpdateStmt(s) => Some((Reason::Rows, names::relation(s.relation.as_ref()))),
        NodeEnum::DeleteStmt(s) => Some((Reason::Rows, names::relation(s.relation.as_ref()))),
        NodeEnum::TruncateStmt(s) => Some((Reason::Rows, super::tree::ranges(&s.relations).concat())),
        NodeEnum::RefreshMatViewStmt(s) => Some((Reason::Rows, names::relation(s.relation.as_ref()))),
        _ => return None,
    };
    Some(found)
}

/// What pg_dump sets for itself; anything else is told.
fn session(set: &pg_query::protobuf::VariableSetStmt) -> Option<(Reason, String)> {
    let values = values(&set.args);
    let value = values.join(", ");
    match set.name.as_str() {
        "session_authorization" => Some((Reason::Owner, value)).filter(|(_, role)| !role.is_empty()),
        "role" => Some((Reason::Owner, value)).filter(|(_, role)| !role.is_empty()),
        "default_tablespace" => Some((Reason::Tablespace, value)).filter(|(_, place)| !place.is_empty()),
        "default_table_access_method" if value == "heap" || set.kind() != VariableSetKind::VarSetValue => None,
        "search_path"
        | "statement_timeout"
        | "lock_timeout"
        | "idle_in_transaction_session_timeout"
        | "transaction_timeout"
        | "idle_session_timeout"
        | "client_encoding"
        | "standard_conforming_strings"
        | "xmloption"
        | "client_min_messages"
        | "row_security"
        | "check_function_bodies"
        | "default_with_oids"
        | "escape_string_warning"
        | "synchronize_seqscans"
        | "extra_float_digits"
        | "datestyle"
        | "intervalstyle"
        | "restrict_nonsystem_relation_kind" => None,
        name => Some((Reason::Session, format!("{name} = {value}"))),
    }
}

fn values(args: &[Node]) -> Vec<String> {
    args.iter().filter_map(super::tree::constant).collect()
}

/// The functions that a dump calls.
fn called(select: &pg_query::protobuf::SelectStmt) -> Option<Option<(Reason, String)>> {
    let Some(NodeEnum::ResTarget(target)) = &select.target_list.first()?.node else { return None };
    let Some(NodeEnum::FuncCall(call)) = target.val.as_ref().and_then(|val| val.node.as_ref()) else { return None };
    let argument = || values(&call.args).into_iter().next().unwrap_or_default();
    match names::parts(&call.funcname).last()?.as_str() {
        "set_config" => {
            let name = argument();
            Some((name != "search_path").then_some((Reason::Session, name)))
        }
        "setval" => Some(Some((Reason::SequenceValue, argument()))),
        "lo_create" | "lo_creat" | "lo_open" | "lowrite" | "lo_close" | "lo_unlink" => Some(Some((Reason::LargeObject, String::new()))),
        "pg_extension_config_dump" | "pg_stat_statements_reset" => Some(Some((Reason::Session, argument()))),
        _ => None,
    }
}

/// `ALTER TABLE … OWNER TO`, and the drops of a `--clean` dump.
fn altered(statement: &pg_query::protobuf::AlterTableStmt) -> Option<Option<(Reason, String)>> {
    let command = command(statement)?;
    match command.subtype() {
        Alter::AtChangeOwner => Some(Some((Reason::Owner, role(command.newowner.as_ref())))),
        Alter::AtDropConstraint
        | Alter::AtDropColumn
        | Alter::AtDropIdentity
        | Alter::AtDropExpression
        | Alter::AtDropNotNull
        | Alter::AtDropInherit
        | Alter::AtDetachPartition => Some(Some((Reason::Drop, String::new()))),
        // DROP DEFAULT
        Alter::AtColumnDefault if command.def.is_none() => Some(Some((Reason::Drop, String::new()))),
        Alter::AtSetTableSpace => Some(Some((Reason::Tablespace, names::relation(statement.relation.as_ref())))),
        _ => None,
    }
}

fn commented(kind: ObjectType, object: Option<&Node>) -> Option<Option<(Reason, String)>> {
    let name = || object.and_then(names::string).unwrap_or_default();
    match kind {
        ObjectType::ObjectDatabase => Some(Some((Reason::Database, name()))),
        ObjectType::ObjectRole => Some(Some((Reason::Role, name()))),
        ObjectType::ObjectTablespace => Some(Some((Reason::Tablespace, name()))),
        ObjectType::ObjectLargeobject => Some(Some((Reason::LargeObject, String::new()))),
        _ => None,
    }
}

fn role(role: Option<&pg_query::protobuf::RoleSpec>) -> String {
    match role {
        Some(role) if role.roletype() == RoleSpecType::RolespecCstring => role.rolename.clone(),
        Some(role) if role.roletype() == RoleSpecType::RolespecPublic => "everyone".to_owned(),
        _ => "the one who runs it".to_owned(),
    }
}

fn roles(nodes: &[Node]) -> String {
    let one = |node: &Node| match &node.node {
        Some(NodeEnum::RoleSpec(spec)) => Some(role(Some(spec))),
        _ => None,
    };
    nodes.iter().filter_map(one).collect::<Vec<_>>().join(", ")
}
