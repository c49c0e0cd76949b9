//! The tables that a conversion makes, as plain data: columns, keys, checks and indexes, for showing side by side and for editing an app.
//! Never decides anything: it reads back the statements that are there.

use pg_query::protobuf::{
    AlterTableCmd, AlterTableType as Alter, ColumnDef, ConstrType, Constraint, CreateStmt, IndexStmt, SortByDir, SortByNulls,
};
use pg_query::{Node, NodeEnum};
use serde::{Deserialize, Serialize};

use super::conversion::Conversion;
use super::statement::Kind;
use super::{names, tree};
use crate::error::{Error, Result};

/// The statements that say something of a table or an enum.
const READ: &[Kind] = &[
    Kind::Table,
    Kind::Default,
    Kind::Identity,
    Kind::PrimaryKey,
    Kind::Unique,
    Kind::Check,
    Kind::ForeignKey,
    Kind::Index,
    Kind::Enum,
    Kind::Setting,
];

/// All tables and enums, in the order of their statements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    pub tables: Vec<Table>,
    pub enums: Vec<Enum>,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// `public.orders`, unquoted.
    pub name: String,
    pub columns: Vec<Column>,
    pub primary_key: Vec<String>,
    pub uniques: Vec<Unique>,
    pub checks: Vec<Check>,
    pub foreign_keys: Vec<ForeignKey>,
    pub indexes: Vec<Index>,
}

/// One column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// SQL text of the type: `bigint`, `numeric(12, 2)`, `text[]`.
    #[serde(rename = "type")]
    pub type_name: String,
    pub not_null: bool,
    /// SQL text of the default.
    pub default: Option<String>,
    /// `always` or `by default`.
    pub identity: Option<String>,
    /// SQL text of what a generated column is computed from.
    pub generated: Option<String>,
}

/// A unique constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    pub name: String,
    pub columns: Vec<String>,
}

/// A check constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// SQL text of the condition, without the parentheses around it.
    pub expression: String,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    pub name: String,
    pub columns: Vec<String>,
    /// `public.users`.
    pub references: String,
    /// Empty when the other table's primary key is meant.
    pub referenced: Vec<String>,
}

/// An index that is not a constraint's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    pub name: String,
    pub unique: bool,
    /// `btree`, `gin`; the default's name where the statement has none.
    pub method: String,
    pub keys: Vec<IndexKey>,
    /// SQL text of the condition of a partial index.
    pub predicate: Option<String>,
    /// Storage parameters by name.
    pub with: Vec<String>,
}

/// A column or expression of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKey {
    /// The column; empty for an expression.
    pub column: String,
    /// SQL text; empty for a column.
    pub expression: String,
    pub descending: bool,
    /// `first` or `last` where the statement says so.
    pub nulls: Option<String>,
    pub operator_class: Option<String>,
}

/// An enumerated type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enum {
    /// `public.status`.
    pub name: String,
    pub labels: Vec<String>,
}

/// Reads the tables back from the statements that make them.
///
/// # Errors
/// [`crate::error::Kind::Bug`] when a statement of the conversion cannot be read.
pub fn outline(conversion: &Conversion) -> Result<Outline> {
    let mut out = Outline::default();
    for statement in &conversion.statements {
        if !READ.contains(&statement.kind) {
            continue;
        }
        let unread = || Error::bug(format!("cannot read {} back", statement.id));
        let parsed = pg_query::parse(&statement.sql, 0).map_err(|error| unread().because(&error))?;
        for node in parsed.protobuf.stmts.into_iter().filter_map(|raw| raw.stmt?.node) {
            out.add(node)?;
        }
    }
    Ok(out)
}

impl Outline {
    fn add(&mut self, node: NodeEnum) -> Result<()> {
        match node {
            NodeEnum::CreateStmt(create) => self.tables.push(table(&create)?),
            NodeEnum::AlterTableStmt(alter) => {
                let name = names::relation(alter.relation.as_ref());
                let Some(table) = self.tables.iter_mut().find(|table| table.name == name) else { return Ok(()) };
                for command in &alter.cmds {
                    if let Some(NodeEnum::AlterTableCmd(command)) = &command.node {
                        table.alter(command)?;
                    }
                }
            }
            NodeEnum::IndexStmt(statement) => {
                let name = names::relation(statement.relation.as_ref());
                let index = index(&statement)?;
                if let Some(table) = self.tables.iter_mut().find(|table| table.name == name) {
                    table.indexes.push(index);
                }
            }
            NodeEnum::CreateEnumStmt(create) => {
                self.enums.push(Enum { name: names::list(&create.type_name), labels: names::parts(&create.vals) });
            }
            _ => {}
        }
        Ok(())
    }
}

impl Table {
    fn alter(&mut self, command: &AlterTableCmd) -> Result<()> {
        if command.subtype() == Alter::AtAddConstraint {
            let Some(NodeEnum::Constraint(constraint)) = command.def.as_ref().and_then(|def| def.node.as_ref()) else { return Ok(()) };
            return self.constrain(constraint, None);
        }
        let Some(column) = self.columns.iter_mut().find(|column| column.name == command.name) else { return Ok(()) };
        match (command.subtype(), command.def.as_deref()) {
            (Alter::AtColumnDefault, default) => column.default = default.map(tree::expression_sql).transpose()?,
            (Alter::AtAddIdentity, Some(Node { node: Some(NodeEnum::Constraint(identity)) })) => column.identity = Some(when(identity)),
            (Alter::AtSetNotNull, _) => column.not_null = true,
            _ => {}
        }
        Ok(())
    }

    /// `own` is the column that a constraint stands beside.
    fn constrain(&mut self, constraint: &Constraint, own: Option<&str>) -> Result<()> {
        let columns = |listed: &[Node]| {
            if listed.is_empty() { own.map(str::to_owned).into_iter().collect() } else { names::parts(listed) }
        };
        let name = constraint.conname.clone();
        match constraint.contype() {
            ConstrType::ConstrPrimary => self.primary_key = columns(&constraint.keys),
            ConstrType::ConstrUnique => self.uniques.push(Unique { name, columns: columns(&constraint.keys) }),
            ConstrType::ConstrCheck => {
                if let Some(expression) = &constraint.raw_expr {
                    self.checks.push(Check { name, expression: tree::expression_sql(expression)? });
                }
            }
            ConstrType::ConstrForeign => self.foreign_keys.push(ForeignKey {
                name,
                columns: columns(&constraint.fk_attrs),
                references: names::relation(constraint.pktable.as_ref()),
                referenced: names::parts(&constraint.pk_attrs),
            }),
            _ => {}
        }
        Ok(())
    }
}

fn table(create: &CreateStmt) -> Result<Table> {
    let mut table = Table { name: names::relation(create.relation.as_ref()), ..Table::default() };
    for element in &create.table_elts {
        match &element.node {
            Some(NodeEnum::ColumnDef(column)) => {
                let found = self::column(column)?;
                table.columns.push(found);
                for constraint in constraints(column) {
                    table.constrain(constraint, Some(&column.colname))?;
                }
            }
            Some(NodeEnum::Constraint(constraint)) => table.constrain(constraint, None)?,
            _ => {}
        }
    }
    Ok(table)
}

fn constraints(column: &ColumnDef) -> impl Iterator<Item = &Constraint> {
    column.constraints.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) => Some(constraint.as_ref()),
        _ => None,
    })
}

fn column(definition: &ColumnDef) -> Result<Column> {
    let type_name = definition.type_name.as_ref().map(tree::type_sql).transpose()?.unwrap_or_default();
    let mut column = Column { name: definition.colname.clone(), type_name, not_null: definition.is_not_null, ..Column::default() };
    for constraint in constraints(definition) {
        let expression = || constraint.raw_expr.as_deref().map(tree::expression_sql).transpose();
        match constraint.contype() {
            ConstrType::ConstrNotnull | ConstrType::ConstrPrimary => column.not_null = true,
            ConstrType::ConstrDefault => column.default = expression()?,
            ConstrType::ConstrGenerated => column.generated = expression()?,
            ConstrType::ConstrIdentity => column.identity = Some(when(constraint)),
            _ => {}
        }
    }
    Ok(column)
}

fn when(identity: &Constraint) -> String {
    if identity.generated_when == "a" { "always" } else { "by default" }.to_owned()
}

fn index(statement: &IndexStmt) -> Result<Index> {
    let mut keys = Vec::new();
    for node in &statement.index_params {
        let Some(NodeEnum::IndexElem(element)) = &node.node else { continue };
        let operator_class = names::parts(&element.opclass).pop();
        keys.push(IndexKey {
            column: element.name.clone(),
            expression: element.expr.as_deref().map(tree::expression_sql).transpose()?.unwrap_or_default(),
            descending: element.ordering() == SortByDir::SortbyDesc,
            nulls: match element.nulls_ordering() {
                SortByNulls::SortbyNullsFirst => Some("first".to_owned()),
                SortByNulls::SortbyNullsLast => Some("last".to_owned()),
                SortByNulls::SortbyNullsDefault | SortByNulls::Undefined => None,
            },
            operator_class,
        });
    }
    let with = statement.options.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::DefElem(element)) => Some(element.defname.clone()),
        _ => None,
    });
    Ok(Index {
        name: statement.idxname.clone(),
        unique: statement.unique,
        method: if statement.access_method.is_empty() { "btree".to_owned() } else { statement.access_method.clone() },
        keys,
        predicate: statement.where_clause.as_deref().map(tree::expression_sql).transpose()?,
        with: with.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Options, Target, convert};

    const DUMP: &str = "CREATE TYPE public.status AS ENUM ('open', 'it''s done');
CREATE TABLE public.users (id integer NOT NULL, email text);
CREATE TABLE public.orders (id integer NOT NULL, user_id integer, status public.status DEFAULT 'open'::public.status NOT NULL,
  tags text[] DEFAULT '{}'::text[], total numeric, double integer GENERATED ALWAYS AS (user_id * 2) STORED, CONSTRAINT total_check CHECK (total > 0));
CREATE SEQUENCE public.orders_id_seq AS integer START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE public.orders_id_seq OWNED BY public.orders.id;
ALTER TABLE public.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME public.users_id_seq START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1);
ALTER TABLE ONLY public.orders ALTER COLUMN id SET DEFAULT nextval('public.orders_id_seq'::regclass);
ALTER TABLE ONLY public.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users ADD CONSTRAINT users_email_key UNIQUE (email);
CREATE INDEX newest ON public.orders USING btree (user_id DESC NULLS LAST, lower(total::text) text_pattern_ops) WHERE (status = 'open'::public.status);
ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
";

    fn of(target: Target) -> Outline {
        outline(&convert(DUMP, target, &Options::default()).unwrap()).unwrap()
    }

    fn lines(table: &Table) -> Vec<String> {
        let shown = |c: &Column| {
            let parts = [
                Some(format!("{} {}", c.name, c.type_name)),
                c.not_null.then(|| "not null".to_owned()),
                c.default.as_ref().map(|d| format!("default {d}")),
                c.identity.clone(),
                c.generated.as_ref().map(|g| format!("as {g}")),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        table.columns.iter().map(shown).collect()
    }

    #[test]
    fn the_source_as_it_is() {
        let out = of(Target::Rds);
        assert_eq!(out.enums, [Enum { name: "public.status".into(), labels: vec!["open".into(), "it's done".into()] }]);
        assert_eq!(lines(&out.tables[0]), ["id int not null always", "email text"]);
        assert_eq!(
            lines(&out.tables[1]),
            [
                "id int not null default nextval('public.orders_id_seq'::regclass)",
                "user_id int",
                "status public.status not null default 'open'::public.status",
                "tags text[] default '{}'::text[]",
                "total numeric",
                "double int as user_id * 2",
            ]
        );
        assert_eq!(out.tables[0].primary_key, ["id"]);
        assert_eq!(out.tables[0].uniques, [Unique { name: "users_email_key".into(), columns: vec!["email".into()] }]);
        let newest = &out.tables[1].indexes[0];
        assert_eq!((newest.name.as_str(), newest.method.as_str(), newest.unique), ("newest", "btree", false));
        assert_eq!(newest.predicate.as_deref(), Some("status = 'open'::public.status"));
        assert_eq!(
            newest.keys,
            [
                IndexKey { column: "user_id".into(), descending: true, nulls: Some("last".into()), ..IndexKey::default() },
                IndexKey {
                    expression: "lower(total::text)".into(),
                    operator_class: Some("text_pattern_ops".into()),
                    ..IndexKey::default()
                }
            ]
        );
    }

    #[test]
    fn the_target_as_it_will_be() {
        let out = of(Target::Dsql);
        assert_eq!(out.enums, []);
        assert_eq!(lines(&out.tables[0]), ["id bigint not null by default", "email text"]);
        assert_eq!(
            lines(&out.tables[1])[..5],
            [
                "id bigint not null by default",
                "user_id bigint",
                "status text not null default 'open'::text",
                "tags jsonb default '[]'::jsonb",
                "total numeric(38, 9)",
            ]
        );
        let checks: Vec<(&str, &str)> = out.tables[1].checks.iter().map(|c| (c.name.as_str(), c.expression.as_str())).collect();
        assert_eq!(checks, [("total_check", "total > 0"), ("orders_status_check", "status IN ('open', 'it''s done')")]);
        assert_eq!(
            out.tables[1].foreign_keys,
            [ForeignKey {
                name: "orders_user_id_fkey".into(),
                columns: vec!["user_id".into()],
                references: "public.users".into(),
                referenced: vec!["id".into()]
            }]
        );
        let newest = &out.tables[1].indexes[0];
        assert_eq!(newest.keys[0], IndexKey { column: "user_id".into(), nulls: Some("first".into()), ..IndexKey::default() });
        assert_eq!(newest.predicate.as_deref(), Some("status = 'open'::text"));
    }
}
